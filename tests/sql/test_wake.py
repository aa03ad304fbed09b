"""Runs that sleep and are woken."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, refused, step

DAY = 86_400


def wake(engine: Engine, run_id: UUID) -> int:
    number: int = engine.call("wake_workflow_run", run_id=run_id)
    engine.call("tick")
    return number


def open_wait(engine: Engine, item: WorkItem, name: str, **wait: Any) -> int:
    operation = Jsonb([item.operation(name, **wait)])
    engine.call("save_checkpoints", worker_id=engine.worker_id, waits=operation)
    (wait_id,) = engine.rows("select wait_id from stepgres.waits where name = %s", name)
    return int(wait_id)


def open_waits(engine: Engine) -> list[str]:
    return engine.rows("select name from stepgres.waits where resolved_at is null order by 1")


@pytest.fixture
def durable(engine: Engine) -> Engine:
    """A worker that knows durable steps."""
    return engine.colleague("durable", features=["durable"])


def test_delayed_start_begins_now_and_its_deadline_counts_from_now(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, delay="1 day", deadline="60 seconds")
    clock.advance(10)
    assert wake(engine, run_id) == 1
    assert engine.claim_one().run_id == run_id
    clock.advance(59)
    engine.call("tick")
    assert engine.status(run_id)[0] == "in_progress"
    clock.advance(1)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"


def test_delays_of_steps_end(engine: Engine) -> None:
    later = step("later", start_at="$.at")
    engine.define("order", step("a", start_delay=DAY), later, step("free"))
    run_id = engine.start("order", {"at": "2090-01-01T00:00Z"})
    assert [item.step_slug for item in engine.claim()] == ["free"]
    assert wake(engine, run_id) == 2
    assert [(item.step_slug, item.attempt) for item in engine.claim()] == [("a", 1), ("later", 1)]


def test_next_attempt_begins_now(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retry_after="1 day")
    assert wake(engine, run_id) == 1
    assert engine.claim_one().attempt == 2


def test_delay_of_a_local_step_ends(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id = engine.start("order", {}, executor_id=engine.worker_id)
    assert wake(engine, run_id) == 1
    assert len(engine.claim(run_ids=[run_id])) == 1


@pytest.mark.parametrize("is_suspended", [True, False])
def test_sleep_of_a_body_ends(durable: Engine, is_suspended: bool) -> None:
    durable.define("order", step("a", durable=True))
    run_id = durable.start("order", {})
    item = durable.claim_one()
    wait_id = open_wait(durable, item, "sleep", kind="sleep", seconds=DAY)
    if is_suspended:
        durable.work([item.suspended(wait_id)])
    assert wake(durable, run_id) == 1
    if not is_suspended:
        durable.work([item.suspended(wait_id)])
    (sleep,) = durable.claim_one().checkpoints["list"]
    assert sleep["outcome"] == "completed"


def test_signals_and_approvals_are_waited_for_as_before(durable: Engine, clock: Clock) -> None:
    durable.define("order", step("a", durable=True), step("paid", wait_for="paid", timeout=60))
    run_id = durable.start("order", {})
    item = durable.claim_one()
    open_wait(durable, item, "sleep", kind="sleep", seconds=DAY)
    open_wait(durable, item, "signal", kind="signal", signal="go", timeout=60)
    open_wait(durable, item, "approval", kind="approval", title="Go?", timeout=60)
    durable.work([item.suspended()])
    assert wake(durable, run_id) == 1
    assert open_waits(durable) == ["", "approval", "signal"]
    clock.advance(59)
    durable.call("tick")
    assert open_waits(durable) == ["", "approval", "signal"]
    clock.advance(1)
    durable.call("tick")
    assert durable.status(run_id)[0] == "failed"


def test_child_run_sleeps_until_it_is_woken_itself(engine: Engine) -> None:
    engine.define("parcel", step("pack", start_delay=DAY))
    engine.define("order", step("ship", workflow="parcel"))
    run_id = engine.start("order", {})
    (child,) = engine.rows("select child_run_id from stepgres.waits")
    assert wake(engine, run_id) == 0
    assert engine.claim() == []
    assert wake(engine, child) == 1
    assert engine.claim_one().run_id == child


def test_debounced_start_begins_now(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, unique_key="7", debounce="1 day")
    assert wake(engine, run_id) == 1
    assert engine.claim_one().run_id == run_id
    later = engine.start("order", {}, unique_key="7", debounce="1 day")
    assert later != run_id


def test_run_that_its_key_holds_back_waits_for_the_run_before_it(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    first = engine.start("order", {}, unique_key="7")
    held = engine.start("order", {}, unique_key="7", debounce="60 seconds")
    clock.advance(60)
    engine.call("tick")
    assert wake(engine, held) == 0
    engine.complete(engine.claim_one())
    engine.call("tick")
    assert engine.claim_one().run_id == held
    assert engine.status(first)[0] == "completed"


def test_run_that_stands_in_a_line_stays_there(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="one", max_running=1)
    engine.define("order", step("a"), limits=[{"limit": "one"}])
    runs = [engine.start("order", {}) for _ in range(2)]
    for _ in range(2):  # one tick lets a run in, the next one starts it
        engine.call("tick")
    item = engine.claim_one()
    (waiting,) = set(runs) - {item.run_id}
    assert wake(engine, waiting) == 0
    assert engine.claim() == []


def test_run_that_waits_for_no_time_does_not_change(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, deadline="1 day")
    before = engine.snapshot()
    assert engine.call("wake_workflow_run", run_id=run_id) == 0
    assert engine.snapshot() == before


def test_waking_twice_changes_nothing_more(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id = engine.start("order", {}, delay="1 day")
    assert [engine.call("wake_workflow_run", run_id=run_id) for _ in range(2)] == [1, 0]
    engine.call("tick")
    assert [engine.call("wake_workflow_run", run_id=run_id) for _ in range(2)] == [1, 0]
    engine.call("tick")
    assert engine.claim_one().step_slug == "a"


def test_other_runs_sleep_on(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id, _ = engine.start("order", {}), engine.start("order", {})
    assert wake(engine, run_id) == 1
    assert engine.claim_one().run_id == run_id


def test_paused_run_is_refused(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id = engine.start("order", {})
    engine.call("pause_workflow_run", run_id=run_id)
    before = engine.snapshot()
    with refused("SG008", str(run_id)):
        engine.call("wake_workflow_run", run_id=run_id)
    assert engine.snapshot() == before


def test_run_that_has_ended_or_is_unknown_is_refused(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id = engine.start("order", {})
    engine.call("cancel_workflow_run", run_id=run_id)
    with refused("SG011", str(run_id)):
        engine.call("wake_workflow_run", run_id=run_id)
    unknown = uuid4()
    with refused("SG005", str(unknown)):
        engine.call("wake_workflow_run", run_id=unknown)


def test_prune_deletes_what_is_stored_of_it(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    run_id = engine.start("order", {})
    wake(engine, run_id)
    assert engine.rows("select run_id from stepgres.wakes") == [run_id]
    engine.call("cancel_workflow_run", run_id=run_id)
    engine.call("prune", older_than="0 seconds")
    assert engine.rows("select run_id from stepgres.wakes") == []


def test_sleeps_of_other_runs_are_not_read(durable: Engine) -> None:
    durable.define("many", step("each", durable=True, map=True))
    durable.define("one", step("a", durable=True))
    runs = [durable.start("one"), durable.start("many", list(range(500)))]
    sleep: dict[str, Any] = {"kind": "sleep", "seconds": DAY}
    waits = [item.operation("sleep", **sleep) for item in durable.claim()]
    durable.call("save_checkpoints", worker_id=durable.worker_id, waits=Jsonb(waits))
    read = (
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"
        " where schemaname = 'stepgres' and relname = 'waits'"
    )
    with durable.connection.transaction():
        (before,) = durable.rows(read)
        assert durable.call("wake_workflow_run", run_id=runs[0]) == 1
        (after,) = durable.rows(read)
    assert after - before < 50
    assert wake(durable, runs[1]) == 500
