"""Limits under many sessions: never exceeded, no deadlock, no start that waits."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.conftest import Database
from tests.support.engine import Engine, WorkItem, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE, wait_until

FEATURES = ["durable", "limits"]
TENANTS = 5
GLOBAL, EACH = 4, 2


class Running:
    """What workers have claimed and not yet given back, as they know it themselves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: Counter[Any] = Counter()
        self.exceeded: list[Any] = []

    def begin(self, item: WorkItem) -> None:
        with self._lock:
            for key, most in self._limits(item):
                self._keys[key] += 1
                if self._keys[key] > most:
                    self.exceeded.append((key, self._keys[key]))

    def end(self, item: WorkItem) -> None:
        with self._lock:
            for key, _ in self._limits(item):
                self._keys[key] -= 1

    @staticmethod
    def _limits(item: WorkItem) -> list[tuple[Any, int]]:
        return [("all", GLOBAL), (item.input["tenant"], EACH)]


def work(engine: Engine, running: Running, chance: random.Random, is_over: Any) -> int:
    """Claim and give back tasks, a few at a time, until nothing is left."""
    results: list[dict[str, Any]] = []
    count = 0
    while True:
        # the result of a run that was cancelled meanwhile is refused
        answer = engine.work(results, capacity=chance.randint(1, 3))
        items = [item for item in answer if not item.is_refused]
        results = []
        for item in items:
            running.begin(item)
        for item in items:
            running.end(item)
            count += 1
            results.append(
                chance.choice([item.completed(), item.completed(), item.failed(), item.released()])
            )
        if not items and is_over():
            return count


@pytest.mark.parametrize("fair_by", [None, "$.number"])
def test_limits_hold_whoever_claims_cancels_and_pauses(
    db: Database, engine: Engine, sessions: Sessions, fair_by: str | None
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=GLOBAL)
    engine.call("create_limit", limit_slug="each", max_running=EACH)
    use = {"fair_by": fair_by} if fair_by else {}
    limits = [{"limit": "each", "key": "$.tenant"}, {"limit": "all", **use}]
    options = {"max_attempts": 100, "base_delay": 0}
    engine.define("order", step("a", limits=limits, **options), step("b", limits=limits, **options))
    engine.start("order", {"tenant": 0, "number": 0})
    running = Running()

    def start_and_change(seed: int) -> None:
        chance = random.Random(seed)
        client = Engine(sessions.connect(), f"client {seed}")
        for number in range(60):
            run_id = client.start("order", {"tenant": chance.randrange(TENANTS), "number": number})
            match chance.randrange(8):
                case 0:
                    client.call("cancel_workflow_run", run_id=run_id)
                case 1:
                    paused = client.rows("select stepgres.pause_runs()")
                    assert paused is not None
                    client.rows("select stepgres.resume_runs()")
        client.rows("select stepgres.resume_runs()")

    def tick() -> None:
        ticker = Engine(sessions.connect(), "ticker")
        while not is_over():
            ticker.call("tick")

    clients = [threading.Event() for _ in range(2)]

    def change(place: int) -> None:
        try:
            start_and_change(place)
        finally:
            clients[place].set()

    def is_over() -> bool:
        if not all(client.is_set() for client in clients):
            return False
        with db.connect() as connection:
            return not connection.execute("select from stepgres.active_runs limit 1").fetchall()

    workers = [
        partial(
            work,
            Engine(sessions.connect(), f"worker {place}", features=FEATURES),
            running,
            random.Random(place),
            is_over,
        )
        for place in range(4)
    ]
    sessions.at_once(*workers, partial(change, 0), partial(change, 1), tick)
    assert running.exceeded == []
    assert engine.rows("select * from stepgres.line_entries") == []
    assert engine.rows("select * from stepgres.places") == []


def test_a_long_transaction_that_starts_runs_holds_up_nobody(
    engine: Engine, sessions: Sessions
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=5)
    engine.define("task", step("a", limits=[{"limit": "all"}]))
    engine.define("whole", step("a"), limits=[{"limit": "all", "key": "$.whole"}])
    worker = sessions.worker("limited", features=FEATURES)
    for slug in ("task", "whole"):
        engine.start(slug)
    client = Engine(sessions.connect(), "client")
    with client.connection.transaction():
        client.start("task")
        client.start("whole")
        (item,) = worker.claim(1)
        engine.start("task")
        worker.work([item.completed()])
        worker.call("tick")


