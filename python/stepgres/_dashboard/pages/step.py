"""The page of a step of a run, and payloads as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._dashboard.pages.logs import lines_of, progress_of
from stepgres._dashboard.pages.run import status_of, wait_text
from stepgres._dashboard.view import Page, View
from stepgres.errors import InvalidFilter

if TYPE_CHECKING:
    from stepgres.types import RunStep

_MOST_ATTEMPTS = 100
_MOST_TEXT = 4_000
_MOST_CHECKPOINTS = 50
_MOST_LINES = 100  # of the log, and what is left of an attempt
_MOST_REPORTS = 20  # of the progress of tasks


async def show_step(view: View) -> dict[str, Any]:
    """Show a step: its attempts, its log, its output, its waits and its checkpoints."""
    run_id, slug = view.run_id(), view.path("step_slug")
    run = await view.client.get_run(run_id, payloads=False, most=_MOST_ATTEMPTS)
    step: RunStep | None = next((step for step in run.steps if step.step_slug == slug), None)
    if step is None:
        raise InvalidFilter(f"run {run_id} has no step {slug[:200]!a}", hint="See its page.")
    task = view.number("task")
    attempts = [a for a in step.attempts if task is None or a.task_index == task]
    reports = [r for r in step.progress if task is None or r.task_index == task]
    after = view.text("after")
    lines = await view.client.list_logs(run_id, slug, task, after=after, limit=_MOST_LINES)
    checkpoints = await view.client.list_checkpoints(run_id, slug, task or 0)
    return {
        "title": f"Step {slug}",
        "run": run,
        "step": step,
        "status": status_of(step),
        "path": f"/runs/{run_id}",
        "task": task,
        "attempts": attempts,
        "is_cut": len(step.attempts) == _MOST_ATTEMPTS,
        "progress": progress_of(reports, _MOST_REPORTS),
        "more_reports": max(len(reports) - _MOST_REPORTS, 0),
        "after": after,
        "lines": lines_of(lines),
        "next_after": lines[-1].position if len(lines) >= _MOST_LINES else None,
        "output": await view.client.get_payload(run_id, "output", slug, task, _MOST_TEXT + 1),
        "most": _MOST_TEXT,
        "waits": [(wait, wait_text(wait)) for wait in step.waits],
        "checkpoints": checkpoints[:_MOST_CHECKPOINTS],
        "more_checkpoints": max(len(checkpoints) - _MOST_CHECKPOINTS, 0),
    }


PAGES = [Page("/runs/{run_id}/steps/{step_slug}", "step.html", show_step, section="/")]
