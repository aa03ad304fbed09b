"""The page of a run: what it is, its graph and timeline, its steps, and why it is stuck."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stepgres._dashboard import graph, render, timeline
from stepgres._dashboard.pages.logs import newest_of, progress_of
from stepgres._dashboard.view import Page, View

if TYPE_CHECKING:
    from markupsafe import Markup

    from stepgres.types import RunDetails, RunStep, Wait

_MOST_ATTEMPTS = 20  # of a step
_MOST_STEPS = 100  # in the table
_MOST_BARS = 60
_MOST_TEXT = 4_000  # characters of a payload or an error
_MOST_SIGNALS = 20
_MOST_CHILDREN = 50
_MOST_REASONS = 20
_MOST_LINES = 100  # of the log
_MOST_REPORTS = 3  # of the progress of tasks, for a step
_MOST_EXPLAINED = 10_000  # steps of a run; each may wait for something
_REASONS = {
    "start": "waits for its start",
    "sleep": "sleeps",
    "child": "waits for a child run",
    "signal": "waits for a signal",
    "approval": "waits for an approval",
    "timer": "waits for its time",
    "pause": "is paused",
    "limit": "waits for room under a limit",
    "executor": "waits for its local executor",
    "queue": "has no worker",
    "resource": "has no worker",
    "feature": "has no worker",
    "knowledge": "has no worker",
    "worker": "waits for a free worker",
    "lease": "is being executed",
}


async def show_run(view: View) -> dict[str, Any]:
    """Show a run."""
    client, run_id = view.client, view.run_id()
    run = await client.get_run(run_id, payloads=False, most=_MOST_ATTEMPTS)
    is_explained = len(run.steps) <= _MOST_EXPLAINED
    explains = is_explained and run.finished_at is None
    reasons = await client.why_stuck(run_id) if explains else []
    real = [reason for reason in reasons if reason.waits_for != "dependency"]
    wanted, page = view.text("steps"), max(view.number("page") or 0, 0)
    steps = [step for step in run.steps if wanted is None or status_of(step) == wanted]
    shown = steps[page * _MOST_STEPS : (page + 1) * _MOST_STEPS]
    critical = {step.step_slug for step in await client.critical_path(run_id)}
    times = await client.list_step_times(run_id, limit=_MOST_BARS)
    lines = await client.list_logs(run_id, limit=_MOST_LINES, newest=True)
    children = [(step, wait) for step in run.steps for wait in step.waits if wait.child_run_id]
    end = run.finished_at or datetime.now(timezone.utc)
    path = f"/runs/{run_id}"
    open_slug = run.failed_step or next((s.step_slug for s in run.steps), "")
    return {
        "title": f"Run of {run.workflow_slug}",
        "run": run,
        "path": path,
        "state": state_of(run),
        "counts": Counter(status_of(step) for step in run.steps),
        "steps": [
            (step, status_of(step), progress_of(step.progress, _MOST_REPORTS)) for step in shown
        ],
        "number": len(steps),
        "wanted": wanted,
        "page": page,
        "has_more": len(steps) > (page + 1) * _MOST_STEPS,
        "graph": _graph(view, run, view.text("focus")),
        "children": children[:_MOST_CHILDREN],
        "more_children": max(len(children) - _MOST_CHILDREN, 0),
        "child": await _child(view, children),
        "focus": view.text("focus"),
        "timeline": timeline.draw(times, critical, run.inserted_at, end) if times else "",
        "kinds": timeline.KINDS,
        "bars": _MOST_BARS,
        "is_timeline_cut": len(times) == _MOST_BARS < len(run.steps),
        "is_explained": is_explained,
        "sleeps": any(
            why.waits_for in {"sleep", "timer"} or (why.waits_for == "start" and why.until)
            for why in real
        ),
        "reasons": [(why, _REASONS.get(why.waits_for, "waits")) for why in real[:_MOST_REASONS]],
        "more_reasons": max(len(real) - _MOST_REASONS, 0),
        "dependents": len({why.step_slug for why in reasons if why.waits_for == "dependency"}),
        "signals": await client.list_signals(run_id, limit=_MOST_SIGNALS),
        "lines": newest_of(lines, _MOST_LINES),
        "most_lines": _MOST_LINES,
        "maps": {step.step_slug for step in run.steps if step.map},
        "input": await _payload(view, "input"),
        "output": await _payload(view, "output"),
        "most": _MOST_TEXT,
        "step_slugs": [step.step_slug for step in run.steps],
        "fork_values": {
            "from_steps": view.text("from") or open_slug,
            "input": await _editable_input(view),
        },
    }


def _graph(view: View, run: RunDetails, focus: str | None = None) -> Markup:
    path = f"/runs/{run.run_id}"
    fold = render.url(view.request, path, {"focus": "FOCUS"}).replace("FOCUS", "{}")
    nodes = [_node(view, path, step) for step in run.steps]
    return graph.draw(nodes, f"The steps of {run.workflow_slug}", focus, f"{fold}#graph")


async def _child(view: View, children: list[tuple[RunStep, Wait]]) -> dict[str, Any] | None:
    """Return the child run that is folded open, with its graph."""
    chosen = view.uuid("child")
    if chosen is None or all(wait.child_run_id != chosen for _, wait in children):
        return None
    run = await view.client.get_run(chosen, payloads=False, most=1)
    return {"run_id": chosen, "graph": _graph(view, run)}


async def _payload(view: View, kind: str) -> str | None:
    return await view.client.get_payload(view.run_id(), kind, most=_MOST_TEXT + 1)


async def _editable_input(view: View) -> str:
    """Return the input for the form of a fork; empty, which keeps the input, if it is long."""
    text = await _payload(view, "input")
    return "" if text is None or len(text) > _MOST_TEXT or text == "null" else text


def state_of(run: RunDetails) -> str:
    """Return the status of a run, or a more special word for it."""
    if run.cancelled_at is not None:
        return "cancelled"
    return "paused" if run.paused_at is not None else run.status


def status_of(step: RunStep) -> str:
    """Return the status of a step, or of its tasks if none of them is being executed."""
    if step.status != "started" or step.tasks.get("started"):
        return step.status
    if step.tasks.get("waiting") or any(wait.resolved_at is None for wait in step.waits):
        return "waiting"
    return "queued" if step.tasks.get("queued") else step.status


def _node(view: View, path: str, step: RunStep) -> graph.Node:
    status = status_of(step)
    total = step.initial_tasks or 0 if step.map else 0
    done, bad = step.tasks.get("completed", 0), step.tasks.get("failed", 0)
    note = ""
    if step.map and total:
        note = f"{done:,} of {total:,} tasks" + (f", {bad:,} failed" if bad else "")
    elif status == "waiting":
        wait = next((wait for wait in step.waits if wait.resolved_at is None), None)
        note = f"waits for {wait_text(wait)}" if wait else "waits"
    elif status == "skipped":
        reason = (step.skip_reason or "").replace("_", " ")
        note = f"skipped: {reason}" if reason else "skipped"
    elif step.workflow:
        note = f"{render.status_word(status)}, {step.workflow}"
    title = f"{step.step_slug}: {render.status_word(status)}"
    return graph.Node(
        key=step.step_slug,
        label=step.step_slug,
        status=status,
        after=step.depends_on,
        note=note,
        href=render.url(view.request, f"{path}/steps/{step.step_slug}"),
        title=f"{title}. {note}" if note else title,
        total=total,
        done=done,
        bad=bad,
    )


def wait_text(wait: Wait) -> str:
    """Return the subject of a wait: signal paid, approval Ship it?, sleep."""
    title = wait.approval and wait.approval.get("title")
    return str(wait.name or f"{wait.kind} {wait.signal or title or ''}".strip())


PAGES = [Page("/runs/{run_id}", "run.html", show_run, section="/")]
