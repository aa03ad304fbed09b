"""stepgres checkpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import Column, print_json_array, print_table, takes_json
from stepgres.cli.parameters import INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from stepgres._client.client import Client
    from stepgres.types import Checkpoint


@click.command()
@click.argument("run_id", metavar="RUN", type=click.UUID)
@click.argument("step_slug", metavar="STEP")
@click.option("--index", "task_index", type=INTEGER, default=0, help="The task of a map step.")
@takes_json
@takes_dsn
def checkpoints(
    run_id: UUID, step_slug: str, task_index: int, as_json: bool, dsn: str | None
) -> None:
    """List what the body of a durable step has done, in its order."""
    with connected(dsn) as client:
        found = _iterate(client, run_id, step_slug, task_index)
        if as_json:
            print_json_array(found)
            return
        rows = list(found)
    if not rows:
        click.echo("There are no checkpoints.", err=True)
        return
    print_table(
        [
            Column("PLACE", is_number=True),
            Column("OPERATION", when_long="wrap"),
            Column("USE", is_number=True),
            Column("OUTCOME"),
            Column("RESULT", when_long="cut"),
        ],
        [
            [
                checkpoint.place,
                checkpoint.name,
                checkpoint.number,
                checkpoint.outcome or "open",
                checkpoint.error or _text(checkpoint.output),
            ]
            for checkpoint in rows
        ],
    )


def _text(output: object) -> str | None:
    return None if output is None else json.dumps(output, ensure_ascii=False, default=str)


def _iterate(client: Client, run_id: UUID, step_slug: str, task_index: int) -> Iterator[Checkpoint]:
    after = 0
    while page := client.list_checkpoints(run_id, step_slug, task_index, after):
        yield from page
        after = page[-1].place
