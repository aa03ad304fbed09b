"""The context of a step, its second argument: the data of the task that the step executes."""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._goals.decompose import read_goal_tasks
from stepgres._postgres.json_text import loads
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from datetime import datetime
    from uuid import UUID

    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")


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
        return _TaskLogger(logger, self.names)

    @cached_property
    def run_input(self) -> Any:
        """Return the input of the run. Each attempt gets its own copy."""
        return loads(self._data.run.input, "the input of the run")

    def arguments(self, function: StepFunction) -> tuple[Any, ...]:
        """Return the arguments for the call of the function."""
        input = loads(self._data.input, "the input of the step")
        return (input, self) if takes_context(function) else (input,)

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

    def heartbeat(self) -> None:
        """Restart the timeout of the step, which makes progress. Callable from any thread."""
        raise NotImplementedError


class _TaskLogger(logging.LoggerAdapter[logging.Logger]):
    """Names the task in every line, and adds the parts of its name as attributes of the records."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        task = dict(self.extra or {})
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **task}
        return f"{task['run_id']}/{task['step_slug']}/{task['task_index']}: {msg}", kwargs
