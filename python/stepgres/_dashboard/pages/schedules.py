"""The pages of schedules: the list, one schedule, and the preview of a backfill."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stepgres._dashboard import render
from stepgres._dashboard.view import Page, View
from stepgres._postgres.json_text import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIZE = 50
_MOST_SHOWN = 20  # due times in the preview of a backfill
_MOST_TEXT = 4_000  # characters of an input in a form
_OUTCOMES = ("started", "buffered", "skipped", "missed", "paused", "failed")


async def show_schedules(view: View) -> dict[str, Any]:
    """List the schedules by their slugs."""
    after, workflow_slug = view.text("after"), view.text("workflow_slug")
    found = await view.client.list_schedules(workflow_slug, limit=_SIZE + 1, after=after)
    return {
        "title": "Schedules",
        "schedules": [
            (row, rule_of(row._asdict()), state_of(row._asdict())) for row in found[:_SIZE]
        ],
        "after": after,
        "next_after": found[_SIZE - 1].schedule_slug if len(found) > _SIZE else None,
        "workflow_slug": workflow_slug,
    }


async def show_schedule(view: View) -> dict[str, Any]:
    """Show a schedule: its next and its last due times, and what can be done."""
    slug = view.path("schedule_slug")
    schedule = await view.client.get_schedule(slug)
    return {
        "title": f"Schedule {slug}",
        "schedule": schedule,
        "rule": rule_of(schedule),
        "state": state_of(schedule),
        "next": await view.client.preview_schedule(slug),
        "outcomes": [(word, schedule["outcomes"].get(word, 0)) for word in _OUTCOMES],
        "values": _values(schedule),
    }


async def show_backfill(view: View) -> dict[str, Any]:
    """Show which runs a backfill would start, before it starts them."""
    slug = view.path("schedule_slug")
    since = view.moment("since")
    until = view.moment("until") or datetime.now(timezone.utc)
    due_times: list[Any] = []
    if since is not None:
        due_times = await view.client.backfill_schedule(slug, since, until, dry_run=True)
    else:
        await view.client.get_schedule(slug)
    return {
        "title": f"Backfill of schedule {slug}",
        "slug": slug,
        "given": {"since": view.text("since"), "until": view.text("until")},
        "since": since,
        "until": until,
        "number": len(due_times),
        "due_times": due_times[:_MOST_SHOWN],
    }


def rule_of(schedule: Mapping[str, Any]) -> str:
    """Return the rule of a schedule in words."""
    if schedule["cron"] is not None:
        return f"{schedule['cron']} ({schedule['timezone']})"
    if schedule["every"] is not None:
        return f"every {render.duration(schedule['every'])}"
    at = moment_of(schedule["at"])
    return "" if at is None else f"at {at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def state_of(schedule: Mapping[str, Any]) -> str:
    """Return the state of a schedule in one word."""
    if not schedule["is_in_force"]:
        return "not_in_force"
    if schedule["paused_at"] is not None:
        return "paused"
    return "active" if schedule["next_due_at"] is not None else "over"


def _values(schedule: Mapping[str, Any]) -> dict[str, str]:
    """Return what the form of a change begins with; an empty field changes nothing."""
    text = render.editable(schedule["input"])
    return {
        "cron": schedule["cron"] or "",
        "every": "" if schedule["every"] is None else f"{schedule['every']:g}s",
        "at": schedule["at"] or "",
        "timezone": schedule["timezone"],
        "input": text if len(text) <= _MOST_TEXT else "",
        "overlap": schedule["overlap"],
        "catch_up": str(schedule["catch_up"]),
    }


PAGES = [
    Page("/schedules", "schedules.html", show_schedules, nav="Schedules"),
    Page("/schedules/{schedule_slug}", "schedule.html", show_schedule, section="/schedules"),
    Page(
        "/schedules/{schedule_slug}/backfill",
        "backfill.html",
        show_backfill,
        section="/schedules",
        is_live=False,
    ),
]
