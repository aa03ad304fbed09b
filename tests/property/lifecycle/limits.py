"""Limits: which places tasks and runs hold, and what may be let in beside them.

Which of several tasks or runs is let in, and when, is left open. What is let in must keep within
the limits, and no place may stay free for no reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.property.lifecycle import attempts, inputs
from tests.property.lifecycle.definitions import Use
from tests.property.lifecycle.paths import json_type, members
from tests.property.lifecycle.refusals import BAD_INPUT, LIMIT_REACHED, Refused
from tests.property.lifecycle.states import ITSELF, LET_IN, Place, Result, Spot, TaskKey
from tests.property.lifecycle.waits import jsonb_text

if TYPE_CHECKING:
    from tests.property.lifecycle.keys import Met
    from tests.property.lifecycle.run import Run
    from tests.property.lifecycle.world import World

LimitKey = tuple[str, str]
OVERTAKEN = "a later run has taken its place"


@dataclass
class Limit:
    """How much weight each key has at a time: by the last declaration, or by an operator."""

    max_running: int
    declared: int


@dataclass
class Needs:
    """What a task or run needs under its limits, or why it cannot stand in a line."""

    weights: dict[LimitKey, int] = field(default_factory=dict)
    fault: str | None = None


def needs_of(run: Run, place: Place) -> Needs:
    uses, input = run.workflow.limits, run.input
    if place != ITSELF:
        uses, input = run.step(place[0]).limits, inputs.of_task(run, place)
    needs = Needs()
    for use in sorted(uses, key=lambda use: use.limit):
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


# Places


def places_of(run: Run, place: Place) -> dict[Spot, int]:
    """The places that a task or run needs. A run lends its place to what it waits for.

    The lender is the nearest run with a place under the key: the run of the task, or a run that
    waits for it.
    """
    needs = needs_of(run, place)
    lenders = [*([run] if place != ITSELF else []), *_waiting_for(run)]
    return _places(run.world, needs, {
        spot[:2]: lender.run_id for lender in reversed(lenders) for spot in lender.own_places
    })  # fmt: skip


def _places(world: World, needs: Needs, lenders: Mapping[LimitKey, UUID | None]) -> dict[Spot, int]:
    """A weight above the limit counts as the whole limit; a lender has one place for others."""
    spots = {(*key, lenders.get(key)): weight for key, weight in needs.weights.items()}
    return {
        spot: 1 if spot[2] else min(weight, world.limits[spot[0]].max_running)
        for spot, weight in spots.items()
    }


def _waiting_for(run: Run) -> Iterator[Run]:
    """The runs that wait for the end of this run, the nearest one first."""
    while run.is_child and run.parent is not None:
        run = run.parent
        yield run


def is_orphan(run: Run) -> bool:
    """A run that waited for it has ended, so it will be cancelled."""
    return not all(other.is_active for other in _waiting_for(run))


def take(run: Run, place: Place) -> dict[Spot, int]:
    """The places that a task or run gets. An orphan may still stand where it was lent a place."""
    if not is_orphan(run):
        return places_of(run, place)
    lenders = run.world.choose_lenders(run.run_id, place)
    assert set(lenders.values()) <= {None, run.run_id, *(r.run_id for r in _waiting_for(run))}
    return _places(run.world, needs_of(run, place), lenders)


def held(world: World, without: Collection[UUID] = ()) -> Counter[Spot]:
    """How much weight there is in each place."""
    total: Counter[Spot] = Counter()
    for run in world.active_runs:
        if run.run_id not in without:
            total.update(run.own_places)
            for place in run.places("started"):
                total.update(run.task(place).places)
    return total


def room(world: World, spot: Spot) -> int:
    limit_slug, _, lender = spot
    return 1 if lender else world.limits[limit_slug].max_running


def exceeded(world: World, taken: Iterable[Spot]) -> list[Spot]:
    """The places with more weight than there is room, although some was let in there just now."""
    total = held(world)
    return [spot for spot in set(taken) if total[spot] > room(world, spot)]


# Lines


def in_line(run: Run) -> list[Place]:
    """What waits for room: the run itself, or tasks of it."""
    if run.is_in_line:
        return [ITSELF]
    queued = run.places("queued") if run.has_begun else []
    return [place for place in queued if run.step(place[0]).limits]


def runs_in_line(world: World) -> list[Run]:
    return [run for run in world.active_runs if run.is_in_line and not run.is_paused]


def without_room(run: Run, place: Place, without: Collection[UUID] = ()) -> list[Spot]:
    """The places that a task or run needs, and that are not free."""
    total = held(run.world, without)
    places = places_of(run, place).items()
    return [spot for spot, weight in places if total[spot] + weight > room(run.world, spot)]


def not_held_up(world: World, keys: Iterable[TaskKey]) -> list[TaskKey]:
    """Those of these tasks and runs that wait neither for room nor behind one that waits for room.

    What does not fit is not overtaken by what is lighter and has the same key. Tasks and runs do
    not stand in the same lines.
    """
    total = held(world)
    needed: Counter[tuple[bool, Spot]] = Counter()
    for run in world.active_runs:
        for place in in_line(run) if not run.is_paused else ():
            for spot, weight in places_of(run, place).items():
                line = (place == ITSELF, spot)
                needed[line] = max(needed[line], weight)
    closed = {
        line for line, weight in needed.items() if total[line[1]] + weight > room(world, line[1])
    }
    return [key for key in keys if _is_free(world.runs[key[0]], key[1:], closed)]


def _is_free(run: Run, place: Place, closed: Collection[tuple[bool, Spot]]) -> bool:
    if is_orphan(run) or needs_of(run, place).fault is not None:
        return False
    return not any((place == ITSELF, spot) in closed for spot in places_of(run, place))


def reject(run: Run, met: Met, *, is_delayed: bool, is_let_in: bool) -> None:
    """A start with on_limit = reject is refused if there is no room, unless it has a delay.

    If others wait for the same room, it is left open which of them comes first.
    """
    is_rejecting = run.workflow.limits and run.workflow.on_limit == "reject"
    if not (is_rejecting and met.is_new and not is_delayed):
        return
    replaced = [other.run_id for other in met.replaced]
    if needs_of(run, ITSELF).fault is not None:
        raise Refused(BAD_INPUT)
    if without_room(run, ITSELF, replaced):
        raise Refused(LIMIT_REACHED)
    wanted = places_of(run, ITSELF).keys()
    others = [other for other in runs_in_line(run.world) if other.run_id not in replaced]
    if not is_let_in and any(wanted & places_of(other, ITSELF).keys() for other in others):
        raise Refused(LIMIT_REACHED)


def let_in_before(world: World) -> None:
    """A tick that starts runs of schedules may let runs in before it begins them."""
    let_in(world, [run.run_id for run in runs_in_line(world) if world.has_begun(run.run_id)])


def let_in(world: World, run_ids: Iterable[UUID]) -> None:
    """Runs that a call has let in. They begin with the next tick."""
    runs = [world.runs[run_id] for run_id in run_ids if world.runs[run_id].is_in_line]
    for run in runs:
        assert not run.is_paused
        run.own_places, run.let_in_at, run.is_in_line = take(run, ITSELF), world.now, False
        run.set_timer(LET_IN, timedelta(0))
    assert exceeded(world, [spot for run in runs for spot in run.own_places]) == []


def fail_faulty(run: Run) -> None:
    """What was found to have no place in any line fails, and is not tried again."""
    faulty = [place for place in in_line(run) if (run.run_id, *place) in run.world.faulty]
    if ITSELF in faulty:
        run.fail(needs_of(run, ITSELF).fault or "")
        return
    for place in faulty:
        run.task(place).attempt += 1
    attempts.apply(run, {
        place: Result("failed", error=needs_of(run, place).fault or "", is_retryable=False)
        for place in faulty
    })  # fmt: skip


# Runs that are cancelled for others


def overtake(world: World, run_ids: Iterable[UUID]) -> None:
    """Runs that the next tick cancels, because others have found no room."""
    for run_id in run_ids:
        if world.doomed.get(run_id) != OVERTAKEN:
            assert any(world.runs[run_id] in _oldest(world, spot) for spot in _wanted(world))
            world.doomed[run_id] = OVERTAKEN


def _wanted(world: World) -> set[Spot]:
    return {spot for run in _overtaking(world) for spot in without_room(run, ITSELF)}


def _overtaking(world: World) -> list[Run]:
    return [
        run
        for run in runs_in_line(world)
        if run.workflow.on_limit == "cancel_oldest" and needs_of(run, ITSELF).fault is None
    ]


def _oldest(world: World, spot: Spot) -> list[Run]:
    """The runs that have held a place longest; several, if they were let in at the same time."""
    found = [run for run in world.active_runs if spot in run.own_places]
    first = min((run.let_in_at for run in found if run.let_in_at), default=None)
    return [run for run in found if run.let_in_at == first]


def waiting_in_vain(world: World) -> list[UUID]:
    """Runs that wait for the places of other runs, of which none will be cancelled for them."""
    doomed = {s for run in world.active_runs if run.run_id in world.doomed for s in run.own_places}
    return [
        run.run_id
        for run in _overtaking(world)
        if not is_orphan(run)
        and (missing := without_room(run, ITSELF))
        and all(_oldest(world, spot) for spot in missing)
        and not doomed & places_of(run, ITSELF).keys()
    ]
