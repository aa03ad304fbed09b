"""Unique keys: one active run for each key, and one that waits behind it and has not begun."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.property.lifecycle import run as runs
from tests.property.lifecycle.refusals import ALREADY_RUNNING, RUN_FINISHED, Refused
from tests.property.lifecycle.states import DEADLINE, START

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run
    from tests.property.lifecycle.world import World

HELD_FOR = timedelta(seconds=10)


@dataclass(frozen=True)
class Wish:
    """What a start says about its unique key."""

    unique_key: str | None = None
    if_running: str = "return"
    debounce: float | None = None
    debounce_max: float | None = None

    @property
    def delay(self) -> float | None:
        given = [seconds for seconds in (self.debounce, self.debounce_max) if seconds is not None]
        return min(given, default=None)


@dataclass(frozen=True)
class Met:
    """What a start has met: a run that it returns, that gets its input, or runs that it ends."""

    returned: UUID | None = None
    waiting: Run | None = None
    replaced: list[Run] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        return self.returned is None and self.waiting is None


def holders(world: World, workflow_slug: str, unique_key: str | None) -> list[Run]:
    """The active run with this key, and then the one that waits."""
    found = [
        run
        for run in world.active_runs
        if unique_key is not None
        and (run.workflow.workflow_slug, run.unique_key) == (workflow_slug, unique_key)
    ]
    return sorted(found, key=lambda run: run.is_waiting)


def meet(world: World, workflow_slug: str, wish: Wish, parent_run_id: UUID | None) -> Met:
    found = holders(world, workflow_slug, wish.unique_key)
    if wish.debounce is not None:
        return Met(waiting=next((run for run in found if run.is_waiting), None))
    if not found:
        return Met()
    if wish.if_running == "reject":
        raise Refused(ALREADY_RUNNING)
    if wish.if_running == "return":
        return Met(returned=found[0].run_id)
    family = {run.run_id: run for root in found for run in [root, *runs.descendants(root)]}
    if parent_run_id in family:
        raise Refused(RUN_FINISHED)
    return Met(replaced=[run for run in family.values() if run.is_active])


def replace_input(run: Run, input: Any, wish: Wish) -> None:
    """A further start moves the start of the run that waits, at most to its longest delay."""
    assert wish.debounce is not None
    run.input, run.is_held = input, False
    delay = timedelta(seconds=wish.debounce)
    if wish.debounce_max is not None:
        age = run.world.now - run.inserted_at
        delay = min(delay, timedelta(seconds=wish.debounce_max) - age)
    _set_start(run, max(delay, timedelta(0)))


def _set_start(run: Run, delay: timedelta) -> None:
    run.set_timer(START, delay)
    if run.deadline is not None:
        run.set_timer(DEADLINE, delay + run.deadline)


def hold(run: Run) -> None:
    """A run whose start is due is held if another run still has its key."""
    if START not in run.due_timers(is_wait=False):
        return
    others = holders(run.world, run.workflow.workflow_slug, run.unique_key)
    if run.is_waiting and len(others) > 1:
        run.is_held = True
        _set_start(run, HELD_FOR)
    else:
        run.is_waiting = run.is_held = False


def free(run: Run) -> None:
    """A run has ended: the one that is held behind it begins with the next tick."""
    for other in holders(run.world, run.workflow.workflow_slug, run.unique_key):
        if other.is_held:
            run.world.begins.add(other.run_id)


def noted(world: World) -> list[Run]:
    return [run for run in world.active_runs if run.run_id in world.begins]


def begin_noted(world: World) -> None:
    for run in noted(world):
        if run.is_held:
            _set_start(run, timedelta(0))
    world.begins.clear()
