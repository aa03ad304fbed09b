"""A run on which several calls make sense, the calls, and what is to be seen afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, step

if TYPE_CHECKING:
    from tests.conftest import Clock

SOON = 10  # seconds
NEVER = 10 * 86_400  # as good as that
_FORGET = b"""
    delete from stepgres.attempts;
    delete from stepgres.tasks;
    delete from stepgres.step_states;
    delete from stepgres.timers;
    delete from stepgres.active_runs;
    delete from stepgres.failed_runs;
    delete from stepgres.sweeps;
    delete from stepgres.pauses;
    delete from stepgres.wakes;
    delete from stepgres.failure_runs;
    delete from stepgres.runs;
    delete from pgmq.q_stepgres_default;
"""
# All that a user can see of each run, without ids and times; of tickets, which tasks have one.
_OBSERVE = """
    select jsonb_build_array(
        to_jsonb(r)
            - '{run_id,inserted_at,paused_at,cancelled_at,finished_at,retried_from}'::text[]
            - 'failure_of'
            - case when r.failure_of is not null then 'input' else '' end,
        r.failure_of is not null,
        array(
            select f.run_id is not null from stepgres.failure_runs as f
            where f.failed_run_id = r.run_id
        ),
        r.retried_from is not null, r.paused_at is not null, r.cancelled_at is not null,
        array(
            select to_jsonb(s) - '{run_id,started_at,finished_at,queued_from}'::text[]
            from stepgres.step_states as s where s.run_id = r.run_id order by s.step_slug
        ),
        array(
            select to_jsonb(t) - '{run_id,queued_at,started_at,finished_at,msg_id}'::text[]
                || jsonb_build_object('has_ticket', t.msg_id is not null)
            from stepgres.tasks as t where t.run_id = r.run_id order by t.step_slug, t.task_index
        ),
        array(
            select jsonb_build_array(
                m.kind, m.step_slug, m.task_index, m.remaining,
                nullif(m.due_at, 'infinity') - stepgres._now()
            )
            from stepgres.timers as m where m.run_id = r.run_id
            order by m.kind, m.step_slug, m.task_index
        ),
        array(
            select to_jsonb(a) - '{run_id,started_at,failed_at}'::text[]
            from stepgres.attempts as a where a.run_id = r.run_id
            order by a.step_slug, a.task_index, a.attempt
        ),
        array(
            select distinct q.message - 'run_id' from pgmq.q_stepgres_default as q
            where q.message ->> 'run_id' = r.run_id::text
            order by 1
        )
    )
    from stepgres.runs as r
    order by 1
