"""Steps that do what steps should not: the attempt fails, the worker lives and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from stepgres import Client, NonRetryable, RetryAfter, Worker, WorkflowFailed
from stepgres._execution.runner import StepContext
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
    return b"bytes"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (leave, "SystemExit: 3"),
        (interrupt, "KeyboardInterrupt"),
        (cancel, "CancelledError"),
        (recurse, "RecursionError"),
        (nest, "output contains itself, or is nested too deeply"),
        (generate, "output is of type generator"),
        (generate_async, "output is of type async_generator"),
        (stop, "StopIteration"),
        (close, "GeneratorExit"),
        (half_a_pair, "output has the character '.ud800', which PostgreSQL does not take"),
        (nothing, "output has the character '.x00', which PostgreSQL does not take"),
        (never, "output cannot be written as JSON: Out of range float"),
        (some, "output is of type bytes"),
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


class Late:
    """A step whose first attempt outlives its timeout until it is let go."""

    def __init__(self, **options: Any) -> None:
        self.begun, self.let_go = Event(), Event()
        self.living: list[int] = []
        self.most = 0
        self.flow = workflow(
            ("late", self.execute, {"timeout": 0.05, "base_delay": 0.01, **options}), slug="late"
        )

    def execute(self, input: Any, context: StepContext) -> str:
        self.living.append(context.attempt)
        self.most = max(self.most, len(self.living))
        self.begun.set()
        if context.attempt == 1:
            assert self.let_go.wait(PATIENCE)
        self.living.remove(context.attempt)
        return f"attempt {context.attempt}"


def test_next_attempt_waits_until_the_thread_of_the_last_one_has_ended(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    late, other = Late(), workflow(("only", lambda i: i), slug="other")
    with running_worker(db.dsn, late.flow, other, concurrency=1):
        (run_id,) = register_and_start(client, late.flow)
        assert late.begun.wait(PATIENCE)
        wait_until(lambda: "took too long, and its thread goes on" in caplog.text)
        # its place is free meanwhile: a thread that hangs does not stop its worker
        (other_id,) = register_and_start(client, other, [7])
        assert client.wait_for_run(other_id, timeout=PATIENCE).output == 7
        assert late.living == [1]
        assert "the next attempt waits for its end" in caplog.text
        late.let_go.set()
        assert client.wait_for_run(run_id, timeout=PATIENCE).output == "attempt 2"
    assert late.most == 1
    assert f"the thread of attempt 1 of task {run_id}/late/0 has ended" in caplog.text
    with db.connect() as connection:
        query = "select attempt, error from stepgres.attempts"
        rows = connection.execute(query).fetchall()
    assert rows == [(1, "TimeoutError: took longer than 0.05 s")]


def test_no_other_worker_gets_a_task_while_a_thread_of_it_lives(
    db: Database, client: Client
) -> None:
    late = Late()
    beaten = "select count(*) from stepgres.workers where heartbeat_at > registered_at + 4 * lease"
    with running_worker(db.dsn, late.flow, lease=0.5), db.connect() as connection:
        (run_id,) = register_and_start(client, late.flow)
        assert late.begun.wait(PATIENCE)
        with running_worker(db.dsn, late.flow, lease=0.5):
            # the database itself would end the attempt after its timeout and a lease
            wait_until(lambda: connection.execute(beaten).fetchone() == (2,))
            client.tick()
            query = "select status, attempt from stepgres.tasks"
            assert connection.execute(query).fetchall() == [("started", 1)]
            late.let_go.set()
            assert client.wait_for_run(run_id, timeout=PATIENCE).output == "attempt 2"
    assert late.most == 1


def test_last_attempt_that_takes_too_long_fails_without_waiting_for_its_thread(
    db: Database, client: Client
) -> None:
    late = Late(max_attempts=1)
    with running_worker(db.dsn, late.flow):
        (run_id,) = register_and_start(client, late.flow)
        with pytest.raises(WorkflowFailed, match="TimeoutError: took longer than"):
            client.wait_for_run(run_id, timeout=PATIENCE)
        assert late.living == [1]
        late.let_go.set()


def test_thread_of_a_cancelled_run_is_not_waited_for(db: Database, client: Client) -> None:
    late = Late()
    worker = Worker(client, [late.flow], lease=0.5, grace=60)
    thread = Thread(target=worker.run)
    thread.start()
    (run_id,) = register_and_start(client, late.flow)
    assert late.begun.wait(PATIENCE)
    client.cancel_workflow_run(run_id)
    worker.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    late.let_go.set()


def test_worker_that_ends_reports_the_attempt_whose_thread_outlives_it(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    late = Late(base_delay=3600)
    worker = Worker(client, [late.flow], grace=0.01)
    thread = Thread(target=worker.run)
    thread.start()
    register_and_start(client, late.flow)
    wait_until(lambda: "took too long, and its thread goes on" in caplog.text)
    worker.stop()
    thread.join(PATIENCE)
    with db.connect() as connection:
        query = "select status, attempt, error from stepgres.tasks"
        rows = connection.execute(query).fetchall()
    assert rows == [("waiting", 1, "TimeoutError: took longer than 0.05 s")]
    late.let_go.set()


def test_transactional_step_commits_nothing_after_its_timeout(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with db.connect() as connection:
        connection.execute("create table public.written (attempt int)")
    late = Late(transactional=True)

    def write(input: Any, context: StepContext) -> str:
        context.connection.execute("insert into public.written values (%s)", [context.attempt])
        return late.execute(input, context)

    flow = workflow(("late", write, {"timeout": 0.5, "base_delay": 0.01, "transactional": True}))
    with running_worker(db.dsn, flow), db.connect() as connection:
        (run_id,) = register_and_start(client, flow)
        assert late.begun.wait(PATIENCE)
        wait_until(lambda: "took too long, and its thread goes on" in caplog.text)
        late.let_go.set()
        assert client.wait_for_run(run_id, timeout=PATIENCE).output == "attempt 2"
        assert connection.execute("select attempt from public.written").fetchall() == [(2,)]
    assert late.most == 1


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
