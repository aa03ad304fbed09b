"""stepgres signal, waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import (
    Column,
    local_time,
    print_json,
    print_json_array,
    print_table,
    takes_json,
)
from stepgres.cli.paging import by_wait_id
from stepgres.cli.parameters import DURATION, INTEGER, JSON_VALUE
from stepgres.cli.run_views import wait_text

if TYPE_CHECKING:
    from uuid import UUID

    from stepgres.types import Wait

_LISTED = 20  # waits in a table without --limit


@click.command()
@click.argument("words", metavar="[RUN] NAME [PAYLOAD]", nargs=-1, required=True)
@click.option("--key", metavar="KEY", help="Send it to the run that waits under this key.")
@click.option("--keep", type=DURATION, help="With --key: keep it for this time, by default 1d.")
@click.option("--idempotency-key", metavar="KEY", help="If it was sent before, send nothing.")
@click.option("--source", metavar="TEXT", help="Who sends it.")
@takes_json
@takes_dsn
def signal(
    words: tuple[str, ...],
    key: str | None,
    keep: float | None,
    as_json: bool,
    dsn: str | None,
    **options: Any,
) -> None:
    """Send a signal to a run: its id, the name of the signal, and a payload of JSON.

    With --key leave the run out: the signal goes to the run that waits under the key, or to the
    next run that does. PAYLOAD is JSON, @FILE, or - for standard input; without it, null.
    """
    parts: list[Any] = [_convert(click.UUID, "RUN", words[0])] if key is None else []
    rest = words[len(parts) :]
    if not 1 <= len(rest) <= 2:
        raise click.UsageError(
            "Pass RUN, NAME and perhaps PAYLOAD; or --key, NAME and perhaps PAYLOAD."
        )
    if key is None and keep is not None:
        raise click.UsageError("--keep is for --key: a signal to a run is kept as long as the run.")
    payload = _convert(JSON_VALUE, "PAYLOAD", rest[1]) if len(rest) == 2 else None
    with connected(dsn) as client:
        if key is None:
            sent = client.send_signal(parts[0], rest[0], payload, **options)
        else:
            sent = client.send_signal_by_key(rest[0], key, payload, keep=keep, **options)
    if as_json:
        print_json(sent)
    elif sent.outcome == "duplicate":
        click.echo(f"It was sent before, as signal {sent.signal_id}.")
    else:
        click.echo(f"Sent as signal {sent.signal_id}.")


@click.command()
@click.argument("run_id", metavar="[RUN]", type=click.UUID, required=False)
@click.option("--kind", metavar="KIND", help="signal, approval, sleep or child.")
@click.option("--workflow", metavar="WORKFLOW", help="Waits of its runs: a slug, or a class.")
@click.option(
    "--limit",
    type=INTEGER,
    help=f"So many at most. By default {_LISTED} in a table, and all with --json.",
)
@click.option("--all", "include_resolved", is_flag=True, help="Of a run: resolved waits too.")
@takes_json
@takes_dsn
def waits(
    run_id: UUID | None,
    limit: int | None,
    as_json: bool,
    dsn: str | None,
    workflow: str | None,
    **filters: Any,
) -> None:
    """List what runs wait for, the oldest waits first."""
    filters |= {"run_id": run_id, "workflow_slug": workflow}
    with connected(dsn) as client:
        if as_json:
            print_json_array(by_wait_id(client.list_waits, limit, filters))
            return
        rows = list(by_wait_id(client.list_waits, _LISTED + 1 if limit is None else limit, filters))
    if not rows:
        click.echo("There are no such waits.", err=True)
    elif limit is None and len(rows) > _LISTED:
        _print_waits(rows[:_LISTED])
        click.echo("There are more: see --limit and --json.", err=True)
    else:
        _print_waits(rows)


def _convert(kind: Any, name: str, text: str) -> Any:
    return kind.convert(text, click.Argument([name]), click.get_current_context())


def _print_waits(rows: list[Wait]) -> None:
    print_table(
        [
            Column("WAIT", is_number=True),
            Column("RUN"),
            Column("WORKFLOW"),
            Column("STEP"),
            Column("FOR", when_long="wrap"),
            Column("KEY", when_long="cut"),
            Column("SINCE"),
            Column("UNTIL"),
            Column("OUTCOME"),
        ],
        [
            [
                wait.wait_id,
                str(wait.run_id),
                wait.workflow_slug,
                wait.step_slug,
                wait_text(wait),
                wait.key,
                local_time(wait.opened_at),
                local_time(wait.due_at),
                wait.outcome,
            ]
            for wait in rows
        ],
    )
