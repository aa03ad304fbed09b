"""Schedules: due times become runs, once each, and the history says of each what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step

UTC = timezone.utc
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
REASON = "the next run of the schedule has come due"


class Timetable:
    """A schedule "report" of a workflow "report", under a clock that begins on a Monday."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock

    def at(self, *hours: float) -> None:
        """Set the clock to hours after the Monday began, one after the other, and tick at each."""
        for hour in hours:
            self.clock.connection.execute(
                "update public.test_clock set now = %s", [MONDAY + hour * HOUR]
            )
            self.engine.call("tick")

    def declare(self, **options: Any) -> None:
        if not {"cron", "every", "at"} & options.keys():
            options["cron"] = "@hourly"
        self.engine.call(
            "create_schedule", schedule_slug="report", workflow_slug="report", **options
        )

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.engine.call(f"{verb}_schedule", schedule_slug="report", **arguments)

    def outcomes(self) -> list[tuple[float, str]]:
        """The hour of each due time, and what has become of it."""
        rows = self.engine.rows(
            "select due_at, outcome from stepgres.schedule_runs order by due_at, settled_at"
        )
        return [((due_at - MONDAY) / HOUR, outcome) for due_at, outcome in rows]

    def active(self) -> list[float]:
        """The due times of the active runs."""
        rows = self.engine.rows(
            "select s.due_at from stepgres.active_runs join stepgres.schedule_runs as s"
            " using (run_id) order by 1"
        )
        return [(due_at - MONDAY) / HOUR for due_at in rows]

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("get")
        return found


@pytest.fixture
def report(engine: Engine, clock: Clock) -> Iterator[Timetable]:
    timetable = Timetable(engine, clock)
    timetable.at(0.5)
    engine.call("unregister_worker", worker_id="worker")
    engine.call("register_worker", worker_id="worker", queues=["default"], lease="360 days")
    engine.define("report", step("a"))
    yield timetable
    engine.drain()


# Rules


def test_each_due_time_of_a_cron_expression_starts_one_run(report: Timetable) -> None:
    report.declare(cron="0 */2 * * *", overlap="allow_all")
    report.at(1, 1.9, 2, 2, 2.01, 3, 4.01, 4.02)
    assert report.outcomes() == [(2, "started"), (4, "started")]
    assert report.active() == [2, 4]


def test_times_of_every_are_multiples_since_starts_at(report: Timetable) -> None:
    report.declare(every="90 min", starts_at=MONDAY + HOUR, overlap="allow_all")
    report.at(0.9, 1, 1.5, 2.5, 3, 4)
    assert report.outcomes() == [(1, "started"), (2.5, "started"), (4, "started")]


def test_instant_starts_one_run_and_then_nothing(report: Timetable) -> None:
    report.declare(at=MONDAY + 2 * HOUR)
    report.at(1, 2, 3)
    assert report.outcomes() == [(2, "started")]
    assert report.shown()["next_due_at"] is None
    assert report.engine.rows("select wakes_at from stepgres.schedules") == [None]


def test_instant_that_has_passed_is_made_up_unless_catch_up_is_none(report: Timetable) -> None:
    report.declare(at=MONDAY, catch_up=0)
    report.at(0.6)
    assert report.outcomes() == [(0, "missed")]


def test_due_times_lie_between_starts_at_and_ends_at(report: Timetable) -> None:
    report.declare(starts_at=MONDAY + 2 * HOUR, ends_at=MONDAY + 3 * HOUR, overlap="allow_all")
    report.at(1, 2, 3, 4, 5)
    assert report.outcomes() == [(2, "started"), (3, "started")]
    assert report.shown()["next_due_at"] is None


def test_cron_is_meant_in_its_time_zone(report: Timetable) -> None:
    report.declare(cron="30 9 * * *", timezone="Asia/Kolkata")
    assert report.shown()["next_due_at"] == "2026-11-30T04:00:00+00:00"


