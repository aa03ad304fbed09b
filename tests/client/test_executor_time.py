"""Timeouts of steps and of callers, cancellation, and the lease: time is turned, not waited for."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import threading
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from anyio import from_thread
from psycopg.conninfo import make_conninfo

import stepgres
from stepgres import Executor
from stepgres._execution.heartbeat import Heartbeat
from tests.conftest import Clock, Database
from tests.support.engine import Engine
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workflows import advance_loop, fail, workflow


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        yield Engine(connection)


def hang(input: Any, context: Any) -> Any:
    """A step in a thread that takes longer than a minute, the first time."""
    if context.attempt == 1:
        from_thread.run_sync(advance_loop, 61)
        assert context.cancelled.wait(PATIENCE)
    return context.attempt


async def hang_on_the_loop(input: Any, context: Any) -> Any:
    if context.attempt == 1:
        advance_loop(61)
        await asyncio.Event().wait()
    return context.attempt


@pytest.mark.parametrize("function", [hang, hang_on_the_loop])
def test_step_that_takes_too_long_is_tried_again(
    executor: Executor, engine: Engine, function: Any
) -> None:
    slow = workflow(("slow", function, {"timeout": 60, "base_delay": 0}))
    assert executor.execute(slow, {}).output == 2
    errors = engine.rows("select error from stepgres.attempts")
    assert errors == ["TimeoutError: took longer than 60 s"]


def test_thread_that_hangs_for_good_is_left_behind(executor: Executor) -> None:
    contexts: list[Any] = []

    def hang_on(input: Any, context: Any) -> Any:
        contexts.append(context)
        return hang(input, context)

    options = {"timeout": 60, "base_delay": 0}
    slow = workflow(
        ("slow", hang_on, options), ("next", lambda i: i["slow"], {"depends_on": ["slow"]})
    )
    assert executor.execute(slow, {}).output == 2
    assert all(context.cancelled.is_set() for context in contexts)
    assert contexts[0] is not contexts[1]


def test_timeouts_exhaust_a_step(executor: Executor) -> None:
    slow = workflow(("slow", hang, {"timeout": 60, "max_attempts": 1}))
    with pytest.raises(stepgres.WorkflowFailed, match="TimeoutError: took longer than 60 s"):
        executor.execute(slow, {})


@pytest.mark.parametrize("beats", [True, False])
def test_heartbeat_lets_a_step_take_longer(executor: Executor, beats: bool) -> None:
    def work_for_two_minutes(input: Any, context: Any) -> str:
        for _ in range(3):
            if beats:
                context.heartbeat()
            from_thread.run_sync(advance_loop, 40)
        from_thread.run_sync(int)  # what is due by now has happened when this returns
        return "cancelled" if context.cancelled.is_set() else "done"

    long = workflow(("long", work_for_two_minutes, {"timeout": 60, "max_attempts": 1}))
    if beats:
        assert executor.execute(long, {}).output == "done"
    else:
        with pytest.raises(stepgres.WorkflowFailed, match="TimeoutError"):
            executor.execute(long, {})


def test_heartbeat_of_a_step_on_the_loop(executor: Executor) -> None:
    async def work_for_two_minutes(input: Any, context: Any) -> str:
        for _ in range(3):
            context.heartbeat()
            await asyncio.sleep(0)
            advance_loop(40)
            await asyncio.sleep(0)
        return "done"

    long = workflow(("long", work_for_two_minutes, {"timeout": 60, "max_attempts": 1}))
    assert executor.execute(long, {}).output == "done"


def test_heartbeat_after_the_end_does_nothing(executor: Executor) -> None:
    contexts: list[Any] = []
    keep = workflow(("keep", lambda _, context: contexts.append(context)))
    executor.execute(keep, {})
    contexts[0].heartbeat()


def test_run_goes_on_when_its_caller_has_no_time_left(executor: Executor, engine: Engine) -> None:
    contexts: list[Any] = []

    def take_six_minutes(input: Any, context: Any) -> None:
        contexts.append(context)
        from_thread.run_sync(advance_loop, 360)
        assert context.cancelled.wait(PATIENCE)

    slow = workflow(("slow", take_six_minutes), ("after", len), timeout=600)
    with pytest.raises(stepgres.WorkflowTimeout) as late:
        executor.execute(slow, [1])
    run_id = late.value.run_id
    assert contexts[0].cancelled.is_set()
    assert engine.status(run_id)[0] == "in_progress"
    assert engine.tasks(run_id) == {("slow", 0): "queued"}
    assert engine.tickets() == [(run_id, "slow", 0)]
    engine.drain({"after": len})
    assert engine.output(run_id) == 1


def test_run_that_fails_does_not_wait_for_its_other_steps(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepgres._execution.local_run._LOOK_INTERVAL", 0)
    ends = [Event(), Event()]

    def stay(input: Any, context: Any) -> None:
        assert context.cancelled.wait(PATIENCE)
        ends[0].set()

    async def stay_on_the_loop(input: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends[1].set()

    steps: list[Any] = [("a", stay, {}), ("b", stay_on_the_loop, {}), ("fail", fail, {})]
    branches = workflow(*steps, timeout=3600)
    with pytest.raises(stepgres.WorkflowFailed, match='step "fail"'):
        executor.execute(branches, {})
    assert all(end.wait(PATIENCE) for end in ends)


@pytest.mark.anyio
async def test_executor_that_is_cancelled_hands_everything_back(
    db: Database, engine: Engine
) -> None:
    is_started = asyncio.Event()

    async def stay(input: Any) -> None:
        is_started.set()
        await asyncio.Event().wait()

    async with stepgres.AsyncClient(db.dsn) as client:
        run = stepgres.AsyncExecutor(client).execute(workflow(("stay", stay)), {})
        task = asyncio.create_task(run)
        await is_started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert engine.rows("select worker_id from stepgres.workers") == ["worker"]
    assert engine.claim_one().attempt == 1  # no attempt was counted


def interrupt_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_this_thread() -> None:
    """As if the main thread had been about to wait: its wait is not ended."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.parametrize("interrupt", [interrupt_process, interrupt_this_thread])
