"""What the model remembers of steps and tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.property.lifecycle.waits import Checkpoint, TimerKey, Wait

Place = tuple[str, int]
TaskKey = tuple[UUID, str, int]
Spot = tuple[str, str, UUID | None]  # a limit, a key, and the run that lends its place there

START: TimerKey = ("run_start", "", 0)
DEADLINE: TimerKey = ("run_deadline", "", 0)
LET_IN: TimerKey = ("let_in", "", 0)
ITSELF: Place = ("", 0)  # of a run: it stands in lines and has places, as its tasks do
UNFINISHED = ("queued", "started", "waiting")


@dataclass
class Task:
    status: str = "queued"
    attempt: int = 0
    claim: int = 0
    ahead: str | None = None  # claimed with more tasks than could begin, or lost so
    worker_id: str | None = None
    started_at: datetime | None = None
    error: str | None = None
    output: Any = None
    input: Any = None  # if its body has begun anew
    has_own_input: bool = False
    checkpoints: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)
    counted_from: int | None = None  # with checkpoints: the attempts after this number count
    waits_for: list[Wait] | None = None  # while its body is suspended
    places: dict[Spot, int] = field(default_factory=dict)  # under limits, while started

    @property
    def attempts(self) -> int:
        return self.attempt - (self.counted_from or 0)

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED

    def cancel(self) -> None:
        if not self.is_finished:
            self.status = "cancelled"


@dataclass
class StepState:
    status: str = "created"
    skip_reason: str | None = None
    error: str | None = None
    output: Any = None
    tasks: list[Task] = field(default_factory=list)

    @property
    def counts_as_finished(self) -> bool:
        """For dependents and for the run it is all one whether a step was completed or skipped."""
        return self.status in ("completed", "skipped")

    def start(self, number: int) -> None:
        self.status, self.tasks = "started", [Task() for _ in range(number)]

    def complete(self, output: Any) -> None:
        self.status, self.output = "completed", output

    def fail(self, error: str) -> None:
        self.status, self.error = "failed", error

    def skip(self, reason: str, error: str | None = None) -> None:
        self.status, self.skip_reason, self.error = "skipped", reason, error

    def cancel_tasks(self) -> None:
        for task in self.tasks:
            task.cancel()


@dataclass(frozen=True)
class Result:
    """How an execution ended: completed, failed, released, suspended or restarted."""

    status: str
    output: Any = None
    error: str = ""
    is_retryable: bool = True
    retry_after: timedelta | None = None
    waits_for: tuple[TimerKey, ...] = ()  # of a body that is suspended: the keys of its waits
