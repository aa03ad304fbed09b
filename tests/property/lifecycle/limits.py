"""Limits: which places started tasks hold, and what may start beside them.

Which of several tasks is let in is left open. A claim must keep within the limits, and it must not
leave a place free for no reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.property.lifecycle import attempts, inputs
from tests.property.lifecycle.definitions import Use
from tests.property.lifecycle.paths import json_type, members
from tests.property.lifecycle.states import Place, Result, TaskKey
from tests.property.lifecycle.waits import jsonb_text

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run
    from tests.property.lifecycle.world import World

LimitKey = tuple[str, str]


@dataclass
class Limit:
    """How much weight each key has at a time: by the last declaration, or by an operator."""

    max_running: int
    declared: int


@dataclass
class Needs:
    """What a task needs under the keys of its limits, or why it cannot stand in a line."""

    weights: dict[LimitKey, int] = field(default_factory=dict)
    fault: str | None = None


def needs_of(run: Run, place: Place) -> Needs:
    needs, input = Needs(), inputs.of_task(run, place)
    for use in sorted(run.step(place[0]).limits, key=lambda use: use.limit):
        key = _found(input, use.key)
        weight = use.weight if isinstance(use.weight, int) else _found(input, use.weight)
        if (fault := _fault(use, key, weight)) is not None:
            return Needs(fault=fault)
        if weight:
            needs.weights[use.limit, jsonb_text(key)] = weight
    return needs


def _found(input: Any, path: tuple[str, ...] | None) -> Any:
    """The first value that a path leads to."""
    return next(iter(members(input, path)), None) if path is not None else None


def _fault(use: Use, key: Any, weight: Any) -> str | None:
    if json_type(key) in ("object", "array"):
        shown = jsonb_text(key)[:100]
        return f'the key of limit "{use.limit}" must be a text, a number or a boolean, not {shown}'
    if json_type(weight) != "number" or weight < 0:
        shown = jsonb_text(weight)[:100]
        return f'the weight under limit "{use.limit}" must be a number of at least 0, not {shown}'
    return None


def places_of(run: Run, place: Place) -> dict[LimitKey, int]:
    """A weight above the limit counts as the whole limit; one that was deleted takes nothing."""
    limits = run.world.limits
    return {
        (slug, key): min(weight, limits[slug].max_running)
        for (slug, key), weight in needs_of(run, place).weights.items()
        if slug in limits
    }


def held(world: World) -> Counter[LimitKey]:
    """How much weight runs under each key."""
    total: Counter[LimitKey] = Counter()
    for run in world.active_runs:
        for place in run.places("started"):
            total.update(run.task(place).places)
    return total


def exceeded(world: World, claimed: Iterable[TaskKey]) -> list[LimitKey]:
    """The keys that have more than their limit, although tasks were let in there just now."""
    total = held(world)
    tasks = [world.runs[run_id].task((slug, index)) for run_id, slug, index in claimed]
    keys = {key for task in tasks for key in task.places}
    return [key for key in keys if total[key] > world.limits[key[0]].max_running]


def in_line(run: Run) -> list[Place]:
    return [place for place in run.places("queued") if run.step(place[0]).limits]


def not_held_up(world: World, keys: Iterable[TaskKey]) -> list[TaskKey]:
    """Those of these tasks that wait neither for room nor behind a task that waits for room.

    A task that does not fit is not overtaken by lighter ones with the same key.
    """
    total = held(world)
    needed: Counter[LimitKey] = Counter()
    for run in world.active_runs:
        for place in in_line(run) if not run.is_paused else ():
            for key, weight in places_of(run, place).items():
                needed[key] = max(needed[key], weight)
    without_room = {
        key
        for key, weight in needed.items()
        if total[key] + weight > world.limits[key[0]].max_running
    }
    return [
        (run_id, slug, index)
        for run_id, slug, index in keys
        if needs_of(world.runs[run_id], (slug, index)).fault is None
        and not without_room & places_of(world.runs[run_id], (slug, index)).keys()
    ]


def fail_faulty(run: Run) -> None:
    """What was found to have no place in any line fails, and is not tried again."""
    faulty = [place for place in in_line(run) if (run.run_id, *place) in run.world.faulty]
    for place in faulty:
        run.task(place).attempt += 1
    attempts.apply(run, {
        place: Result("failed", error=needs_of(run, place).fault or "", is_retryable=False)
        for place in faulty
    })  # fmt: skip
