"""Steps that raise, or return what is no JSON: a failed attempt, and an executor that lives on."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from threading import Event
from typing import Any

import anyio
import pytest
from anyio import from_thread

import stepgres
from stepgres import Executor
from tests.conftest import Clock, Database
from tests.support.engine import Engine
from tests.support.waiting import wait_until
from tests.support.workflows import advance_loop, fail, workflow

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
        (StopIteration(), ("StopIteration", "RuntimeError: coroutine raised StopIteration")),
        (TimeoutError(), "TimeoutError"),
        (OutsideException("odd"), "OutsideException: odd"),
        (Unreadable(), "Unreadable (reading it raised RuntimeError)"),
        (HalfMade(), "HalfMade"),
        (stepgres.RunNotFound("no run", hint="look"), "RunNotFound: no run"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_a_step_raises_fails_its_run(
    executor: Executor, error: BaseException, message: str | tuple[str, str], kind: str
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
        (generate, "output is of type generator, which has no form in JSON"),
        (lambda: b"bytes", "output is of type bytes, which has no form in JSON"),
        (lambda: {(1, 2): 3}, "output cannot be written as JSON: keys must be"),
        (lambda: float("nan"), "output cannot be written as JSON: Out of range float"),
        (lambda: {"x": [0, float("-inf")]}, 'output["x"][1] cannot be written as JSON: Out of'),
        (circle, "output contains itself"),
        (lambda: {"a": circle()}, 'output["a"] contains itself'),
        (lambda: nested(100_000), "output contains itself, or is nested too deeply"),
        (lambda: ["a\0b"], "output[0] has the character '\\x00', which PostgreSQL does not take"),
        (lambda: {"\0": 1}, "a key of output has the character '\\x00', which PostgreSQL does not"),
        (lambda: {"é": "\ud800"}, "output[\"\\u00e9\"] has the character '\\ud800', which"),
        (lambda: {"n": 10**4000 * 10**4000}, 'output["n"] cannot be written as JSON: Exceeds'),
        (
            lambda: {"lines": [{}, {}, {}, {"when": object()}]},
            'output["lines"][3]["when"] is of type object',
        ),
    ],
)
def test_output_that_cannot_be_written_names_step_and_key_path(
    executor: Executor, make: Any, message: str
) -> None:
    error = error_of(executor, lambda _: make())
    assert error.startswith(f'UnwritableOutput: step "odd": {message}')


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
        if context.attempt == 1:
            raise stepgres.RetryAfter(1e300)  # longer than an interval of PostgreSQL
        return "better"

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
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(workflow(("fail", fail)), {})
    (record,) = [record for record in caplog.records if record.name == "stepgres"]
    assert record.message.startswith("attempt 1 of task ")
    assert record.message.endswith(
        f"{failed.value.run_id}/fail/0 of workflow demo failed for good: NonRetryable: no luck"
    )
    assert record.exc_info
    assert record.levelname == "ERROR"


def test_attempt_that_others_follow_is_logged_as_a_warning(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(input: Any) -> None:
        raise ValueError("no")

    with pytest.raises(stepgres.WorkflowFailed):
        executor.execute(workflow(("refuse", refuse), max_attempts=3, base_delay=0), {})
    assert [r.levelname for r in caplog.records] == ["WARNING", "WARNING", "ERROR"]


def test_workflow_failed_is_chained_to_the_exception_of_its_step(executor: Executor) -> None:
    error = KeyError("order_id")

    def charge(input: Any) -> None:
        raise error

    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(workflow(("charge", charge, ONCE)), {})
    assert failed.value.__cause__ is error
    assert failed.value.error_type == "KeyError"
    assert str(failed.value.traceback).endswith(
        "in charge\n    raise error\nKeyError: 'order_id'\n"
    )
    assert "stepgres/_" not in str(failed.value.traceback)


def test_unwritable_output_is_not_tried_again(executor: Executor, engine: Engine) -> None:
    charged = []

    def charge(input: Any) -> Any:
        charged.append(input)
        return {"receipt": b"..."}

    with pytest.raises(stepgres.WorkflowFailed, match=r'step "charge": output\["receipt"\] is of'):
        executor.execute(workflow(("charge", charge), base_delay=0), {})
    assert len(charged) == 1
    assert engine.rows("select error_type from stepgres.attempts") == ["UnwritableOutput"]


def test_output_that_postgres_refuses_is_not_tried_again(
    executor: Executor, engine: Engine
) -> None:
    database = engine.connection.info.dbname
    engine.connection.execute(f"alter database {database} set max_stack_depth = '100kB'".encode())
    calls = []

    def charge(input: Any) -> Any:
        calls.append(input)
        return nested(900)

    with pytest.raises(stepgres.WorkflowFailed, match="stack depth") as failed:
        executor.execute(workflow(("charge", charge), base_delay=0), {})
    assert len(calls) == 1
    assert failed.value.error_type == "UnwritableOutput"


def group(*errors: BaseException) -> Any:
    """A step in which tasks of a TaskGroup raise these errors."""

    async def raise_error(error: BaseException) -> None:
        raise error

    async def gather(input: Any, context: Any) -> int:
        if context.attempt > 1:
            return int(context.attempt)
        async with anyio.create_task_group() as outer:
            outer.start_soon(asyncio.sleep, 0)
            async with anyio.create_task_group() as inner:
                for error in errors:
                    inner.start_soon(raise_error, error)
        return 0

    return gather


def test_exception_group_with_a_non_retryable_error_ends_its_task(
    executor: Executor, engine: Engine
) -> None:
    step = group(ValueError("a"), stepgres.NonRetryable("card refused"))
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(workflow(("group", step), base_delay=0), {})
    assert engine.rows("select attempt from stepgres.attempts") == [1]
    assert failed.value.error_type == "ExceptionGroup"
    assert "ValueError: a; NonRetryable: card refused" in failed.value.error
    assert "NonRetryable: card refused" in str(failed.value.traceback)


def test_exception_group_waits_for_the_longest_retry_after(
    executor: Executor, engine: Engine, clock: Clock
) -> None:
    def wait_an_hour(input: Any) -> None:
        (due_in,) = wait_until(
            lambda: engine.rows("select due_at - stepgres._now() from stepgres.timers")
        )
        assert due_in == dt.timedelta(hours=1)
        clock.advance(3600)

    step = group(stepgres.RetryAfter(1), stepgres.RetryAfter(3600), ValueError("b"))
    hour = workflow(("group", step, {}), ("wait", wait_an_hour, ONCE))
    assert executor.execute(hour, {}).output == {"group": 2, "wait": None}


def test_exception_group_names_its_first_errors_only(executor: Executor) -> None:
    errors = [ValueError(f"number {n}") for n in range(10)]

    def raise_group(input: Any) -> None:
        error = RuntimeError("many")
        error.exceptions = tuple(errors)  # type: ignore[attr-defined]
        raise error

    assert error_of(executor, raise_group) == (
        "RuntimeError: many: ValueError: number 0; ValueError: number 1; ValueError: number 2;"
        " and 7 more"
    )


@pytest.mark.parametrize("kind", ["thread", "coroutine", "transactional"])
def test_lease_lost_that_a_step_raises_itself_is_a_failed_attempt(
    executor: Executor, engine: Engine, kind: str
) -> None:
    def in_thread(input: Any, context: Any) -> None:
        raise stepgres.LeaseLost("of another task")

    async def in_coroutine(input: Any, context: Any) -> None:
        raise stepgres.LeaseLost("of another task")

    function = in_coroutine if kind == "coroutine" else in_thread
    options = {**ONCE, "transactional": kind == "transactional"}
    with pytest.raises(stepgres.WorkflowFailed, match="LeaseLost: of another task"):
        executor.execute(workflow(("only", function, options)), {})
    assert engine.rows("select error_type from stepgres.attempts") == ["LeaseLost"]


def test_error_and_traceback_of_megabytes_are_cut_in_the_middle(
    executor: Executor, engine: Engine
) -> None:
    def shout(input: Any) -> None:
        raise ValueError("begin" + "x" * 10_000_000 + "end")

    error = error_of(executor, shout)
    assert error.startswith("ValueError: beginxxx")
    assert error.endswith("xxxend")
    assert len(error) <= 8_000
    assert engine.rows(
        "select length(error) <= 8000 and length(traceback) <= 8000"
        " and strpos(traceback, 'in shout') > 0 from stepgres.attempts"
    ) == [True]


def test_coroutine_that_takes_too_long_has_the_place_where_it_was(executor: Executor) -> None:
    async def wait_for_ever(input: Any) -> None:
        advance_loop(61)
        await asyncio.Event().wait()

    slow = workflow(("slow", wait_for_ever, {"timeout": 60, **ONCE}))
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(slow, {})
    assert failed.value.error_type == "TimeoutError"
    assert "await asyncio.Event().wait()" in str(failed.value.traceback)


def test_thread_that_takes_too_long_has_the_place_where_it_was(executor: Executor) -> None:
    def wait_for_ever(input: Any, context: Any) -> None:
        from_thread.run_sync(advance_loop, 61)
        assert context.cancelled.wait(60)
        sleep_on(context)

    def sleep_on(context: Any) -> None:
        assert is_over.wait(60)

    is_over = Event()
    slow = workflow(("slow", wait_for_ever, {"timeout": 60, **ONCE}))
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(slow, {})
    is_over.set()
    traceback = str(failed.value.traceback)
    assert "in wait_for_ever" in traceback
    assert traceback.endswith("TimeoutError: took longer than 60 s\n")
    assert "stepgres/_" not in traceback
