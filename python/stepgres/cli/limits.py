"""stepgres limits: list, show, create, update, delete."""

from __future__ import annotations

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
from stepgres.cli.parameters import DURATION, INTEGER
from stepgres.errors import LimitNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepgres.types import Limit

_slug = click.argument("limit", metavar="LIMIT")


def _takes_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--burst", type=INTEGER, help="How much may start at once after a pause."),
        click.option("--per", type=DURATION, help="The time for the rate, such as 1m."),
        click.option("--rate", type=float, help="How much starts in that time."),
        click.option("--max-running", type=INTEGER, help="How much runs at a time."),
    ):
        command = option(command)
    return command


@click.group()
def limits() -> None:
    """Show limits and what waits for them; declare and change them."""


@limits.command("list")
@takes_json
@takes_dsn
def list_(as_json: bool, dsn: str | None) -> None:
    """List limits."""
    with connected(dsn) as client:
        rows = client.list_limits()
    if as_json:
        print_json_array(rows)
    elif not rows:
        click.echo("There are no limits.", err=True)
    else:
        columns = ["LIMIT", "MAX RUNNING", "RATE", "RUNNING", "WAITING"]
        print_table(
            [Column(name) for name in columns],
            [
                [row.limit_slug, row.max_running, _rate(row), row.running, row.waiting]
                for row in rows
            ],
        )


@limits.command()
@_slug
@takes_json
@takes_dsn
def show(limit: str, as_json: bool, dsn: str | None) -> None:
    """Show a limit with its 20 busiest keys."""
    with connected(dsn) as client:
        rows = client.list_limits(limit)
    if not rows:
        raise LimitNotFound(f'limit "{limit}" does not exist', hint="Try: stepgres limits list")
    (row,) = rows
    if as_json:
        print_json(row)
        return
    print_fields(
        [
            ("Limit", row.limit_slug),
            ("Max running", row.max_running),
            ("Rate", _rate(row)),
            ("Running", row.running),
            ("Waiting", row.waiting),
        ]
    )
    if row.keys:
        click.echo()
        print_table(
            [Column("KEY"), Column("RUNNING"), Column("WAITING"), Column("OPENS")],
            [
                [
                    json_text(key["key"]),
                    key["running"],
                    key["waiting"],
                    local_time(moment_of(key["opens_at"])),
                ]
                for key in row.keys
            ],
        )


@limits.command()
@_slug
@_takes_options
@takes_dsn
def create(limit: str, dsn: str | None, **options: Any) -> None:
    """Declare a limit: --max-running, or --rate and --per, or both."""
    with connected(dsn) as client:
        client.create_limit(limit, **options)
    click.echo(f"Limit {limit} is declared.")


@limits.command()
@_slug
@_takes_options
@takes_dsn
def update(limit: str, dsn: str | None, **options: Any) -> None:
    """Change a limit at once; --max-running 0 or --rate 0 removes that part."""
    with connected(dsn) as client:
        client.update_limit(limit, **options)
    click.echo(f"Limit {limit} is changed.")


@limits.command()
@_slug
@takes_dsn
def delete(limit: str, dsn: str | None) -> None:
    """Delete a limit that no current version of a workflow uses."""
    with connected(dsn) as client:
        client.delete_limit(limit)
    click.echo(f"Limit {limit} is deleted.")


def _rate(row: Limit) -> str | None:
    if row.rate is None or row.per is None:
        return None
    text = f"{row.rate:g} per {duration_text(row.per.total_seconds())}"
    return text if row.burst == 1 else f"{text}, burst {row.burst}"
