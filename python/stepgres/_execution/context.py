"""What a step may know about the task that it executes: its second argument."""

from __future__ import annotations

import logging
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._goals.decompose import read_tasks
from stepgres._postgres.json_text import loads
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from uuid import UUID

    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")


class TaskData(NamedTuple):
    """What a context is made from: data that goes to any process. The inputs are JSON texts."""

    run_id: UUID
    workflow_slug: str
    step_slug: str
    task_index: int
    attempt: int
    input: str
    run_input: str
    task: dict[str, Any] | None = None

    @property
    def path(self) -> str:
        """The name of the task in messages; the same for all of its attempts."""
        return f"{self.run_id}/{self.step_slug}/{self.task_index}"


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
    check_tasks: Callable[[list[dict[str, Any]]], None] | None = None

    def __init__(self, data: TaskData) -> None:
        self.run_id = data.run_id
        self.workflow_slug = data.workflow_slug
        self.step_slug = data.step_slug
        self.task_index = data.task_index
        self.attempt = data.attempt
        self.idempotency_key = data.path
        self.task = data.task
        self.cancelled = threading.Event()
        self.added_tasks: list[dict[str, Any]] = []
        self._data = data

    @property
    def names(self) -> dict[str, Any]:
        """What log records about the task have as attributes."""
        return {
            "run_id": str(self.run_id),
            "workflow_slug": self.workflow_slug,
            "step_slug": self.step_slug,
            "task_index": self.task_index,
            "attempt": self.attempt,
        }

    @cached_property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines name the run and the step."""
        return _TaskLogger(logger, self.names)

    @cached_property
    def run_input(self) -> Any:
        """The input of the run, a copy of its own for each attempt."""
        return loads(self._data.run_input, "the input of the run")

    def arguments(self, function: StepFunction) -> tuple[Any, ...]:
        """What the function is called with."""
        input = loads(self._data.input, "the input of the step")
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

    def heartbeat(self) -> None:
        """Say that the step makes progress: its timeout starts anew. Callable from any thread."""
        raise NotImplementedError


class _TaskLogger(logging.LoggerAdapter[logging.Logger]):
    """Names the task in every line, and has its parts as attributes of the records."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        task = dict(self.extra or {})
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **task}
        return f"{task['run_id']}/{task['step_slug']}/{task['task_index']}: {msg}", kwargs
