"""Due times under many ticks at once, a clock that jumps, and operators who interfere."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any

from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions

START = datetime(2026, 11, 30, 0, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
JUMPS = 60
SCHEDULES: dict[str, dict[str, Any]] = {
    "skip_0": {"overlap": "skip", "catch_up": 0},
    "skip_3": {"overlap": "skip", "catch_up": 3},
    "buffer": {"overlap": "buffer_one", "catch_up": 1},
    "cancel": {"overlap": "cancel_other", "catch_up": 1},
    "all": {"overlap": "allow_all", "catch_up": 1000},
    "jitter": {"overlap": "allow_all", "catch_up": 2, "jitter": "90 min"},
}


def test_each_due_time_has_one_run_or_one_counted_miss(sessions: Sessions) -> None:
    """Eight sessions tick while the clock jumps by hours, and runs end meanwhile."""
    chance = random.Random()
    owner = Engine(sessions.connect(), lease="360 days")
    clock = Clock.replace(owner.connection)
    set_clock = "update public.test_clock set now = %s"
    clock.connection.execute(set_clock, [START])
    owner.define("report", step("a"))
    for slug, options in SCHEDULES.items():
        owner.call(
            "create_schedule", schedule_slug=slug, workflow_slug="report", cron="@hourly",
            due_key="due", **options,
        )  # fmt: skip
    is_over: list[bool] = []

    def tick(engine: Engine) -> int:
        count = 0
        while not is_over:
            count += engine.call("tick")
        return count

    def end_runs() -> int:
        worker = owner.on(sessions.connect())
        count = 0
        while not is_over:
            items = worker.claim(10)
            worker.work([item.completed() for item in items])  # some are cancelled meanwhile
            count += len(items)
        return count

    def jump() -> int:
        connection = sessions.connect()
        hours = 0.0
        for _ in range(JUMPS):
            hours = max(0.0, hours + chance.uniform(-5, 7))
            connection.execute(set_clock, [START + hours * HOUR])
            slug = chance.choice(list(SCHEDULES))
            operate = Engine.on(owner, connection)
            verb = chance.choice(["pause", "resume", "resume", "trigger", "backfill"])
            times = {"since": START - 2 * HOUR, "until": START + hours * HOUR}
            operate.call(
                f"{verb}_schedule", schedule_slug=slug, **(times if verb == "backfill" else {})
            )
        is_over.append(True)
        return JUMPS

    tickers = [owner.on(sessions.connect()) for _ in range(8)]
    counts = sessions.at_once(jump, end_runs, *(lambda e=e: tick(e) for e in tickers))
    for slug in SCHEDULES:
        owner.call("resume_schedule", schedule_slug=slug)
    clock.connection.execute(set_clock, [START + 500 * HOUR])
    while owner.call("tick") or owner.drain():
        clock.advance(60)
    assert sum(counts[2:]) > 0, "no session has settled anything"
    _check(owner)


def _check(owner: Engine) -> None:
    """Each due time has one row, and each row that says so has one run."""
    for slug in SCHEDULES:
        rows = owner.rows(
            "select due_at from stepgres.schedule_runs where schedule_slug = %s"
            " and kind <> 'trigger' and due_at > %s and due_at <= %s order by 1",
            slug, START, START + 490 * HOUR,
        )  # fmt: skip
        assert rows == [START + (i + 0.5) * HOUR for i in range(490)], slug
    started, runs = owner.rows(
        "select array_agg(run_id order by run_id), (select array_agg(run_id order by run_id) from"
        " stepgres.runs) from stepgres.schedule_runs where outcome = 'started'"
    )[0]
    assert started == runs
    # no two runs have one due time, whatever the table says
    assert (
        owner.rows(
            "select s.schedule_slug, r.input ->> 'due' from stepgres.runs as r join"
            " stepgres.schedule_runs as s using (run_id) group by 1, 2 having count(*) > 1"
        )
        == []
    )
    assert owner.rows("select from stepgres.schedule_runs where outcome = 'failed'") == []


def test_declaration_waits_for_a_deletion_of_its_workflow(sessions: Sessions) -> None:
    owner = Engine(sessions.connect())
    owner.define("report", step("a"))
    deleter, declarer = sessions.connect(), owner.on(sessions.connect())
    declaration = {"schedule_slug": "s", "workflow_slug": "report", "cron": "@hourly"}
    with deleter.transaction():
        owner.on(deleter).call("delete_flow", workflow_id="report")
        future = sessions.until_blocked(
            declarer.connection, lambda: declarer.call("create_schedule", **declaration)
        )
    with refused("SG002", 'workflow "report" does not exist'):
        future.result()


def test_deletion_waits_for_a_declaration_and_takes_it_along(sessions: Sessions) -> None:
    owner = Engine(sessions.connect())
    owner.define("report", step("a"))
    declarer, deleter = sessions.connect(), owner.on(sessions.connect())
    with declarer.transaction():
        owner.on(declarer).call(
            "create_schedule", schedule_slug="s", workflow_slug="report", cron="@hourly"
        )
        future = sessions.until_blocked(
            deleter.connection, lambda: deleter.call("delete_flow", workflow_id="report")
        )
    future.result()
    assert owner.rows("select from stepgres.list_schedules()") == []


def test_tick_waits_neither_for_a_deletion_nor_for_a_locked_run(sessions: Sessions) -> None:
    owner = Engine(sessions.connect(), lease="360 days")
    clock = Clock.replace(owner.connection)
    for slug in ("gone", "held"):
        owner.define(slug, step("a"))
        owner.call(
            "create_schedule", schedule_slug=slug, workflow_slug=slug, every="1 hour",
            overlap="cancel_other", input=Jsonb({}),
        )  # fmt: skip
    clock.advance(3600)
    assert owner.call("tick") == 2
    owner.drain()
    (run_id,) = owner.rows("select run_id from stepgres.schedule_runs where schedule_slug = 'held'")
    clock.advance(3600)
    assert owner.call("tick") == 2
    (run_id,) = owner.rows(
        "select run_id from stepgres.schedule_runs where schedule_slug = 'held' and is_open"
    )
    clock.advance(3600)
    deleter, holder = sessions.connect(), sessions.connect()
    with deleter.transaction(), holder.transaction():
        owner.on(deleter).call("delete_flow", workflow_id="gone", force=True)
        holder.execute("select from stepgres.runs where run_id = %s for update", [run_id])
        owner.connection.execute("set lock_timeout = '5s'")
        assert owner.call("tick") == 0
    assert owner.call("tick") == 1
    assert owner.status(run_id)[0] == "failed"
    owner.drain()
