"""Runs the callable of one task and turns what it returns or raises into a result."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from stepgres._json import dumps
from stepgres.errors import NonRetryable, RetryAfter

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from psycopg import Error

    from stepgres.types import WorkItem

logger = logging.getLogger("stepgres")


class StepContext:
    """What a step may know about the task that it executes: its second argument.

    cancelled is an event that is set when the result is no longer wanted, because the step took
    longer than its timeout or the executor stops: a step in a thread should look at it at times.
    idempotency_key is the same for all attempts of the task. Each attempt has its own context.
    """

    def __init__(self, item: WorkItem, run_input: Any) -> None:
        self.run_id: UUID = item.run_id
        self.workflow_slug = item.workflow_slug
        self.step_slug = item.step_slug
        self.task_index = item.task_index
        self.attempt = item.attempt
        self.run_input = run_input
        self.idempotency_key = f"{item.run_id}/{item.step_slug}/{item.task_index}"
        self.cancelled = threading.Event()
        self.logger = logging.LoggerAdapter(
            logger,
            {"run_id": str(item.run_id), "step_slug": item.step_slug, "attempt": item.attempt},
        )
        self.timeout = item.timeout.total_seconds()
        self._loop = asyncio.get_running_loop()
        self.scope = anyio.CancelScope(deadline=self._loop.time() + self.timeout)

    def heartbeat(self) -> None:
        """Say that the step makes progress: its timeout starts anew. Callable from any thread."""

        def extend() -> None:
            self.scope.deadline = self._loop.time() + self.timeout

        self._loop.call_soon_threadsafe(extend)


async def run_task(
    function: Callable[..., Any], item: WorkItem, run_input: Any, limiter: anyio.CapacityLimiter
) -> str:
    """Execute a task and return its result as the JSON text that `work` takes.

    async functions run on the loop, others in a thread. Whatever a step raises is a failed attempt,
    SystemExit included; a thread that outlives its timeout is left behind.
    """
    key = {
        "run_id": str(item.run_id),
        "step_slug": item.step_slug,
        "task_index": item.task_index,
        "attempt": item.attempt,
    }
    async with limiter:
        context = StepContext(item, run_input)
        try:
            output = await _call(function, item.input, context)
            return dumps({**key, "status": "completed", "output": output})
        except asyncio.CancelledError as error:
            failure = describe_failure(error)
        except BaseException as error:
            context.logger.warning(
                "attempt %s of task %s failed",
                item.attempt,
                context.idempotency_key,
                exc_info=error,
            )
            failure = describe_failure(error)
        finally:
            context.cancelled.set()
        return dumps({**key, "status": "failed", **failure})


async def _call(function: Callable[..., Any], input: Any, context: StepContext) -> Any:
    arguments = (input, context) if _takes_context(function) else (input,)
    with context.scope:
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        output = await anyio.to_thread.run_sync(
            # run_task has counted it already
            function,
            *arguments,
            abandon_on_cancel=True,
            limiter=anyio.CapacityLimiter(1),
        )
        return await output if inspect.isawaitable(output) else output
    raise TimeoutError(f"took longer than {context.timeout:g} s")


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some built-in functions have no signature
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) > 1


def describe_failure(error: BaseException) -> dict[str, Any]:
    """The part of a result that says how a step failed."""
    message = str(error)
    failure: dict[str, Any] = {
        "error": f"{type(error).__name__}: {message}" if message else type(error).__name__
    }
    if isinstance(error, NonRetryable):
        failure["retryable"] = False
    elif isinstance(error, RetryAfter):
        failure["retry_after"] = error.seconds
    return failure


def fail_result(result: str, error: Error) -> str:
    """The result of a task whose result was JSON that Postgres does not take."""
    fields = json.loads(result)
    fields.pop("output", None)
    reason = f"not JSON that PostgreSQL takes: {error.diag.message_primary}"
    if error.diag.message_detail:
        reason += f" ({error.diag.message_detail})"
    return dumps({**fields, "status": "failed", "error": reason})
