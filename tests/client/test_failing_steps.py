"""Steps that raise, or return what is no JSON: a failed attempt, and an executor that lives on."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

import stepgres
from stepgres import Executor
from tests.conftest import Clock, Database
from tests.support.engine import Engine
from tests.support.waiting import wait_until
from tests.support.workflows import fail, workflow

ONCE = {"max_attempts": 1}


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        yield Engine(connection)


def error_of(executor: Executor, function: Any) -> str:
    """How the run of a single step with one attempt has failed; another run is executed then."""
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(workflow(("odd", function, ONCE)), "in")
    assert executor.execute(workflow(("fine", len), slug="other"), "four").output == 4
    assert failed.value.step_slug == "odd"
    prefix = 'step "odd" failed: '
    assert failed.value.error.startswith(prefix)
    return failed.value.error.removeprefix(prefix)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class OutsideException(BaseException):
    pass


class HalfMade(stepgres.RetryAfter):
    def __init__(self) -> None:
        pass  # without seconds


@pytest.mark.parametrize("kind", ["thread", "coroutine"])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no luck"), "ValueError: no luck"),
        (ValueError(), "ValueError"),
        (KeyError("key"), "KeyError: 'key'"),
        (ValueError("NUL \0 and \ud800"), r"ValueError: NUL \x00 and \ud800"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (asyncio.CancelledError(), "CancelledError"),
        (GeneratorExit(), "GeneratorExit"),
        (StopIteration(), "RuntimeError: coroutine raised StopIteration"),
        (TimeoutError(), "TimeoutError"),
        (OutsideException("odd"), "OutsideException: odd"),
        (Unreadable(), "Unreadable (reading it raised RuntimeError)"),
        (HalfMade(), "HalfMade"),
        (stepgres.RunNotFound("no run", hint="look"), "RunNotFound: no run"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_a_step_raises_fails_its_run(
    executor: Executor, error: BaseException, message: str, kind: str
) -> None:
    def in_thread(input: Any) -> None:
        raise error

    async def in_coroutine(input: Any) -> None:
        raise error

    function = in_thread if kind == "thread" else in_coroutine
    assert error_of(executor, function).startswith(message)


def generate() -> Iterator[int]:
    yield 1


def circle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {1, 2}, "TypeError: Object of type set"),
        (generate, "TypeError: Object of type generator"),
        (lambda: (n for n in range(3)), "TypeError: Object of type generator"),
        (lambda: b"bytes", "TypeError: Object of type bytes"),
        (lambda: dt.date(2000, 1, 1), "TypeError: Object of type date"),
        (lambda: {(1, 2): 3}, "TypeError: keys must be"),
        (lambda: float("nan"), "ValueError: Out of range float"),
        (lambda: {"x": [float("-inf")]}, "ValueError: Out of range float"),
        (circle, "ValueError: Circular reference"),
        (lambda: nested(100_000), "RecursionError"),
        (lambda: "a\0b", "PostgreSQL does not take its result: unsupported Unicode escape"),
        (lambda: {"\0": 1}, "PostgreSQL does not take its result: unsupported Unicode escape"),
        (lambda: "\ud800", "PostgreSQL does not take its result: invalid input syntax"),
        (lambda: 10**4000 * 10**4000, "ValueError: Exceeds the limit"),
    ],
)
def test_output_that_is_no_json_fails_its_step(executor: Executor, make: Any, message: str) -> None:
    assert error_of(executor, lambda _: make()).startswith(message)


def test_step_that_calls_itself_for_ever(executor: Executor) -> None:
    def recurse(input: Any) -> Any:
        return recurse(input)

    assert error_of(executor, recurse).startswith("RecursionError")


def test_step_that_cancels_its_own_task(executor: Executor) -> None:
    async def give_up(input: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    assert error_of(executor, give_up) == "CancelledError"


def test_depth_that_postgres_does_not_take_fails_the_step(
    executor: Executor, engine: Engine
) -> None:
    database = engine.connection.info.dbname
    engine.connection.execute(f"alter database {database} set max_stack_depth = '100kB'".encode())
    message = "PostgreSQL does not take its result: stack depth limit exceeded"
    assert error_of(executor, lambda _: nested(900)).startswith(message)


def test_failed_attempts_are_followed_by_others(executor: Executor) -> None:
    def succeed_at_last(input: Any, context: Any) -> Any:
        if context.attempt < 3:
            raise ValueError
        return [context.attempt, context.idempotency_key.endswith("/flaky/0")]

    flaky = workflow(("flaky", succeed_at_last), base_delay=0)
    assert executor.execute(flaky, {}).output == [3, True]


def test_exhausted_attempts_fail_the_run(executor: Executor, engine: Engine) -> None:
    def refuse(input: Any, context: Any) -> None:
        raise ValueError(f"no {context.attempt}")

    with pytest.raises(stepgres.WorkflowFailed, match="ValueError: no 2") as failed:
        executor.execute(workflow(("refuse", refuse), max_attempts=2, base_delay=0), {})
    errors = engine.rows("select error from stepgres.attempts order by attempt")
    assert errors == ["ValueError: no 1", "ValueError: no 2"]
    status = stepgres.RunStatus("failed", failed.value.error, "refuse")
    assert engine.status(failed.value.run_id) == status[:2]


def test_non_retryable_error_ends_a_task_at_once(executor: Executor, engine: Engine) -> None:
    with pytest.raises(stepgres.WorkflowFailed, match="NonRetryable: no luck"):
        executor.execute(workflow(("fail", fail), base_delay=0), {})
    assert engine.rows("select attempt from stepgres.attempts") == [1]


def test_retry_after_says_when(executor: Executor, engine: Engine, clock: Clock) -> None:
    def ask_for_an_hour(input: Any, context: Any) -> int:
        if context.attempt == 1:
            raise stepgres.RetryAfter(3600, "busy")
        return int(context.attempt)

    def wait_an_hour(input: Any) -> None:
        (due_in,) = wait_until(
            lambda: engine.rows("select due_at - stepgres._now() from stepgres.timers")
        )
        assert due_in == dt.timedelta(hours=1)
        clock.advance(3600)

    hour = workflow(("ask", ask_for_an_hour, {}), ("wait", wait_an_hour, ONCE))
    assert executor.execute(hour, {}).output == {"ask": 2, "wait": None}
    assert engine.rows("select error from stepgres.attempts") == ["RetryAfter: busy"]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "soon"])
def test_retry_after_a_time_that_is_none(seconds: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        stepgres.RetryAfter(seconds)


def test_retry_after_more_than_postgres_can_count(executor: Executor) -> None:
    def ask_for_ever(input: Any) -> None:
        raise stepgres.RetryAfter(1e300)

    assert "out of range" in error_of(executor, ask_for_ever)  # the interval, or the time


def test_results_beside_one_that_postgres_refuses_are_kept(
    executor: Executor, engine: Engine
) -> None:
    calls = []

    async def good(n: int) -> int:
        calls.append(n)
        return n

    async def bad(input: Any, context: Any) -> str:
        return "\0" if context.attempt == 1 else "better"

    batch = workflow(("good", good, {"map": True}), ("bad", bad, {}), base_delay=0)
    output, _ = executor.execute(batch, [1, 2, 3])
    assert output == {"good": [1, 2, 3], "bad": "better"}
    assert calls == [1, 2, 3]
    assert engine.rows("select step_slug from stepgres.attempts") == ["bad"]
    assert engine.stray_tickets() == []


def test_error_of_a_map_says_which_task(executor: Executor) -> None:
    def refuse_two(n: int) -> None:
        if n == 2:
            raise stepgres.NonRetryable("two")

    with pytest.raises(stepgres.WorkflowFailed, match='step "each" failed at task 1: '):
        executor.execute(workflow(("each", refuse_two, {"map": True})), [1, 2, 3])


def test_output_that_a_map_cannot_take_fails_both(executor: Executor) -> None:
    chain = workflow(("one", len), ("each", fail, {"map": True, "depends_on": ["one"]}))
    with pytest.raises(stepgres.WorkflowFailed, match=r'step "each" maps over .* "one"'):
        executor.execute(chain, "four")


def test_dependents_of_a_failed_step_never_run(executor: Executor, engine: Engine) -> None:
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(workflow(("fail", fail), ("after", len)), {})
    assert engine.steps(failed.value.run_id) == {"fail": "failed", "after": "cancelled"}
    assert failed.value.run_id in failed.value.args


def test_failed_attempt_is_logged_with_its_traceback(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(stepgres.WorkflowFailed):
        executor.execute(workflow(("fail", fail)), {})
    (record,) = [record for record in caplog.records if record.name == "stepgres"]
    assert "/fail/0 failed" in record.message
    assert record.exc_info
