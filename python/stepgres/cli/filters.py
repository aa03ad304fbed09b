"""Options of commands that choose runs."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from stepgres.cli.parameters import MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from stepgres._client.client import Client
    from stepgres.types import WorkflowRun

_PAGE = 500  # runs, with their inputs and outputs, in memory at a time

_FILTERS = [
    click.option("--status", metavar="STATUS", help="started, completed or failed."),
    click.option("--workflow", metavar="SLUG", help="Of this workflow: its slug, or class name."),
    click.option("--tag", "tags", multiple=True, help="With this tag; more than once: with all."),
    click.option("--since", type=MOMENT, help="Started then or later: 2h (ago), or 2026-11-28T12."),
    click.option("--until", type=MOMENT, help="Started then or earlier."),
]


def takes_filters(command: Any) -> Any:
    """Give a command the options that choose runs, as one dictionary for list_workflow_runs."""

    @click.pass_context
    @wraps(command)
    def with_filters(
        context: click.Context,
        /,
        workflow: str | None,
        tags: tuple[str, ...],
        status: str | None,
        since: Any,
        until: Any,
        **options: Any,
    ) -> Any:
        filters = {
            "status": status,
            "workflow_slug": workflow,
            "tags": tags or None,
            "since": since,
            "until": until,
        }
        return context.invoke(command, filters=filters, **options)

    for option in reversed(_FILTERS):
        with_filters = option(with_filters)
    return with_filters


def iterate_runs(client: Client, limit: int | None, **filters: Any) -> Iterator[WorkflowRun]:
    """Yield all runs, or at most `limit` runs, and read them page by page."""
    after = filters.pop("after", None)
    while True:
        size = _PAGE if limit is None else min(limit, _PAGE)
        page = client.list_workflow_runs(limit=size, after=after, **filters)
        yield from page
        limit = None if limit is None else limit - size
        if len(page) < size and filters.get("search") is not None:
            _say_search_end(client, after, **filters)
        if limit == 0 or len(page) < size:
            return
        after = page[-1].run_id
        filters["offset"] = None  # the later pages begin after a run


def _say_search_end(
    client: Client, after: UUID | None, *, search: str, offset: Any, order_by: Any, **filters: Any
) -> None:
    end = client.get_search_end(after=after, **filters)
    if end is not None:
        click.echo(f"Older runs were not searched: go on with --after {end}", err=True)