def test_jitter_puts_a_start_off_by_the_same_part_and_keeps_the_order(report: Timetable) -> None:
    report.declare(jitter="10 hours", overlap="allow_all", catch_up=1000)
    query = "select extract(epoch from wakes_at - next_due_at) from stepgres.schedules"
    (delay,) = report.engine.rows(query)
    assert 0 < delay < 10 * 3600
    report.at(1 + float(delay) / 3600 - 0.01)
    assert report.outcomes() == []
    report.at(*(hour / 4 for hour in range(5, 160)))
    # the last ones are put off still; each of the others has its run, although it came late
    found = report.outcomes()
    assert found == [(hour, "started") for hour in range(1, len(found) + 1)]
    assert len(found) >= 25


def test_run_has_input_due_key_and_options_of_its_schedule(report: Timetable) -> None:
    report.declare(
        input=Jsonb({"a": 1}),
        due_key="day",
        options=Jsonb({"priority": 7, "deadline": 60, "tags": ["nightly"], "version": 1}),
    )
    report.engine.define("report", step("b"))
    report.at(1)
    (run,) = report.engine.rows("select input, version, priority, tags from stepgres.runs")
    assert run == ({"a": 1, "day": "2026-11-30T01:00:00Z"}, 1, 7, ["nightly"])
    report.at(1.1)
    assert report.active() == []  # the deadline


# Overlap


def test_skip_starts_no_run_beside_an_active_one(report: Timetable) -> None:
    report.declare()
    report.at(1, 2)
    report.engine.drain()
    report.at(3)
    assert report.outcomes() == [(1, "started"), (2, "skipped"), (3, "started")]


def test_buffer_one_starts_one_run_after_the_active_one(report: Timetable) -> None:
    report.declare(overlap="buffer_one")
    report.at(1, 2, 3)
    assert report.outcomes() == [(1, "started"), (2, "buffered"), (3, "skipped")]
    report.engine.drain()
    report.at(3.1)
    assert report.outcomes() == [(1, "started"), (2, "started"), (3, "skipped")]
    report.at(4)
    assert report.outcomes()[-1] == (4, "buffered")
    report.engine.drain()
    report.at(4.1)
    assert report.active() == [4]


def test_buffered_run_waits_for_the_end_of_a_pause(report: Timetable) -> None:
    report.declare(overlap="buffer_one")
    report.at(1, 2)
    report.call("pause")
    report.engine.drain()
    report.at(2.5)
    assert report.active() == []
    report.call("resume")
    report.at(2.6)
    assert report.active() == [2]


def test_cancel_other_cancels_the_active_run_with_its_children(report: Timetable) -> None:
    report.declare(overlap="cancel_other")
    report.at(1)
    (first,) = report.engine.rows("select run_id from stepgres.schedule_runs")
    child = report.engine.start("report", parent_run_id=first)
    report.at(2)
    for run_id in (first, child):
        assert report.engine.status(run_id) == ("failed", REASON)
    assert report.active() == [2]


def test_runs_that_others_have_started_are_not_those_of_the_schedule(report: Timetable) -> None:
    report.declare()
    report.engine.start("report")
    report.at(1)
    assert report.outcomes() == [(1, "started")]


# Due times that tick has missed


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (0, ["missed", "missed", "missed", "missed"]),
        (1, ["missed", "missed", "missed", "started"]),
        (3, ["missed", "started", "started", "started"]),
        (10, ["started", "started", "started", "started"]),
    ],
)
def test_catch_up_makes_up_the_latest_due_times(
    report: Timetable, catch_up: int, expected: list[str]
) -> None:
    report.declare(catch_up=catch_up, overlap="allow_all")
    report.at(4.5)
    assert [outcome for _, outcome in report.outcomes()] == expected


def test_due_time_within_two_minutes_is_not_missed(report: Timetable) -> None:
    report.declare(catch_up=0)
    report.at(1 + 119 / 3600)
    assert report.outcomes() == [(1, "started")]


