"""Workers that die, come back or leave, and tickets that are lost."""

from __future__ import annotations

import pytest

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step

LEASE = 15


@pytest.fixture
def mortal(engine: Engine, clock: Clock) -> Engine:
    """Another worker, with a short lease."""
    return Engine(engine.connection, "mortal", lease=f"{LEASE} s")


def die(engine: Engine, clock: Clock) -> None:
    """The lease of the mortal worker runs out, and a tick notices."""
    clock.advance(LEASE)
    engine.call("tick")


def known_workers(engine: Engine) -> set[str]:
    return set(engine.rows("select worker_id from stepgres.workers"))


# Leases


def test_tasks_of_a_dead_worker_are_taken_over(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    dead = mortal.claim(1)[0]
    alive = engine.claim_one()
    die(engine, clock)
    item = engine.claim_one()
    assert (item.place, item.attempt) == (dead.place, 2)
    query = "select attempt, worker_id, error from stepgres.attempts"
    assert engine.rows(query) == [(1, "mortal", 'worker "mortal" stopped responding')]
    engine.work([item.completed(1), alive.completed(2)])
    assert engine.output(run_id) == {"a": 1, "b": 2}


def test_lease_lasts_to_its_end(engine: Engine, mortal: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = mortal.claim_one()
    clock.advance(LEASE - 0.001)
    assert engine.call("tick") == 0
    mortal.complete(item)
    clock.advance(0.001)  # it was heard of in time, so the lease has begun again
    engine.call("tick")
    assert "mortal" in known_workers(engine)


def test_next_due_is_the_end_of_the_next_lease(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    query = "select extract(epoch from stepgres.next_due() - stepgres._now())::int"
    assert engine.rows(query) == [LEASE]
    clock.advance(LEASE)
    engine.call("tick")
    assert known_workers(engine) == {"worker"}


@pytest.mark.parametrize("sign", ["heartbeat", "claim_tasks", "work"])
def test_any_sign_of_life_extends_the_lease(
    engine: Engine, mortal: Engine, clock: Clock, sign: str
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = mortal.claim_one()
    for _ in range(5):
        clock.advance(LEASE * 0.6)
        mortal.call(sign, worker_id="mortal")
        engine.call("tick")
    mortal.complete(item, "well")


def test_worker_found_dead_must_register_again(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    die(engine, clock)
    with refused("SG006", '"mortal"'):
        mortal.call("heartbeat", worker_id="mortal")
    with refused("SG006", '"mortal"'):
        mortal.claim()
    mortal.call("register_worker", worker_id="mortal")
    assert mortal.claim() == []


def test_several_workers_may_die_at_once(engine: Engine, mortal: Engine, clock: Clock) -> None:
    engine.define("order", step("each", initial_tasks=2))
    engine.start("order")
    other = Engine(engine.connection, "other", lease=f"{LEASE} s")
    assert len(mortal.claim(1) + other.claim(1)) == 2
    die(engine, clock)
    assert [item.attempt for item in engine.claim()] == [2, 2]
    query = "select distinct error from stepgres.attempts order by 1"
    assert engine.rows(query) == [
        'worker "mortal" stopped responding', 'worker "other" stopped responding',
    ]  # fmt: skip


def test_task_that_kills_its_worker_each_time_is_exhausted(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", max_attempts=3), step("b", "a"))
    run_id = engine.start("order")
    for attempt in (1, 2, 3):
        assert engine.status(run_id)[0] == "in_progress"
        mortal = Engine(engine.connection, "mortal", lease=f"{LEASE} s")
        assert mortal.claim_one().attempt == attempt
        die(engine, clock)
    assert engine.status(run_id) == (
        "failed", 'step "a" failed: worker "mortal" stopped responding',
    )  # fmt: skip
    assert engine.claim() == []


def test_waiting_and_queued_tasks_do_not_notice_a_death(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    a = mortal.claim(1)[0]
    mortal.fail(a, retry_after="1 h")
    die(engine, clock)
    assert [(item.step_slug, item.attempt) for item in engine.claim()] == [("b", 1)]
    assert len(engine.rows("select * from stepgres.attempts")) == 1


# Registering


def test_registering_again_takes_over_what_the_id_held(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    old = mortal.claim_one()
    restarted = Engine(engine.connection, "mortal")
    with refused("SG004"):
        mortal.complete(old)
    engine.call("tick")
    assert restarted.claim_one().attempt == 2


def test_worker_id_is_made_up_if_none_is_given(engine: Engine) -> None:
    worker_ids = {engine.call("register_worker") for _ in range(3)}
    assert len(worker_ids) == 3
    assert known_workers(engine) == {"worker", *worker_ids}


def test_registering_again_changes_queues_and_lease(engine: Engine) -> None:
    engine.define("order", step("a", queue="far"))
    engine.start("order")
    assert engine.claim() == []
    engine.call("register_worker", worker_id="worker", queues=["far"], lease="5 s")
    assert engine.claim_one().step_slug == "a"
    assert engine.rows("select lease::text from stepgres.workers") == ["00:00:05"]


def test_worker_that_leaves_gives_its_tasks_back_at_once(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order")
    old = mortal.claim_one()
    mortal.call("unregister_worker", worker_id="mortal")
    assert known_workers(engine) == {"worker"}
    item = engine.claim_one()
    assert item.attempt == 1
    with refused("SG006"):
        mortal.complete(old, "late")
    engine.complete(item, "well")
    assert engine.output(run_id) == "well"


# Local runs


def test_local_run_of_a_dead_executor_goes_to_the_queues(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b"), step("c"), step("d", "a", "b", "c"))
    run_id = engine.start("order", {}, executor_id="mortal")
    a, b, c = mortal.claim(run_ids=[run_id])
    mortal.work([a.completed(1), b.failed(retry_after=60), c.released()])
    die(engine, clock)
    assert engine.tickets() == [(run_id, "c", 0)]
    engine.complete(engine.claim_one(), 3)
    clock.advance(60)
    engine.call("tick")
    engine.complete(engine.claim_one(), 2)
    assert engine.claim_one().input == {"a": 1, "b": 2, "c": 3}


def test_started_local_task_of_a_dead_executor_is_tried_again(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {}, executor_id="mortal")
    (old,) = mortal.claim(run_ids=[run_id])
    die(engine, clock)
    assert [item.step_slug for item in engine.drain({"b": lambda _: "well"})] == ["a", "b"]
    assert engine.output(run_id) == "well"
    assert [answer.is_refused for answer in register(mortal).work([old.completed()])] == [True]


def register(worker: Engine) -> Engine:
    return Engine(worker.connection, worker.worker_id)


def test_local_map_of_a_dead_executor_is_finished_by_others(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(1_200)), executor_id="mortal")
    items = mortal.claim(600, run_ids=[run_id])
    mortal.work([item.completed(item.input) for item in items[:300]])
    die(engine, clock)
    engine.drain({"each": lambda element: element})
    assert engine.output(run_id) == list(range(1_200))


def test_new_executor_of_the_same_name_does_not_get_the_old_runs(
    engine: Engine, mortal: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", executor_id="mortal")
    restarted = register(mortal)
    assert engine.tickets() == [(run_id, "a", 0)]
    assert restarted.claim_one().run_id == run_id  # by its ticket, as any worker


# Lost tickets


def test_lost_ticket_is_replaced_within_ten_seconds(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("each", initial_tasks=3))
    run_id = engine.start("order")
    engine.call("tick")
    lose_tickets(engine)
    clock.advance(9.9)
    assert engine.call("tick") == 0
    clock.advance(0.1)
    assert engine.call("tick") == 4
    assert len(engine.drain()) == 4
    assert engine.status(run_id)[0] == "completed"


def lose_tickets(engine: Engine) -> None:
    engine.rows("select pgmq.purge_queue(pgmq_queue) from stepgres.queues")


def test_ticket_that_is_there_is_not_sent_again(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order", executor_id=engine.worker_id)  # without a ticket, and rightly
    engine.start("order")
    for _ in range(3):
        assert engine.call("tick") == 0
        clock.advance(10)
    assert len(engine.tickets()) == 1


def test_lost_tickets_of_many_runs_are_replaced_by_ticks_at_once(engine: Engine) -> None:
    """There is more to do while a tick returns 1,000 or more."""
    engine.define("order", step("a"))
    inputs = "[" + ",".join("1" for _ in range(2_500)) + "]"
    engine.rows("select stepgres.start_workflow_runs('order', %s)", inputs)
    lose_tickets(engine)
    ticks = [engine.call("tick")]
    while ticks[-1] >= 1_000:
        ticks.append(engine.call("tick"))
    assert ticks == [2_000 + 2_000, 500]
    assert engine.call("tick") == 0
    assert len(engine.drain()) == 2_500


def test_sweep_goes_on_soon_while_there_are_runs_left(engine: Engine, clock: Clock) -> None:
    """It rests as long as it takes a twentieth of a processor; next_due says until when."""
    engine.define("order", step("a"))
    inputs = "[" + ",".join("1" for _ in range(4_500)) + "]"
    engine.rows("select stepgres.start_workflow_runs('order', %s)", inputs)
    (last,) = engine.rows("select run_id from stepgres.active_runs order by run_id desc limit 1")
    engine.rows(
        "select count(pgmq.delete('stepgres_default', msg_id)) from stepgres.tasks"
        " where run_id = %s",
        last,
    )
    is_due = "select stepgres.next_due() <= stepgres._now()"
    for _ in range(2):
        assert [engine.call("tick"), *engine.rows(is_due)] == [0, False]
        engine.rows("update public.test_clock set now = stepgres.next_due() returning now")
        assert engine.rows(is_due) == [True]
    assert engine.call("tick") == 1
    assert engine.rows(is_due) == [False]
    assert len(engine.tickets()) == 4_500
    assert engine.call("tick") == 0
    clock.advance(10)
    assert engine.rows(is_due) == [True]
    engine.rows("select stepgres.cancel_workflow_run(run_id) from stepgres.active_runs")


def test_sweep_locks_only_runs_in_which_something_is_wrong(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    good = engine.start("order")
    lose_tickets(engine)
    bad = engine.start("order")
    engine.rows("select pgmq.purge_queue('stepgres_default')")
    execute = "update stepgres.runs set executor_id = %s where run_id = %s returning 1"
    engine.rows("update stepgres.tasks set msg_id = null where run_id = %s returning 1", good)
    engine.rows(execute, engine.worker_id, good)
    free = "select run_id from stepgres.runs for update skip locked"
    with db.connect() as other, engine.connection.transaction():
        assert engine.call("tick") == 1
        assert other.execute(free.encode()).fetchall() == [(good,)]
    assert engine.tickets() == [(bad, "a", 0)]
    engine.rows(execute, None, good)
    engine.call("cancel_workflow_run", run_id=good)


def test_sweep_takes_back_what_a_worker_holds_that_is_not_registered(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", execution="distributed"), step("b"))
    for worker_id in ("gone", "executor"):
        engine.call("register_worker", worker_id=worker_id)
    run_id = engine.start("order", executor_id="executor")
    assert len(engine.items("claim_tasks", worker_id="gone", capacity=10)) == 1
    engine.rows("delete from stepgres.workers where worker_id <> 'worker' returning 1")
    engine.call("tick")
    clock.advance(1)
    engine.call("tick")
    assert {item.place: item.attempt for item in engine.claim()} == {("a", 0): 2, ("b", 0): 1}
    assert engine.rows("select executor_id from stepgres.runs") == [None]
    engine.call("cancel_workflow_run", run_id=run_id)


def test_queue_that_somebody_has_dropped_stops_no_tick(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", queue="other"))
    run_id = engine.start("order")
    lose_tickets(engine)
    engine.rows("select pgmq.drop_queue('stepgres_other')")
    assert engine.call("tick") == 2  # both tickets are sent again
    assert engine.claim_one().step_slug == "a"
    engine.call("cancel_workflow_run", run_id=run_id)
