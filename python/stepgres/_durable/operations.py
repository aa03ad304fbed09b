"""The operations of a body. A new kind of wait is a function here, and a method of the context."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._durable.journal import call_failed
from stepgres._postgres.json_text import NotWritable, dumps
from stepgres.errors import InvalidInput, Rejected, SignalTimeout, UnwritableOutput
from stepgres.workflow import slug_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepgres._durable.journal import Answer, Key
    from stepgres.workflow import WorkflowName


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
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    attempts: int,
    base_delay: float,
    timeout: float | None,
    transactional: bool,
) -> Call:
    """Return a call; raise InvalidInput for options that mean nothing."""
    if not callable(function):
        raise InvalidInput(
            f"context.run: {function!r} is not callable",
            hint='Write context.run("charge", charge, order): a name, a function, its arguments.',
        )
    if attempts < 1 or base_delay < 0 or (timeout is not None and timeout <= 0):
        raise InvalidInput(
            "context.run: attempts is at least 1, base_delay at least 0, and timeout more than 0",
            hint="Durations are in seconds.",
        )
    return Call(function, arguments, attempts, base_delay, timeout, transactional)


def sleep(seconds: float) -> Wait:
    """Return a wait for a time."""
    if not seconds >= 0:
        raise InvalidInput(
            f"context.sleep: seconds must be 0 or more, not {seconds}",
            hint="context.sleep_until takes an instant.",
        )
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
    fields = {"signal": name, "timeout": timeout, "match": match, "key": key}
    given = {field: value for field, value in fields.items() if value is not None}
    return Wait(f"signal {name}", {"kind": "signal", **given}, _payload)


def approval(name: str, timeout: float | None, document: dict[str, Any]) -> Wait:
    """Return a wait for people."""
    fields = {**document, "title": document["title"] or name, "timeout": timeout}
    given = {field: value for field, value in fields.items() if value is not None}
    return Wait(f"approval {name}", {"kind": "approval", **given}, _decisions)


def child(method: str, workflow: WorkflowName, input: Any, version: int | None) -> Wait:
    """Return a wait for a run of a workflow, which save_checkpoints starts."""
    slug = workflow if isinstance(workflow, str) else slug_of(workflow)
    is_detached = method == "start_workflow_run"
    fields = {"workflow": slug, "input": input, "version": version, "is_detached": is_detached}
    try:
        dumps(input, "input")
    except NotWritable as error:
        raise UnwritableOutput(f"context.{method}: {error}") from error
    kind = "start" if is_detached else "workflow"
    return Wait(f"{kind} {slug}", {"kind": "child", **fields}, _output)


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