def test_a_long_transaction_that_ends_work_holds_up_nobody(
    engine: Engine, sessions: Sessions
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=2)
    engine.define("order", step("a", limits=[{"limit": "all"}]))
    runs = [engine.start("order", number) for number in range(5)]
    first, second = (
        sessions.worker("one", features=FEATURES),
        sessions.worker("two", features=FEATURES),
    )
    (item,) = first.claim(1)
    (other,) = second.claim(1)
    client = Engine(sessions.connect(), "client")
    with client.connection.transaction():
        client.call("cancel_workflow_run", run_id=item.run_id)
        (third,) = second.work([other.completed()], capacity=5)
        assert third.run_id in runs
    assert len(second.claim()) == 1, "the place is free when the transaction is over"


@pytest.mark.parametrize("count", [2, 5])
def test_claims_of_one_key_wait_for_each_other(
    engine: Engine, sessions: Sessions, count: int
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=count)
    engine.define("order", step("a", limits=[{"limit": "all"}]))
    for number in range(20):
        engine.start("order", number)
    workers = [sessions.worker(f"worker {place}", features=FEATURES) for place in range(8)]
    claims = [partial(worker.claim, 1) for worker in workers]
    # a claim that finds the entries locked by another one finds them at the next time
    found = sum(map(len, sessions.at_once(*claims) + sessions.at_once(*claims)))
    assert found == count


def test_a_place_that_is_freed_while_a_line_is_held_up_is_not_lost(
    engine: Engine, sessions: Sessions
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "all"}]))
    engine.start("order", 1)
    engine.start("order", 2)
    worker, other = (sessions.worker(name, features=FEATURES) for name in ("one", "two"))
    (item,) = worker.claim(1)
    with worker.connection.transaction():
        worker.work([item.completed()])
        # sees the place taken, and lets the line stand at the key
        assert other.claim() == []
    assert len(other.claim()) == 1


def test_a_waiting_worker_is_told_when_a_place_is_free(engine: Engine, sessions: Sessions) -> None:
    engine.call("create_limit", limit_slug="all", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "all"}]), queue="slow")
    for number in range(2):
        engine.start("order", number)
    worker = sessions.worker("slow one", queues=["slow"], features=FEATURES)
    (item,) = worker.claim(1)
    waiting = sessions.worker("waiting", queues=["slow"], features=FEATURES)
    (name,) = waiting.rows("select stepgres.wakeup_name('slow')")
    waiting.connection.execute(f'listen "{name}"'.encode())
    query = "select * from stepgres.work('waiting', is_waiting => true)"
    assert waiting.rows(query) == []
    worker.call("cancel_workflow_run", run_id=item.run_id)
    told = next(waiting.connection.notifies(timeout=PATIENCE, stop_after=1))
    assert told.channel == name
    wait_until(waiting.claim, bool, what="the second task to be claimed")


def test_task_that_is_let_in_during_a_takeover_does_not_stand_in_line_again(
    engine: Engine, sessions: Sessions
) -> None:
    engine.call("create_limit", limit_slug="all", max_running=2)
    engine.define(
        "order", step("a", limits=[{"limit": "all"}]), step("b", limits=[{"limit": "all"}])
    )
    engine.start("order")
    dead, other = (sessions.worker(name, features=FEATURES) for name in ("dead", "other"))
    (lost,) = dead.claim(1)
    engine.connection.execute(
        "update stepgres.workers set heartbeat_at = '-infinity' where worker_id = 'dead'"
    )
    with other.connection.transaction():
        (item,) = other.claim(1)
        tick = sessions.until_blocked(engine.connection, lambda: engine.call("tick"))
    tick.result(PATIENCE)
    assert engine.rows("select step_slug from stepgres.line_entries") == [lost.step_slug]
    other.work([item.completed()])
    engine.drain()