def test_of_several_that_are_made_up_without_overlap_the_latest_runs(report: Timetable) -> None:
    report.declare(catch_up=3)
    report.at(4.5)
    assert report.outcomes() == [(1, "missed"), (2, "skipped"), (3, "skipped"), (4, "started")]


def test_long_outage_is_counted_in_batches(report: Timetable) -> None:
    report.declare(every="1 min", catch_up=2, overlap="allow_all")
    start = MONDAY + 0.5 * HOUR
    report.clock.connection.execute("update public.test_clock set now = %s", [start + 61 * HOUR])
    counts = [report.engine.call("tick") for _ in range(5)]
    assert counts == [1000, 1000, 1000, 1000, 0]  # the fourth might have left some
    settled = report.engine.rows(
        "select outcome, count(*) from stepgres.schedule_runs group by outcome order by outcome"
    )
    assert settled == [("missed", 3657), ("started", 3)]
    assert report.shown()["outcomes"] == {"missed": 997, "started": 3}  # of the last 1,000


def test_many_due_times_start_their_runs_in_batches(report: Timetable) -> None:
    report.declare(every="1 min", catch_up=1000, overlap="allow_all")
    start = MONDAY + 0.5 * HOUR
    report.clock.connection.execute("update public.test_clock set now = %s", [start + 4 * HOUR])
    counts = [report.engine.call("tick") for _ in range(4)]
    assert counts == [1000, 1000, 40, 0]
    assert report.shown()["outcomes"] == {"started": 240}


def test_many_due_schedules_start_their_runs_in_batches(report: Timetable) -> None:
    for n in range(120):
        report.engine.call(
            "create_schedule", schedule_slug=f"s{n}", workflow_slug="report", cron="@hourly"
        )
    report.clock.advance(1800)
    assert [report.engine.call("tick") for _ in range(3)] == [1000, 20, 0]
    assert len(report.active()) == 120


def test_due_timer_does_not_wait_behind_many_schedules(report: Timetable) -> None:
    report.declare(every="1 min", catch_up=1000, overlap="allow_all")
    report.engine.define("order", step("a"))
    run_id = report.engine.start("order", delay="1 hour")
    report.clock.advance(5 * 3600)
    assert report.engine.call("tick") == 1001
    assert report.engine.steps(run_id) == {"a": "started"}
    assert len(report.active()) == 100


def test_locked_schedule_does_not_keep_tick_busy(report: Timetable, db: Database) -> None:
    report.declare()
    report.clock.advance(3600)
    with db.connect() as other, other.transaction():
        other.execute("select from stepgres.workflow_versions for update")
        assert report.engine.call("tick") == 0
    assert report.engine.call("tick") == 1


def test_clock_that_jumps_back_brings_no_due_time_back(report: Timetable) -> None:
    report.declare(overlap="allow_all")
    report.at(1, 5, 2, 3, 0.1, 5, 6)
    assert report.outcomes() == [
        (1, "started"), (2, "missed"), (3, "missed"), (4, "missed"), (5, "started"), (6, "started"),
    ]  # fmt: skip


def test_start_that_fails_is_noted_and_the_next_one_is_tried(report: Timetable) -> None:
    report.engine.define("report", step("a", map=True))
    report.declare(input=Jsonb([1]))
    report.call("update", input=Jsonb("no array"))
    report.at(1)
    report.call("update", input=Jsonb([2]))
    report.at(2)
    assert report.outcomes() == [(1, "failed"), (2, "started")]
    runs = report.shown()["runs"]
    assert "report" in runs[1]["error"] or "array" in runs[1]["error"]


# Pause, resume, trigger, update, delete


def test_pause_passes_due_times_over_and_resume_does_not_make_them_up(report: Timetable) -> None:
    report.declare(overlap="allow_all")
    report.call("pause", note="inventory")
    report.at(1, 2)
    assert report.shown()["pause_note"] == "inventory"
    report.clock.advance(3600)
    report.call("resume")
    report.at(3.1, 4)
    assert report.outcomes() == [(1, "paused"), (2, "paused"), (3, "paused"), (4, "started")]
    assert report.shown()["paused_at"] is None


