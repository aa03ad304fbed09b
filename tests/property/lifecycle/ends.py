"""What brings runs forward, and in the end all of them to their ends."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.property.lifecycle import approvals, inputs, limits, retention
from tests.property.lifecycle.actions import EVERYTHING, Actions
from tests.property.lifecycle.run import Run
from tests.property.lifecycle.states import ITSELF, Result, TaskKey
from tests.property.lifecycle.waits import Decision, Signal, TimerKey

# Of the last attempts, which are not drawn: an array is good for every step.
ENDINGS = [Result("completed", output) for output in ([], [{"n": 4}, None], [5, "a", True])]
ENDINGS += [Result("failed", error="no luck")]
LAST = "zelda"  # a worker
GOOD_PAYLOAD = {"n": 5}  # which every wait takes, if the input of its step has what it looks for


def signal_all(actions: Actions, payload: Any = GOOD_PAYLOAD) -> None:
    """Every signal that is waited for."""
    for run in actions.model.active_runs:
        for wait in list(run.waits.values()):
            if wait.is_open and wait.signal is not None:
                actions.signal(Signal(wait.signal, payload, run_id=run.run_id))


def approve_all(actions: Actions) -> bool:
    """Whether there was something to approve."""
    number = 0
    for run in actions.model.active_runs:
        for key, wait in list(run.waits.items()):
            for name in ("ann", "ben") if wait.approval is not None else ():
                if wait.is_open and approvals.verdict(wait) is None:
                    actions.decide(run.run_id, key, Decision(True, name, 1))
                    number += 1
    return number > 0


def drain(actions: Actions) -> None:
    """Nothing is ever stuck: with a worker for everything all runs come to their end."""
    model = actions.model
    for queue in list(model.paused_queues):
        actions.steer_queue(queue, "resume")
    for schedule_slug in list(model.world.schedules):
        actions.change_schedule(schedule_slug, "delete")
    for run in model.active_runs:
        if run.is_paused:
            actions.steer(run.run_id, "resume")
    for worker_id in list(model.workers):
        actions.unregister(worker_id)
    actions.register(LAST, (["default", "slow"], {"gpu": True}), timedelta(days=100))
    chance = random.Random(len(actions.claimed))
    while model.active_runs:
        results = [(item, chance.choice(ENDINGS)) for item in actions.held(LAST)]
        actions.turn(LAST, results, EVERYTHING)
        if not actions.held(LAST):
            go_on(actions)
    retire(actions)
    actions.report()
    assert actions.engine.tickets() == []
    assert actions.engine.rows("table stepgres.line_entries") == []
    assert actions.engine.rows("table stepgres.places") == []


def retire(actions: Actions) -> None:
    """In the end no old run is left that is not to be kept."""
    for _ in range(20):
        actions.advance(timedelta(minutes=1))
        if not any(map(retention.may_go, actions.model.runs.values())):
            return
        actions.tick()
    raise AssertionError("old runs are left")


def go_on(actions: Actions) -> None:
    """What is waited for comes, or the next time."""
    for run in actions.model.active_runs:
        if run.is_active and waits_in_vain(run):
            actions.steer(run.run_id, "cancel")
    signal_all(actions)
    if approve_all(actions):
        return
    waiting = claimable_or_in_line(actions)
    if not all(map(actions.model.is_limited, waiting)) or (waiting and take_turns(actions)):
        return
    if actions.model.active_runs:
        due, last = actions.model.next_due(), actions.model.world.now + timedelta(days=1)
        assert (due or last) < last, f"nothing will ever happen again: {stuck(actions)}"
        actions.advance_to_next_due()
        actions.tick()


def stuck(actions: Actions) -> list[Any]:
    """What the active runs wait for."""
    return actions.engine.rows(
        "select a.run_id, w.step_slug, w.detail"
        " from stepgres.active_runs as a cross join lateral stepgres.why_stuck(a.run_id) as w"
    )


def claimable_or_in_line(actions: Actions) -> set[TaskKey]:
    waiting = limits.runs_in_line(actions.model.world)
    return {*actions.model.claimable(LAST), *((run.run_id, *ITSELF) for run in waiting)}


def take_turns(actions: Actions) -> bool:
    """Whether something is let in, or fails because it fits nowhere: if all is free it must."""
    before = claimable_or_in_line(actions), unfinished(actions)
    for _ in range(3):
        actions.tick()
        actions.turn(LAST, [], EVERYTHING)
    after = claimable_or_in_line(actions), unfinished(actions)
    is_let_in = after != before or bool(actions.held(LAST))
    assert is_let_in or limits.held(actions.model.world), "nothing is let in"
    return is_let_in


def unfinished(actions: Actions) -> list[tuple[UUID, bool, list[TimerKey]]]:
    """The active runs, whether they have begun, and their open waits."""
    return [
        (run.run_id, run.has_begun, [key for key, wait in run.waits.items() if wait.is_open])
        for run in actions.model.active_runs
    ]


def waits_in_vain(run: Run) -> bool:
    """No payload meets a match that compares with what the input does not have."""
    return any(
        wait.is_open
        and wait.signal is not None
        and not wait.takes(Signal(wait.signal, GOOD_PAYLOAD), inputs.of_step(run, wait.slug))
        for wait in run.waits.values()
    )
