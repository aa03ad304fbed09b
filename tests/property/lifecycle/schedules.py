"""Schedules: when runs are due, and what becomes of each due time.

When a schedule looks for the end of the run before a buffered one is left open, within bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cronsim import CronSim

from tests.property.lifecycle import keys, limits
from tests.property.lifecycle import run as runs
from tests.property.lifecycle.refusals import (
    BAD_INPUT,
    SCHEDULE_UNKNOWN,
    WORKFLOW_UNKNOWN,
    Refused,
)
from tests.property.lifecycle.waits import timestamp_text

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run
    from tests.property.lifecycle.world import World

MICROSECOND = timedelta(microseconds=1)
LATE = timedelta(minutes=2)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ALWAYS = datetime.min.replace(tzinfo=timezone.utc)
NEVER = datetime.max.replace(tzinfo=timezone.utc)
RULES = ("cron", "every", "at")
TIMES = (*RULES, "starts_at", "ends_at")
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys((*TIMES, "due_key")), "input": {}, "overlap": "skip", "catch_up": 1,
}  # fmt: skip
REPLACED = "the next run of the schedule has come due"


@dataclass(frozen=True)
class DueTime:
    """What has become of a due time."""

    outcome: str
    kind: str = "due"
    run_id: UUID | None = None


@dataclass
class Schedule:
    workflow_slug: str
    options: dict[str, Any]  # in force; every is in seconds
    declared: dict[str, Any]
    rule_since: datetime  # due times are later than this
    position: datetime  # all due times up to this one are settled
    next_due_at: datetime | None = None
    wakes_at: datetime | None = None
    buffered_at: datetime | None = None
    is_paused: bool = False
    settled: dict[datetime, DueTime] = field(default_factory=dict)

    def due_times(self, after: datetime, until: datetime = NEVER) -> Iterator[datetime]:
        """The due times after an instant and up to another one."""
        after = max(after, self.rule_since)
        if self.options["starts_at"] is not None:
            after = max(after, self.options["starts_at"] - MICROSECOND)
        until = min(until, self.options["ends_at"] or NEVER)
        return takewhile(lambda due_at: due_at <= until, self._times(after))

    def _times(self, after: datetime) -> Iterator[datetime]:
        if self.options["at"] is not None:
            return iter([self.options["at"]] if self.options["at"] > after else [])
        if self.options["cron"] is not None:
            return CronSim(self.options["cron"], after)
        every = timedelta(seconds=self.options["every"])
        anchor = self.options["starts_at"] or EPOCH
        return (anchor + every * turn for turn in count((after - anchor) // every + 1))

    def come_due(self, now: datetime) -> list[datetime]:
        """The due times up to now that are not settled. The first one may be of an earlier rule."""
        if self.next_due_at is None or self.next_due_at > now:
            return []
        return [self.next_due_at, *self.due_times(self.next_due_at, now)]

    def move_on(self, position: datetime) -> None:
        """A clock that is set back brings no due time back."""
        self.position = max(self.position, position)
        self.next_due_at = next(self.due_times(self.position), None)

    def active_runs(self, world: World) -> list[Run]:
        started = {due_time.run_id for due_time in self.settled.values()}
        return [run for run in world.active_runs if run.run_id in started]


def find(world: World, schedule_slug: str) -> Schedule:
    if schedule_slug not in world.schedules:
        raise Refused(SCHEDULE_UNKNOWN)
    return world.schedules[schedule_slug]


# Declarations, and what operators do


def declare(
    world: World, schedule_slug: str, workflow_slug: str, options: Mapping[str, Any]
) -> None:
    """A declaration changes only what differs from the last one."""
    if workflow_slug not in world.workflows:
        raise Refused(WORKFLOW_UNKNOWN)
    declared = {**DEFAULTS, **options, "workflow_slug": workflow_slug}
    schedule = world.schedules.get(schedule_slug)
    if schedule is None:
        # a single time that has passed is made up
        since = world.now if declared["at"] is None else ALWAYS
        schedule = Schedule(workflow_slug, dict(declared), declared, since, since)
        schedule.move_on(since)
        world.schedules[schedule_slug] = schedule
        return
    before = schedule.declared
    is_other_rule = any(declared[rule] != before[rule] for rule in RULES)
    changes = {
        name: value
        for name, value in declared.items()
        if value != before[name] or (is_other_rule and name in RULES)
    }
    if changes:
        schedule.declared = declared
        change(world, schedule, changes)


def update(world: World, schedule_slug: str, options: Mapping[str, Any]) -> None:
    changes = {
        **(dict.fromkeys(RULES) if any(rule in options for rule in RULES) else {}),
        **options,
    }
    if "due_key" in changes:
        changes["due_key"] = changes["due_key"] or None
    change(world, find(world, schedule_slug), changes)


def change(world: World, schedule: Schedule, changes: Mapping[str, Any]) -> None:
    """What has come due is settled by the old rule; the last of it may still get its run."""
    due_times = schedule.come_due(world.now)
    last = due_times.pop() if due_times and not schedule.is_paused else None
    _settle(schedule, due_times, "paused" if schedule.is_paused else "missed")
    before = schedule.options
    schedule.options = {**before, **changes}
    schedule.workflow_slug = schedule.options["workflow_slug"]
    if any(schedule.options[name] != before[name] for name in TIMES):
        schedule.rule_since = max(world.now, schedule.position, last or world.now)
    schedule.move_on(schedule.position)
    schedule.next_due_at = last or schedule.next_due_at


def pause(world: World, schedule_slug: str) -> None:
    find(world, schedule_slug).is_paused = True


def resume(world: World, schedule_slug: str) -> None:
    """What has come due in the pause gets no run."""
    schedule = find(world, schedule_slug)
    if schedule.is_paused:
        _settle(schedule, schedule.come_due(world.now), "paused")
        schedule.is_paused = False


def delete(world: World, schedule_slug: str) -> None:
    find(world, schedule_slug)
    del world.schedules[schedule_slug]


def trigger(world: World, schedule_slug: str) -> UUID:
    """A run now, which takes no due time away."""
    schedule = find(world, schedule_slug)
    rule = replace(schedule, rule_since=ALWAYS)
    due_at = world.now
    while due_at in schedule.settled or any(rule.due_times(due_at - MICROSECOND, due_at)):
        due_at += MICROSECOND
    return _start(world, schedule_slug, due_at, "trigger")


def backfill(
    world: World, schedule_slug: str, since: datetime, until: datetime
) -> dict[datetime, str]:
    """Runs for past due times that have had none; returns what has become of these."""
    schedule = find(world, schedule_slug)
    last = min(until, world.now, (schedule.next_due_at or NEVER) - MICROSECOND)
    rule = replace(schedule, rule_since=ALWAYS)
    due_times = [
        due_at
        for due_at in rule.due_times(since - MICROSECOND, last)
        if due_at not in schedule.settled
        or schedule.settled[due_at].outcome not in ("started", "buffered")
    ]
    for due_at in due_times:
        _try_start(world, schedule_slug, due_at, "backfill")
    return {due_at: schedule.settled[due_at].outcome for due_at in due_times}


# What becomes of due times


def fire(world: World) -> None:
    due = [
        (schedule.wakes_at, schedule_slug)
        for schedule_slug, schedule in world.schedules.items()
        if schedule.wakes_at is not None and schedule.wakes_at <= world.now
    ]
    for _, schedule_slug in sorted(due):
        _fire(world, schedule_slug, world.schedules[schedule_slug])


def _fire(world: World, schedule_slug: str, schedule: Schedule) -> None:
    is_free = not schedule.active_runs(world)
    if schedule.buffered_at is not None and not schedule.is_paused and is_free:
        is_free = not _try_start(world, schedule_slug, schedule.buffered_at)
        schedule.buffered_at = None
    due_times = schedule.come_due(world.now)
    if schedule.is_paused:
        _settle(schedule, due_times, "paused")
        return
    made_up = due_times[-schedule.options["catch_up"] :] if schedule.options["catch_up"] else []
    wanted = [t for t in due_times if t in made_up or t >= world.now - LATE]
    _settle(schedule, [t for t in due_times if t not in wanted], "missed")
    if schedule.options["overlap"] == "cancel_other" and wanted:
        _cancel(schedule.active_runs(world))
        is_free = True
    for due_at in wanted:
        outcome = _outcome(schedule, is_free, is_last=due_at == wanted[-1])
        if outcome == "started":
            is_free = not _try_start(world, schedule_slug, due_at)
        else:
            schedule.settled[due_at] = DueTime(outcome)
        if outcome == "buffered":
            schedule.buffered_at = due_at
        schedule.move_on(due_at)


def _outcome(schedule: Schedule, is_free: bool, *, is_last: bool) -> str:
    """What overlap says. Of several that have come due together, the latest runs."""
    overlap = schedule.options["overlap"]
    if overlap == "allow_all":
        return "started"
    if overlap == "buffer_one" and schedule.buffered_at is None:
        return "started" if is_free else "buffered"
    return "started" if overlap != "buffer_one" and is_free and is_last else "skipped"


def _cancel(active: list[Run]) -> None:
    family = [member for run in active for member in [run, *runs.descendants(run)]]
    members = {member.run_id: member for member in family if member.is_active}
    runs.fail_together(list(members.values()), REPLACED, is_cancelled=True)


def _settle(schedule: Schedule, due_times: list[datetime], outcome: str) -> None:
    for due_at in due_times:
        schedule.settled.setdefault(due_at, DueTime(outcome))
        schedule.move_on(due_at)


def _try_start(world: World, schedule_slug: str, due_at: datetime, kind: str = "due") -> bool:
    """Whether the run of a due time could start."""
    try:
        _start(world, schedule_slug, due_at, kind)
    except Refused:
        world.schedules[schedule_slug].settled[due_at] = DueTime("failed", kind)
        return False
    return True


def _start(world: World, schedule_slug: str, due_at: datetime, kind: str) -> UUID:
    schedule = world.schedules[schedule_slug]
    workflow = world.workflows[schedule.workflow_slug]
    input = dict(schedule.options["input"])
    if schedule.options["due_key"]:
        input[schedule.options["due_key"]] = timestamp_text(due_at).replace("+00:00", "Z")
    if workflow.refuses(input) is not None:
        raise Refused(BAD_INPUT)
    chosen = world.choose_due_run(schedule_slug, due_at)
    deadline = None if workflow.deadline is None else timedelta(seconds=workflow.deadline)
    run = runs.Run(world, chosen or UUID(int=0), workflow, input, deadline=deadline)
    limits.reject(run, keys.Met(), is_delayed=False, is_let_in=chosen is not None)
    assert chosen is not None, f"schedule {schedule_slug} has no run that was due at {due_at}"
    schedule.settled[due_at] = DueTime("started", kind, chosen)
    run.launch()
    return chosen


# When schedules look


def look(world: World, wakes: Mapping[str, datetime | None]) -> None:
    """A schedule looks at its next due time, and soon again for the run before a buffered one."""
    for schedule_slug, schedule in world.schedules.items():
        latest = schedule.next_due_at
        if schedule.buffered_at is not None and not schedule.is_paused:
            waited = (world.now - schedule.buffered_at) / 16
            pause = min(max(waited, timedelta(seconds=1)), timedelta(seconds=30))
            latest = min(latest or NEVER, world.now + pause)
        schedule.wakes_at = wakes.get(schedule_slug)
        assert latest is None or (schedule.wakes_at or NEVER) <= latest, "it looks too late"


def scheduled_at(world: World, run: Run) -> datetime | None:
    """The due time that a run was started for, or the run that it retries."""
    found = [
        due_at
        for schedule in world.schedules.values()
        for due_at, due_time in schedule.settled.items()
        if due_time.run_id == run.run_id
    ]
    if found or run.retried_from is None:
        return next(iter(found), None)
    if run.retried_from.run_id not in world.runs:
        return scheduled_at(world, replace(run.retried_from, retried_from=None))
    return scheduled_at(world, run.retried_from)
