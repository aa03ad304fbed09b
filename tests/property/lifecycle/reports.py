"""What the functions that report about runs must say, by the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.property.lifecycle import schedules
from tests.property.lifecycle.model import LONG_AGO, Model
from tests.property.lifecycle.observation import text
from tests.property.lifecycle.run import Run
from tests.property.lifecycle.states import START, Task, TaskKey
from tests.support.engine import Engine


def check_reports(engine: Engine, model: Model) -> None:
    # a tick also removes the notes about children and places that change nothing any more
    (has_notes,) = engine.rows(
        """
        select exists (select from stepgres.child_changes)
            or exists (select from stepgres.freed_places)
            or exists (select from stepgres.line_entries where line_id is null and not is_paused)
        """
    )
    standing = set(engine.rows(
        """
        select e.run_id, e.step_slug, e.task_index
        from stepgres.line_entries as e join stepgres.lines as l using (line_id)
        where l.at_limit <> ''
        """
    ))  # fmt: skip
    assert engine.call("next_due") == (LONG_AGO if has_notes else model.next_due())
    for run in model.runs.values():
        status, details = engine.status(run.run_id)
        assert (status, text(details)) == expected_status(run)
        rows = "select step_slug, waits_for from stepgres.why_stuck(%s)"
        assert set(engine.rows(rows, run.run_id)) == set(expected_reasons(model, run, standing))
        if model.world.schedules:
            due_at = engine.call("get_scheduled_at", run_id=run.run_id)
            assert due_at == schedules.scheduled_at(model.world, run)
    for slug, schedule in model.world.schedules.items():
        counted = engine.call("get_schedule", schedule_slug=slug)["outcomes"]
        assert counted == Counter(due_time.outcome for due_time in schedule.settled.values())
    for status in ("started", "completed", "failed"):
        listed = engine.rows(
            'select run_id from stepgres.list_workflow_runs(%s, "limit" => 1000)', status
        )
        assert set(listed) == {r.run_id for r in model.runs.values() if r.status == status}


def expected_status(run: Run) -> tuple[str, str]:
    if run.status == "completed":
        return ("completed", text(run.output))
    if run.status == "failed":
        return ("failed", text(run.error))
    total = len(run.steps)
    finished = sum(state.counts_as_finished for state in run.steps.values())
    details = {
        "total_steps": total,
        "completed_steps": finished,
        "percentage": round(100 * finished / total, 1),
        "paused": run.is_paused,
    }
    return ("in_progress", text(details))


def expected_reasons(model: Model, run: Run, standing: set[TaskKey]) -> Iterator[tuple[str, str]]:
    """What each unfinished step waits for; nothing is left without a reason."""
    for slug, state in run.steps.items():
        if state.status == "created":
            for reason in reasons_of_created(run, slug):
                yield slug, reason
    awaited = [(w.slug, w.index) for w in run.waits.values() if w.is_open and w.kind == "child"]
    for wait in run.waits.values():
        if wait.is_open:
            yield wait.slug, "pause" if run.is_paused else wait.kind
    for slug, index in run.places("queued", "waiting", "started"):
        if run.task((slug, index)).waits_for is not None or (slug, index) in awaited:
            continue
        is_standing = (run.run_id, slug, index) in standing
        yield slug, reason_of_task(model, run, slug, run.task((slug, index)), is_standing)


def reasons_of_created(run: Run, slug: str) -> Iterator[str]:
    depends_on = run.step(slug).depends_on
    if not all(run.steps[other].counts_as_finished for other in depends_on):
        yield "dependency"
        return
    if START in run.due or START in run.left:
        yield "start"
    elif not run.has_begun and not run.is_paused:
        yield "limit"
    if run.is_paused:
        yield "pause"


def reason_of_task(model: Model, run: Run, slug: str, task: Task, is_standing: bool) -> str:
    step = run.step(slug)
    if task.status == "started":
        return "lease"
    if run.is_paused:
        return "pause"
    alive = [w for w in model.workers.values() if w.heard_at + w.lease > model.world.now]
    is_served = any(worker.serves(step.queue, step.resources) for worker in alive)
    # a worker may give back what it cannot execute: then others are missed, more than the time
    is_given_back = task.attempt == 0 and not step.start_delay
    if task.status == "waiting" and (is_served or not is_given_back):
        return "timer"
    is_local = run.executor_id is not None and step.execution == "local"
    if step.queue in model.paused_queues and not is_local:
        return "pause"
    if is_standing or not run.has_begun:
        return "limit"
    if is_local:
        return "executor"
    if not any(step.queue in worker.queues for worker in alive):
        return "queue"
    return "worker" if is_served else "resource"
