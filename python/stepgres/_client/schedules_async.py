"""The part of the client that declares schedules, and steers and lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from psycopg.rows import scalar_row

from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import interval, json_argument
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import Schedule, ScheduleRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stepgres.workflow import WorkflowName

# arguments of create_schedule and update_schedule that go to SQL as they are
_OPTIONS = ("cron", "at", "timezone", "overlap", "catch_up", "starts_at", "ends_at", "due_key")


class AsyncSchedules(AsyncCaller):
    """The functions for schedules."""

    async def create_schedule(
        self,
        schedule_slug: str,
        workflow_slug: WorkflowName,
        *,
        cron: str | None = None,
        every: float | None = None,
        at: datetime | None = None,
        input: Any = None,
        timezone: str | None = None,
        overlap: str | None = None,
        catch_up: int | None = None,
        jitter: float | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        due_key: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """Declare a schedule, by exactly one of cron, every (seconds) and at; return its slug.

        Declaring it again changes only what differs from the last declaration: edits and pauses
        of operators stay. cron is meant in the timezone, by default UTC. overlap is "skip" (the
        default), "buffer_one", "cancel_other" or "allow_all". The latest catch_up due times that
        nobody was there for are made up, by default 1. jitter is in seconds. due_key is the key
        under which the due time stands in the input. options: version, priority, deadline (in
        seconds) and tags of the runs. Raises DefinitionError, WorkflowNotFound and InvalidInput.
        """
        return await self._scalar(
            str,
            "create_schedule",
            schedule_slug=schedule_slug,
            workflow_slug=workflow_slug,
            **_arguments(locals()),
        )

    async def update_schedule(
        self,
        schedule_slug: str,
        cron: str | None = None,
        every: float | None = None,
        at: datetime | None = None,
        input: Any = None,
        timezone: str | None = None,
        overlap: str | None = None,
        catch_up: int | None = None,
        jitter: float | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        due_key: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Change a schedule, until another declaration changes the same option.

        The arguments are those of create_schedule; None changes nothing. Raises ScheduleNotFound,
        DefinitionError, WorkflowNotFound (version) and InvalidInput.
        """
        await self._all(
            "update_schedule",
            scalar_row,
            schedule_slug=schedule_slug,
            **_arguments(locals()),
        )

    async def pause_schedule(self, schedule_slug: str, note: str | None = None) -> None:
        """Start no runs until resume_schedule. Raises ScheduleNotFound."""
        await self._all("pause_schedule", scalar_row, schedule_slug=schedule_slug, note=note)

    async def resume_schedule(self, schedule_slug: str) -> None:
        """End the pause; due times in the pause get no runs. Raises ScheduleNotFound."""
        await self._all("resume_schedule", scalar_row, schedule_slug=schedule_slug)

    async def trigger_schedule(self, schedule_slug: str) -> UUID:
        """Start a run of the schedule now, and return its id.

        Raises ScheduleNotFound, WorkflowNotFound (version) and InvalidInput.
        """
        return await self._scalar(UUID, "trigger_schedule", schedule_slug=schedule_slug)

    async def delete_schedule(self, schedule_slug: str) -> None:
        """Delete a schedule and its history; its runs stay. Raises ScheduleNotFound."""
        await self._all("delete_schedule", scalar_row, schedule_slug=schedule_slug)

    async def list_schedules(
        self,
        workflow_slug: WorkflowName | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Schedule]:
        """List schedules by slug, by default the first 100.

        For the next page pass the last schedule_slug as after. Raises InvalidFilter.
        """
        return await self._all(
            "list_schedules",
            row_of(Schedule),
            adapters=TOLERANT_ADAPTERS,
            workflow_slug=workflow_slug,
            limit=limit,
            after=after,
        )

    async def get_schedule(self, schedule_slug: str) -> dict[str, Any]:
        """Return all the data of a schedule as JSON: options, declaration, outcomes, last runs.

        Raises ScheduleNotFound.
        """
        return await self._scalar(
            dict, "get_schedule", adapters=TOLERANT_ADAPTERS, schedule_slug=schedule_slug
        )

    async def preview_schedule(
        self, cron_or_slug: str, timezone: str | None = None, count: int | None = None
    ) -> list[datetime]:
        """Return the next due times of a cron expression or a schedule, by default 10.

        Raises DefinitionError, ScheduleNotFound and InvalidFilter.
        """
        return await self._all(
            "preview_schedule",
            scalar_row,
            cron_or_slug=cron_or_slug,
            timezone=timezone,
            count=count,
        )

    async def backfill_schedule(
        self, schedule_slug: str, since: datetime, until: datetime, dry_run: bool | None = None
    ) -> list[ScheduleRun]:
        """Start runs for the past due times that have none, at most 1,000; return these due times.

        With dry_run, start no runs: the due times that are returned have no outcome.
        Raises ScheduleNotFound and InvalidInput.
        """
        return await self._all(
            "backfill_schedule",
            row_of(ScheduleRun),
            schedule_slug=schedule_slug,
            since=since,
            until=until,
            dry_run=dry_run,
        )

    async def get_scheduled_at(self, run_id: UUID) -> datetime | None:
        """Return the due time that a run was started for, or None without a schedule."""
        (due_at,) = await self._all("get_scheduled_at", scalar_row, run_id=run_id)
        return cast("datetime | None", due_at)


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a schedule in the form that psycopg takes."""
    return {
        **{name: given[name] for name in _OPTIONS},
        "every": interval(given["every"]),
        "jitter": interval(given["jitter"]),
        "input": json_argument(given["input"], "input"),
        "options": json_argument(given["options"], "options"),
    }
