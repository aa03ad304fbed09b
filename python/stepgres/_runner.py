"""Runs the callable of one task and turns what it returns or raises into a result."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from stepgres._decompose import read_tasks
from stepgres._json import dumps, loads
from stepgres.errors import LeaseLost, NonRetryable, RetryAfter, StepgresError
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from uuid import UUID

    from psycopg import Error

    from stepgres._heartbeat import Heartbeat
    from stepgres._transactions import Transactions
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")

T = TypeVar("T")

# What jsonb can hold. Of more than 1 GB the server does not even read the message: it hangs up.
MOST_CHARACTERS = 2**28 - 1


class NotBegun(Exception):
    """The function of a step was not called, and this is no fault of the step."""


class StepContext:
    """What a step may know about the task that it executes: its second argument.

    cancelled is an event that is set when the result is no longer wanted, because the step took
    longer than its timeout, or its run has ended, or the executor stops: a step in a thread should
    look at it at times. idempotency_key is the same for all attempts of the task. connection, for a
    transactional step alone, is in the transaction that completes the task. task, for a step of a
    task graph alone, is its path, id, description and whatever else the decomposer said. Each
    attempt has its own context.
    """

    connection: Any = None
    task: dict[str, Any] | None = None

    def __init__(self, item: WorkItem, run_input: str, *, is_on_loop: bool) -> None:
        self.run_id: UUID = item.run_id
        self.workflow_slug = item.workflow_slug
        self.step_slug = item.step_slug
        self.task_index = item.task_index
        self.attempt = item.attempt
        self.idempotency_key = f"{item.run_id}/{item.step_slug}/{item.task_index}"
        self.cancelled = threading.Event()
        self.logger = logging.LoggerAdapter(
            logger,
            {"run_id": str(item.run_id), "step_slug": item.step_slug, "attempt": item.attempt},
        )
        self.is_lost = False
        self.is_committing = False  # the task is completed as soon as that is visible to others
        self._has_begun = not item.transactional and item.sql_function is None
        self._guard = threading.Lock()
        self.added_tasks: list[dict[str, Any]] = []
        self.check_tasks: Callable[[list[dict[str, Any]]], None] | None = None
        self._key = task_key(item)
        self._is_on_loop = is_on_loop
        self._timeout = item.timeout.total_seconds()
        self._heartbeat_at: float | None = None
        self._input = item.input
        self._run_input = run_input
        self._loop = asyncio.get_running_loop()
        self.scope = anyio.CancelScope(deadline=self._loop.time() + self._timeout)

    @cached_property
    def run_input(self) -> Any:
        """The input of the run, a copy of its own for each attempt."""
        return loads(self._run_input, "the input of the run")

    def arguments(self, function: StepFunction) -> tuple[Any, ...]:
        """What the function is called with."""
        input = loads(self._input, "the input of the step")
        return (input, self) if takes_context(function) else (input,)

    def add_tasks(self, tasks: Any) -> None:
        """Add tasks to the run, which is one of a task graph, when this step is completed.

        They are as a decomposer returns them, and stand beside the task of this step: in the same
        group, behind it unless they depend on something else. What depends on this task waits for
        them, too. If they break a rule, the attempt fails; nothing is added by one that fails.
        """
        added = read_tasks(tasks)
        if self.check_tasks is not None:
            self.check_tasks(added)
        self.added_tasks += added

    def check(self) -> None:
        """LeaseLost if the result is not wanted; TimeoutError if the step took too long for it.

        NotBegun if it was its connection that took too long.
        """
        if self.is_lost:
            raise LeaseLost(
                f"task {self.idempotency_key} was given up: its run is over, or another's"
            )
        if self._withdraw():
            raise NotBegun("it has waited for a connection until its timeout")
        if self.scope.cancelled_caught:
            raise TimeoutError(f"took longer than {self._timeout:g} s")

    def begin(self) -> None:
        """The step begins, now that it has a connection; NotBegun if nobody waits for it now."""
        with self._guard:
            if self.cancelled.is_set():
                raise NotBegun("it has waited too long for a connection")
            self._has_begun = True

    def lose(self) -> None:
        """Tell the step that its result is not wanted any more; one on the loop ends at once."""
        if self.is_committing:  # nobody else's: completed
            return
        self.is_lost = True
        self.cancelled.set()
        if self._is_on_loop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.scope.cancel)

    def _withdraw(self) -> bool:
        """Whether the step has not begun; then it does not any more."""
        with self._guard:
            self.cancelled.set()
            return not self._has_begun

    def report(self) -> dict[str, Any]:
        """What the heartbeat of the worker says of the task."""
        if self._heartbeat_at is None:
            return self._key
        return {**self._key, "heartbeat_age": time.monotonic() - self._heartbeat_at}

    def heartbeat(self) -> None:
        """Say that the step makes progress: its timeout starts anew. Callable from any thread."""
        self._heartbeat_at = time.monotonic()

        def extend() -> None:
            self.scope.deadline = self._loop.time() + self._timeout

        with contextlib.suppress(RuntimeError):  # a thread that was left behind outlives the loop
            self._loop.call_soon_threadsafe(extend)


def task_key(item: WorkItem) -> dict[str, Any]:
    """What a result says of the task that it is of."""
    return {
        "run_id": str(item.run_id),
        "step_slug": item.step_slug,
        "task_index": item.task_index,
        "attempt": item.attempt,
    }


def release_result(item: WorkItem, retry_after: float) -> str:
    """The result that gives a task back, for others and not before so many seconds."""
    return dumps({**task_key(item), "status": "released", "retry_after": retry_after})


async def run_task(
    function: StepFunction | None,
    item: WorkItem,
    run_input: str,
    transactions: Transactions,
    heartbeat: Heartbeat,
    pool: Executor | None = None,
) -> str | None:
    """Execute a task and return its result as the JSON text that `work` takes.

    async functions run on the loop, others in the pool, or in a thread if there is none. Whatever a
    step raises is a failed attempt, SystemExit included; a thread that outlives its timeout is left
    behind. A transactional task, or one in SQL, is completed here, and has no result to send; nor
    has one that has ended elsewhere. The inputs are JSON texts.
    """
    is_on_loop = function is None or inspect.iscoroutinefunction(function)
    context = StepContext(item, run_input, is_on_loop=is_on_loop)
    try:
        with heartbeat.speaking_for(context), context.scope:
            if function is None or item.transactional:
                await transactions.execute(function, item, context)
                return None
            output = await _call(function, context, item, pool)
        context.check()
        return _completion(item, output, context.added_tasks)
    except NotBegun as error:
        context.logger.warning(
            "task %s has not begun and goes back: %s", context.idempotency_key, error
        )
        return None if context.is_lost else release_result(item, retry_after=1)
    except LeaseLost as error:
        context.logger.warning("%s", error)
        return None
    except asyncio.CancelledError as error:
        failure = describe_failure(error)
    except BaseException as error:
        context.logger.warning(
            "attempt %s of task %s failed", item.attempt, context.idempotency_key, exc_info=error
        )
        failure = describe_failure(error)
    finally:
        context.cancelled.set()
    return None if context.is_lost else dumps({**task_key(item), "status": "failed", **failure})


def _completion(item: WorkItem, output: Any, tasks: list[dict[str, Any]]) -> str:
    added = {"tasks": tasks} if tasks else {}
    result = dumps({**task_key(item), "status": "completed", "output": output, **added})
    if len(result) > MOST_CHARACTERS:
        raise ValueError(
            f"its result is {len(result):,} characters of JSON, more than PostgreSQL can take"
        )
    return result


async def _call(
    function: StepFunction, context: StepContext, item: WorkItem, pool: Executor | None
) -> Any:
    arguments = context.arguments(function)
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    if pool is not None:
        attempt = f"{context.idempotency_key}/{item.attempt}"
        output, error = await asyncio.wrap_future(
            pool.submit(attempt_in_pool, attempt, function, *arguments)
        )
    else:
        output, error = await in_thread(attempt_call, function, *arguments)
    if error is not None:
        raise error
    return await output if inspect.isawaitable(output) else output


def attempt_in_pool(
    attempt: str, function: StepFunction, *arguments: Any
) -> tuple[Any, BaseException | None]:
    """attempt_call that no other is equal to: Dask takes equal calls for one, and executes that."""
    return attempt_call(function, *arguments)


def attempt_call(function: StepFunction, *arguments: Any) -> tuple[Any, BaseException | None]:
    """What a function returns or raises; futures do not carry all that may be raised."""
    try:
        return function(*arguments), None
    except BaseException as error:
        return None, error


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a thread of its own, which is left behind when nobody waits any more."""
    return await anyio.to_thread.run_sync(
        # the caller has counted it already
        function,
        *arguments,
        abandon_on_cancel=True,
        limiter=anyio.CapacityLimiter(1),
    )


def describe_failure(error: BaseException) -> dict[str, Any]:
    """The part of a result that says how a step failed."""
    name = type(error).__name__
    failure: dict[str, Any] = {"error": name}
    try:
        # what PostgreSQL does not take in a string is spelled out
        message = str(error).encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")
        if message:
            failure["error"] = f"{name}: {message}"
        if isinstance(error, RetryAfter):
            failure["retry_after"] = float(error.seconds)
    except Exception as broken:  # the class is the user's
        failure["error"] = f"{name} (reading it raised {type(broken).__name__})"
    if isinstance(error, NonRetryable):
        failure["retryable"] = False
    return failure


def fail_result(result: str, error: StepgresError | Error) -> str:
    """The result of a task whose result PostgreSQL did not take."""
    if isinstance(error, StepgresError):
        message, detail = error.message, error.detail
    else:
        message, detail = error.diag.message_primary or str(error), error.diag.message_detail
    reason = f"PostgreSQL does not take its result: {message}" + (f" ({detail})" if detail else "")
    fields = json.loads(result)
    for name in ("output", "retry_after", "tasks"):
        fields.pop(name, None)
    return dumps({**fields, "status": "failed", "error": reason})
