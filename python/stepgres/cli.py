"""The command `stepgres`: install, uninstall, version, worker."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from stepgres import _embedded, installer
from stepgres._version import __version__
from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    _Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stepgres")
def main() -> None:
    """Put Stepgres into a PostgreSQL database, take it out, or run a worker.

    DSN is a libpq connection string, such as postgresql://user@host/database, or the word
    "embedded" for the private server of this user. Without one, STEPGRES_DSN is used, then the
    usual PG* variables.
    """


def _takes_dsn(command: _Command) -> _Command:
    command = click.argument("dsn", required=False)(command)
    return click.option("--dsn", "option", metavar="DSN", help="The same as the argument.")(command)


@main.command()
@_takes_dsn
def install(dsn: str | None, option: str | None) -> None:
    """Install Stepgres, and pgmq where it is missing."""
    with _conninfo(dsn, option) as conninfo:
        result = installer.install(conninfo)
    outcome = "is installed now" if result.is_changed else "was installed already"
    click.echo(f"Stepgres {result.version} {outcome}, with {result.pgmq}.")


@main.command()
@_takes_dsn
def uninstall(dsn: str | None, option: str | None) -> None:
    """Remove Stepgres with all its workflows and runs; pgmq stays."""
    with _conninfo(dsn, option) as conninfo:
        is_removed = installer.uninstall(conninfo)
    click.echo("Stepgres is removed." if is_removed else "Stepgres was not installed.")


@main.command()
@_takes_dsn
def version(dsn: str | None, option: str | None) -> None:
    """Say which version of Stepgres is installed."""
    with _conninfo(dsn, option) as conninfo:
        installed = installer.version(conninfo)
    click.echo(f"Stepgres {installed}" if installed else "Stepgres is not installed.")


@main.command()
@click.argument("workflows", nargs=-1, required=True, metavar="MODULE:WORKFLOW...")
@click.option("--dsn", help='The database, or "embedded".')
@click.option("--queues", default="default", show_default=True, help="Names, with commas.")
@click.option("--concurrency", type=click.IntRange(1), help="Steps at a time.")
@click.option("--resources", multiple=True, metavar="NAME=VALUE", help="Such as gpu=true.")
@click.option("--processes", type=click.IntRange(1), help="Run `def` steps in so many processes.")
@click.option("--lease", default=15.0, show_default=True, help="Seconds until it counts as dead.")
@click.option("--grace", default=30.0, show_default=True, help="Seconds to finish when stopped.")
@click.option("--listen-dsn", metavar="DSN", help="To be notified by, past a pooler.")
@click.option("--no-listen", is_flag=True, help="Poll only, without LISTEN.")
def worker(workflows: tuple[str, ...], dsn: str | None, **options: Any) -> None:
    """Execute steps of workflows from queues until SIGTERM or SIGINT.

    A workflow is MODULE:NAME, or a MODULE with workflow_steps(). The first signal lets the running
    steps finish within the grace period; the second one ends at once. What is unfinished goes back
    to its queue.

    The DSN may lead through a transaction pooler. A worker finds that out and polls every second,
    unless --listen-dsn leads past the pooler: then it is notified of new tasks.

    Exit codes: 0 all that was begun is finished, 1 an error, 2 a wrong command line, 3 steps were
    given back unfinished.
    """
    from stepgres import _worker_process

    try:
        with _conninfo(dsn, None) as conninfo:
            code = 3 if _worker_process.run(conninfo, workflows, **options) else 0
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Exception:
        traceback.print_exc()
        code = 1
    _worker_process.leave(code)


@contextmanager
def _conninfo(argument: str | None, option: str | None) -> Iterator[str | None]:
    """The server that is meant, running meanwhile; errors as a line and a hint, no traceback."""
    if argument and option:
        raise click.UsageError("the DSN is given twice")
    dsn = argument or option
    try:
        if dsn == "embedded":
            with _embedded.start(persistent=True) as server:
                yield server.dsn
        else:
            yield dsn
    except StepgresError as error:
        hint = f"\nHint: {error.hint}" if error.hint else ""
        raise click.ClickException(f"{error}{hint}") from error
