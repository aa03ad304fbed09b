"""What the model remembers of signals, of waits, and of what the bodies of durable steps did."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.property.lifecycle.paths import Predicate, json_type

TimerKey = tuple[str, str, int]


@dataclass(eq=False)
class Signal:
    """Sent to a run, or to whoever waits under a key; a wait that takes it consumes it."""

    signal: str
    payload: Any
    run_id: UUID | None = None
    key: str | None = None
    idempotency_key: str | None = None
    expires_at: datetime | None = None
    is_new: bool = True  # since the last tick
    consumer: Wait | None = None


@dataclass(frozen=True)
class Approval:
    title: str
    quorum: int = 1
    assignees: list[str] | None = None


@dataclass(frozen=True)
class Decision:
    is_approval: bool
    decided_by: str
    payload: Any = None
    comment: str | None = None
    login: str = ""
    decided_at: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        """As the output of the wait lists it."""
        assert self.decided_at is not None
        return {
            "approved": self.is_approval,
            "decided_by": self.decided_by,
            "login": self.login,
            "decided_at": timestamp_text(self.decided_at),
            "comment": self.comment,
            "payload": self.payload,
        }


@dataclass(eq=False)
class Wait:
    """Of a step, of a task whose body is a child run, or with a name of the body of a task."""

    slug: str
    index: int = 0
    name: str = ""
    number: int = 1
    kind: str = "signal"
    signal: str | None = None
    match: Predicate | None = None
    key: str | None = None
    is_gathered: bool = False
    time: timedelta | None = None
    is_new: bool = False  # since the last tick, and has a key
    child_run_id: UUID | None = None
    approval: Approval | None = None
    decisions: list[Decision] = field(default_factory=list)
    outcome: str | None = None
    payload: Any = None
    error: str | None = None
    resolved_at: datetime | None = None

    @property
    def timer(self) -> TimerKey:
        """The key of its timer, which is also its own in its run."""
        label = self.slug
        if self.name or self.kind == "child":
            label += f" {self.name or self.kind} {self.number}"
        return ("wait", label, self.index)

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def is_good(self) -> bool:
        return self.outcome in ("signalled", "approved", "completed")

    def takes(self, signal: Signal, input: Any) -> bool:
        """Whether the signal meets the match, which may look into the input of the step."""
        return self.signal == signal.signal and (
            self.match is None or self.match.is_met(signal.payload, input)
        )


@dataclass(frozen=True)
class Resolution:
    wait: Wait
    outcome: str
    payload: Any = None
    error: str | None = None
    signal: Signal | None = None


@dataclass(frozen=True)
class Operation:
    """What a body has done: it has got the result of a call, or has come to a wait."""

    name: str
    number: int
    output: Any = None
    error: str | None = None
    wait: dict[str, Any] | None = None  # its options; a match is a Predicate

    @property
    def key(self) -> tuple[str, int]:
        return (self.name, self.number)

    @property
    def document(self) -> dict[str, Any]:
        """The fields that save_checkpoints wants, besides the task."""
        if self.wait is not None:
            return {
                name: str(option) if isinstance(option, Predicate) else option
                for name, option in self.wait.items()
            }
        if self.error is not None:
            return {"error": self.error, "error_type": "Error"}
        return {"output": self.output}


@dataclass(frozen=True)
class Checkpoint:
    """The answer to an operation of a body; that of a wait is in the wait."""

    operation: Operation
    saved_at: datetime
    wait: Wait | None = None

    @property
    def answer(self) -> list[Any]:
        """The outcome, the output and the error."""
        if self.wait is not None:
            return [self.wait.outcome, self.wait.payload, self.wait.error]
        if self.operation.error is not None:
            return ["failed", None, self.operation.error]
        return ["completed", self.operation.output, None]


def key_text(found: list[Any]) -> str | None:
    """The key that a path leads to: a short text, a number or a boolean."""
    if not found or json_type(found[0]) not in ("string", "number", "boolean"):
        return None
    text = found[0] if isinstance(found[0], str) else jsonb_text(found[0])
    return text if 1 <= len(text) <= 256 else None


def jsonb_text(value: Any) -> str:
    """JSON as PostgreSQL writes it: shorter names of an object come first."""

    def ordered(value: Any) -> Any:
        if isinstance(value, list):
            return [ordered(element) for element in value]
        if isinstance(value, dict):
            return {name: ordered(value[name]) for name in sorted(value, key=lambda n: (len(n), n))}
        return value

    return json.dumps(ordered(value))


def timestamp_text(instant: datetime) -> str:
    """An instant as PostgreSQL writes it into JSON."""
    text = instant.isoformat(timespec="microseconds")
    return text[:26].rstrip("0").rstrip(".") + text[26:]