def test_trigger_starts_a_run_now_even_in_a_pause(report: Timetable) -> None:
    report.declare(due_key="due")
    report.call("pause")
    run_id = report.call("trigger")
    assert report.engine.call("get_scheduled_at", run_id=run_id) == MONDAY + 0.5 * HOUR
    report.call("resume")
    report.at(1)
    assert report.outcomes() == [(0.5, "started"), (1, "skipped")]  # overlap sees it


def test_trigger_takes_no_due_time_away(report: Timetable) -> None:
    report.declare(overlap="allow_all")
    report.clock.advance(1800)
    runs = {report.call("trigger") for _ in range(3)}
    report.at(1)
    assert len(runs) == 3
    assert report.outcomes()[0] == (1, "started")
    assert len(report.outcomes()) == 4


def test_changed_rule_holds_from_now_on_and_what_was_due_is_settled(report: Timetable) -> None:
    report.declare(overlap="allow_all")
    report.clock.advance(2.1 * 3600)  # due times at 1 and 2
    report.call("update", cron="30 * * * *")
    report.at(2.7, 3, 3.5)
    assert report.outcomes() == [(1, "missed"), (2, "started"), (3.5, "started")]


def test_update_changes_only_what_it_names(report: Timetable) -> None:
    report.declare(input=Jsonb({"a": 1}), catch_up=3, due_key="due")
    report.call("update", every="2 hours", due_key="")
    shown = report.shown()
    assert (shown["cron"], shown["every"], shown["due_key"]) == (None, 7200, None)
    assert (shown["input"], shown["catch_up"]) == ({"a": 1}, 3)


def test_deleted_schedule_leaves_its_runs(report: Timetable) -> None:
    report.declare()
    report.at(1)
    (run_id,) = report.engine.rows("select run_id from stepgres.schedule_runs")
    report.call("delete")
    report.at(2)
    assert report.engine.status(run_id)[0] == "in_progress"
    assert report.engine.call("get_scheduled_at", run_id=run_id) is None
    with refused("SG035", 'schedule "report" does not exist'):
        report.call("get")


# Preview and backfill


@pytest.mark.parametrize("rule", [{"cron": "7 */3 * * *"}, {"every": "100 min"}])
def test_preview_backfill_and_what_happens_agree(report: Timetable, rule: dict[str, str]) -> None:
    report.declare(**rule, timezone="America/New_York", overlap="allow_all")
    preview = report.engine.rows(
        "select stepgres.preview_schedule('report', count => 12)",
    )
    report.at(*(hour / 10 for hour in range(6, 220)))
    happened = [MONDAY + hour * HOUR for hour, outcome in report.outcomes()]
    assert happened == [due_at for due_at in preview if due_at <= MONDAY + 21.9 * HOUR]
    assert len(happened) >= 7
    assert report.call("backfill", since=MONDAY + 0.5 * HOUR, until=MONDAY + 48 * HOUR) is None
    report.call("delete")
    report.declare(**rule, timezone="America/New_York")
    report.call("backfill", since=MONDAY + 0.5 * HOUR, until=MONDAY + 48 * HOUR)
    assert [MONDAY + hour * HOUR for hour, _ in report.outcomes()] == happened


