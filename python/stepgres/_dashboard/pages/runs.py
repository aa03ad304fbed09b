"""The page Runs: counts per status, filters, and the list with its selection."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stepgres._dashboard import charts
from stepgres._dashboard.view import Page, View

_SIZE = 50
_MOST_COUNTED = 10_000  # runs of a status
_MOST_WORKFLOWS = 200  # in the list of the filter
_COUNT_SECONDS = 10.0  # how old counts may be
_SECONDS = 30.0  # how old charts and the names of workflows may be
_CHARTS = (("Last hour", 3600.0, 60.0), ("Last day", 86400.0, 1800.0))  # and a part, in seconds
_STATUSES = ("started", "completed", "failed")


async def show_runs(view: View) -> dict[str, Any]:
    """List the newest runs that pass the filters."""
    shown = {name: view.text(name) for name in ("status", "workflow_slug", "tag", "since", "until")}
    filters: dict[str, Any] = {
        **shown,
        "since": view.moment("since"),
        "until": view.moment("until"),
    }
    search, after = view.text("search"), view.uuid("after")
    found = await view.client.list_workflow_runs(
        **filters, search=search, after=after, limit=_SIZE + 1, payloads=False
    )
    runs = found[:_SIZE]
    next_after = runs[-1].run_id if len(found) > _SIZE else None
    is_cut = False
    if search is not None and next_after is None:
        next_after = await view.client.get_search_end(**filters, after=after)
        is_cut = next_after is not None
    flows = await view.live.remember("flows", _SECONDS, view.client.list_flows)
    return {
        "title": "Runs",
        "runs": runs,
        "given": shown,
        "filters": {name: text for name, text in shown.items() if text},
        "search": search,
        "after": after,
        "next_after": next_after,
        "is_cut": is_cut,
        "counts": await view.live.remember("counts", _COUNT_SECONDS, lambda: _counts(view)),
        "most": _MOST_COUNTED,
        "charts": await view.live.remember("charts", _SECONDS, lambda: _charts(view)),
        "workflows": [flow.workflow_slug for flow in flows[:_MOST_WORKFLOWS]],
        "choices": _STATUSES,
        "bulk": ("cancel_runs", "pause_runs", "resume_runs", "retry_runs"),
    }


async def _counts(view: View) -> dict[str, int]:
    counts: Counter[str] = Counter(dict.fromkeys((*_STATUSES, "paused", "cancelled"), 0))
    for found in await view.client.count_runs(most=_MOST_COUNTED):
        counts[found.status] += found.runs
        counts["paused"] += found.paused
        counts["cancelled"] += found.cancelled
    return dict(counts)


async def _charts(view: View) -> list[tuple[str, dict[str, int], str]]:
    found: list[tuple[str, dict[str, int], str]] = []
    for label, since, bucket in _CHARTS:
        parts = await view.client.list_throughput(since, bucket)
        found.append((label, charts.totals(parts), charts.draw(parts, label)))
    return found


PAGES = [Page("/", "runs.html", show_runs, nav="Runs")]
