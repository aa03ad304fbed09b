"""The command `stepgres dashboard`."""

from __future__ import annotations

import click

from stepgres.cli.connection import running_server, takes_dsn
from stepgres.cli.errors import DATABASE, Failure


@click.command()
@takes_dsn
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8060, show_default=True, help="0 chooses one.")
@click.option("--read-only", is_flag=True, help="Show everything, and change nothing.")
def dashboard(dsn: str | None, host: str, port: int, read_only: bool) -> None:
    """Serve web pages that show and steer runs, until Ctrl-C.

    The address that is printed has a token. Who knows the address can do all that the role of the
    database may do. The token changes with each start. Let an application serve the dashboard, as
    docs/dashboard.md says, if several people use it.
    """
    try:
        from stepgres._dashboard.local import serve
    except ImportError as missing:
        raise Failure(
            f"the dashboard needs the package {missing.name}",
            'Run: pip install "stepgres[web]"',
            DATABASE,
        ) from missing
    with running_server(dsn) as conninfo:
        serve(conninfo, host, port, read_only=read_only, say=click.echo)
