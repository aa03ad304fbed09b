"""Run the callable of one task, and make a result from its value or error."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import psycopg

from stepgres._execution.attempts import MOST_CHARACTERS, Outcome, completed, failed
from stepgres._execution.context import RunData, TaskData
from stepgres._execution.context import StepContext as StepContext  # noqa: PLC0414
from stepgres._execution.failures import describe_stack
from stepgres._execution.logs import Log
from stepgres._execution.places import ended
from stepgres._execution.threads import Call
from stepgres._postgres.json_text import dumps
from stepgres.errors import DecompositionError, StepgresError, UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from psycopg import Error

    from stepgres._durable.body import Body
    from stepgres._durable.checkpoints import Checkpoints
    from stepgres._execution.heartbeat import Heartbeat
    from stepgres._execution.hooks import Middleware
    from stepgres._execution.places import Threads
    from stepgres._execution.threads import Running
    from stepgres._execution.transactions import Transactions
    from stepgres._tracing.spans import StepSpan, WorkerTraces
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")

# The calls of abandoned threads by task. The attempts of these calls have ended for their workers.
# The whole process shares the calls, since another executor may take over the task.
_left_behind: dict[str, Running] = {}


class NotBegun(Exception):
    """The function of a step was not called, for a reason outside of the step."""


class StepCall(NamedTuple):
    """The function of a step, and for a step of a task graph the goal task in its context."""

    function: StepFunction
    goal_task: dict[str, Any] | None = None
    check_goal_tasks: Callable[[list[dict[str, Any]]], None] | None = None


class Execution(StepContext):
    """An attempt that this process executes, as its worker sees the attempt.

    call is done when the thread of the step, or its call in a pool, has ended. call is None for a
    step on the loop. on_cancel tells a step in another process that the step is cancelled.
    """

    call: Running | None = None
    on_cancel: Callable[[], None] | None = None
    is_lost = False
    is_committing = False  # the commit that completes the task may not be visible yet
    stack: str | None = None  # of its process or thread, at the timeout
    interrupted: BaseException | None = None  # its place on the loop, at the timeout

    def __init__(
        self,
        item: WorkItem,
        run: RunData,
        step: StepCall | None,
        *,
        is_on_loop: bool,
        body: Body | None = None,
        least_kept: int | None = None,
        middleware: Sequence[Middleware] = (),
        span: StepSpan | None = None,
    ) -> None:
        self.data = TaskData(
            item.run_id,
            item.workflow_slug,
            item.step_slug,
            item.task_index,
            item.attempt,
            item.input,
            run,
            step and step.goal_task,
            None if body is None else body.checkpoints,
            least_kept,
            middleware,
            None if span is None else span.traceparent,
        )
        super().__init__(self.data)
        self.body = body
        self._span = span
        self._log = None if least_kept is None else Log()
        self.check_goal_tasks = step and step.check_goal_tasks
        self._has_begun = not item.transactional and item.sql_function is None
        self._guard = threading.Lock()
        self.claim = item.claim
        self._item = item
        self.is_on_loop = is_on_loop
        self._timeout = item.timeout.total_seconds()
        self._heartbeat_at: float | None = None
        self._progress: dict[str, Any] | None = None  # that no heartbeat has sent yet
        self.on_progress: Callable[[], None] = lambda: None
        self._is_waited_for = False
        self._loop = asyncio.get_running_loop()
        self.scope = anyio.CancelScope(deadline=self._loop.time() + self._timeout)

    @property
    def is_late(self) -> bool:
        """Return whether the step has exceeded its timeout."""
        return (self.scope.cancel_called or self._is_waited_for) and not self.is_lost

    @property
    def is_running(self) -> bool:
        """Return whether a thread, or a call in a pool, still executes the step."""
        return self.call is not None and not self.call.done()

    def check(self) -> None:
        """Raise TimeoutError if the step has exceeded its timeout."""
        if self.is_late:
            raise self.timeout_error()

    def timeout_error(self) -> TimeoutError:
        """Return the error of a late step, with its place on the loop as the traceback."""
        error = TimeoutError(f"took longer than {self._timeout:g} s")
        if self.interrupted is not None:
            error = error.with_traceback(self.interrupted.__traceback__)
        return error

    def cancel(self) -> None:
        """Tell the step that its result is no longer needed."""
        self.cancelled.set()
        if self.on_cancel is not None:
            self.on_cancel()

    def begin(self) -> None:
        """Begin the step, which has a connection now. Raise NotBegun if the step is cancelled."""
        with self._guard:
            if self.cancelled.is_set():
                raise NotBegun("it has waited too long for a connection")
            self._has_begun = True

    def lose(self) -> None:
        """Give up a task that has ended or that another worker has. Cancel a step on the loop."""
        if self.is_committing:  # this attempt has completed the task
            return
        self.is_lost = True
        self.cancel()
        if self.is_on_loop or self._is_waited_for:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.scope.cancel)

    async def wait_until_ended(self) -> None:
        """Wait until the abandoned thread has ended or the task is lost."""
        self._is_waited_for = True
        self.scope = anyio.CancelScope()
        with self.scope:
            if self.call is not None and not self.is_lost:
                await ended(self.call)

    def withdraw(self) -> None:
        """Cancel the step. Raise NotBegun if the step has not begun."""
        with self._guard:
            self.cancelled.set()
            if not self._has_begun:
                raise NotBegun("it has waited for a connection until its timeout")

    def report(self) -> dict[str, Any]:
        """Return the entry for the task in the heartbeat of the worker."""
        key = task_key(self._item)
        if self._progress is not None:
            key["progress"] = self._progress
        if self._is_waited_for:  # so that no other worker gets the task
            return {**key, "heartbeat_age": 0}
        if self._heartbeat_at is None:
            return key
        return {**key, "heartbeat_age": time.monotonic() - self._heartbeat_at}

    def was_reported(self, report: dict[str, Any]) -> None:
        """Note that the database has a report, with the progress in it."""
        if self._progress is report.get("progress"):
            self._progress = None

    def send_progress(self, progress: dict[str, Any]) -> None:
        self._progress = progress
        self.on_progress()

    def keep_line(self, line: str) -> None:
        if self._log is not None:
            self._log.add(line)

    def logged(self) -> str | None:
        """Return the kept lines of the attempt as a JSON array, or None if there are none."""
        return None if self._log is None else self._log.as_json()

    @property
    def traceparent(self) -> str | None:
        """Return the traceparent of the attempt, for its result."""
        return self.data.traceparent

    def result_of(self, outcome: Outcome) -> str:
        """Return the result of the attempt as JSON, with its span and its log."""
        result = _key_text(self._item) + outcome.fields[1:]
        if self.traceparent is not None:
            result = f'{result[:-1]},"traceparent":"{self.traceparent}"}}'
        lines = self.logged()
        if lines is not None and len(result) + len(lines) < MOST_CHARACTERS:
            result = f'{result[:-1]},"logs":{lines}}}'
        return result

    def end_span(self, outcome: Outcome | None) -> None:
        """End the span of the attempt, if it has one. Without an outcome its task is completed."""
        if self._span is not None:
            self._span.end(None if outcome is None else outcome.failure, is_lost=self.is_lost)

    def in_span(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext() if self._span is None else self._span.current()

    def heartbeat(self) -> None:
        self._heartbeat_at = time.monotonic()

        def extend() -> None:
            if not self._is_waited_for:
                self.scope.deadline = self._loop.time() + self._timeout

        with contextlib.suppress(RuntimeError):  # an abandoned thread outlives the loop
            self._loop.call_soon_threadsafe(extend)


def task_key(item: WorkItem) -> dict[str, Any]:
    """Return the fields that name the task in a result."""
    return {
        "run_id": str(item.run_id),
        "step_slug": item.step_slug,
        "task_index": item.task_index,
        "claim": item.claim,
    }


def _key_text(item: WorkItem) -> str:
    """Return the fields of task_key as the beginning of a JSON object. Slugs need no escapes."""
    return (
        f'{{"run_id":"{item.run_id}","step_slug":"{item.step_slug}",'
        f'"task_index":{item.task_index},"claim":{item.claim},'
    )


def release_result(item: WorkItem, retry_after: float) -> str:
    """Return the result that releases a task to other workers after `retry_after` seconds."""
    return dumps({**task_key(item), "status": "released", "retry_after": retry_after})


class Runner:
    """Executes the tasks that a worker, or the executor of a run, has claimed.

    on_failure is called for each attempt that fails its task without a retry. least_kept is the
    least level of the log lines that are kept with their attempts; None keeps no lines. Without
    traces no attempt has a span.
    """

    def __init__(
        self,
        place: Threads,
        transactions: Transactions,
        heartbeat: Heartbeat,
        checkpoints: Checkpoints,
        on_failure: Callable[[WorkItem, Outcome], None] | None = None,
        least_kept: int | None = None,
        middleware: Sequence[Middleware] = (),
        traces: WorkerTraces | None = None,
    ) -> None:
        self._place = place
        self._transactions = transactions
        self._heartbeat = heartbeat
        self._checkpoints = checkpoints
        self._on_failure = on_failure
        self._least_kept = least_kept
        self._middleware = middleware
        self._traces = traces

    async def run(
        self, step: StepCall | None, item: WorkItem, run: RunData, leave: Callable[[str], None]
    ) -> str | None:
        """Execute a task and return its result as the JSON text that `work` takes.

        async functions run on the loop, and other functions run in their place. run completes a
        transactional task or a task in SQL itself, and returns None. run also returns None for a
        task that has ended elsewhere.

        A thread cannot be stopped. When a thread outlives its timeout, run calls leave with the
        result, so that another task can start. run then returns when the thread has ended. No
        other attempt of the task begins before, since the worker keeps the task. run does not
        wait after the last attempt of a task.
        """
        is_on_loop = step is None or inspect.iscoroutinefunction(step.function)
        try:
            body = await self._checkpoints.body_of(item, is_on_loop=is_on_loop)
            span = await self._begin_span(step, item)
        except (StepgresError, psycopg.Error) as error:
            logger.warning("the data of step %s cannot be read: %s", item.step_slug, error)
            return release_result(item, retry_after=1)
        execution = Execution(
            item,
            run,
            step,
            is_on_loop=is_on_loop,
            body=body,
            least_kept=self._least_kept,
            middleware=self._middleware,
            span=span,
        )
        path = execution.idempotency_key
        if path in _left_behind:
            logger.warning(
                "task %s goes back: the thread of an attempt before is still running here", path
            )
            return release_result(item, retry_after=1)
        with self._heartbeat.speaking_for(execution):
            try:
                outcome = await self._execute(step, execution, item)
            except NotBegun as error:
                logger.warning("task %s has not begun and goes back: %s", path, error)
                return None if execution.is_lost else release_result(item, retry_after=1)
            execution.end_span(outcome)
            if outcome is None:
                return None
            if execution.is_lost:
                logger.warning("task %s was given up: its run is over, or it is another's", path)
                return None
            result = execution.result_of(outcome)
            if outcome.failure is not None and execution.is_late and execution.is_running:
                logger.warning(
                    "attempt %s of task %s of workflow %s took too long, and its thread goes on%s",
                    item.attempt,
                    path,
                    item.workflow_slug,
                    "" if item.is_last_attempt else ": the next attempt waits for its end",
                )
                if not item.is_last_attempt:
                    leave(result)
                    await execution.wait_until_ended()
            return None if execution.is_lost else result

    async def _begin_span(self, step: StepCall | None, item: WorkItem) -> StepSpan | None:
        if self._traces is None:
            return None
        return await self._traces.step(item, step and step.function)

    async def _execute(
        self, step: StepCall | None, execution: Execution, item: WorkItem
    ) -> Outcome | None:
        """Return the outcome of an attempt, or None if its task was completed here."""
        outcome: Outcome | None = None
        try:
            with execution.scope, execution.in_span():
                if step is None or item.transactional:
                    await self._transactions.execute(step and step.function, item, execution)
                else:
                    outcome = await self._call(step.function, execution)
            if execution.scope.cancelled_caught and not execution.is_lost:
                execution.withdraw()
                outcome = _too_late(execution)
        except asyncio.CancelledError as error:
            outcome = failed(error)
            task = asyncio.current_task()
            if getattr(task, "cancelling", lambda: 1)():  # the worker stops; absent in Python 3.10
                return outcome
        except NotBegun:
            raise
        except BaseException as error:
            outcome = failed(error)
        finally:
            execution.cancel()
            _remember(execution)
        if outcome is not None and outcome.failure is not None and not execution.is_lost:
            self._tell_failure(execution, item, outcome)
        return outcome

    async def _call(self, function: StepFunction, execution: Execution) -> Outcome:
        if execution.is_on_loop:
            coroutine, body = execution.invoke(function), execution.body
            try:
                output = await (body.execute(coroutine) if body else coroutine)
            except asyncio.CancelledError as error:
                execution.interrupted = (body and body.interrupted) or error
                raise
            if body is not None and body.is_suspending:
                return Outcome(body.ending())
        else:
            outcome = await self._place.execute(function, execution)
            if outcome.pending is None:
                return outcome
            output = await outcome.pending
        return completed(output, execution)

    def _tell_failure(self, execution: Execution, item: WorkItem, outcome: Outcome) -> None:
        failure, error = outcome.failure, outcome.error
        assert failure is not None
        is_final = bool(item.is_last_attempt) or not failure.is_retryable
        level = logging.ERROR if is_final else logging.WARNING
        if logger.isEnabledFor(level):
            message = "attempt %s of task %s of workflow %s failed%s: %s"
            good = " for good" if is_final else ""
            path = execution.idempotency_key
            values = item.attempt, path, item.workflow_slug, good, failure.error
            exc_info = None if error is None else (type(error), error, error.__traceback__)
            record = logger.makeRecord(
                logger.name, level, __file__, 0, message, values, exc_info, extra=execution.names
            )
            record.exc_text = failure.traceback  # bounded, and also of other processes
            logger.handle(record)
        if is_final and self._on_failure is not None:
            self._on_failure(item, outcome)


def _too_late(execution: Execution) -> Outcome:
    """Return the outcome of a step that exceeded its timeout, with its stack at that time."""
    stack, call = execution.stack, execution.call
    if isinstance(call, Call) and not call.done():
        stack = describe_stack(call.thread_id)
    error = execution.timeout_error()
    return failed(error, stack and f"{stack}{type(error).__name__}: {error}\n")


def _remember(execution: Execution) -> None:
    """Remember an abandoned thread, and log when the thread has ended."""
    call, path = execution.call, execution.idempotency_key
    if call is None or call.done():
        return
    _left_behind[path] = call

    def forget(_: Any) -> None:
        _left_behind.pop(path, None)
        logger.warning("the thread of attempt %s of task %s has ended", execution.attempt, path)

    call.add_done_callback(forget)


def fail_result(result: str, error: StepgresError | Error) -> str:
    """Return the failure of a task whose result PostgreSQL did not accept.

    A completed task is not retried, since its work is done. A task with refused goal tasks is
    retried, since the next attempt may add other goal tasks.
    """
    if isinstance(error, StepgresError):
        message, detail = error.message, error.detail
    else:
        message, detail = error.diag.message_primary or str(error), error.diag.message_detail
    reason = f"PostgreSQL does not take its result: {message}" + (f" ({detail})" if detail else "")
    fields = json.loads(result)
    is_done = fields["status"] == "completed" and not isinstance(error, DecompositionError)
    logger.error(
        "task %s/%s/%s failed in claim %s: %s",
        *(fields[name] for name in ("run_id", "step_slug", "task_index", "claim")),
        reason,
    )
    for name in ("output", "retry_after", "tasks"):
        fields.pop(name, None)
    if is_done:  # the next attempt would have the same output
        fields |= {"error_type": UnwritableOutput.__name__, "retryable": False}
    return dumps({**fields, "status": "failed", "error": reason})