def test_backfill_starts_what_was_missed_paused_or_skipped_once(report: Timetable) -> None:
    report.declare(catch_up=0)
    report.at(2.5, 3)
    report.call("pause")
    report.at(4)
    report.call("resume")
    report.at(5)
    assert [outcome for _, outcome in report.outcomes()] == [
        "missed", "missed", "started", "paused", "skipped",
    ]  # fmt: skip
    query = "select due_at, kind from stepgres.backfill_schedule('report', %s, %s)"
    times = (MONDAY - HOUR, MONDAY + 9 * HOUR)
    before = report.engine.snapshot()
    preview = "select due_at, outcome from stepgres.backfill_schedule('report', %s, %s, true)"
    due = [(MONDAY + hour * HOUR, None) for hour in (-1, 0, 1, 2, 4, 5)]
    assert report.engine.rows(preview, *times) == due
    assert report.engine.snapshot() == before
    found = report.engine.rows(query, *times)
    assert found == [(MONDAY + hour * HOUR, "backfill") for hour in (-1, 0, 1, 2, 4, 5)]
    assert report.engine.rows(query, *times) == []
    assert report.active() == [-1, 0, 1, 2, 3, 4, 5]


def test_backfill_leaves_what_is_not_settled_to_tick(report: Timetable) -> None:
    report.declare(overlap="allow_all")
    report.clock.advance(3600)
    assert report.call("backfill", since=MONDAY + HOUR, until=MONDAY + 9 * HOUR) is None
    report.at(1.5)
    assert report.outcomes() == [(1, "started")]


def test_backfill_of_too_much_or_of_no_time_is_refused(report: Timetable) -> None:
    report.declare(every="1 s")
    before = report.engine.snapshot()
    with refused("SG003", "more than 1,000 due times"):
        report.call("backfill", since=MONDAY - HOUR, until=MONDAY)
    with refused("SG003", "since and until"):
        report.call("backfill", since=None, until=MONDAY)
    with refused("SG003", "since and until"):
        report.call("backfill", since="-infinity", until="infinity")
    assert report.engine.snapshot() == before


def test_preview_of_an_expression_stores_nothing(report: Timetable) -> None:
    found = report.engine.rows(
        "select stepgres.preview_schedule('0 9 * * MON', 'Europe/Berlin', 2)"
    )
    assert found == [MONDAY + 8 * HOUR, MONDAY + (7 * 24 + 8) * HOUR]
    assert report.engine.rows("select from stepgres.preview_schedule(null)") == []
    with refused("SG035", 'schedule "report" does not exist') as refusal:
        report.engine.call("preview_schedule", cron_or_slug="report")
    assert "There are no schedules yet" in refusal.hint
    with refused("SG014", "1001 due times"):
        report.engine.call("preview_schedule", cron_or_slug="@daily", count=1001)
    with refused("SG001", '"PST" is not the name'):
        report.engine.call("preview_schedule", cron_or_slug="@daily", timezone="PST")


# Declared again


def test_deploy_undoes_neither_edit_nor_pause(report: Timetable) -> None:
    report.declare(input=Jsonb({"a": 1}), catch_up=1)
    report.call("update", every="30 min", input=Jsonb({"a": 2}))
    report.call("pause")
    report.declare(input=Jsonb({"a": 1}), catch_up=1)
    shown = report.shown()
    assert (shown["cron"], shown["every"], shown["input"]) == (None, 1800, {"a": 2})
    assert shown["paused_at"] is not None


def test_changed_declaration_changes_what_has_changed_in_it(report: Timetable) -> None:
    report.declare(input=Jsonb({"a": 1}), catch_up=1)
    report.call("update", every="30 min", input=Jsonb({"a": 2}))
    report.declare(input=Jsonb({"a": 1}), catch_up=5)
    shown = report.shown()
    assert (shown["every"], shown["input"], shown["catch_up"]) == (1800, {"a": 2}, 5)
    report.declare(cron="@daily", input=Jsonb({"a": 1}), catch_up=5)
    shown = report.shown()
    assert (shown["cron"], shown["every"], shown["input"]) == ("@daily", None, {"a": 2})


def test_schedule_moves_to_another_workflow(report: Timetable) -> None:
    report.engine.define("other", step("a"))
    report.declare()
    report.engine.call(
        "create_schedule", schedule_slug="report", workflow_slug="other", cron="@hourly"
    )
    report.at(1)
    (slug,) = report.engine.rows("select workflow_slug from stepgres.runs")
    assert slug == "other"


