"""Failures that meet ticks, deletions and definitions of the workflow on_failure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import Engine, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

STARTED = "select count(*) from stepgres.runs where failure_of is not null"


def define(engine: Engine, **alert: Any) -> None:
    engine.define("alert", step("tell", queue="alerts"), **alert)
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")


def test_failure_under_way_starts_its_run_after_its_commit(
    engine: Engine, sessions: Sessions
) -> None:
    define(engine)
    other = engine.on(sessions.connect())
    engine.start("order")
    with engine.connection.transaction():
        engine.fail(engine.claim_one())
        assert other.call("tick") == 0
    assert other.rows(STARTED) == [0]
    assert other.call("tick") == 1
    assert other.rows(STARTED) == [1]


def test_ticks_at_once_start_one_run_for_each_failure(engine: Engine, sessions: Sessions) -> None:
    define(engine)
    for _ in range(50):
        engine.start("order")
    others = [engine.on(sessions.connect()) for _ in range(4)]
    results = [item.failed() for item in engine.claim()]
    sessions.at_once(
        *(lambda i=i: engine.on(sessions.connect()).work(results[i::2]) for i in range(2)),
        *(lambda other=other: [other.call("tick") for _ in range(20)] for other in others),
    )  # fmt: skip
    engine.call("tick")
    assert engine.rows(STARTED) == [50]
    assert engine.rows("select count(distinct failure_of) from stepgres.runs") == [50]


@pytest.mark.parametrize("is_committed", [True, False])
def test_tick_waits_for_no_deletion_under_way(
    engine: Engine, sessions: Sessions, clock: Any, is_committed: bool
) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        engine.call("delete_flow", workflow_id="alert", force=True)
        assert sessions.without_waiting(other.connection, lambda: other.call("tick")) == 1
        error = 'workflow "alert" is being deleted'
        assert other.call("get_run", run_id=run_id)["on_failure_error"] == error
    clock.advance(60)
    engine.call("tick")
    assert engine.rows(STARTED) == [0 if is_committed else 1]


def test_tick_waits_for_no_definition_under_way(engine: Engine, sessions: Sessions) -> None:
    define(engine)
    engine.start("alert")  # its version is in use
    engine.start("order")
    engine.fail(engine.claim_one())
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.define("alert", step("tell", queue="alerts"), step("more"))
        assert sessions.without_waiting(other.connection, lambda: other.call("tick")) == 1
    assert engine.rows(STARTED) == [1]


def test_failure_waits_for_no_definition_or_deletion(engine: Engine, sessions: Sessions) -> None:
    """A transaction that defines the workflow may wait for the run that fails."""
    define(engine)
    engine.start("order")
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("add_step", workflow_id="alert", step_name="more", depends_on=[])
        sessions.without_waiting(other.connection, lambda: other.fail(item))
    with engine.connection.transaction():
        engine.call("delete_flow", workflow_id="alert")
        run_id = other.start("order")
        item = other.claim_one()
        sessions.without_waiting(other.connection, lambda: other.fail(item))
    engine.call("tick")
    assert engine.call("get_run", run_id=run_id)["on_failure_error"] is not None


def test_prune_leaves_a_failure_that_tick_handles(engine: Engine, sessions: Sessions) -> None:
    define(engine)
    engine.start("order")
    engine.fail(engine.claim_one())
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("tick")
        pruned = sessions.without_waiting(
            other.connection, lambda: other.call("prune", older_than="0 s")
        )
        assert pruned == 0
    assert other.call("prune", older_than="0 s") == 1


def test_prune_of_a_failure_that_started_nothing_may_meet_tick(
    engine: Engine, sessions: Sessions, clock: Any
) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    engine.start("order")
    engine.fail(engine.claim_one())
    engine.call("tick")
    clock.advance(60)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("tick")
        pruning = sessions.until_blocked(
            other.connection, lambda: other.call("prune", older_than="0 s")
        )
    assert pruning.result(PATIENCE) == 1
    assert engine.rows("select * from stepgres.failure_runs") == []