def test_executor_that_is_interrupted_hands_everything_back(
    executor: Executor, engine: Engine, interrupt: Callable[[], None]
) -> None:
    def press_ctrl_c(input: Any, context: Any) -> None:
        interrupt()
        assert context.cancelled.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):
        executor.execute(workflow(("stay", press_ctrl_c)), {})
    assert engine.rows("select worker_id from stepgres.workers") == ["worker"]
    assert engine.claim_one().attempt == 1


def test_step_that_blocks_the_loop_keeps_its_lease(
    executor: Executor, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "stepgres._execution.run_worker.Heartbeat",
        lambda dsn, worker, *_: Heartbeat(dsn, worker, 0),
    )
    query = "select from stepgres.workers where queues = '{}' and heartbeat_at = stepgres._now()"

    async def block(input: Any) -> int:
        for _ in range(3):
            clock.advance(10)  # of the 15 seconds of the lease
            wait_until(lambda: engine.connection.execute(query).rowcount)
            engine.call("tick")
        return 30

    assert executor.execute(workflow(("block", block)), {}).output == 30


def test_lost_connection_does_not_stop_the_heartbeat(
    db: Database, engine: Engine, clock: Clock
) -> None:
    beat = "select from stepgres.workers where heartbeat_at = stepgres._now()"
    end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'heart'"
    with Heartbeat(make_conninfo(db.dsn, application_name="heart"), engine.worker_id, 0):
        for _ in range(3):
            wait_until(lambda: engine.rows(end))
            clock.advance(dt.timedelta(days=1).total_seconds() / 2)
            wait_until(lambda: engine.connection.execute(beat).rowcount)


def test_output_is_not_lost_with_the_worker(
    db: Database, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.connection.execute(
        """
        create or replace function stepgres.unregister_worker(worker_id text) returns int
        language plpgsql as $$ begin raise exception 'no'; end $$
        """
    )
    with stepgres.Client(db.dsn) as client:
        assert Executor(client).execute(workflow(("fine", len)), "four").output == 4
    assert "was not unregistered" in caplog.text