# The schedule of a workflow


def define(report: Timetable, *steps: str, **options: Any) -> None:
    report.engine._register(
        {"workflow_slug": "report", "steps": [step(name) for name in steps], **options},
        make_current=True,
    )


def test_schedule_of_a_workflow_is_in_force_while_its_version_is_current(
    report: Timetable,
) -> None:
    define(report, "a", "b", schedule="@hourly")
    report.at(1)
    report.engine.drain()
    define(report, "a", "c")
    report.at(2)
    assert report.shown()["is_in_force"] is False
    with refused("SG001", 'schedule "report" is not in force'):
        report.call("update", cron="@daily")
    define(report, "a", "b", schedule="@hourly")
    report.at(3)
    assert report.outcomes() == [(1, "started"), (3, "started")]
    assert report.engine.rows("select version from stepgres.runs order by inserted_at") == [2, 2]


def test_new_version_with_the_same_schedule_keeps_edits_of_operators(report: Timetable) -> None:
    define(report, "b", schedule={"cron": "@hourly", "overlap": "allow_all"})
    report.call("pause")
    report.call("update", every="30 min")
    define(report, "c", schedule={"cron": "@hourly", "overlap": "allow_all", "catch_up": 9})
    shown = report.shown()
    assert (shown["every"], shown["catch_up"]) == (1800, 9)
    assert shown["paused_at"] is not None
    assert shown["is_of_workflow"] is True


def test_schedule_is_a_part_of_the_definition(report: Timetable) -> None:
    define(report, "b", schedule="@daily")
    document = report.engine.call("get_flow", workflow_id="report")
    assert document["schedule"]["cron"] == "@daily"
    version = report.engine.call("register_workflow", definition=Jsonb(document))
    assert version == document["version"]
    assert "schedule" not in report.engine.call("get_flow", workflow_id="report", version=1)
    with refused("SG001", 'schedule "report" exists already') as refusal:
        report.declare()
    assert "It is a part of its workflow" in refusal.hint


WRONG_SCHEDULES: list[tuple[Any, str]] = [
    ("1--100000000 * * * *", '"1--100000000" is no minute'),
    (7, "schedule must be a JSON string or object"),
    ({}, "exactly one of cron, every and at"),
    ({"cron": "@daily", "when": "?"}, 'unknown option "when"'),
    ({"cron": "@daily", "options": {"version": 99}}, "no version 99"),
]


def test_workflow_with_a_wrong_schedule_is_refused(
    report: Timetable, subtests: pytest.Subtests
) -> None:
    before = report.engine.snapshot()
    for schedule, culprit in WRONG_SCHEDULES:
        with subtests.test(culprit):
            with refused("SG002" if "version" in culprit else "SG001", culprit):
                define(report, "b", schedule=schedule)
            assert report.engine.snapshot() == before


