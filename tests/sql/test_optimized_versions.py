"""Versions that are made from recommendations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, step
from tests.support.history import (
    chain_beside_short_steps,
    optimize,
    recommend,
    record,
    record_failures,
)


def options(engine: Engine, step_slug: str, option: LiteralString, version: int) -> Any:
    query: LiteralString = (
        "select to_jsonb(s) ->> %s from stepgres.steps as s where (step_slug, version) = (%s, %s)"
    )
    (value,) = engine.rows(query, option, step_slug, version)
    return value


def optimizations(engine: Engine) -> list[Any]:
    """Which version was made of which, and how it differs."""
    query: LiteralString = """
        select version, optimized_from, optimizations from stepgres.list_workflow_versions('order')
    """
    return engine.rows(query)


def learn(engine: Engine, clock: Clock) -> None:
    """Two steps that take a second, and have a timeout of a minute."""
    engine.define("order", step("a", max_attempts=5), step("b", "a", condition="$.a"))
    for _ in range(20):
        engine.start("order", {})
        engine.drain({"a": lambda _: True})


def test_optimized_version_has_all_that_was_defined(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    before = engine.call("get_flow", workflow_id="order")
    assert optimize(engine) == 2
    after = engine.call("get_flow", workflow_id="order")
    for one in after["steps"]:
        assert one.pop("timeout") == 5
    for one in before["steps"]:
        assert one.pop("timeout") == 300
    assert after == {**before, "version": 2}
    assert optimizations(engine) == [
        (2, 1, {"a": {"timeout": 5}, "b": {"timeout": 5}}),
        (1, None, None),
    ]
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: True})
    assert engine.steps(run_id) == {"a": "completed", "b": "completed"}


def test_optimized_again_it_stays_the_same_version(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    assert [optimize(engine), optimize(engine)] == [2, 2]
    assert recommend(engine) == {}


def test_registered_again_the_definition_stays_optimized(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    optimize(engine)
    definition = step("a", max_attempts=5), step("b", "a", condition="$.a")
    assert engine.define("order", *definition) == 2
    assert engine.define("order", step("a")) == 3
    assert engine.define("order", *definition) == 2


def test_level_none_takes_everything_back(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    optimize(engine)
    assert recommend(engine, "none") == {("a", "timeout"): 300, ("b", "timeout"): 300}
    assert optimize(engine, "none") == 1
    assert optimize(engine, "none") == 1
    assert engine.define("order", step("a", max_attempts=5), step("b", "a", condition="$.a")) == 1
    assert optimize(engine) == 2
    assert engine.rows("select count(*) from stepgres.workflow_versions") == [2]


def test_another_level_begins_with_what_was_defined(engine: Engine, clock: Clock) -> None:
    chain_beside_short_steps(engine)
    record(engine, clock, "order", {"link_0": 1}, runs=20)
    assert optimize(engine, "advanced") == 2
    assert options(engine, "link_0", "priority", 2) == "2"
    assert optimize(engine, "basic") == 3
    assert options(engine, "link_0", "priority", 3) == "0"
    assert options(engine, "link_0", "timeout", 3) == "00:00:05"
    assert optimize(engine, "advanced") == 2


def test_timeout_that_was_lowered_too_far_is_raised_again(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=60)
    record(engine, clock, "order", {"a": 1}, runs=20)
    optimize(engine)
    for _ in range(10):
        record_failures(engine, clock, "order", 1, seconds=5)
    record(engine, clock, "order", {"a": 4.5}, runs=20)
    assert recommend(engine) == {("a", "timeout"): 14}


def test_step_added_to_an_optimized_version_makes_a_new_definition(
    engine: Engine, clock: Clock
) -> None:
    engine.call("create_flow", name="order")
    engine.call("add_step", workflow_id="order", step_name="a")
    record(engine, clock, "order", {"a": 1}, runs=20)
    assert optimize(engine) == 2
    engine.call("add_step", workflow_id="order", step_name="b", depends_on=["a"])
    assert options(engine, "a", "timeout", 2) == "00:00:05"
    assert optimizations(engine) == [(2, None, None), (1, None, None)]
    assert optimize(engine, "none") == 2


def test_active_runs_keep_their_version(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    run_id = engine.start("order", {})
    assert optimize(engine) == 2
    assert engine.claim_one().timeout == timedelta(minutes=5)
    engine.call("cancel_workflow_run", run_id=run_id)


def test_max_parallel_is_one_of_the_workflow(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True), timeout=12)
    record(engine, clock, "order", {"each": 1}, runs=5, input=list(range(20)), parallel=2)
    record(engine, clock, "order", {"each": 4}, runs=5, input=list(range(24)), parallel=8)
    optimize(engine, "advanced")
    flow = engine.call("get_flow", workflow_id="order")
    assert flow["max_parallel"] == 2
    assert optimizations(engine)[0] == (2, 1, {"": {"max_parallel": 2}})
    run_id = engine.start("order", [])
    assert engine.call("get_max_parallel", run_id=run_id) == 2


def test_rolled_back_nothing_is_optimized(engine: Engine, clock: Clock) -> None:
    learn(engine, clock)
    with engine.connection.transaction(force_rollback=True):
        assert optimize(engine) == 2
    assert engine.call("get_flow", workflow_id="order")["version"] == 1


def test_tasks_that_are_added_to_an_optimized_run_leave_its_options(
    engine: Engine, clock: Clock
) -> None:
    tasks = [{"id": "a"}, {"id": "b", "depends_on": ["a"]}]
    graph = (
        "select task_graph_id from stepgres.save_task_graph('goal', %s, workflow_slug => 'order')"
    )
    (graph_id,) = engine.rows(graph, Jsonb(tasks))
    engine.call("approve_task_graph", task_graph_id=graph_id)
    for _ in range(20):
        engine.call("start_task_graph", task_graph_id=graph_id)
        engine.drain()
    run_id = engine.call("start_task_graph", task_graph_id=graph_id, optimization_level="basic")
    added = {**engine.claim_one().completed(), "tasks": [{"id": "c"}]}
    assert engine.work([added]) == []
    (version,) = engine.rows("select version from stepgres.runs where run_id = %s", run_id)
    assert version < 0
    timeouts = engine.rows(
        "select step_slug, timeout from stepgres.steps where version = %s order by 1", version
    )
    assert dict(timeouts) == {
        "a": timedelta(seconds=5), "b": timedelta(seconds=5), "c": timedelta(minutes=5)
    }  # fmt: skip
    engine.drain()
