"""Schedules in Python: both clients, Workflow classes, and steps that know their due time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from stepgres import (
    AsyncClient,
    Client,
    DefinitionError,
    InvalidFilter,
    InvalidInput,
    Schedule,
    ScheduleNotFound,
    Workflow,
    WorkflowNotFound,
    step,
)
from tests.conftest import Clock, Database
from tests.support.workers import running_worker

NOW = datetime.now(timezone.utc).replace(microsecond=0)
HOUR = timedelta(hours=1)


class Report(Workflow):
    schedule = {"every": 3600, "overlap": "allow_all", "due_key": "due"}  # noqa: RUF012

    @staticmethod
    @step
    def write(input: Any, context: Any = None) -> list[Any]:
        return [input["due"], context.scheduled_at.isoformat()]


class Manual(Workflow):
    @staticmethod
    @step
    def write(input: Any, context: Any = None) -> Any:
        return context.scheduled_at


@pytest.fixture
def report(client: Client) -> Client:
    client.register_workflow(Report)
    client.register_workflow(Manual)
    return client


def test_step_knows_the_due_time_of_its_run(report: Client, db: Database) -> None:
    run_id = report.trigger_schedule("report")
    by_hand = report.start_workflow_run(Manual, {})
    with running_worker(db.dsn, Report, Manual):
        due, scheduled_at = report.wait_for_run(run_id, timeout=100).output
        assert report.wait_for_run(by_hand, timeout=100).output is None
    assert datetime.fromisoformat(scheduled_at) == report.get_scheduled_at(run_id)
    assert due[:19] == report.get_scheduled_at(run_id).astimezone(timezone.utc).isoformat()[:19]  # type: ignore[union-attr]
    assert report.get_scheduled_at(by_hand) is None


def test_schedule_of_a_class_is_listed(report: Client) -> None:
    (schedule,) = report.list_schedules(Report)
    assert isinstance(schedule, Schedule)
    assert schedule.schedule_slug == schedule.workflow_slug == "report"
    assert (schedule.every, schedule.cron, schedule.due_key) == (HOUR, None, "due")
    assert (schedule.is_of_workflow, schedule.is_in_force) == (True, True)
    assert schedule.next_due_at is not None


def test_class_with_a_wrong_schedule_is_refused(client: Client) -> None:
    class Wrong(Manual):
        schedule = "61 * * * *"

    with pytest.raises(DefinitionError, match='"61" is no minute'):
        client.register_workflow(Wrong)


def test_life_of_a_schedule(report: Client) -> None:
    slug = report.create_schedule(
        "x", "manual", cron="@daily", timezone="Asia/Tokyo", input=[1], catch_up=5, jitter=0.5,
        starts_at=NOW, ends_at=NOW + 1000 * HOUR, options={"tags": ["t"]},
    )  # fmt: skip
    report.update_schedule(slug, every=90.5, input={"a": None})
    report.pause_schedule(slug, note="why")
    found = report.list_schedules("manual")[0]
    assert (found.every, found.jitter) == (timedelta(seconds=90.5), timedelta(seconds=0.5))
    assert (found.input, found.catch_up, found.pause_note) == ({"a": None}, 5, "why")
    assert (found.starts_at, found.ends_at) == (NOW, NOW + 1000 * HOUR)
    report.resume_schedule(slug)
    document = report.get_schedule(slug)
    assert (document["paused_at"], document["declared"]["cron"]) == (None, "@daily")
    report.create_schedule("y", "manual", at=NOW + HOUR)
    assert [s.schedule_slug for s in report.list_schedules(limit=1, after="x")] == ["y"]
    report.delete_schedule(slug)
    with pytest.raises(ScheduleNotFound, match='"x"'):
        report.get_schedule(slug)


def test_backfill_returns_what_it_has_started(report: Client, clock: Clock) -> None:
    (now,) = clock.connection.execute("select now from public.test_clock").fetchone() or ()
    found = report.backfill_schedule("report", now - 3 * HOUR, now)
    assert [(row.outcome, row.kind) for row in found] == [("started", "backfill")] * 3
    assert report.backfill_schedule("report", now - 3 * HOUR, now) == []
    assert {row.run_id for row in found} == {run.run_id for run in report.list_workflow_runs()}
    with pytest.raises(InvalidInput, match="more than 1,000"):
        report.backfill_schedule("report", now - 2000 * HOUR, now)


def test_preview_in_python(report: Client) -> None:
    found = report.preview_schedule("30 9 * * *", timezone="Asia/Kolkata", count=2)
    assert [f"{t.astimezone(timezone.utc):%H:%M}" for t in found] == ["04:00", "04:00"]
    assert len(report.preview_schedule("report")) == 10
    with pytest.raises(InvalidFilter):
        report.preview_schedule("report", count=-1)
    with pytest.raises(WorkflowNotFound):
        report.create_schedule("x", "nothing", cron="@daily")


def test_async_client_has_the_same_calls(report: Client, db: Database) -> None:
    async def main() -> None:
        async with AsyncClient(db.dsn) as client:
            await client.create_schedule("x", Manual, every=60)
            await client.update_schedule("x", cron="@hourly")
            await client.pause_schedule("x")
            await client.resume_schedule("x")
            run_id = await client.trigger_schedule("x")
            assert await client.get_scheduled_at(run_id) is not None
            assert len(await client.preview_schedule("x", count=3)) == 3
            assert (await client.get_schedule("x"))["outcomes"] == {"started": 1}
            assert len(await client.list_schedules()) == 2
            since = datetime.now(timezone.utc) - HOUR
            assert len(await client.backfill_schedule("x", since, since + HOUR)) == 1
            await client.delete_schedule("x")

    asyncio.run(main())
