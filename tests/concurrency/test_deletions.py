"""Deletions of workflows that meet starts, retries and definitions under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def delete(engine: Engine, *, force: bool = False) -> Callable[[], Any]:
    return lambda: engine.call("delete_flow", workflow_id="order", force=force)


@pytest.mark.parametrize("is_used", [False, True])
def test_start_under_way_is_seen_by_the_deletion(
    engine: Engine, sessions: Sessions, is_used: bool
) -> None:
    engine.define("order", step("a"))
    if is_used:
        engine.start("order")
        engine.drain()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        run_id = engine.start("order")
        deletion = sessions.until_blocked(other.connection, delete(other))
    with refused("SG015", str(run_id)):
        deletion.result(PATIENCE)
    assert engine.claim_one().run_id == run_id


def test_start_under_way_is_cancelled_by_a_forced_deletion(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order")
        deletion = sessions.until_blocked(other.connection, delete(other, force=True))
    deletion.result(PATIENCE)
    assert engine.rows("select run_id from stepgres.runs") == []
    assert engine.tickets() == []


@pytest.mark.parametrize("is_committed", [True, False])
def test_start_waits_for_a_deletion_under_way(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.drain()
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        delete(engine)()
        start = sessions.until_blocked(other.connection, lambda: other.start("order"))
    if is_committed:
        with refused("SG002", '"order"'):
            start.result(PATIENCE)
    else:
        assert start.result(PATIENCE) == engine.claim_one().run_id


def test_start_with_a_snapshot_from_before_the_deletion_is_refused(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.drain()
    other = engine.on(sessions.connect())
    other.connection.execute("begin isolation level repeatable read")
    assert other.rows("select workflow_slug from stepgres.workflows") == ["order"]
    delete(engine)()
    with refused("40001"):
        other.start("order")
    other.connection.execute("rollback")


def test_completion_and_start_in_one_transaction_do_not_wait_in_a_circle_with_a_deletion(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with refused("SG002", '"order" is being deleted'), engine.connection.transaction():
        engine.complete(item)
        deletion = sessions.until_blocked(other.connection, delete(other, force=True))
        engine.start("order")
    deletion.result(PATIENCE)
    assert engine.rows("select run_id from stepgres.runs") == []


def test_definition_and_start_in_one_transaction_do_not_wait_in_a_circle_with_a_deletion(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with refused("SG002", '"order" is being deleted'), engine.connection.transaction():
        engine.define("order", step("b"))
        deletion = sessions.until_blocked(other.connection, delete(other))
        engine.start("order")
    deletion.result(PATIENCE)
    assert engine.rows("select workflow_slug from stepgres.workflows") == []


def test_start_and_completion_in_one_transaction_come_before_a_deletion(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order")
        deletion = sessions.until_blocked(other.connection, delete(other, force=True))
        engine.complete(item)
        engine.start("order")  # what it has begun to use it may go on with
    deletion.result(PATIENCE)
    assert engine.rows("select run_id from stepgres.runs") == []


def test_deletion_that_is_refused_holds_up_no_start(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    engine.start("order")
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order")
        with refused("SG015"):
            sessions.without_waiting(other.connection, delete(other))
        engine.complete(item)


def test_starts_do_not_wait_for_each_other(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order")
        sessions.without_waiting(other.connection, lambda: other.start("order"))


def test_retry_under_way_is_seen_by_the_deletion(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    failed = engine.start("order")
    engine.fail(engine.claim_one(), retryable=False)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        run_id = engine.call("retry_failed_workflow", run_id=failed)
        deletion = sessions.until_blocked(other.connection, delete(other))
    with refused("SG015", str(run_id)):
        deletion.result(PATIENCE)
    assert engine.claim_one().run_id == run_id


def test_definition_waits_for_a_deletion_under_way_and_starts_anew(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.define("order", step("b"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        delete(engine)()
        definition = sessions.until_blocked(
            other.connection, lambda: other.define("order", step("c"))
        )
    assert definition.result(PATIENCE) == 1
    assert engine.rows("select step_slug from stepgres.steps") == ["c"]


def test_step_for_a_workflow_that_is_being_deleted_is_refused(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        delete(engine)()
        addition = sessions.until_blocked(
            other.connection,
            lambda: other.call("add_step", workflow_id="order", step_name="b"),
        )
    with refused("SG002", '"order"'):
        addition.result(PATIENCE)


def test_first_start_waits_for_a_change_in_plain_sql(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.connection.execute("update stepgres.steps set max_attempts = 9")
        start = sessions.until_blocked(other.connection, lambda: other.start("order"))
    start.result(PATIENCE)
    assert engine.rows("select max_attempts from stepgres.steps") == [9]
