"""Steps whose bodies are runs of other workflows: how these runs start and end.

A child that has ended is noted, and its parent gets to know with the next tick. So is a child whose
parent has ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.property.lifecycle import attempts, inputs, retries, waiting
from tests.property.lifecycle import run as runs
from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.states import DEADLINE, Place, Result
from tests.property.lifecycle.waits import Wait
from tests.property.lifecycle.world import World

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run

PARENT_HAS_ENDED = "the step that waited for the run has ended"


def start(run: Run, place: Place, *, is_new: bool = False) -> None:
    """The body of a task starts. The first children of a child start with the next tick."""
    world, task = run.world, run.task(place)
    task.status, task.error = "waiting", None
    if is_new and world.is_starting_children:
        run.set_timer(("task", *place), timedelta(0))
        return
    earlier = _earlier_child(run, place)
    wait = Wait(*place, number=task.attempt + 1, kind="child")
    run.waits[wait.timer] = wait
    if earlier is not None and earlier.status == "completed":
        wait.child_run_id = earlier.run_id
        world.ended.setdefault(earlier.run_id)
        return
    wait.child_run_id = world.choose_child(run.run_id, wait.timer)
    world.is_starting_children = True
    if earlier is None:
        _start_child(run, place, wait.child_run_id)
    else:
        child = _child(run, wait.child_run_id, earlier.workflow, earlier.input)
        child.retried_from = earlier
        retries.go_on(earlier, child)
    world.is_starting_children = False


def _earlier_child(run: Run, place: Place) -> Run | None:
    """The last one, if it did not complete in time: the next attempt goes on where it ended."""
    waits = [w for w in run.waits.values() if w.kind == "child" and (w.slug, w.index) == place]
    last = max(waits, key=lambda wait: wait.number, default=None)
    if last is None or last.outcome not in ("failed", "cancelled") or last.child_run_id is None:
        return None
    earlier = run.world.runs.get(last.child_run_id)
    return None if earlier is None or earlier.is_active else earlier


def _start_child(run: Run, place: Place, run_id: UUID) -> None:
    """The current version starts. A child that cannot start ends at once, with the error."""
    world, slug = run.world, run.step(place[0]).workflow
    assert slug is not None
    workflow, input = world.workflows.get(slug), inputs.of_task(run, place)
    if workflow is None:
        world.ended[run_id] = f'workflow "{slug}" does not exist'
    elif (error := workflow.refuses(input)) is not None:
        world.ended[run_id] = error
    else:
        _child(run, run_id, workflow, input).launch()


def _child(run: Run, run_id: UUID, workflow: Workflow, input: Any) -> Run:
    """Its deadline is the smaller one of its own and of the time that its parent has left."""
    deadlines = [] if workflow.deadline is None else [timedelta(seconds=workflow.deadline)]
    if DEADLINE in run.left:
        deadlines.append(run.left[DEADLINE])
    if DEADLINE in run.due:
        left = run.due[DEADLINE] - run.world.now
        deadlines.append(max(left, timedelta(microseconds=1)))
    return runs.Run(
        run.world,
        run_id,
        workflow,
        input,
        parent=run,
        is_child=True,
        executor_id=run.executor_id,
        deadline=min(deadlines, default=None),
    )


# Children end


def awaited_ends(world: World) -> list[UUID]:
    """The noted ends that a parent waits for."""
    waits = [wait for run in world.active_runs for wait in run.waits.values()]
    awaited = {wait.child_run_id for wait in waits if wait.is_open}
    return [run_id for run_id in world.ended if run_id in awaited]


def resolve_all(world: World) -> None:
    """The end of a child may end its parent, which may be a child too: then there is more."""
    while world.ended:
        ended, world.ended = world.ended, {}
        for run in world.active_runs:
            waits = [w for w in run.waits.values() if w.is_open and w.child_run_id in ended]
            results = {}
            for wait in waits:
                assert wait.child_run_id is not None
                place = (wait.slug, wait.index)
                results[place] = _result(world, wait.child_run_id, ended[wait.child_run_id])
                waiting.close(run, wait, results[place].status)
                wait.payload, wait.error = results[place].output, results[place].error or None
                run.task(place).attempt = wait.number
            attempts.apply(run, results)


def _result(world: World, run_id: UUID, error: str | None) -> Result:
    """A child that was cancelled, deleted, or could not start, is not tried again."""
    child = world.runs.get(run_id)
    if child is None:
        return Result("failed", error=error or f"run {run_id} was deleted", is_retryable=False)
    if child.status == "completed":
        return Result("completed", child.output)
    assert child.error is not None
    if child.is_cancelled:
        error = f"run {run_id} was cancelled: {child.error}"
        return Result("failed", error=error, is_retryable=False)
    return Result("failed", error=child.error)


# Parents end


def doom(world: World, wait: Wait) -> None:
    """Nobody waits any more for the child of this wait, if it has one."""
    child = None if wait.child_run_id is None else world.runs.get(wait.child_run_id)
    if child is not None and child.is_active:
        world.doomed[child.run_id] = PARENT_HAS_ENDED


def active_doomed(world: World) -> list[UUID]:
    return [id for id in world.doomed if id in world.runs and world.runs[id].is_active]


def cancel_doomed(world: World) -> None:
    """The runs under them are noted, and follow at once, or with the next tick if older by id."""
    last = UUID(int=0)
    while batch := sorted(run_id for run_id in world.doomed if run_id > last):
        last = batch[-1]
        _cancel(world, batch)


def cancel_doomed_of(parent: Run) -> None:
    """Those that a retry of the parent will continue. The runs under them are left for a tick."""
    under = {run.run_id for run in parent.world.runs.values() if run.parent is parent}
    _cancel(parent.world, [run_id for run_id in parent.world.doomed if run_id in under])


def _cancel(world: World, run_ids: list[UUID]) -> None:
    reasons = {run_id: world.doomed.pop(run_id) for run_id in run_ids}
    for reason in set(reasons.values()):
        doomed = [world.runs[id] for id in run_ids if id in world.runs and reasons[id] == reason]
        active = [run for run in doomed if run.is_active]
        runs.fail_together(active, reason, is_cancelled=True)
        for run in world.runs.values():
            if any(run.parent is parent for parent in doomed) and (
                run.is_active or any(other.parent is run for other in world.runs.values())
            ):
                world.doomed[run.run_id] = reason
