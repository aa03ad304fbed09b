"""Queues that are closed, dropped and made while others send to them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, step
from tests.support.sessions import Sessions


def use_queue(engine: Engine, clock: Clock) -> None:
    """The queue of priority 7 exists, is empty, and in use until the next tick."""
    engine.define("order", step("a"))
    engine.start("order", priority=7)
    assert len(engine.drain()) == 1
    clock.advance(1)


def is_idle(engine: Engine) -> list[bool]:
    return engine.rows("select is_idle from stepgres.queues where priority = 7")


def test_queue_that_somebody_is_sending_to_does_not_become_idle(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    use_queue(engine, clock)
    sender = engine.on(sessions.connect())
    with sender.connection.transaction():
        sender.start("order", priority=7)
        sessions.without_waiting(engine.connection, partial(engine.call, "tick"))
        assert is_idle(engine) == [False]
    assert len(engine.drain()) == 1


def test_ticket_that_is_sent_while_its_queue_is_being_closed_is_found(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    use_queue(engine, clock)
    ticking, sender = engine.on(sessions.connect()), engine.on(sessions.connect())
    with ticking.connection.transaction():
        ticking.call("tick")
        assert is_idle(ticking) == [True]
        run = sessions.until_blocked(sender.connection, partial(sender.start, "order", priority=7))
    run.result()
    assert is_idle(engine) == [False]
    assert len(engine.drain()) == 1


def be_about_to_retire(engine: Engine, clock: Clock) -> None:
    """The next tick drops the queue of priority 7."""
    use_queue(engine, clock)
    engine.call("tick")
    clock.advance(660)


def test_run_that_is_started_while_its_queue_is_dropped_gets_a_new_one(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    be_about_to_retire(engine, clock)
    ticking, sender = engine.on(sessions.connect()), engine.on(sessions.connect())
    with ticking.connection.transaction():
        ticking.call("tick")
        assert is_idle(ticking) == []
        run = sessions.until_blocked(sender.connection, partial(sender.start, "order", priority=7))
    run.result()
    assert len(engine.drain()) == 1


@pytest.mark.parametrize("is_committed", [True, False])
def test_queue_is_not_dropped_while_a_run_is_started_that_needs_it(
    engine: Engine, sessions: Sessions, clock: Clock, is_committed: bool
) -> None:
    be_about_to_retire(engine, clock)
    sender = engine.on(sessions.connect())
    with sender.connection.transaction(force_rollback=not is_committed):
        sender.start("order", priority=7)
        sessions.without_waiting(engine.connection, partial(engine.call, "tick"))
    assert len(is_idle(engine)) == 1
    assert len(engine.drain()) == is_committed


def test_queue_is_not_dropped_while_a_definition_that_needs_it_is_registered(
    engine: Engine, sessions: Sessions, clock: Clock
) -> None:
    be_about_to_retire(engine, clock)
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.define("urgent", step("a", priority=7))
        sessions.without_waiting(engine.connection, partial(engine.call, "tick"))
    engine.start("urgent")
    assert len(engine.drain()) == 1


def test_workflows_with_a_common_queue_are_deleted_at_once(
    engine: Engine, sessions: Sessions
) -> None:
    slugs = [f"flow_{i}" for i in range(4)]
    for slug in slugs:
        engine.define(slug, step("a"), queue="common", priority=3)
    others = [engine.on(sessions.connect()) for _ in slugs]
    sessions.at_once(
        *(
            partial(other.call, "delete_flow", workflow_id=slug)
            for other, slug in zip(others, slugs, strict=True)
        )
    )
    engine.define("order", step("a"), queue="common", priority=3)
    engine.start("order")
    assert len(engine.tickets()) == 1


@pytest.mark.parametrize("function", ["cancel_workflow_run", "pause_workflow_run"])
@pytest.mark.parametrize("is_committed", [True, False])
def test_ticket_that_is_being_sent_on_is_withdrawn_with_its_run(
    engine: Engine, sessions: Sessions, function: str, is_committed: bool
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    stranger = Engine(sessions.connect(), "setup", queues=[]).colleague("stranger", workflows={})
    with stranger.connection.transaction(force_rollback=not is_committed):
        assert stranger.claim() == []
        call = sessions.until_blocked(
            engine.connection, partial(engine.call, function, run_id=run_id)
        )
    call.result()
    assert engine.tickets() == []


def test_queue_that_another_transaction_has_made_is_not_locked(
    engine: Engine, sessions: Sessions
) -> None:
    def ensure(caller: Engine) -> Any:
        return caller.call(
            "_ensure_queue", queue="mail", priority=3, resources=Jsonb({}), lane=Jsonb({})
        )

    first, second = (engine.on(sessions.connect()) for _ in range(2))
    with second.connection.transaction():
        with first.connection.transaction():
            queue = ensure(first)
            call = sessions.until_blocked(second.connection, partial(ensure, second))
        assert call.result() == queue
        locks = second.connection.execute(
            "select mode from pg_locks where pid = pg_backend_pid() and relation = %s::regclass",
            [f"pgmq.q_{queue}"],
        )
        assert {mode for (mode,) in locks} <= {"AccessShareLock"}


def test_workers_that_send_tickets_of_each_other_on_do_not_deadlock(
    engine: Engine, sessions: Sessions
) -> None:
    slugs = [f"flow_{i}" for i in range(6)]
    for slug in slugs:
        engine.define(slug, step("a"), step("b", "a"), step("c", "b"))
    engine.call("register_worker", worker_id=engine.worker_id, queues=[])
    workers = []
    for slug in slugs:
        worker = Engine(sessions.connect(), slug, queues=[])
        workers.append(worker.colleague(slug, workflows={slug: 1}))
    for _ in range(5):
        for slug in slugs:
            engine.start(slug)

    def work(worker: Engine) -> int:
        executed = 0
        while executed < 15:
            items = worker.claim(3)
            assert worker.work([item.completed() for item in items]) == []
            assert {item.workflow_slug for item in items} <= {worker.worker_id}
            executed += len(items)
        return executed

    assert sessions.at_once(*(partial(work, worker) for worker in workers)) == [15] * 6
    assert engine.tickets() == []
