"""`python -m examples.live`: serve the page, until Ctrl-C."""

from __future__ import annotations

import sysconfig
from contextlib import nullcontext

import click
import psycopg
import uvicorn

import stepgres
from examples.live.app import make_app


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "folder",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    default=sysconfig.get_path("stdlib"),
)
@click.option(
    "--dsn",
    envvar="STEPGRES_DSN",
    show_envvar=True,
    help="A database with Stepgres. Without one, a private server is started for the while.",
)
@click.option("--port", default=8000, show_default=True, help="0 chooses one.")
def main(folder: str, dsn: str | None, port: int) -> None:
    """Show on a web page how the files in FOLDER are counted, step by step.

    FOLDER is by default the standard library of this Python. Only this machine is served: whoever
    can open the page can have any folder counted.
    """
    try:
        with nullcontext() if dsn else stepgres.embedded() as server:
            # pages that are open would keep it from ending
            uvicorn.run(
                make_app(server.dsn if server else str(dsn), folder),
                port=port,
                timeout_graceful_shutdown=1,
            )
    except (stepgres.StepgresError, psycopg.Error, OSError) as error:
        hint = getattr(error, "hint", None)
        raise click.ClickException(f"{error}\nHint: {hint}" if hint else str(error)) from error


if __name__ == "__main__":
    main()
