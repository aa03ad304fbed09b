"""Parents and the children that they wait for, which end, are cancelled and start at once."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from typing_extensions import LiteralString

from tests.support.engine import Engine, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


@pytest.fixture(autouse=True)
def workflows(engine: Engine) -> None:
    engine.define("ship", step("pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship", map=True), step("bill", "ship"))
    engine.define("late", step("a"), step("ship", "a", workflow="ship"))


def children(engine: Engine, run_id: UUID) -> list[UUID]:
    query: LiteralString = (
        "select child_run_id from stepgres.waits where run_id = %s order by task_index"
    )
    return engine.rows(query, run_id)


def settle(engine: Engine) -> None:
    while engine.call("tick"):
        pass


def test_end_of_a_child_waits_for_no_lock_of_its_parent(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("order", [1])
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.connection.execute("select from stepgres.runs where run_id = %s for update", [run_id])
        complete = partial(engine.work, [item.completed(5)])
        assert sessions.without_waiting(engine.connection, complete) == []
        # The parent is locked: its wait stays for the next tick.
        tick = partial(engine.call, "tick")
        assert sessions.without_waiting(engine.connection, tick) == 0
        assert engine.steps(run_id)["ship"] == "started"
    settle(engine)
    assert engine.steps(run_id)["ship"] == "completed"


def test_parent_that_is_locked_keeps_no_other_parent_back(
    engine: Engine, sessions: Sessions
) -> None:
    locked, free = engine.start("order", [1]), engine.start("order", [1])
    other = engine.on(sessions.connect())
    engine.work([item.completed(5) for item in engine.claim()])
    with other.connection.transaction():
        other.connection.execute("select from stepgres.runs where run_id = %s for update", [locked])
        settle(engine)
        assert engine.steps(free)["ship"] == "completed"
        assert engine.steps(locked)["ship"] == "started"
    settle(engine)
    assert engine.steps(locked)["ship"] == "completed"


def test_child_that_ends_before_the_start_of_its_parent_is_committed(
    engine: Engine, sessions: Sessions
) -> None:
    other = sessions.worker("other")
    with engine.connection.transaction():
        run_id = engine.start("order", [1])
        engine.work([engine.claim_one().completed(5)])
        assert other.call("tick") == 0
    settle(other)
    assert engine.steps(run_id)["ship"] == "completed"


def test_child_is_not_seen_before_its_parent_waits(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("late")
    item = engine.claim_one()
    other = sessions.worker("other")
    with engine.connection.transaction():
        engine.work([item.completed(1)])
        assert other.claim() == []
        settle(other)
    other.complete(other.claim_one(), "packed")
    settle(other)
    assert engine.output(run_id) == "packed"


@pytest.mark.parametrize("is_committed", [True, False])
def test_end_of_a_child_that_is_being_cancelled_with_its_parent(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    run_id = engine.start("order", [1])
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        engine.call("cancel_workflow_run", run_id=run_id)
        work = sessions.until_blocked(other.connection, lambda: other.work([item.completed(1)]))
    assert len(work.result(PATIENCE)) == (1 if is_committed else 0)
    settle(engine)
    assert engine.steps(run_id)["ship"] == ("cancelled" if is_committed else "completed")


def test_cancel_that_waits_for_the_end_of_a_child(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("order", [1])
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.work([item.completed(1)])
        cancellation = sessions.until_blocked(
            other.connection, lambda: other.call("cancel_workflow_run", run_id=run_id)
        )
    cancellation.result(PATIENCE)
    settle(engine)
    assert engine.status(run_id)[0] == "failed"
    assert engine.rows("select count(*) from stepgres.child_changes") == [0]


def test_tick_skips_a_parent_that_is_being_cancelled(engine: Engine, sessions: Sessions) -> None:
    run_id = engine.start("order", [1, 2])
    other = engine.on(sessions.connect())
    engine.work([engine.claim()[0].completed(1)])
    with engine.connection.transaction():
        engine.call("cancel_workflow_run", run_id=run_id)
        tick = partial(other.call, "tick")
        assert sessions.without_waiting(other.connection, tick) == 0
    settle(engine)
    assert engine.rows("select count(*) from stepgres.child_changes") == [0]


def test_child_that_is_locked_is_cancelled_by_a_later_tick(
    engine: Engine, sessions: Sessions
) -> None:
    run_id = engine.start("order", [1, 2])
    first, second = engine.claim()
    engine.fail(first)
    settle_parent = partial(engine.call, "tick")
    other = engine.on(sessions.connect())
    with other.connection.transaction():
        other.connection.execute(
            "select from stepgres.runs where run_id = %s for update", [second.run_id]
        )
        sessions.without_waiting(engine.connection, settle_parent)
        assert engine.status(run_id)[0] == "failed"
        assert engine.status(second.run_id)[0] == "in_progress"
    settle(engine)
    assert engine.status(second.run_id)[0] == "failed"
    assert engine.tickets() == []


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_cancels_go_down_while_ends_go_up(engine: Engine, sessions: Sessions, end: str) -> None:
    """Three levels, whose runs end, are ticked, paused and cancelled by five sessions at once."""
    engine.define("top", step("down", workflow="order", map=True))
    for _ in range(12):
        run_id = engine.start("top", [[1, 2], [3]])
        settle(engine)
        items = engine.claim()
        assert len(items) == 3
        results = [i.completed(1) if end == "complete" else i.failed() for i in items]
        actors = [engine.on(sessions.connect()) for _ in range(5)]
        (middle, *_) = children(engine, run_id)

        def pause(actor: Engine, run_id: UUID = run_id) -> Any:
            try:
                return actor.call("pause_workflow_run", run_id=run_id)
            except Exception as error:  # the run may have ended
                assert getattr(error, "sqlstate", None) == "SG011"  # noqa: PT017

        def cancel(actor: Engine, run_id: UUID) -> Any:
            return actor.call("cancel_workflow_run", run_id=run_id, force=True)

        sessions.at_once(
            partial(actors[0].work, results),
            partial(settle, actors[1]),
            partial(cancel, actors[2], run_id),
            partial(cancel, actors[3], middle),
            partial(pause, actors[4]),
        )
        settle(engine)
        engine.drain()
        settle(engine)
        engine.call("cancel_workflow_run", run_id=run_id, force=True)
        settle(engine)
        assert engine.rows("select count(*) from stepgres.active_runs") == [0]
        assert engine.rows("select count(*) from stepgres.child_changes") == [0]
        assert engine.rows("select * from stepgres.fsck()") == []


def test_prune_leaves_a_failed_child_to_the_retry_that_reads_it(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("two", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("retried", step("ship", workflow="two"))
    run_id = engine.start("retried")
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    settle(engine)
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("retry_failed_workflow", run_id=run_id)
        prune = partial(other.call, "prune", older_than="0 s")
        assert sessions.without_waiting(other.connection, prune) == 0
    assert engine.claim_one().step_slug == "send"
