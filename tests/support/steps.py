"""Workflows that processes of `stepgres worker` import."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

import anyio

from stepgres import Workflow, sql_step, step
from stepgres._execution.runner import StepContext
from tests.support.ledger import record, record_task, write


class Plain(Workflow):
    """One step, done at once."""

    execution = "distributed"

    @staticmethod
    @step
    def only(input: Any, context: StepContext) -> Any:
        record(context)
        return input


class Echo(Workflow):
    """One step, which needs nothing."""

    execution = "distributed"

    @staticmethod
    @step
    def only(input: Any) -> Any:
        return input


class Gated(Workflow):
    """A step that waits for the gate, in a thread, and one after it."""

    execution = "distributed"
    base_delay = 0.01

    @staticmethod
    @step
    def held(input: Any, context: StepContext) -> str:
        record(context, gate=True)
        return f"attempt {context.attempt}"

    @staticmethod
    @step(depends_on=["held"])
    def after(input: Any, context: StepContext) -> Any:
        record(context)
        return input["held"]


class Endless(Workflow):
    """A step that ends only when it is told to."""

    execution = "distributed"

    @staticmethod
    @step
    async def only(input: Any, context: StepContext) -> None:
        record(context)
        await anyio.sleep_forever()


class Local(Workflow):
    """Gated, but executed by the process that starts it."""

    base_delay = 0.01

    @staticmethod
    @step
    def first(input: Any, context: StepContext) -> str:
        record(context)
        return "first"

    @staticmethod
    @step(depends_on=["first"])
    def held(input: Any, context: StepContext) -> list[Any]:
        record(context, gate=True)
        return [input["first"], context.attempt]


class Deadly(Workflow):
    """A step that kills its worker."""

    execution = "distributed"
    max_attempts = 1

    @staticmethod
    @step
    def only(input: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Innocent(Workflow):
    """A step that has one attempt."""

    execution = "distributed"
    max_attempts = 1

    @staticmethod
    @step
    def only(input: Any) -> Any:
        return input


class Separate(Workflow):
    """A step that waits for the gate, without a context: a process of its own may execute it."""

    execution = "distributed"
    base_delay = 0.01

    @staticmethod
    @step
    def only(number: int) -> int:
        record_task(None, "only", number, 0, gate=True)
        return number


class Hanging(Workflow):
    """A step that hangs in its process."""

    execution = "distributed"
    max_attempts = 1

    @staticmethod
    @step(timeout=2)
    def only(input: Any) -> None:
        hang()


def hang() -> None:
    """Never returns, and lets no other thread of the process run much either."""
    while True:
        pass


class Failing(Workflow):
    """A step that logs and then fails, for good at its second attempt."""

    execution = "distributed"
    max_attempts = 2
    base_delay = 0

    @staticmethod
    @step
    def charge(input: Any, context: StepContext) -> None:
        context.logger.info("charging %s", input)
        raise KeyError("order_id")


class Booking(Workflow):
    """Steps of every kind; each writes down that it ran, in its transaction if it has one."""

    execution = "distributed"
    base_delay = 0.01

    @staticmethod
    @step
    def ordinary(input: Any, context: StepContext) -> Any:
        record(context)
        return input

    @staticmethod
    @step(depends_on=["ordinary"], transactional=True)
    def booked(input: Any, context: StepContext) -> Any:
        write(context.connection, context)
        return [input["ordinary"]] * 3

    @staticmethod
    @step(depends_on=["booked"], map=True, transactional=True)
    async def each(input: Any, context: StepContext) -> Any:
        await write(context.connection, context)
        return input

    in_sql = sql_step("public.book", depends_on=["each"])


def plan(input: Any, context: StepContext) -> Any:
    """A task that adds another one to the run."""
    context.add_tasks([{"id": "added", "description": "Added by plan"}])
    return input["goal"]


async def describe_task(input: Any, context: StepContext) -> Any:
    """What the decomposer has said of the task."""
    assert context.task is not None
    return [context.task["path"], context.task["description"]]


tasks = {"plan": plan, "*": describe_task}


# Hooks, as a command line names them

has_started: list[str] = []


def on_start() -> None:
    has_started.append("started")


async def on_stop() -> None:
    logging.getLogger("stepgres").info("the hook on_stop was called")


def middleware(context: StepContext, call_next: Callable[[], Any]) -> Any:
    return [*has_started, call_next()]
