"""Calls that meet on one run: whoever comes first, it is as if they came in turn."""

from __future__ import annotations

from functools import partial
from itertools import permutations, product
from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine
from tests.support.races import BEGINNINGS, CALLS, SKIPPING, Arena, State, outcome
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

# What each call has answered, in order, and what has become of the run.
Seen = tuple[list[Any], Any]

# Serial orders are the same in every database of a server.
_seen_in_turn: dict[tuple[str, State, tuple[str, ...]], Seen] = {}


class Race:
    """Calls in sessions of their own, one after the other or at the same time."""

    def __init__(self, engine: Engine, sessions: Sessions, clock: Clock) -> None:
        self.arena = Arena(engine, clock)
        self.sessions = sessions
        self.callers = [engine.on(sessions.connect()) for _ in range(3)]

    def in_turn(self, state: State, *calls: str) -> Seen:
        key = (self.arena.engine.connection.info.host, state, calls)
        if key not in _seen_in_turn:
            self.arena.prepare(state)
            answers = [outcome(call, self.arena, self.callers[0]) for call in calls]
            self.arena.settle(state)
            _seen_in_turn[key] = (answers, self.arena.observe())
        return _seen_in_turn[key]

    def at_once(self, state: State, *calls: str, is_committed: bool = True) -> Seen:
        """The first ends its transaction when the others wait or are done."""
        self.arena.prepare(state)
        first, *others = zip(calls, self.callers, strict=False)
        with first[1].connection.transaction(force_rollback=not is_committed):
            answers = [outcome(first[0], self.arena, first[1])]
            futures = [
                self.sessions.until_blocked_or_done(
                    caller.connection, partial(outcome, call, self.arena, caller)
                )
                for call, caller in others
            ]
        answers += [future.result(PATIENCE) for future in futures]
        self.arena.settle(state)
        seen = (answers, self.arena.observe())
        assert self.arena.engine.rows("select * from stepgres.fsck()") == [], (state, calls)
        self.arena.finish()
        return seen

    def all_turns(self, state: State, *calls: str) -> list[Seen]:
        """What is seen in every order, the answers in the order of the calls given."""
        turns = []
        for order in permutations(range(len(calls))):
            answers, end = self.in_turn(state, *(calls[place] for place in order))
            turns.append(([answers[order.index(place)] for place in range(len(calls))], end))
        return turns

    def makes_sense(self, state: State, *calls: str) -> bool:
        """Whether one of the calls changes something."""
        (_, untouched) = self.in_turn(state)
        return any(self.in_turn(state, call)[1] != untouched for call in calls)


@pytest.fixture
def race(engine: Engine, sessions: Sessions, clock: Clock) -> Race:
    return Race(engine, sessions, clock)


@pytest.mark.parametrize(("shape", "base"), BEGINNINGS)
def test_two_calls_at_once_are_as_one_after_the_other(race: Race, shape: str, base: str) -> None:
    for first, second in product(CALLS, repeat=2):
        state = State.for_calls(shape, base, (first, second))
        if not race.makes_sense(state, first, second):
            continue
        turns = race.all_turns(state, first, second)
        assert race.at_once(state, first, second) in turns, (first, second)

        (_, answer), end = race.at_once(state, first, second, is_committed=False)
        alone = [race.in_turn(state, second)]
        # it may have found nothing that was not locked, or that its worker was being ended
        if second in SKIPPING or answer == "SG006":
            alone.append(([answer], race.in_turn(state)[1]))
        assert ([answer], end) in alone, (first, second)


TRIPLES = [
    ("completion", "cancel", "claim"),
    ("failure", "retry", "cancel"),
    ("failure", "retry", "prune"),
    ("pause", "takeover", "claim"),
    ("pause", "resume", "completion"),
    ("timer", "cancel", "claim"),
    ("timer", "completion", "retry"),
    ("takeover", "completion", "cancel"),
]


@pytest.mark.parametrize("shape", ["last", "busy"])
@pytest.mark.parametrize("triple", TRIPLES, ids="-".join)
def test_three_calls_at_once_are_as_one_after_the_other(
    race: Race, shape: str, triple: tuple[str, str, str]
) -> None:
    state = State.for_calls(shape, "active", triple)
    for calls in permutations(triple):
        assert race.at_once(state, *calls) in race.all_turns(state, *calls), calls
