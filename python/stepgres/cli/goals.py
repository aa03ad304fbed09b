"""stepgres goals: list, show, approve, reject."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import (
    Column,
    local_time,
    print_fields,
    print_json,
    print_json_array,
    print_table,
    takes_json,
    takes_quiet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepgres._client.client import Client
    from stepgres.task_graph import TaskGraph

_graph = click.argument("task_graph_id", metavar="GOAL")
_PAGE = 100
_LISTED = 20  # goals in a table without --limit


@click.group()
def goals() -> None:
    """Look at goals and their goal tasks, and approve or reject goals.

    GOAL is the id of a task graph, as list prints it.
    """


@goals.command("list")
@click.option("--status", metavar="STATUS", help="decomposed (undecided), approved or rejected.")
@click.option(
    "--limit",
    type=click.IntRange(0),
    help=f"So many at most. By default {_LISTED} in a table, and all with --quiet or --json.",
)
@takes_quiet
@takes_json
@takes_dsn
def list_(
    status: str | None, limit: int | None, quiet: bool, as_json: bool, dsn: str | None
) -> None:
    """List goals, the newest first."""
    with connected(dsn) as client:
        if as_json:
            print_json_array(_iterate(client, status, limit))
            return
        if quiet:
            for graph in _iterate(client, status, limit):
                click.echo(graph.task_graph_id)
            return
        found = list(_iterate(client, status, _LISTED + 1 if limit is None else limit))
    if not found:
        click.echo("There are no such goals.", err=True)
        return
    has_more = limit is None and len(found) > _LISTED
    print_table(
        [
            Column("GOAL"),
            Column("STATUS"),
            Column("TASKS", is_number=True),
            Column("DECOMPOSED"),
            Column("TEXT", when_long="cut"),
        ],
        [
            [g.task_graph_id, g.status, len(g.steps), local_time(g.decomposed_at), g.goal]
            for g in (found[:_LISTED] if has_more else found)
        ],
    )
    if has_more:
        click.echo("There are more: see --limit, --quiet and --json.", err=True)


@goals.command()
@_graph
@takes_json
@takes_dsn
def show(task_graph_id: str, as_json: bool, dsn: str | None) -> None:
    """Show a goal and its goal tasks."""
    with connected(dsn) as client:
        graph = client.get_task_graph(task_graph_id)
    if as_json:
        print_json(graph)
        return
    print_fields(
        [
            ("Goal", graph.goal),
            ("Id", graph.task_graph_id),
            ("Status", graph.status),
            ("Reason", graph.reason),
            ("Workflow", graph.workflow_slug),
            ("Decomposed", local_time(graph.decomposed_at)),
            ("Decided", local_time(graph.decided_at)),
        ]
    )
    click.echo()
    steps = {step["path"]: step for step in graph.steps}
    print_table(
        [
            Column("TASK"),
            Column("AFTER", when_long="wrap"),
            Column("DESCRIPTION", when_long="wrap"),
        ],
        [
            [path, ", ".join(steps[path]["waits_for"]), goal_task.get("description")]
            for path, goal_task in graph.walk()
        ],
    )


@goals.command()
@_graph
@click.option("--fingerprint", metavar="TEXT", help="Fail if the goal has another fingerprint now.")
@takes_dsn
def approve(task_graph_id: str, fingerprint: str | None, dsn: str | None) -> None:
    """Allow a goal to be started, as it is now."""
    with connected(dsn) as client:
        client.approve_task_graph(task_graph_id, fingerprint)
    click.echo(f"Goal {task_graph_id} is approved.")


@goals.command()
@_graph
@click.option("--reason", required=True, help="What is wrong with it.")
@takes_dsn
def reject(task_graph_id: str, reason: str, dsn: str | None) -> None:
    """Forbid a goal to be started, unless its goal tasks are changed."""
    with connected(dsn) as client:
        client.reject_task_graph(task_graph_id, reason)
    click.echo(f"Goal {task_graph_id} is rejected.")


def _iterate(client: Client, status: str | None, limit: int | None) -> Iterator[TaskGraph]:
    """Yield each task graph once, page by page. A new one moves the others to later pages."""
    seen: set[str] = set()
    for offset in count(0, _PAGE):
        page = client.list_task_graphs(status, _PAGE, offset)
        for graph in page:
            if limit is not None and len(seen) >= limit:
                return
            if graph.task_graph_id not in seen:
                seen.add(graph.task_graph_id)
                yield graph
        if len(page) < _PAGE:
            return
