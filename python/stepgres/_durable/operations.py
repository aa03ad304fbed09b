"""The operations of a body. A new kind of wait is a function here, and a method of the context."""

from __future__ import annotations

import math
import reprlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._durable.journal import call_failed
from stepgres._postgres.arguments import slug_argument
from stepgres._postgres.json_text import NotWritable, dumps
from stepgres.errors import InvalidInput, Rejected, SignalTimeout, UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepgres._durable.journal import Answer, Key
    from stepgres.workflow import WorkflowName


_LONGEST_NAME = 256


class Call(NamedTuple):
    """The call of a function, as context.run describes it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    attempts: int
    base_delay: float
    timeout: float | None
    transactional: bool


class Wait(NamedTuple):
    """A wait: the name of its operation, its fields for save_checkpoints, and how it ends.

    finish returns the value of a wait that was resolved, or raises its error.
    """

    name: str
    fields: dict[str, Any]
    finish: Callable[[Key, Answer], Any]


def call(
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    attempts: int,
    base_delay: float,
    timeout: float | None,
    transactional: bool,
) -> Call:
    """Return a call; raise InvalidInput for options that mean nothing."""
    _check_name("run", name)
    if not callable(function):
        raise InvalidInput(
            f"context.run: {function!r} is not callable",
            hint='Write context.run("charge", charge, order): a name, a function, its arguments.',
        )
    _check_seconds("run", "base_delay", base_delay)
    _check_seconds("run", "timeout", timeout)
    if not isinstance(attempts, int) or attempts < 1 or timeout == 0:
        raise InvalidInput(
            "context.run: attempts is a whole number of at least 1, and timeout more than 0",
            hint="Leave timeout out for a call that may take as long as it likes.",
        )
    return Call(function, arguments, attempts, base_delay, timeout, transactional)


def sleep(seconds: float) -> Wait:
    """Return a wait for a time."""
    _check_seconds("sleep", "seconds", seconds, is_needed=True)
    return Wait("sleep", {"kind": "sleep", "seconds": float(seconds)}, _nothing)


def sleep_until(instant: datetime) -> Wait:
    """Return a wait for an instant."""
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise InvalidInput(
            f"context.sleep_until: {instant!r} is no datetime with a time zone",
            hint="Write datetime(2030, 1, 1, tzinfo=timezone.utc).",
        )
    until = instant.astimezone(timezone.utc).isoformat()
    return Wait("sleep", {"kind": "sleep", "until": until}, _nothing)


def signal(name: str, timeout: float | None, match: str | None, key: str | None) -> Wait:
    """Return a wait for a signal."""
    _check_name("wait_for_signal", name)
    _check_seconds("wait_for_signal", "timeout", timeout)
    fields = {"signal": name, "timeout": timeout, "match": match, "key": key}
    given = {field: value for field, value in fields.items() if value is not None}
    return Wait(f"signal {name}", {"kind": "signal", **given}, _payload)


def approval(name: str, timeout: float | None, document: dict[str, Any]) -> Wait:
    """Return a wait for people."""
    _check_name("approval", name)
    _check_seconds("approval", "timeout", timeout)
    fields = {**document, "title": document["title"] or name, "timeout": timeout}
    given = {field: value for field, value in fields.items() if value is not None}
    return Wait(f"approval {name}", {"kind": "approval", **given}, _decisions)


def child(method: str, workflow: WorkflowName, input: Any, version: int | None) -> Wait:
    """Return a wait for a run of a workflow, which save_checkpoints starts."""
    slug = slug_argument(workflow)
    if slug is None:
        raise InvalidInput(
            f"context.{method}: None is neither a workflow nor a slug",
            hint='Pass the Workflow class, or its slug, such as "order".',
        )
    is_detached = method == "start_workflow_run"
    fields = {"workflow": slug, "input": input, "version": version, "is_detached": is_detached}
    try:
        dumps(input, "input")
    except NotWritable as error:
        raise UnwritableOutput(f"context.{method}: {error}") from error
    kind = "start" if is_detached else "workflow"
    return Wait(f"{kind} {slug}", {"kind": "child", **fields}, _output)


def _check_name(method: str, name: Any) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
        raise InvalidInput(
            f"context.{method}: the name is a text of 1 to {_LONGEST_NAME} characters, not"
            f" {reprlib.repr(name)}",
            hint="The name comes first: it finds the checkpoint when the body is called again.",
        )


def _check_seconds(method: str, option: str, value: Any, *, is_needed: bool = False) -> None:
    if value is None and not is_needed:
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise InvalidInput(
            f"context.{method}: {option} must be a number of seconds, 0 or more, not {value!r}",
            hint="Write timedelta(days=2).total_seconds() for a timedelta.",
        )


def _nothing(key: Key, answer: Answer) -> None:
    if answer.outcome != "completed":
        raise call_failed(key, answer)


def _payload(key: Key, answer: Answer) -> Any:
    if answer.outcome == "signalled":
        return answer.output
    if answer.outcome == "timed_out":
        raise SignalTimeout(key.name.partition(" ")[2])
    raise call_failed(key, answer)


def _decisions(key: Key, answer: Answer) -> Any:
    name = key.name.partition(" ")[2]
    if answer.outcome == "approved":
        return answer.output
    if answer.outcome == "rejected":
        raise Rejected(name, answer.error or f'approval "{name}" was rejected')
    if answer.outcome == "timed_out":
        raise SignalTimeout(name, "approval")
    raise call_failed(key, answer)


def _output(key: Key, answer: Answer) -> Any:
    if answer.outcome == "completed":
        return answer.output
    raise call_failed(key, answer._replace(error_type="WorkflowFailed"))
