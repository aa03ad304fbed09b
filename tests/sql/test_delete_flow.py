"""Workflows that are deleted, with everything that there is of them."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.support.engine import Engine, refused, step

OF_RUNS = ["runs", "active_runs", "failed_runs", "step_states", "tasks", "attempts", "timers"]
OF_RUNS += ["subscribers"]
OF_DEFINITIONS = ["workflows", "workflow_versions", "steps", "dependencies"]


def rows_of(engine: Engine, *tables: str) -> dict[str, int]:
    """The tables that are not empty."""
    counts = {
        table: len(engine.connection.execute(f"table stepgres.{table}".encode()).fetchall())
        for table in tables
    }
    return {table: count for table, count in counts.items() if count}


def run_in_every_way(engine: Engine, workflow_slug: str) -> list[UUID]:
    """Versions and runs that leave rows in every table; the runs that are active at the end."""
    engine.define(workflow_slug, step("a"), step("b", "a"))
    engine.start(workflow_slug, idempotency_key="k")
    engine.drain()
    engine.start(workflow_slug)
    engine.fail(engine.claim_one(), retryable=False)
    engine.define(workflow_slug, step("a", max_attempts=9), step("c"), step("each", map=True))
    queued = engine.start(workflow_slug, [1, 2, 3])
    waiting = engine.start(workflow_slug, [])
    for item in engine.claim(run_ids=[waiting]):
        engine.fail(item)
    delayed = engine.start(workflow_slug, [1], delay="1 h")
    engine.call("add_subscriber", run_id=queued)
    return [queued, waiting, delayed]


def test_delete_removes_definition_runs_and_messages(engine: Engine) -> None:
    run_in_every_way(engine, "order")
    engine.call("delete_flow", workflow_id="order", force=True)
    assert rows_of(engine, *OF_RUNS, *OF_DEFINITIONS) == {}
    assert engine.tickets() == []
    assert engine.rows("select queue from stepgres.queues") == ["default"]


def test_delete_leaves_other_workflows_alone(engine: Engine) -> None:
    engine.define("invoice", step("a"), step("b", "a"), queue="slow")
    engine.start("invoice", 1)
    engine.call("switch_metrics", is_on=False)  # what is counted stays
    before = engine.snapshot()
    run_in_every_way(engine, "order")
    engine.call("delete_flow", workflow_id="order", force=True)
    assert engine.snapshot() == before


@pytest.mark.parametrize("force", [False, None])
def test_workflow_with_active_runs_is_not_deleted(engine: Engine, force: bool | None) -> None:
    active = run_in_every_way(engine, "order")
    before = engine.snapshot()
    with refused("SG015", '"order"', "3", str(min(active))):
        engine.call("delete_flow", workflow_id="order", force=force)
    assert engine.snapshot() == before


def test_workflow_whose_runs_have_ended_is_deleted(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.drain()
    engine.call("delete_flow", workflow_id="order")
    assert rows_of(engine, *OF_RUNS, *OF_DEFINITIONS) == {}


def test_unknown_workflow_is_an_error(engine: Engine) -> None:
    with refused("SG002", '"order"'):
        engine.call("delete_flow", workflow_id="order")
    with refused("SG002"):
        engine.call("delete_flow", workflow_id=None)


def test_deleted_workflow_can_be_defined_anew(engine: Engine) -> None:
    run_in_every_way(engine, "order")
    engine.call("delete_flow", workflow_id="order", force=True)
    assert engine.define("order", step("z")) == 1
    engine.start("order", idempotency_key="k")
    assert engine.claim_one().step_slug == "z"


def test_result_of_a_deleted_run_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    engine.call("delete_flow", workflow_id="order", force=True)
    (answer,) = engine.work([item.completed(1)])
    assert answer.is_refused


def test_child_runs_of_another_workflow_are_cancelled(engine: Engine) -> None:
    engine.define("parent", step("a"))
    engine.define("child", step("a"))
    parent = engine.start("parent")
    child = engine.start("child", parent_run_id=parent)
    engine.call("delete_flow", workflow_id="parent", force=True)
    assert engine.status(child) == ("failed", 'workflow "parent" was deleted')


def test_10_001_finished_runs_are_deleted_at_once(engine: Engine) -> None:
    engine.define("order", step("each", map=True))  # completed within the start
    engine.rows(
        """
        select count(*) from stepgres.start_workflow_runs(
            'order', (select jsonb_agg('[]'::jsonb) from generate_series(1, 10001))
        )
        """
    )
    assert rows_of(engine, "runs") == {"runs": 10_001}
    engine.call("delete_flow", workflow_id="order")
    assert rows_of(engine, *OF_RUNS, *OF_DEFINITIONS) == {}