"""

# The shape of a run, and what was done to it.
BEGINNINGS = [
    ("last", "active"),
    ("last", "paused"),
    ("busy", "active"),
    ("busy", "paused"),
    ("busy", "failed"),
]


@dataclass(frozen=True)
class State:
    """How far a run has come: its shape, what was done to it, and what is due."""

    shape: str
    base: str
    is_worker_dead: bool
    is_timer_due: bool
    is_pruned: bool

    @classmethod
    def for_calls(cls, shape: str, base: str, calls: tuple[str, ...]) -> State:
        return cls(shape, base, "takeover" in calls, "timer" in calls, "prune" in calls)


@dataclass
class Arena:
    """One run at a time in a database of its own, its workers, and what they have claimed."""

    engine: Engine
    clock: Clock
    run_id: UUID = field(default_factory=lambda: UUID(int=0))
    completion: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.register_workers()
        # a run of it ends when it starts
        self.engine.define("alert", step("tell", condition="$.never"))
        only = step("only", max_attempts=1)
        self.engine.define("last", only, step("after", "only"), on_failure="alert")
        self.engine.define(
            "busy",
            step("done"),
            step("finishing"),
            step("failing", max_attempts=1),
            step("held"),
            step("late"),
            step("open"),
            step("each", initial_tasks=4),
            step("after", "finishing", "done"),
            step("join", "after", "each"),
            on_failure="alert",
        )

    def prepare(self, state: State) -> None:
        """A fresh run in this state, and no other."""
        engine = self.engine
        engine.connection.execute(_FORGET)
        for worker_id in ("worker", "other"):
            engine.call("heartbeat", worker_id=worker_id)
        lease = f"{SOON if state.is_worker_dead else NEVER} s"
        engine.call("register_worker", worker_id="mortal", lease=lease)
        delay = SOON if state.is_timer_due else NEVER
        if state.shape == "last":
            self._start_last(delay)
        else:
            self._start_busy(delay)
        if state.base == "paused":
            engine.call("pause_workflow_run", run_id=self.run_id)
        elif state.base == "failed":
            engine.call("cancel_workflow_run", run_id=self.run_id)
        self.clock.advance(SOON)

    def _start_last(self, deadline: int) -> None:
        """Only the last result is missing, of a worker that may be dead; there is a deadline."""
        self.run_id = self.engine.start("last", deadline=f"{deadline} s")
        self.engine.work([self.engine.claim_one().completed(1)])
        (item,) = self._as("mortal").claim()
        self.completion = item.completed("last")
        self.failure = item.failed("no luck", retryable=False)

    def _start_busy(self, delay: int) -> None:
        """Every status that a task can have, and a step that is not ready."""
        self.run_id = self.engine.start("busy", {})
        items = {item.place: item for item in self.engine.claim()}
        late = items["late", 0].failed("at first", retry_after=delay)
        done = [items[place].completed(1) for place in (("done", 0), ("each", 0))]
        self.engine.work([late, *done, items["held", 0].released()])
        self._as("mortal").claim()
        free = [("open", 0), ("each", 1), ("each", 2)]
        self.engine.work([items[place].released() for place in free])
        self.completion = items["finishing", 0].completed("first")
        self.failure = items["failing", 0].failed("no luck")

    def _as(self, worker_id: str) -> Engine:
        worker = self.engine.on(self.engine.connection)
        worker.worker_id = worker_id
        return worker

    def settle(self, state: State) -> None:
        """What was locked when a tick, a claim or a prune came by is found by the next one."""
        self.clock.advance(SOON + 1)  # the search for lost tickets has an interval
        for _ in range(2):  # what a tick fails, the next one starts alerts for
            self.engine.call("tick")
        if state.is_pruned:
            CALLS["prune"](self, self.engine)

    def finish(self) -> None:
        """Whatever has become of the runs, they can be brought to their end."""
        rows = self.engine.rows
        rows(
            "select stepgres.resume_workflow_run(run_id)"
            " from stepgres.runs where paused_at is not null"
        )
        self.register_workers()  # which gives back all that they have claimed
        self.clock.advance(NEVER)
        self.engine.call("tick")
        self.engine.drain()
        assert rows("select run_id from stepgres.active_runs") == []
        assert self.engine.tickets() == []

    def register_workers(self) -> None:
        for worker_id in ("worker", "other", "mortal"):
            self.engine.call("register_worker", worker_id=worker_id, lease="300 days")

    def observe(self) -> list[Any]:
        return self.engine.rows(_OBSERVE)


Call = Callable[[Arena, Engine], Any]


def _send(worker_id: str, result: dict[str, Any], session: Engine) -> list[Any]:
    answers = session.items("work", worker_id=worker_id, results=Jsonb([result]), capacity=0)
    return [item.is_refused for item in answers]


def _holder(arena: Arena) -> str:
    return "mortal" if arena.completion["step_slug"] == "after" else "worker"


def _on_run(function: str, **arguments: Any) -> Call:
    def call(arena: Arena, session: Engine) -> None:
        session.call(function, run_id=arena.run_id, **arguments)

    return call


def _wake(arena: Arena, session: Engine) -> Any:
    return session.call("wake_workflow_run", run_id=arena.run_id)


def _claim(arena: Arena, session: Engine) -> list[Any]:
    items = session.items("claim_tasks", worker_id="other", capacity=100)
    return [(*item.place, item.attempt, item.input) for item in items]


# How much these have found is seen in the state.


def _tick(arena: Arena, session: Engine) -> None:
    session.call("tick")


def _prune(arena: Arena, session: Engine) -> None:
    session.call("prune", older_than="0 s")


# Everything that can happen to a run. What a tick finds due, the state decides.
CALLS: dict[str, Call] = {
    "completion": lambda arena, session: _send(_holder(arena), arena.completion, session),
    "failure": lambda arena, session: _send(_holder(arena), arena.failure, session),
    "cancel": _on_run("cancel_workflow_run"),
    "pause": _on_run("pause_workflow_run"),
    "resume": _on_run("resume_workflow_run"),
    "wake": _wake,
    "retry": _on_run("retry_failed_workflow"),
    "claim": _claim,
    "takeover": _tick,
    "timer": _tick,
    "prune": _prune,
}

# Those that leave alone what others have locked, instead of waiting for it.
SKIPPING = {"claim", "takeover", "timer", "prune"}


def outcome(call: str, arena: Arena, session: Engine) -> Any:
    """What the call returns, or the SQLSTATE of its error; the transaction goes on."""
    try:
        with session.connection.transaction():
            return CALLS[call](arena, session)
    except psycopg.Error as error:
        return error.sqlstate
