"""stepgres schedules: list, show, preview, update, pause, resume, trigger, backfill, delete."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from stepgres._postgres.json_text import moment_of
from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import (
    Column,
    duration_text,
    json_text,
    local_time,
    print_fields,
    print_json,
    print_json_array,
    print_table,
    takes_json,
)
from stepgres.cli.parameters import DURATION, INTEGER, JSON_VALUE, MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta
    from uuid import UUID

    from stepgres._client.client import Client
    from stepgres.types import Schedule

_PAGE = 1000

_slug = click.argument("schedule", metavar="SCHEDULE")


@click.group()
def schedules() -> None:
    """Show schedules and their due times; update, pause, trigger and backfill them."""


@schedules.command("list")
@click.option("--workflow", metavar="WORKFLOW", help="Of one workflow: a slug, or a class.")
@takes_json
@takes_dsn
def list_(workflow: str | None, as_json: bool, dsn: str | None) -> None:
    """List schedules."""
    with connected(dsn) as client:
        if as_json:
            print_json_array(_iterate(client, workflow))
            return
        rows = list(_iterate(client, workflow))
    if not rows:
        click.echo("There are no schedules.", err=True)
        return
    print_table(
        [
            Column("SCHEDULE"),
            Column("WORKFLOW"),
            Column("RULE", when_long="wrap"),
            Column("TIME ZONE"),
            Column("NEXT DUE"),
            Column("STATE"),
        ],
        [
            [
                row.schedule_slug,
                row.workflow_slug,
                _rule(row.cron, row.every, row.at),
                row.timezone if row.cron else None,
                local_time(row.next_due_at),
                _state(row.is_in_force, row.paused_at, row.next_due_at),
            ]
            for row in rows
        ],
    )


@schedules.command()
@_slug
@takes_json
@takes_dsn
def show(schedule: str, as_json: bool, dsn: str | None) -> None:
    """Show a schedule with its last 20 due times."""
    with connected(dsn) as client:
        found = client.get_schedule(schedule)
    if as_json:
        print_json(found)
        return
    print_fields(
        [
            ("Schedule", found["schedule_slug"]),
            ("Workflow", found["workflow_slug"]),
            ("Rule", _rule(found["cron"], found["every"], moment_of(found["at"]))),
            ("Time zone", found["timezone"] if found["cron"] else None),
            ("State", _state(found["is_in_force"], found["paused_at"], found["next_due_at"])),
            ("Note", found["pause_note"]),
            ("Next due", local_time(moment_of(found["next_due_at"]))),
            ("From", local_time(moment_of(found["starts_at"]))),
            ("Until", local_time(moment_of(found["ends_at"]))),
            ("Overlap", found["overlap"]),
            ("Catch-up", found["catch_up"]),
            ("Jitter", duration_text(found["jitter"]) if found["jitter"] else None),
            ("Input", json_text(found["input"])),
            ("Due key", found["due_key"]),
            ("Options", json_text(found["options"]) if found["options"] else None),
            ("Outcomes", ", ".join(f"{n} {name}" for name, n in found["outcomes"].items())),
        ]
    )
    if found["runs"]:
        click.echo()
        _print_due_times(found["runs"])


@schedules.command()
@click.argument("cron_or_schedule", metavar="CRON|SCHEDULE")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; of cron, by default UTC.")
@click.option("--count", type=INTEGER, default=10, show_default=True, help="So many due times.")
@takes_json
@takes_dsn
def preview(
    cron_or_schedule: str, timezone: str | None, count: int, as_json: bool, dsn: str | None
) -> None:
    """Print the next due times of a cron expression or of a schedule, in local time."""
    with connected(dsn) as client:
        due_times = client.preview_schedule(cron_or_schedule, timezone=timezone, count=count)
    if as_json:
        print_json(due_times)
    elif due_times:
        for due_at in due_times:
            click.echo(local_time(due_at))
    else:
        click.echo("No due time is left.", err=True)


@schedules.command()
@_slug
@click.option("--cron", metavar="CRON", help="The rule: five fields, or @daily and the like.")
@click.option("--every", type=DURATION, help="The rule: a duration between due times.")
@click.option("--at", type=MOMENT, help="The rule: one due time.")
@click.option("--input", type=JSON_VALUE, metavar="JSON|@FILE|-", help="The input of the runs.")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin.")
@click.option(
    "--overlap",
    type=click.Choice(["skip", "buffer_one", "cancel_other", "allow_all"]),
    help="What a due time does while an earlier run is active.",
)
@click.option("--catch-up", type=INTEGER, help="So many missed due times are made up.")
@click.option("--jitter", type=DURATION, help="Each start is delayed by up to this time.")
@click.option("--starts-at", type=MOMENT, help="There are no due times before.")
@click.option("--ends-at", type=MOMENT, help="There are no due times after.")
@click.option("--due-key", metavar="KEY", help="The due time is written into the input there.")
@click.option("--options", type=JSON_VALUE, metavar="JSON|@FILE|-", help="Options of the runs.")
@takes_dsn
def update(schedule: str, dsn: str | None, **changes: Any) -> None:
    """Change options of a schedule; options that are left out stay as they are.

    A deploy undoes the change only if it declares the same option anew, with another value.
    """
    if all(value is None for value in changes.values()):
        raise click.UsageError("Name at least one option to change.")
    with connected(dsn) as client:
        client.update_schedule(schedule, **changes)
        next_due_at = client.get_schedule(schedule)["next_due_at"]
    due = local_time(moment_of(next_due_at)) or "never"
    click.echo(f"Schedule {schedule} is changed. Next due: {due}")


@schedules.command()
@_slug
@click.option("--note", metavar="TEXT", help="Why.")
@takes_dsn
def pause(schedule: str, note: str | None, dsn: str | None) -> None:
    """Pause a schedule: it starts no runs until it is resumed."""
    with connected(dsn) as client:
        client.pause_schedule(schedule, note=note)
    click.echo(f"Schedule {schedule} is paused.")


@schedules.command()
@_slug
@takes_dsn
def resume(schedule: str, dsn: str | None) -> None:
    """Resume a paused schedule; due times in the pause get no runs."""
    with connected(dsn) as client:
        client.resume_schedule(schedule)
    click.echo(f"Schedule {schedule} goes on.")


@schedules.command()
@_slug
@takes_json
@takes_dsn
def trigger(schedule: str, as_json: bool, dsn: str | None) -> None:
    """Start a run of a schedule now."""
    with connected(dsn) as client:
        run_id = client.trigger_schedule(schedule)
    if as_json:
        print_json({"run_id": run_id})
    else:
        click.echo(str(run_id))


@schedules.command()
@_slug
@click.option("--since", type=MOMENT, required=True, help="The first due time, or an age: 2d.")
@click.option("--until", type=MOMENT, help="The last due time; by default now.")
@click.option("--dry-run", is_flag=True, help="Start nothing; list the due times.")
@takes_json
@takes_dsn
def backfill(
    schedule: str,
    since: datetime,
    until: datetime | None,
    dry_run: bool,
    as_json: bool,
    dsn: str | None,
) -> None:
    """Start runs for the past due times that have no run, at most 1,000."""
    with connected(dsn) as client:
        rows = client.backfill_schedule(
            schedule, since=since, until=until or datetime.now(timezone.utc), dry_run=dry_run
        )
    if as_json:
        print_json(rows)
    elif rows:
        _print_due_times([row._asdict() for row in rows])
    else:
        click.echo("There is no such due time without a run.", err=True)


@schedules.command()
@_slug
@takes_dsn
def delete(schedule: str, dsn: str | None) -> None:
    """Delete a schedule and its history; its runs stay."""
    with connected(dsn) as client:
        client.delete_schedule(schedule)
    click.echo(f"Schedule {schedule} is deleted.")


def _iterate(client: Client, workflow: str | None) -> Iterator[Schedule]:
    after = None
    while True:
        page = client.list_schedules(workflow, limit=_PAGE, after=after)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].schedule_slug


def _rule(cron: str | None, every: timedelta | float | None, at: datetime | None) -> str:
    if cron is not None:
        return cron
    if every is not None:
        seconds = every if isinstance(every, (int, float)) else every.total_seconds()
        return f"every {duration_text(seconds)}"
    return f"at {local_time(at)}"


def _state(is_in_force: bool, paused_at: object, next_due_at: object) -> str:
    if not is_in_force:
        return "not in force"
    if paused_at is not None:
        return "paused"
    return "active" if next_due_at is not None else "over"


def _print_due_times(rows: Sequence[dict[str, Any]]) -> None:
    print_table(
        [
            Column("DUE"),
            Column("OUTCOME"),
            Column("KIND"),
            Column("RUN"),
            Column("ERROR", when_long="wrap"),
        ],
        [
            [
                local_time(moment_of(row["due_at"])),
                row["outcome"],
                row["kind"],
                _text(row["run_id"]),
                row["error"],
            ]
            for row in rows
        ],
    )


def _text(run_id: UUID | str | None) -> str | None:
    return None if run_id is None else str(run_id)
