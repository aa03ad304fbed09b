"""stepgres install, upgrade, uninstall, version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stepgres._server import installer
from stepgres.cli.connection import running_server

if TYPE_CHECKING:
    from stepgres.cli.connection import Command


def _takes_dsn(command: Command) -> Command:
    command = click.argument("dsn", required=False)(command)
    return click.option("--dsn", "option", metavar="DSN", help="The same as the argument.")(command)


@click.command()
@_takes_dsn
def install(dsn: str | None, option: str | None) -> None:
    """Install Stepgres, and pgmq where it is missing."""
    with running_server(_one_of(dsn, option)) as conninfo:
        result = installer.install(conninfo)
    outcome = "is installed now" if result.is_changed else "was installed already"
    click.echo(f"Stepgres {result.version} {outcome}, with {result.pgmq}.")


@click.command()
@_takes_dsn
def upgrade(dsn: str | None, option: str | None) -> None:
    """Upgrade Stepgres in the database to the version of this package."""
    with running_server(_one_of(dsn, option)) as conninfo:
        result = installer.upgrade(conninfo)
    outcome = "is installed now" if result.is_changed else "was installed already"
    click.echo(f"Stepgres {result.version} {outcome}.")


@click.command()
@_takes_dsn
def uninstall(dsn: str | None, option: str | None) -> None:
    """Remove Stepgres with all its workflows and runs; pgmq stays."""
    with running_server(_one_of(dsn, option)) as conninfo:
        is_removed = installer.uninstall(conninfo)
    click.echo("Stepgres is removed." if is_removed else "Stepgres was not installed.")


@click.command()
@_takes_dsn
def version(dsn: str | None, option: str | None) -> None:
    """Say which version of Stepgres is installed."""
    with running_server(_one_of(dsn, option)) as conninfo:
        installed = installer.version(conninfo)
    click.echo(f"Stepgres {installed}" if installed else "Stepgres is not installed.")


def _one_of(argument: str | None, option: str | None) -> str | None:
    if argument and option:
        raise click.UsageError("the DSN is given twice")
    return argument or option