# Refused


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("SG001", {"cron": "1--100000000 * * * *"}, '"1--100000000" is no minute'),
    ("SG001", {"cron": "*," * 5000}, "has 10000 characters"),
    ("SG001", {"cron": "0 0 30 2 *"}, "never comes due"),
    ("SG001", {"cron": "@daily", "every": "1 h"}, "exactly one of"),
    ("SG001", {"every": "0 s"}, "every must be at least 1 second"),
    ("SG001", {"every": "-1 day"}, "every must be at least 1 second"),
    ("SG001", {"every": "178000000 years"}, "every must be at least 1 second"),
    ("SG001", {"at": "infinity"}, '"infinity" is no time'),
    ("SG001", {"timezone": "Mars/Phobos"}, '"Mars/Phobos" is not the name of a time zone'),
    ("SG001", {"timezone": "x" * 10_000}, "is not the name of a time zone"),
    ("SG001", {"overlap": "both"}, "overlap must be"),
    ("SG001", {"catch_up": -1}, "catch_up must be from 0 to 1,000"),
    ("SG001", {"jitter": "2 days"}, "jitter must be"),
    ("SG001", {"starts_at": MONDAY, "ends_at": MONDAY - HOUR}, "ends_at must not be before"),
    ("SG001", {"at": MONDAY, "ends_at": MONDAY - HOUR}, "at must lie between"),
    ("SG001", {"due_key": "x" * 200}, "due_key has at most 128 characters"),
    ("SG001", {"due_key": "x", "input": Jsonb([])}, "the input must be a JSON object"),
    ("SG001", {"options": Jsonb([])}, "options must be a JSON object"),
    ("SG001", {"options": Jsonb({"version": "x"})}, "version must be a JSON integer"),
    ("SG002", {"options": Jsonb({"version": 99})}, "has no version 99"),
    ("SG003", {"options": Jsonb({"priority": 1000})}, "priority 1000"),
    ("SG003", {"options": Jsonb({"deadline": -1})}, "deadline"),
    ("SG001", {"options": Jsonb({"queue": "x"})}, 'unknown option "queue"'),
]


@pytest.mark.parametrize("verb", ["declare", "update"])
def test_wrong_schedule_is_refused_and_nothing_is_written(
    report: Timetable, verb: str, subtests: pytest.Subtests
) -> None:
    if verb == "update":
        report.declare()
    before = report.engine.snapshot()
    for sqlstate, options, culprit in WRONG:
        with subtests.test(culprit):
            with refused(sqlstate, culprit):
                report.declare(**options) if verb == "declare" else report.call(verb, **options)
            assert report.engine.snapshot() == before


def test_schedule_needs_a_slug(report: Timetable) -> None:
    for slug in ("", "no slug", "run", "x" * 129, None):
        with refused("SG001", "no slug of a schedule"):
            report.engine.call(
                "create_schedule", schedule_slug=slug, workflow_slug="report", cron="@daily"
            )


def test_unknown_schedules_and_workflows_are_named(report: Timetable) -> None:
    report.declare()
    for verb in ("update", "pause", "resume", "trigger", "delete", "get"):
        with refused("SG035", 'schedule "reprot" does not exist') as refusal:
            report.engine.call(f"{verb}_schedule", schedule_slug="reprot")
        assert "report" in refusal.hint
    with refused("SG002", 'workflow "reprot" does not exist'):
        report.engine.call(
            "create_schedule", schedule_slug="x", workflow_slug="reprot", cron="@daily"
        )
    with refused("SG014", "limit -1"):
        report.engine.call("list_schedules", limit=-1)


# Beside the rest


def test_schedules_are_listed_in_pages(report: Timetable) -> None:
    for slug in "dbac":
        report.engine.call(
            "create_schedule", schedule_slug=slug, workflow_slug="report", cron="@daily"
        )
    query = "select schedule_slug from stepgres.list_schedules('Report', 2, %s)"
    assert report.engine.rows(query, None) == ["a", "b"]
    assert report.engine.rows(query, "b") == ["c", "d"]


def test_history_outlives_prune_and_ends_with_the_workflow(report: Timetable) -> None:
    report.declare()
    report.at(1)
    (run_id,) = report.engine.rows("select run_id from stepgres.schedule_runs")
    report.engine.drain()
    report.at(200 * 24)
    report.engine.drain()
    assert report.engine.call("prune", older_than="1 day") == 1
    report.at(200 * 24 + 1)
    assert report.outcomes()[0] == (1, "started")
    assert report.engine.call("get_scheduled_at", run_id=run_id) == MONDAY + HOUR
    report.engine.call("delete_flow", workflow_id="report", force=True)
    assert report.outcomes() == []
    assert report.engine.rows("select schedule_slug from stepgres.list_schedules()") == []


