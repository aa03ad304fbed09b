"""Metrics: counters that agree with the tables, gauges, and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step
from tests.support.metrics import counted, metrics, recounted

if TYPE_CHECKING:
    from tests.conftest import Clock, Database


def tick(engine: Engine, clock: Clock, seconds: float = 11) -> None:
    """Let time pass until the sweep of tick adds up what was counted."""
    clock.advance(seconds)
    engine.call("tick")


def test_an_empty_database_has_counters_of_0(engine: Engine) -> None:
    found = metrics(engine.connection)
    assert found["stepgres_tasks_total", "completed"] == 0
    assert found["stepgres_runs_total", "failed"] == 0
    assert found["stepgres_workers", ""] == 1


def test_completed_tasks_and_runs_are_counted_when_they_end(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order", {})
    engine.drain()
    found = metrics(engine.connection)
    assert found["stepgres_tasks_total", "completed"] == 2
    assert found["stepgres_task_run_seconds_count", ""] == 2
    assert found["stepgres_runs_total", "completed"] == 1


def test_wait_and_run_time_are_those_of_the_clock(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    clock.advance(5)
    item = engine.claim_one()
    clock.advance(7)
    engine.complete(item)
    found = metrics(engine.connection)
    assert found["stepgres_task_wait_seconds_sum", ""] == pytest.approx(5)
    assert found["stepgres_task_run_seconds_sum", ""] == pytest.approx(7)


def test_a_failed_attempt_is_a_retry_or_a_failed_or_a_skipped_task(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", max_attempts=2, base_delay=1))
    engine.define("lenient", step("a", max_attempts=1, when_exhausted="skip"))
    engine.start("order", {})
    engine.start("lenient", {})
    for item in engine.claim():
        engine.fail(item)
    clock.advance(60)
    engine.call("tick")
    engine.fail(engine.claim_one())
    found = metrics(engine.connection)
    assert found["stepgres_task_retries_total", ""] == 1
    assert found["stepgres_tasks_total", "failed"] == 1
    assert found["stepgres_tasks_total", "skipped"] == 1
    assert found["stepgres_runs_total", "failed"] == 1
    assert found["stepgres_runs_total", "completed"] == 1
    assert counted(engine.connection) == recounted(engine.connection)


def test_a_cancelled_run_takes_its_tasks_along(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.call("cancel_workflow_run", run_id=engine.start("order", {}))
    found = metrics(engine.connection)
    assert found["stepgres_tasks_total", "cancelled"] == 2
    assert found["stepgres_runs_total", "cancelled"] == 1
    assert found["stepgres_runs_total", "failed"] == 0


def test_a_paused_run_has_no_cancelled_tasks(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.call("pause_workflow_run", run_id=run_id)
    assert metrics(engine.connection)["stepgres_tasks_total", "cancelled"] == 0


def test_a_released_task_is_no_execution(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.work([engine.claim_one().released()])
    assert metrics(engine.connection)["stepgres_task_run_seconds_count", ""] == 0


def test_a_refused_result_counts_nothing(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    item = engine.claim_one()
    engine.complete(item)
    with refused("SG004", "no longer leased"):
        engine.complete(item)
    assert metrics(engine.connection)["stepgres_tasks_total", "completed"] == 1


def test_a_result_that_is_rolled_back_counts_nothing(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    item = engine.claim_one()
    with engine.connection.transaction(force_rollback=True):
        engine.complete(item)
    assert metrics(engine.connection)["stepgres_tasks_total", "completed"] == 0


def test_the_task_of_a_child_run_counts_like_others(engine: Engine) -> None:
    engine.define("child", step("a"))
    engine.define("parent", step("call", workflow="child"))
    engine.start("parent", {})
    engine.drain()
    engine.call("tick")
    found = metrics(engine.connection)
    assert found["stepgres_tasks_total", "completed"] == 2
    assert found["stepgres_runs_total", "completed"] == 2
    assert counted(engine.connection) == recounted(engine.connection)


def test_a_dead_worker_is_an_expired_lease(engine: Engine, clock: Clock) -> None:
    mortal = engine.colleague("mortal", lease="10 seconds")
    engine.define("order", step("a", max_attempts=1))
    engine.start("order", {})
    mortal.claim_one()
    tick(engine, clock)
    found = metrics(engine.connection)
    assert found["stepgres_leases_expired_total", ""] == 1
    assert found["stepgres_tasks_total", "failed"] == 1
    assert counted(engine.connection) == recounted(engine.connection)


def test_missed_due_times_are_counted(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.call("create_schedule", schedule_slug="often", workflow_slug="order", every="1 minute")
    tick(engine, clock, 300)
    missed = engine.rows("select count(*) from stepgres.schedule_runs where outcome = 'missed'")
    assert missed[0] > 1
    assert metrics(engine.connection)["stepgres_schedules_missed_total", ""] == missed[0]


def test_counters_do_not_fall_when_runs_are_pruned(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.drain()
    tick(engine, clock)
    before = counted(engine.connection)
    clock.advance(60)
    assert engine.call("prune", older_than="1 second") == 1
    assert counted(engine.connection) == before


def test_tick_adds_up_what_was_counted(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"))
    for _ in range(2):
        engine.start("order", {})
        engine.drain()
        before = counted(engine.connection)
        assert engine.rows("select count(*) from stepgres.metric_counts") > [0]
        tick(engine, clock)
        assert engine.rows("select count(*) from stepgres.metric_counts") == [0]
        assert counted(engine.connection) == before


def test_one_sample_a_minute_is_kept_for_two_days(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    hours = 60
    for _ in range(hours):
        for _ in range(3):  # within a minute, mostly
            engine.start("order", {})
            engine.drain()
            tick(engine, clock)
        clock.advance(3600 - 33)
    (kept,) = engine.rows("select count(*) from stepgres.metric_samples")
    assert 48 <= kept <= 2 * 50
    (sampled,) = engine.rows(
        "select count(*) from stepgres.metric_samples"
        " group by date_trunc('minute', sampled_at) order by 1 desc limit 1"
    )
    assert sampled == 1
    assert metrics(engine.connection)["stepgres_runs_total", "completed"] == 3 * hours
    (lately,) = engine.rows(
        "select sum(runs_completed)::int from stepgres.list_throughput('10 hours', '1 hour')"
    )
    assert 27 <= lately <= 33


def test_a_clock_that_is_set_back_loses_nothing(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    for seconds in (600, -300, 20, 20):
        engine.start("order", {})
        engine.drain()
        clock.advance(seconds)
        engine.connection.execute("select stepgres._add_up_counts()")
    assert metrics(engine.connection)["stepgres_runs_total", "completed"] == 4


def test_throughput_counts_by_parts(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.connection.execute("update public.test_clock set now = date_trunc('hour', now)")
    for count in (3, 0, 2):
        for _ in range(count):
            engine.start("order", {})
            engine.drain()
        tick(engine, clock, 20)
        clock.advance(40)
    engine.start("order", {})
    engine.drain()  # not added up yet
    found = engine.rows(
        "select array_agg(runs_completed order by began_at)"
        " from stepgres.list_throughput('3 minutes', '1 minute')"
    )
    assert found == [[3, 0, 2, 1]]


@pytest.mark.parametrize(
    ("since", "bucket"),
    [("3 days", "1 hour"), ("1 hour", "1 second"), ("1 hour", "2 hours"), (None, "1 minute")],
)
def test_throughput_of_a_strange_time_is_refused(engine: Engine, since: Any, bucket: Any) -> None:
    with refused("SG014", "no throughput"):
        engine.call("list_throughput", since=since, bucket=bucket)


def test_gauges_show_queues_workers_and_waits(engine: Engine, clock: Clock) -> None:
    engine.colleague("other", queues=["default", "slow"], slots=4)
    engine.colleague("third", slots=3)
    engine.define("order", step("a"), step("b", queue="slow"), step("w", wait_for="paid"))
    engine.start("order", {})
    clock.advance(500)
    engine.start("order", {})
    found = metrics(engine.connection)
    assert found["stepgres_queue_tasks", "default"] == 2
    assert found["stepgres_queue_oldest_seconds", "slow"] == pytest.approx(500, abs=60)
    assert found["stepgres_queue_workers", "default"] == 3
    assert found["stepgres_queue_slots", "default"] == 7
    assert found["stepgres_queue_workers", "slow"] == 1
    assert found["stepgres_queue_slots", "slow"] == 4
    assert found["stepgres_workers", ""] == 3
    assert found["stepgres_slots", ""] == 7
    assert found["stepgres_waits_open", "signal"] == 2
    assert found["stepgres_runs_active", ""] == 2


def test_a_dead_worker_is_no_worker(engine: Engine, clock: Clock) -> None:
    engine.colleague("mortal", lease="10 seconds", slots=2)
    clock.advance(11)
    found = metrics(engine.connection)
    assert found["stepgres_workers", ""] == 1
    assert found["stepgres_slots", ""] == 0


def test_a_long_queue_is_estimated(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    for _ in range(3):
        engine.start("order", list(range(700)))
    engine.claim(10)
    assert metrics(engine.connection)["stepgres_queue_tasks", "default"] == 2090


def test_the_age_of_the_last_tick(engine: Engine, clock: Clock) -> None:
    assert ("stepgres_tick_age_seconds", "") not in metrics(engine.connection)
    engine.call("tick")
    clock.advance(25)
    assert metrics(engine.connection)["stepgres_tick_age_seconds", ""] == pytest.approx(25)


def test_a_due_time_that_nobody_settles_is_overdue(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    every = {"schedule_slug": "often", "workflow_slug": "order", "every": "1 minute"}
    engine.call("create_schedule", **every)
    assert metrics(engine.connection)["stepgres_schedules_overdue_seconds", ""] == 0
    clock.advance(300)
    assert 240 <= metrics(engine.connection)["stepgres_schedules_overdue_seconds", ""] <= 300
    engine.call("tick")
    assert metrics(engine.connection)["stepgres_schedules_overdue_seconds", ""] == 0


def test_paused_queues_and_failures_that_start_nothing(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", max_attempts=1), on_failure="alert")
    engine.start("order", {})
    engine.fail(engine.claim_one())
    engine.call("pause_queue", queue="slow")
    clock.advance(30)
    found = metrics(engine.connection)
    assert found["stepgres_queue_paused_seconds", "slow"] == 30
    assert ("stepgres_queue_paused_seconds", "default") not in found
    assert found["stepgres_failures_unstarted", ""] == 0
    engine.call("tick")
    assert metrics(engine.connection)["stepgres_failures_unstarted", ""] == 1
    engine.define("alert", step("tell"))
    clock.advance(60)
    engine.call("tick")
    assert metrics(engine.connection)["stepgres_failures_unstarted", ""] == 0


def test_tasks_that_wait_for_a_limit(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="narrow", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "narrow"}]))
    for _ in range(3):
        engine.start("order", {})
    limited = engine.colleague("limited", features=["limits"])
    limited.claim()
    assert metrics(engine.connection)["stepgres_limit_waiting", ""] == 2


@pytest.mark.parametrize("slots", [0, -1])
def test_slots_are_positive(engine: Engine, slots: int) -> None:
    with refused("SG001", "slots must be at least 1"):
        engine.call("register_worker", slots=slots)


def test_metrics_that_are_off_write_nothing(engine: Engine, clock: Clock) -> None:
    engine.call("switch_metrics", is_on=False)
    engine.define("order", step("a"), step("b", "a", max_attempts=1))
    engine.start("order", {})
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    engine.call("cancel_workflow_run", run_id=engine.start("order", {}))
    engine.colleague("mortal", lease="10 seconds")
    tick(engine, clock)
    for table in ("metric_counts", "metric_samples"):
        assert engine.rows(f"select count(*) from stepgres.{table}") == [0]
    found = metrics(engine.connection)
    assert (found["stepgres_workers", ""], found["stepgres_counting", ""]) == (1, 0)


def test_metrics_can_be_switched_on_again(engine: Engine) -> None:
    engine.define("order", step("a"))
    for is_on in (False, False, True, True):
        engine.call("switch_metrics", is_on=is_on)
        engine.start("order", {})
        engine.drain()
    found = metrics(engine.connection)
    assert (found["stepgres_runs_total", "completed"], found["stepgres_counting", ""]) == (2, 1)


def test_metrics_are_switched_for_the_rest_of_a_transaction(engine: Engine) -> None:
    engine.define("order", step("a"))
    with engine.connection.transaction():
        for is_on in (False, True, False):
            engine.call("switch_metrics", is_on=is_on)
            engine.start("order", {})
            engine.drain()
        engine.call("switch_metrics", is_on=True)
    found = metrics(engine.connection)
    assert found["stepgres_runs_total", "completed"] == 1


def test_metrics_are_not_switched_to_null(engine: Engine) -> None:
    with refused("SG003", "on or off"):
        engine.call("switch_metrics", is_on=None)


def test_a_transaction_that_holds_its_turn_keeps_no_other_turn_back(
    db: Database, engine: Engine
) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.start("order", {})
    first, second = engine.claim()
    engine.connection.execute("set lock_timeout = '10s'")
    with db.connect() as connection, connection.transaction():
        engine.on(connection).complete(first)
        engine.complete(second)
        engine.call("tick")
        assert metrics(engine.connection)["stepgres_tasks_total", "completed"] == 1
    assert metrics(engine.connection)["stepgres_tasks_total", "completed"] == 2


def test_counts_in_a_repeatable_read_transaction(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    item = engine.claim_one()
    with db.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            engine.on(connection).complete(item)
    assert metrics(engine.connection)["stepgres_tasks_total", "completed"] == 1


def test_a_simulation_counts_nothing(engine: Engine) -> None:
    engine.define("order", step("a"))
    assert engine.rows("select count(*) from stepgres.simulate('order', '{}')") > [0]
    assert metrics(engine.connection)["stepgres_runs_total", "completed"] == 0


def test_every_metric_has_a_type_and_a_help(engine: Engine) -> None:
    found = engine.rows(
        "select name || ' ' || type from stepgres.list_metrics()"
        " where help !~ '\\.$' or (type = 'counter') <> (name ~ '_total$')"
        " or (type = 'summary') <> (name ~ '_(sum|count)$')"
    )
    assert found == []
    engine.call("tick")
    engine.call("pause_queue", queue="slow")
    (shown,) = engine.rows("select array_agg(distinct name) from stepgres.metrics")
    (known,) = engine.rows("select array_agg(distinct name) from stepgres._metric_families")
    assert shown == known


def test_a_batch_with_a_bad_result_is_counted_once(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b", "a", map=True))
    for _ in range(3):
        engine.start("order", {})
    good, bad, other = engine.claim()
    engine.work([good.completed([]), bad.completed(7), other.failed()])
    assert counted(engine.connection) == recounted(engine.connection)


def test_goal_tasks_and_restarts_count(engine: Engine) -> None:
    engine.define("loop", step("a", durable=True))
    engine.start("loop", {})
    durable = engine.colleague("durable", features=["durable"])
    durable.work([durable.claim_one().restarted(1)])
    durable.work([durable.claim_one().completed(Jsonb(2).obj)])
    found = metrics(engine.connection)
    assert found["stepgres_task_run_seconds_count", ""] == 2
    assert found["stepgres_tasks_total", "completed"] == 1
