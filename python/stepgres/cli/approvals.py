"""stepgres approvals: list, approve, reject."""

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
    takes_quiet,
)
from stepgres.cli.paging import by_wait_id
from stepgres.cli.parameters import INTEGER, JSON_VALUE

if TYPE_CHECKING:
    from uuid import UUID

    from stepgres.types import Approval

_LISTED = 20  # approvals in a table without --limit
_wait = click.argument("wait_id", metavar="WAIT", type=INTEGER)
_by = click.option("--by", "decided_by", metavar="NAME", help="Who decides; by default the login.")


@click.group()
def approvals() -> None:
    """List what runs wait for people to approve, and approve or reject it.

    WAIT is the number of an approval, as list prints it.
    """


@approvals.command("list")
@click.option("--assignee", metavar="NAME", help="What this name may decide, and has not decided.")
@click.option("--run", "run_id", metavar="RUN", type=click.UUID, help="Approvals of a run.")
@click.option("--workflow", metavar="WORKFLOW", help="Of its runs: a slug, or a class.")
@click.option(
    "--limit",
    type=INTEGER,
    help=f"So many at most. By default {_LISTED} in a table, and all with --quiet or --json.",
)
@takes_quiet
@takes_json
@takes_dsn
def list_(
    assignee: str | None,
    run_id: UUID | None,
    workflow: str | None,
    limit: int | None,
    quiet: bool,
    as_json: bool,
    dsn: str | None,
) -> None:
    """List open approvals, the oldest first."""
    filters = {"assignee": assignee, "run_id": run_id, "workflow_slug": workflow}
    with connected(dsn) as client:
        if as_json:
            print_json_array(by_wait_id(client.list_approvals, limit, filters))
            return
        if quiet:
            for approval in by_wait_id(client.list_approvals, limit, filters):
                click.echo(approval.wait_id)
            return
        rows = list(
            by_wait_id(client.list_approvals, _LISTED + 1 if limit is None else limit, filters)
        )
    if not rows:
        click.echo("There are no such approvals.", err=True)
        return
    has_more = limit is None and len(rows) > _LISTED
    _print_approvals(rows[:_LISTED] if has_more else rows)
    if has_more:
        click.echo("There are more: see --limit, --quiet and --json.", err=True)


@approvals.command()
@_wait
@click.argument("payload", type=JSON_VALUE, required=False)
@click.option("--comment", metavar="TEXT", help="What else there is to say.")
@_by
@takes_json
@takes_dsn
def approve(
    wait_id: int,
    payload: Any,
    comment: str | None,
    decided_by: str | None,
    as_json: bool,
    dsn: str | None,
) -> None:
    """Approve it, with a payload that fits its form.

    PAYLOAD is JSON, @FILE, or - for standard input; without it, null.
    """
    with connected(dsn) as client:
        _print_decided(client.approve(wait_id, payload, comment, decided_by), as_json)


@approvals.command()
@_wait
@click.option("--comment", metavar="TEXT", required=True, help="Why.")
@_by
@takes_json
@takes_dsn
def reject(
    wait_id: int, comment: str, decided_by: str | None, as_json: bool, dsn: str | None
) -> None:
    """Reject it: one rejection decides."""
    with connected(dsn) as client:
        _print_decided(client.reject(wait_id, comment, decided_by), as_json)


def _print_approvals(rows: list[Approval]) -> None:
    print_table(
        [
            Column("WAIT", is_number=True),
            Column("TITLE", when_long="wrap"),
            Column("ASSIGNEES", when_long="wrap"),
            Column("APPROVED"),
            Column("RUN"),
            Column("WORKFLOW"),
            Column("STEP"),
            Column("SINCE"),
            Column("UNTIL"),
        ],
        [
            [
                approval.wait_id,
                approval.title,
                ", ".join(approval.assignees or ()),
                _count(approval),
                str(approval.run_id),
                approval.workflow_slug,
                approval.step_slug,
                local_time(approval.opened_at),
                local_time(approval.due_at),
            ]
            for approval in rows
        ],
    )


def _print_decided(approval: Approval, as_json: bool) -> None:
    if as_json:
        print_json(approval)
    elif approval.outcome is None:
        click.echo(f"Stored: approval {approval.wait_id} has {_count(approval)}.")
    else:
        click.echo(f"Approval {approval.wait_id} is {approval.outcome}.")


def _count(approval: Approval) -> str:
    approved = sum(decision["approved"] for decision in approval.decisions)
    return f"{approved} of {approval.quorum}"
