"""Steps that do what steps should not: the attempt fails, the worker lives and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from stepgres import Client, NonRetryable, RetryAfter, Worker, WorkflowFailed
from stepgres._runner import StepContext
from tests.conftest import Clock, Database
from tests.support.waiting import PATIENCE, join, wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import workflow


def leave(input: Any) -> None:
    raise SystemExit(3)


def interrupt(input: Any) -> None:
    raise KeyboardInterrupt


async def cancel(input: Any) -> None:
    raise asyncio.CancelledError


def recurse(input: Any) -> Any:
    return recurse(input)


def nest(input: Any) -> Any:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def generate(input: Any) -> Any:
    yield 1


async def generate_async(input: Any) -> Any:
    yield 1


def stop(input: Any) -> Any:
    return next(iter(()))


def close(input: Any) -> Any:
    raise GeneratorExit


def half_a_pair(input: Any) -> str:
    return "\ud800"


def nothing(input: Any) -> str:
    return "\0"


def never(input: Any) -> float:
    return float("nan")


def some(input: Any) -> Any:
    return {1, 2}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (leave, "SystemExit: 3"),
        (interrupt, "KeyboardInterrupt"),
        (cancel, "CancelledError"),
        (recurse, "RecursionError"),
        (nest, "RecursionError"),
        (generate, "TypeError: Object of type generator"),
        (generate_async, "TypeError: Object of type async_generator"),
        (stop, "StopIteration"),
        (close, "GeneratorExit"),
        (half_a_pair, "PostgreSQL does not take its result"),
        (nothing, "PostgreSQL does not take its result"),
        (never, "ValueError: Out of range float"),
        (some, "TypeError: Object of type set"),
    ],
)
def test_odd_step_is_a_failed_attempt_and_its_worker_goes_on(
    db: Database, client: Client, function: Callable[[Any], Any], words: str
) -> None:
    odd = workflow(("only", function), max_attempts=1, slug="odd")
    sane = workflow(("only", lambda i: i), slug="sane")
    with running_worker(db.dsn, odd, sane):
        before = worker_ids(db.dsn)
        (run_id,) = register_and_start(client, odd)
        sane_ids = register_and_start(client, sane, [1, 2])
        with pytest.raises(WorkflowFailed, match=words):
            client.wait_for_run(run_id)
        assert [client.wait_for_run(sane_id).output for sane_id in sane_ids] == [1, 2]
        assert worker_ids(db.dsn) == before


def test_result_of_megabytes_is_taken(db: Database, client: Client) -> None:
    flow = workflow(("big", lambda n: "x" * n), ("size", lambda i: len(i["big"])))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow, [20_000_000])
        assert client.wait_for_run(run_id).output == 20_000_000


def test_step_is_retried_as_it_asks(db: Database, client: Client) -> None:
    attempts = []

    def stubborn(input: Any, context: StepContext) -> int:
        attempts.append(context.attempt)
        if context.attempt < 3:
            raise RetryAfter(0.001)
        raise NonRetryable("enough")

    flow = workflow(("only", stubborn), max_attempts=10, base_delay=86_400)
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        with pytest.raises(WorkflowFailed, match="enough"):
            client.wait_for_run(run_id)
    assert attempts == [1, 2, 3]


def test_hanging_thread_times_out_and_does_not_stop_its_worker(
    db: Database, client: Client
) -> None:
    let_go, told = Event(), Event()

    def hang(input: Any, context: StepContext) -> str:
        if context.attempt == 1:
            assert let_go.wait(PATIENCE)
            told.set() if context.cancelled.is_set() else None
        return f"attempt {context.attempt}"

    flow = workflow(("only", hang, {"timeout": 0.05, "base_delay": 0.01}))
    with running_worker(db.dsn, flow, concurrency=1):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id).output == "attempt 2"
        let_go.set()
    assert told.wait(PATIENCE)


def test_step_that_blocks_the_loop_does_not_cost_the_lease(
    db: Database, client: Client, clock: Clock
) -> None:
    begun, let_go = Event(), Event()

    async def block(input: Any) -> str:
        begun.set()
        assert let_go.wait(PATIENCE)
        return "done"

    flow = workflow(("only", block))
    with running_worker(db.dsn, flow, lease=0.5):
        (run_id,) = register_and_start(client, flow)
        before = worker_ids(db.dsn)
        assert begun.wait(PATIENCE)
        beat = "select from stepgres.workers where heartbeat_at = stepgres._now()"
        try:
            for _ in range(3):
                clock.advance(0.4)
                wait_until(lambda: clock.connection.execute(beat).fetchall())
                client.tick()
            assert worker_ids(db.dsn) == before
        finally:
            let_go.set()
        assert client.wait_for_run(run_id).output == "done"


def test_thread_of_a_cancelled_attempt_is_told_when_its_worker_stops(
    db: Database, client: Client
) -> None:
    begun, told = Event(), Event()

    def patient(input: Any, context: StepContext) -> None:
        begun.set()
        assert context.cancelled.wait(PATIENCE)
        told.set()

    flow = workflow(("only", patient))
    register_and_start(client, flow)
    worker = Worker(client, [flow], grace=0.01)
    thread = Thread(target=worker.run)
    thread.start()
    assert begun.wait(PATIENCE)
    worker.stop()
    join(thread)
    assert told.wait(PATIENCE)
