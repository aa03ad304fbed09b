"""stepgres logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import local_time, print_json_array, printable, takes_json
from stepgres.cli.parameters import INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from stepgres._client.client import Client
    from stepgres.types import LogLine


@click.command()
@click.argument("run_id", metavar="RUN", type=click.UUID)
@click.option("--step", "step_slug", metavar="STEP", help="The lines of one step.")
@click.option("--index", "task_index", type=INTEGER, help="The lines of a task of a map step.")
@click.option(
    "--level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"]),
    help="The least that is shown.",
)
@takes_json
@takes_dsn
def logs(run_id: UUID, as_json: bool, dsn: str | None, **filters: Any) -> None:
    """Print what the steps of a run have logged, by step, task and attempt.

    Workers keep these lines if they run with --logs, and send them when an attempt ends.
    """
    with connected(dsn) as client:
        found = _iterate(client, run_id, filters)
        if as_json:
            print_json_array(found)
            return
        position = None
        for line in found:
            if line.position != position:
                position = line.position
                click.echo(f"{line.step_slug}/{line.task_index}, attempt {line.attempt}:")
            click.echo(f"  {_text(line)}")
        if position is None:
            click.echo("There are no lines.", err=True)


def _text(line: LogLine) -> str:
    if line.at is None or line.level is None:
        return line.message
    message = "\n    ".join(printable(part) for part in line.message.splitlines() or [""])
    return f"{local_time(line.at)} {line.level.upper()} {message}"


def _iterate(client: Client, run_id: UUID, filters: dict[str, Any]) -> Iterator[LogLine]:
    after = None
    while page := client.list_logs(run_id, after=after, **filters):
        yield from page
        after = page[-1].position
