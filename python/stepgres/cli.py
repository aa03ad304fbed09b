"""The command `stepgres`: install, uninstall, version."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from stepgres import _embedded, installer
from stepgres._version import __version__
from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    _Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stepgres")
def main() -> None:
    """Put Stepgres into a PostgreSQL database, or take it out.

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