def test_retry_of_a_run_has_its_due_time(report: Timetable) -> None:
    report.engine.define("report", step("a", max_attempts=1))
    report.declare()
    report.at(1)
    item = report.engine.claim_one()
    report.engine.fail(item)
    retry: UUID = report.engine.call("retry_failed_workflow", run_id=item.run_id)
    assert report.engine.call("get_scheduled_at", run_id=retry) == MONDAY + HOUR


def test_schedule_of_every_second_keeps_nothing_else_from_being_done(report: Timetable) -> None:
    report.declare(every="1 s")
    dead = report.engine.colleague("dead", lease="5 seconds")
    delayed = report.engine.start("report", delay="10 seconds")
    for second in range(12):
        report.at(0.5 + (second + 1) / 3600)
    assert report.engine.rows("select worker_id from stepgres.list_workers()") == ["worker"]
    assert dead.worker_id == "dead"
    assert report.engine.steps(delayed)["a"] == "started"


def test_locked_schedule_holds_up_no_other(report: Timetable, db: Database) -> None:
    report.declare()
    report.engine.call(
        "create_schedule", schedule_slug="other", workflow_slug="report", cron="@hourly"
    )
    with db.connect() as connection, connection.transaction():
        connection.execute(
            "select from stepgres.schedules where schedule_slug = 'report' for update"
        )
        report.at(1)
        assert report.outcomes() == [(1, "started")]
    report.at(1.01)
    assert report.outcomes() == [(1, "started"), (1, "started")]


# fsck


FAULTS = [
    ("update stepgres.schedules set position = position - interval '1 day'", "the position of"),
    ("update stepgres.schedules set wakes_at = null", "in force wakes for its next due time"),
    ("update stepgres.schedules set buffered_at = now()", "has the run that it buffers"),
    ("update stepgres.schedule_runs set outcome = 'buffered', run_id = null, is_open = false",
     "has the run that it buffers"),
    ("update stepgres.schedule_runs set is_open = false", "that is active is known to be"),
]  # fmt: skip


def test_fsck_finds_schedules_that_contradict_their_runs(
    report: Timetable, subtests: pytest.Subtests
) -> None:
    report.declare()
    report.at(1)
    for statement, words in FAULTS:
        with subtests.test(statement), report.engine.connection.transaction(force_rollback=True):
            report.engine.connection.execute(statement)
            found = report.engine.rows("select invariant from stepgres.fsck()")
            assert [name for name in found if words in name], found


# Costs


def reads(report: Timetable) -> int:
    """Rows of the tables of schedules that this transaction has read, and index entries."""
    (count,) = report.engine.rows(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int from pg_stat_xact_user_tables"
        " where schemaname = 'stepgres' and relname in ('schedules', 'schedule_runs')"
    )
    return int(count)


def test_tick_reads_only_what_is_due_of_10000_schedules(report: Timetable) -> None:
    report.declare()  # the plans of the session are made while there is one schedule
    report.at(1)
    report.engine.drain()
    report.engine.connection.execute(
        """
        insert into stepgres.schedules
        select (jsonb_populate_record(s, jsonb_build_object('schedule_slug', 's' || i))).*
        from stepgres.schedules as s cross join generate_series(1, 10000) as i;
        update stepgres.schedules set wakes_at = wakes_at + interval '1 day',
            next_due_at = next_due_at + interval '1 day'
        where schedule_slug !~ '(report|s500[01])$'
        """
    )
    report.clock.advance(3600)
    with report.engine.connection.transaction():
        before = reads(report)
        assert report.engine.call("tick") == 3
        assert reads(report) - before < 30
    with report.engine.connection.transaction():
        before = reads(report)
        assert report.engine.call("tick") == 0
        assert report.engine.call("next_due") is not None
        assert reads(report) - before < 5


def test_no_schedules_cost_a_tick_and_a_run_nothing(report: Timetable) -> None:
    with report.engine.connection.transaction():
        before = reads(report)
        report.engine.start("report")
        report.engine.call("tick")
        report.engine.drain()
        report.engine.call("next_due")
        assert reads(report) == before
