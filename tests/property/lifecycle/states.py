"""What the model remembers of steps and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

Place = tuple[str, int]
TimerKey = tuple[str, str, int]

START: TimerKey = ("run_start", "", 0)
DEADLINE: TimerKey = ("run_deadline", "", 0)
UNFINISHED = ("queued", "started", "waiting")


@dataclass
class Time:
    """The clock of all runs, and how the engine chooses a wait that has jitter."""

    now: datetime
    choose_wait: Callable[[UUID, TimerKey, timedelta, timedelta], timedelta]


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
    """How an attempt ended: completed, failed or released."""

    status: str
    output: Any = None
    error: str = ""
    is_retryable: bool = True
    retry_after: timedelta | None = None
