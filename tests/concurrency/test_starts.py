"""Definitions and starts at the same time."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.engine import Engine, refused, step
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


@pytest.mark.parametrize("is_committed", [True, False])
def test_start_with_a_key_waits_for_the_one_under_way(
    engine: Engine, sessions: Sessions, is_committed: bool
) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=not is_committed):
        first = engine.start("order", 1, idempotency_key="k")
        start = sessions.until_blocked(
            other.connection, lambda: other.start("order", 2, idempotency_key="k")
        )
    assert (start.result(PATIENCE) == first) is is_committed
    assert engine.rows("select input from stepgres.runs") == [1 if is_committed else 2]
    assert len(engine.claim()) == 1


def test_many_starts_with_one_key_start_one_run(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    others = [engine.on(sessions.connect()) for _ in range(12)]
    run_ids = sessions.at_once(
        *(partial(other.start, "order", i, idempotency_key="k") for i, other in enumerate(others))
    )
    assert len(set(run_ids)) == 1
    assert engine.rows("select run_id from stepgres.runs") == [run_ids[0]]
    assert len(engine.claim()) == 1


def test_start_waits_for_a_step_that_is_being_added(engine: Engine, sessions: Sessions) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("add_step", workflow_id="order", step_name="b")
        start = sessions.until_blocked(other.connection, lambda: other.start("order"))
    assert set(engine.steps(start.result(PATIENCE))) == {"a", "b"}
    assert engine.rows("select version from stepgres.runs") == [1]
    assert len(engine.drain()) == 2


def test_step_added_during_the_first_start_makes_a_new_version(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        run_id = engine.start("order")
        addition = sessions.until_blocked(
            other.connection,
            lambda: other.rows("select version from stepgres.add_step('order', 'b')"),
        )
    assert addition.result(PATIENCE) == [2]
    assert set(engine.steps(run_id)) == {"a"}


def test_same_definition_registered_at_once_is_one_version(
    engine: Engine, sessions: Sessions
) -> None:
    others = [engine.on(sessions.connect()) for _ in range(8)]
    versions = sessions.at_once(
        *(partial(other.define, "order", step("a", queue="new")) for other in others)
    )
    assert versions == [1] * 8
    assert engine.rows("select version from stepgres.workflow_versions") == [1]


def test_flow_created_at_once_is_created_once(engine: Engine, sessions: Sessions) -> None:
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("create_flow", name="order")
        creation = sessions.until_blocked(
            other.connection, lambda: other.call("create_flow", name="order")
        )
    with refused("SG007", '"order"'):
        creation.result(PATIENCE)


def test_steps_added_at_once_are_both_there(engine: Engine, sessions: Sessions) -> None:
    engine.call("create_flow", name="order")
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.call("add_step", workflow_id="order", step_name="a")
        addition = sessions.until_blocked(
            other.connection,
            lambda: other.call("add_step", workflow_id="order", step_name="b", depends_on=["a"]),
        )
    addition.result(PATIENCE)
    query = "select step_slug, step_index from stepgres.steps order by step_index"
    assert engine.rows(query) == [("a", 0), ("b", 1)]


def test_runs_of_one_workflow_start_without_waiting_for_each_other(
    engine: Engine, sessions: Sessions
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        engine.start("order")
        sessions.without_waiting(other.connection, lambda: other.start("order"))
    assert len(engine.claim()) == 3
