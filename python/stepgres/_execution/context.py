"""The context of a step, its second argument: the data of the task that the step executes."""

from __future__ import annotations

import inspect
import logging
import math
import threading
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._execution.failures import printable, shorten
from stepgres._execution.hooks import around
from stepgres._execution.logs import KeepingLogger
from stepgres._goals.decompose import read_goal_tasks
from stepgres._postgres.json_text import loads
from stepgres.errors import DefinitionError, InvalidInput
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

    from stepgres._durable.body import Body
    from stepgres._execution.hooks import Middleware
    from stepgres.workflow import StepFunction, WorkflowName

logger = logging.getLogger("stepgres")

_MOST_IN_MESSAGE = 1_000  # characters of a report of progress


class RunData(NamedTuple):
    """The data of a run that its steps need. The input is JSON text."""

    input: str
    scheduled_at: datetime | None = None


class TaskData(NamedTuple):
    """The data of a context, which any process can read. The inputs are JSON texts."""

    run_id: UUID
    workflow_slug: str
    step_slug: str
    task_index: int
    attempt: int
    input: str
    run: RunData
    goal_task: dict[str, Any] | None = None
    checkpoints: list[dict[str, Any]] | None = None  # of a durable step
    least_kept: int | None = None  # the least level of the lines that are kept; None: no lines
    middleware: Sequence[Middleware] = ()
    traceparent: str | None = None  # the span of the attempt

    @property
    def path(self) -> str:
        """Return the name of the task in messages. All attempts of the task have the same path."""
        return f"{self.run_id}/{self.step_slug}/{self.task_index}"


