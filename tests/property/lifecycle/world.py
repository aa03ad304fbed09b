"""What all runs of the model share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.states import Place, TaskKey
from tests.property.lifecycle.waits import Signal, TimerKey, Wait

if TYPE_CHECKING:
    from tests.property.lifecycle.limits import Limit
    from tests.property.lifecycle.run import Run
    from tests.property.lifecycle.schedules import Schedule


@dataclass
class World:
    """What all runs share: the clock, signals, keys, and how the engine chooses what is chance."""

    now: datetime
    choose_wait: Callable[[UUID, TimerKey, timedelta, timedelta], timedelta]
    choose_child: Callable[[UUID, TimerKey], UUID]
    choose_lenders: Callable[[UUID, Place], dict[tuple[str, str], UUID | None]]
    choose_due_run: Callable[[str, datetime], UUID | None]
    has_begun: Callable[[UUID], bool]  # a run that stood in a line
    is_kept: Callable[[UUID], bool]  # a run, by the last sweep
    workflows: dict[str, Workflow] = field(default_factory=dict)  # in their current versions
    runs: dict[UUID, Run] = field(default_factory=dict)  # in the order of their starts
    ended: dict[UUID, str | None] = field(default_factory=dict)  # children, since the last tick
    doomed: dict[UUID, str] = field(default_factory=dict)  # children that the next tick cancels
    is_starting_children: bool = False
    signals: dict[int, Signal] = field(default_factory=dict)  # by id, in the order of sending
    begins: set[UUID] = field(default_factory=set)  # held runs that begin with the next tick
    keeps: dict[str, dict[str, float]] = field(default_factory=dict)  # of current versions
    limits: dict[str, Limit] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    faulty: set[TaskKey] = field(default_factory=set)  # the next tick fails them
    holders: dict[tuple[str, str], tuple[UUID, Wait]] = field(default_factory=dict)

    @property
    def active_runs(self) -> list[Run]:
        return [run for run in self.runs.values() if run.is_active]

    def unread(self) -> list[Signal]:
        return [
            signal
            for signal in self.signals.values()
            if signal.consumer is None
            and (signal.expires_at is None or signal.expires_at > self.now)
        ]

    def hold(self, run_id: UUID, wait: Wait) -> None:
        """Two open waits for a signal cannot have the same key: the second one fails."""
        assert wait.signal is not None
        assert wait.key is not None
        holder = self.holders.setdefault((wait.signal, wait.key), (run_id, wait))
        if holder[1] is not wait:
            wait.outcome, wait.resolved_at = "failed", self.now
            wait.error = (
                f'key "{wait.key}" of signal "{wait.signal}" is held by '
                f'step "{holder[1].slug}" of run {holder[0]}'
            )

    def close(self, wait: Wait, outcome: str) -> None:
        wait.outcome, wait.resolved_at, wait.is_new = outcome, self.now, False
        if wait.signal is not None and wait.key is not None:
            del self.holders[wait.signal, wait.key]

    def expire(self) -> None:
        self.signals = {
            number: signal
            for number, signal in self.signals.items()
            if signal.consumer is not None
            or signal.expires_at is None
            or signal.expires_at > self.now
        }
