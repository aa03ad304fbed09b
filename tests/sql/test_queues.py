"""The pgmq queues behind the queues of steps: names, numbers, and what they cost."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def names(engine: Engine) -> list[str]:
    return engine.rows("select distinct queue from stepgres.queues order by 1")


def count_queues(engine: Engine) -> int:
    """How many queues there are, of which each has its table."""
    (count,) = engine.rows("select count(*) from stepgres.queues")
    tables = "select count(*) from pg_tables where schemaname = 'pgmq' and tablename ~ '^q_'"
    assert engine.rows(tables) == [count]
    return int(count)


def let_time_pass(engine: Engine, clock: Clock) -> None:
    """Ticks for long enough that what is not needed is retired."""
    for seconds in (10, 600, 10):
        clock.advance(seconds)
        engine.call("tick")


# Priorities, and the number of queues


@pytest.mark.parametrize("priority", [-101, 101, 1_700_000_000, -(2**31)])
def test_priority_out_of_range_is_refused_wherever_it_is_given(
    engine: Engine, priority: int
) -> None:
    engine.define("order", step("a"))
    with refused("SG001", "-100 to 100", '"bad"'):
        engine.define("bad", step("a"), priority=priority)
    with refused("SG001", "-100 to 100", '"bad", step "a"'):
        engine.define("bad", step("a", priority=priority))
    with refused("SG001", "-100 to 100", '"bad"'):
        engine.call("create_flow", name="bad", priority=priority)
    with refused("SG001", "-100 to 100", '"order", step "b"'):
        engine.call("add_step", workflow_id="order", step_name="b", priority=priority)
    with refused("SG003", str(priority)):
        engine.start("order", priority=priority)
    with refused("SG003", str(priority)):
        engine.call(
            "start_workflow_runs", workflow_slug="order", inputs=Jsonb([1]), priority=priority
        )
    assert count_queues(engine) == 1


def test_priorities_at_the_ends_of_the_range_work(engine: Engine) -> None:
    engine.define("order", step("low", priority=-100), step("high", priority=100))
    engine.start("order")
    assert [engine.claim(1)[0].step_slug for _ in range(2)] == ["high", "low"]
    engine.start("order", priority=100)
    assert len(engine.claim()) == 2


def test_number_of_queues_of_a_name_is_bounded(engine: Engine) -> None:
    engine.connection.execute(
        "select stepgres._ensure_queue('default', 0, jsonb_build_object('n', i))"
        " from generate_series(1, 499) as i"
    )
    with refused("SG003", '"default"', "500") as refusal:
        engine.define("order", step("a", resources={"customer": 7}))
    assert "resources" in refusal.hint
    engine.define("order", step("a"), queue="other", resources={"customer": 7})


# What idle queues cost


def calls_of_a_turn(engine: Engine) -> tuple[int, int]:
    """How often an idle turn pops, and how many pages it touches."""
    connection = engine.connection
    connection.execute("set track_functions = 'all'")
    with connection.transaction():
        pops = "select coalesce(sum(calls), 0)::int from pg_stat_xact_user_functions"
        pops += " where schemaname = 'stepgres' and funcname = '_pop_tickets'"
        (before,) = engine.rows(pops)
        assert engine.claim() == []
        (after,) = engine.rows(pops)
    (plan,) = engine.rows(
        "explain (analyze, buffers, format json) select stepgres.claim_tasks('worker')"
    )
    return after - before, plan[0]["Plan"]["Shared Hit Blocks"]


def test_idle_turn_costs_the_same_however_many_queues_are_idle(engine: Engine) -> None:
    costs = []
    for most in (0, 99, 499):
        engine.connection.execute(
            "select stepgres._ensure_queue('default', (i %% 100)::int, jsonb_build_object('n', i))"
            " from generate_series(1, %s) as i",
            [most],
        )
        calls_of_a_turn(engine)  # plans are made, pages are cleaned up
        costs.append(calls_of_a_turn(engine))
    assert [pops for pops, _ in costs] == [1, 1, 1]
    assert costs[2][1] <= costs[0][1] + 3, costs


def test_queues_that_were_used_are_not_looked_into_when_they_are_empty_again(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    for priority in range(-20, 21):
        engine.start("order", priority=priority)
    assert len(engine.claim()) == 41
    assert calls_of_a_turn(engine)[0] == 41
    clock.advance(1)
    engine.call("tick")
    assert calls_of_a_turn(engine)[0] == 1
    engine.start("order", priority=7)
    assert len(engine.claim()) == 1


def test_queue_with_a_ticket_stays_in_use(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order", priority=7)
    let_time_pass(engine, clock)
    assert len(engine.claim()) == 1


def test_ticket_in_a_queue_that_counts_as_idle_is_found_by_tick(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    engine.start("order", priority=7)
    engine.connection.execute("update stepgres.queues set is_idle = true where priority = 7")
    assert engine.claim() == []
    engine.call("tick")
    assert len(engine.claim()) == 1


# Queues that nothing needs


def test_delete_flow_drops_the_queues_that_nothing_else_needs(engine: Engine) -> None:
    engine.define("kept", step("a", queue="shared"))
    for i in range(20):
        engine.define(f"flow_{i}", step("a", queue=f"own_{i}"), step("b", queue="shared"))
        engine.define(f"flow_{i}", step("a", queue=f"own_{i}", resources={"gpu": i}))
    for i in range(20):
        engine.call("delete_flow", workflow_id=f"flow_{i}")
    assert names(engine) == ["default", "shared"]
    assert count_queues(engine) == 2
    engine.start("kept")
    assert len(engine.tickets()) == 1


def test_queue_of_an_active_run_is_not_dropped(engine: Engine, clock: Clock) -> None:
    engine.define("old", step("a"), step("b", "a"), queue="far", priority=3)
    engine.start("old", priority=9)
    engine.start("old")
    engine.define("old", step("a"))
    engine.define("other", step("a", queue="far"))
    engine.call("delete_flow", workflow_id="other")
    let_time_pass(engine, clock)
    far = Engine(engine.connection, "far", ["far"])
    assert len(far.drain()) == 4


def test_queue_that_a_worker_names_is_dropped_when_the_worker_has_gone(
    engine: Engine, clock: Clock
) -> None:
    Engine(engine.connection, "far", ["far"])
    engine.define("order", step("a", queue="far", priority=1), step("b", queue="far"))
    engine.call("delete_flow", workflow_id="order")
    let_time_pass(engine, clock)
    assert engine.rows("select queue, priority from stepgres.queues order by 1") == [
        ("default", 0), ("far", 0),
    ]  # fmt: skip
    engine.call("unregister_worker", worker_id="far")
    let_time_pass(engine, clock)
    assert (names(engine), count_queues(engine)) == (["default"], 1)


def test_queues_of_a_replaced_version_are_dropped_after_its_last_run(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", queue="old"), step("b", queue="old", priority=4))
    run_id = engine.start("order")
    engine.define("order", step("a", queue="new"))
    let_time_pass(engine, clock)
    assert names(engine) == ["default", "new", "old"]
    engine.call("cancel_workflow_run", run_id=run_id, force=True)
    let_time_pass(engine, clock)
    assert names(engine) == ["default", "new"]
    engine.start("order", version=1)  # which makes them anew
    assert len(engine.tickets()) == 2
    assert count_queues(engine) == 4


def test_queues_for_priorities_of_runs_are_dropped_some_minutes_after_the_last_one(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    for priority in range(1, 31):
        engine.start("order", priority=priority)
    engine.drain()
    let_time_pass(engine, clock)
    assert count_queues(engine) == 1
    engine.start("order", priority=5)
    assert len(engine.drain()) == 1


def test_queue_that_is_used_now_and_then_is_not_dropped(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    for _ in range(20):
        engine.start("order", priority=5)
        engine.drain()
        made = engine.rows("select created_at from stepgres.queues where priority = 5")
        for _ in range(6):
            clock.advance(10)
            engine.call("tick")
    assert engine.rows("select created_at from stepgres.queues where priority = 5") == made


# Queues that somebody has dropped


@pytest.mark.parametrize("priority", [0, 6])
def test_dropped_pgmq_queue_is_named_by_fsck_and_repaired_by_tick(
    engine: Engine, clock: Clock, priority: int
) -> None:
    engine.define("order", step("a", priority=priority))
    engine.start("order")
    engine.call("tick")
    drop_by_hand(engine)
    assert {row[0] for row in engine.rows("select * from stepgres.fsck()")} == {
        "a queue has its pgmq queue"
    }
    assert engine.claim() == []
    clock.advance(10)
    engine.call("tick")
    assert len(engine.drain()) == 1


def test_dropped_pgmq_queue_does_not_keep_runs_from_being_cancelled(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    drop_by_hand(engine)
    engine.call("cancel_workflow_run", run_id=run_id)
    engine.call("register_worker", worker_id="worker")


@pytest.mark.parametrize("repair", ["define", "register", "start"])
def test_dropped_pgmq_queue_is_made_anew_by_whoever_needs_it(engine: Engine, repair: str) -> None:
    engine.define("order", step("a"))
    drop_by_hand(engine)
    match repair:
        case "define":
            engine.define("another", step("a"))
        case "register":
            engine.call("register_worker", worker_id="another")
        case "start":
            engine.start("order")
    assert engine.rows("select * from stepgres.fsck()") == []
    assert len(engine.drain()) == (repair == "start")


def drop_by_hand(engine: Engine) -> None:
    engine.rows("select pgmq.drop_queue(pgmq_queue) from stepgres.queues")


# Names


def test_no_plain_queue_has_the_pgmq_name_of_a_priority_of_another(engine: Engine) -> None:
    (old,) = engine.rows("select 'victim_' || left(md5('victim 7 {}'), 12)")
    engine.define("attack", step("a", queue=old))
    engine.define("order", step("a", queue="victim", priority=7))
    (derived,) = engine.rows(
        "select pgmq_queue from stepgres.queues where (queue, priority) = ('victim', 7)"
    )
    with refused("SG001", "starts with a lower-case letter"):
        engine.call("register_worker", queues=[derived.removeprefix("stepgres_")])
    engine.start("order")
    assert len(Engine(engine.connection, "w", ["victim"]).claim()) == 1


def test_pgmq_queue_of_another_queue_is_never_taken(engine: Engine) -> None:
    engine.define("order", step("a", queue="far", priority=7))
    engine.connection.execute("update stepgres.queues set queue = 'moved' where queue = 'far'")
    with refused("SG003", '"far"', '"moved"'):
        engine.define("other", step("a", queue="far", priority=7))


def test_names_of_queues_fit_into_pgmq(engine: Engine) -> None:
    longest = "q" * 38
    engine.define("order", step("a", queue=longest, priority=7), step("b", queue=longest))
    (length,) = engine.rows("select max(length(pgmq_queue)) from stepgres.queues")
    assert length <= 47
    engine.start("order")
    assert len(Engine(engine.connection, "w", [longest]).claim()) == 2
