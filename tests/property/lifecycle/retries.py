"""A retry goes on where the failed run ended: what it takes along."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.property.lifecycle.states import UNFINISHED, StepState, Task
from tests.property.lifecycle.waits import Wait

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def go_on(old: Run, new: Run) -> None:
    """What was finished stays finished, and what its waits have consumed stays consumed."""
    for slug, state in old.steps.items():
        new.steps[slug] = _copied(state)
    _copy_waits(old, new)
    _copy_children(old, new)
    new.enter()
    new.begin()
    if new.is_in_line:
        # bodies that have done something are taken over at once, and go on when the run begins
        new.judge([slug for slug in new.ready() if _has_body(old.steps[slug])])
    _copy_checkpoints(old, new)


def _has_body(old: StepState) -> bool:
    return any(task.counted_from is not None for task in old.tasks)


def _copied(old: StepState) -> StepState:
    """Finished steps stay finished; of a map that was half done, completed tasks stay completed.

    An attempt that completed a task is its only one here; those that failed stay where they were.
    """
    completed = [task.status == "completed" for task in old.tasks]
    tasks = [
        Task(task.status, attempt=int(is_done), error=task.error, output=task.output)
        for task, is_done in zip(old.tasks, completed, strict=True)
    ]
    if old.counts_as_finished:
        return StepState(old.status, old.skip_reason, old.error, old.output, tasks)
    if not any(completed):
        return StepState()
    return StepState("started", tasks=[t if t.status == "completed" else Task() for t in tasks])


def _copy_waits(old: Run, new: Run) -> None:
    """Resolved waits of kept steps and of bodies, and the signals that these consumed.

    A body asks again what has ended badly, unless it has done something after that.
    """
    world = new.world
    for key, wait in old.waits.items():
        is_kept = new.steps[wait.slug].counts_as_finished or (wait.name and wait.is_good)
        if wait.name and not is_kept and wait.outcome != "cancelled":
            assert wait.resolved_at is not None
            checkpoints = old.task((wait.slug, wait.index)).checkpoints.values()
            is_kept = any(c.saved_at > wait.resolved_at for c in checkpoints)
        if not is_kept:
            continue
        new.waits[key] = replace(wait)
        for signal in list(world.signals.values()):
            if signal.consumer is wait:
                idempotency_key = signal.idempotency_key if signal.key is None else None
                world.signals[-len(world.signals) - 1] = replace(
                    signal,
                    run_id=new.run_id,
                    idempotency_key=idempotency_key,
                    consumer=new.waits[key],
                )


def _copy_children(old: Run, new: Run) -> None:
    """The last child of each task whose step goes on: its first child here continues that one."""
    last: dict[tuple[str, int], Wait] = {}
    for wait in sorted(old.waits.values(), key=lambda wait: wait.number):
        if wait.kind == "child" and not new.steps[wait.slug].counts_as_finished:
            last[wait.slug, wait.index] = wait
    for wait in last.values():
        copy = replace(wait, number=0, payload=None)
        new.waits[copy.timer] = copy


def _copy_checkpoints(old: Run, new: Run) -> None:
    """Bodies that have not ended go on with what they did before, if it was copied."""
    for slug, index in new.places(*UNFINISHED):
        if index >= len(old.steps[slug].tasks) or old.task((slug, index)).counted_from is None:
            continue
        before, task = old.task((slug, index)), new.task((slug, index))
        for key, checkpoint in before.checkpoints.items():
            if checkpoint.wait is None:
                task.checkpoints[key] = checkpoint
            elif checkpoint.wait.timer in new.waits:
                wait = new.waits[checkpoint.wait.timer]
                task.checkpoints[key] = replace(checkpoint, wait=wait)
        task.counted_from = 0
        task.input, task.has_own_input = before.input, before.has_own_input