class StepContext:
    """The context of a step, its second argument: the data of the task that the step executes.

    cancelled is an event that is set when the result is no longer needed: the step exceeded its
    timeout, the run has ended, or the executor stops. A step in a thread should check the event at
    times. idempotency_key is the same for all attempts of the task. Only a transactional step has
    a connection, which is in the transaction that completes the task. Only a step of a task graph
    has a task, which is its goal task: the path, id, description and the other fields that the
    decomposer gave. scheduled_at is the due time of a run that a schedule has started, else None.
    Each attempt has its own context.
    """

    connection: Any = None
    body: Body | None = None  # of a durable step
    check_goal_tasks: Callable[[list[dict[str, Any]]], None] | None = None

    def __init__(self, data: TaskData) -> None:
        self.run_id = data.run_id
        self.workflow_slug = data.workflow_slug
        self.step_slug = data.step_slug
        self.task_index = data.task_index
        self.attempt = data.attempt
        self.idempotency_key = data.path
        self.scheduled_at = data.run.scheduled_at
        self.task = data.goal_task
        self.cancelled = threading.Event()
        self.added_goal_tasks: list[dict[str, Any]] = []
        self._data = data

    @property
    def names(self) -> dict[str, Any]:
        """Return the attributes of log records about the task."""
        return {
            "run_id": str(self.run_id),
            "workflow_slug": self.workflow_slug,
            "step_slug": self.step_slug,
            "task_index": self.task_index,
            "attempt": self.attempt,
        }

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """Return a logger whose lines name the run and the step."""
        least = self._data.least_kept
        if least is None:
            return _TaskLogger(logger, self.names)
        keeping = KeepingLogger(logger, least, f"{self.idempotency_key}: ", self.keep_line)
        return _TaskLogger(keeping, self.names)

    def keep_line(self, line: str) -> None:
        """Keep a line of the log, which is JSON, until the attempt ends."""
        raise NotImplementedError

    @cached_property
    def run_input(self) -> Any:
        """Return the input of the run. Each attempt gets its own copy."""
        return loads(self._data.run.input, "the input of the run")

    def arguments(self, function: StepFunction) -> tuple[Any, ...]:
        """Return the arguments for the call of the function."""
        input = loads(self._data.input, "the input of the step")
        return (input, self) if takes_context(function) else (input,)

    def invoke(self, function: StepFunction) -> Any:
        """Call the function inside of its span and of the middleware of the worker."""
        with self.in_span():
            return self._invoke(function)

    def in_span(self) -> AbstractContextManager[Any]:
        """Make the span of the attempt the current span of OpenTelemetry, if it has a span."""
        if self._data.traceparent is None:
            return nullcontext()
        from stepgres._tracing.spans import remote

        return remote(self._data.traceparent)

    def _invoke(self, function: StepFunction) -> Any:
        def call() -> Any:
            return function(*self.arguments(function))

        middleware = self._data.middleware
        if not middleware:
            return call()
        return around(middleware, self, call, is_async=inspect.iscoroutinefunction(function))

    def add_tasks(self, tasks: Any) -> None:
        """Add goal tasks to the run of a task graph when this step is completed.

        Goal tasks have the form that a decomposer returns. The new goal tasks are in the group of
        the goal task of this step, and depend on this goal task unless they name other
        dependencies. The goal tasks that depend on this goal task also wait for the new goal tasks.
        The attempt fails if the new goal tasks break a rule. A failed attempt adds no goal tasks.
        """
        added = read_goal_tasks(tasks)
        if self.check_goal_tasks is not None:
            self.check_goal_tasks(added)
        self.added_goal_tasks += added

    # Durable steps. In an async def step, await each call of these methods.

    def run(
        self,
        name: str,
        function: Callable[..., Any],
        *args: Any,
        attempts: int = 1,
        base_delay: float = 1.0,
        timeout: float | None = None,
        transactional: bool = False,
    ) -> Any:
        """Call a function with args once, and return its result in this and every later execution.

        The result is stored when run returns, as JSON of at most 1 MB. So run returns the value
        that JSON has: a tuple comes back as a list. A name that is used again counts; branches that
        run at the same time use names of their own.

        The function is called up to `attempts` times, with pauses that begin with base_delay
        seconds and double, each within timeout seconds. Then CallFailed is raised. If the body goes
        on after the error, later executions raise the same error. A transactional function gets a
        connection as its first argument: what it writes there is committed with its result.
        """
        return self._durable("run").run(
            name,
            function,
            args,
            attempts=attempts,
            base_delay=base_delay,
            timeout=timeout,
            transactional=transactional,
        )

    def sleep(self, seconds: float) -> Any:
        """Wait for this time, which begins when the first execution comes here."""
        return self._durable("sleep").sleep(seconds)

    def sleep_until(self, instant: datetime) -> Any:
        """Wait until an instant, a datetime with a time zone."""
        return self._durable("sleep_until").sleep_until(instant)

    def wait_for_signal(
        self,
        signal: str,
        timeout: float | None = None,
        match: str | None = None,
        key: str | None = None,
    ) -> Any:
        """Wait for a signal, and return its payload.

        With a key, senders need not know the run. match is a JSON path over the payload. Raises
        SignalTimeout after timeout seconds.
        """
        return self._durable("wait_for_signal").wait_for_signal(signal, timeout, match, key)

    def approval(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        assignees: Sequence[str] | None = None,
        form: Mapping[str, Any] | None = None,
        quorum: int = 1,
        timeout: float | None = None,
    ) -> Any:
        """Wait until people have approved; title is the name by default.

        The options are those of `stepgres.approval`. Returns {"approved": True, "payload",
        "decisions"}. Raises Rejected, and SignalTimeout after timeout seconds.
        """
        document = {
            "title": title,
            "description": description,
            "assignees": assignees,
            "form": form,
            "quorum": quorum,
        }
        return self._durable("approval").approval(name, timeout, document)

    def run_workflow(
        self, workflow: WorkflowName, input: Any = None, *, version: int | None = None
    ) -> Any:
        """Start a run of a workflow, wait for its end, and return its output: a child run.

        The workflow is registered, and its local steps need a worker or executor that knows it. The
        version is the current one by default. Raises CallFailed if the run fails or cannot start.
        If the body ends without the run, the run is cancelled.
        """
        return self._durable("run_workflow").run_workflow(workflow, input, version)

    def start_workflow_run(
        self, workflow: WorkflowName, input: Any = None, *, version: int | None = None
    ) -> Any:
        """Start a run of a workflow once, and return a handle with its run_id and result().

        Raises CallFailed if the run cannot start: if the workflow does not exist, or does not take
        the input. result() waits as run_workflow does. The run goes on when the body is completed
        without its end.
        """
        return self._durable("start_workflow_run").start_workflow_run(workflow, input, version)

    def gather(self, *branches: Any) -> Any:
        """Wait for all branches, or the first that fails, and return their values.

        The step goes on when all waits among the branches are resolved, not after each. The
        branches of an async def step are calls of these methods, or any awaitables. Those of a def
        step are functions without arguments, such as functools.partial(context.sleep, 5).
        """
        return self._durable("gather").gather(*branches)

    def restart(self, input: Any) -> Any:
        """Begin the body anew with another input and without checkpoints; never returns."""
        return self._durable("restart").restart(input)

    def _durable(self, method: str) -> Body:
        if self.body is None:
            raise DefinitionError(
                f'step "{self.step_slug}": context.{method} is for durable steps',
                hint="Mark the step with @step(durable=True).",
            )
        return self.body

    def heartbeat(self) -> None:
        """Restart the timeout of the step, which makes progress. Callable from any thread."""
        raise NotImplementedError

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Report how far the step has come: done of total, and a text for people.

        get_run, stepgres watch and events show the last report until the attempt ends. The worker
        sends reports about once a second, and leaves out those between. A report does not restart
        the timeout: see heartbeat. Callable from any thread. Raises InvalidInput if done or total
        is no number of at least 0, or if the message is no text.
        """
        if message is not None and not isinstance(message, str):
            raise InvalidInput(f"context.progress: message must be a text, not {message!r:.100}")
        self.send_progress(
            {
                "done": _number("done", done),
                "total": None if total is None else _number("total", total),
                "message": message and shorten(printable(message), _MOST_IN_MESSAGE),
            }
        )

    def send_progress(self, progress: dict[str, Any]) -> None:
        """Send a report of progress to the database soon."""
        raise NotImplementedError


def _number(name: str, value: Any) -> float:
    """Return a number of progress as JSON can have it."""
    try:
        number = None if isinstance(value, (str, bytes, bool)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not 0 <= number < math.inf:
        raise InvalidInput(
            f"context.progress: {name} must be a number of at least 0, not {value!r:.100}"
        )
    return int(number) if number.is_integer() else number


class _TaskLogger(logging.LoggerAdapter[logging.Logger]):
    """Names the task in every line, and adds the parts of its name as attributes of the records."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        task = dict(self.extra or {})
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **task}
        return f"{task['run_id']}/{task['step_slug']}/{task['task_index']}: {msg}", kwargs
