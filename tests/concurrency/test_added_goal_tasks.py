"""Goal tasks that are added while others change the same run, or delete its workflow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, WorkItem
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def start(engine: Engine, *tasks: dict[str, Any]) -> UUID:
    graph_id = engine.call("save_task_graph", goal="x", tasks=Jsonb(list(tasks)))
    engine.call("approve_task_graph", task_graph_id=graph_id)
    run_id: UUID = engine.call("start_task_graph", task_graph_id=graph_id)
    return run_id


def add(engine: Engine, item: WorkItem, task_id: str) -> None:
    """Complete a task, and add a goal task."""
    tasks = Jsonb([{"id": task_id}])
    engine.call(
        "complete_task", worker_id=engine.worker_id, output=Jsonb(1), tasks=tasks, **item.key
    )


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_two_steps_at_once_add_their_tasks_both(
    engine: Engine, sessions: Sessions, order: str
) -> None:
    run_id = start(engine, {"id": "a"}, {"id": "b"}, {"id": "join", "depends_on": ["a", "b"]})
    items = {item.step_slug: item for item in engine.claim()}
    other = engine.on(sessions.connect())
    with engine.connection.transaction():
        add(engine, items[order[0]], "c")
        second = sessions.until_blocked(other.connection, lambda: add(other, items[order[1]], "d"))
    second.result(PATIENCE)
    assert [item.step_slug for item in engine.drain()] == ["c", "d", "join"]
    assert engine.status(run_id)[0] == "completed"


def test_result_that_is_rolled_back_adds_nothing(engine: Engine, sessions: Sessions) -> None:
    start(engine, {"id": "a"}, {"id": "b"})
    a, b = engine.claim()
    other = engine.on(sessions.connect())
    with engine.connection.transaction(force_rollback=True):
        add(engine, a, "c")
        second = sessions.until_blocked(other.connection, lambda: add(other, b, "d"))
    second.result(PATIENCE)
    engine.complete(a)
    assert [item.step_slug for item in engine.drain()] == ["d"]


@pytest.mark.parametrize("function", ["cancel_workflow_run", "pause_workflow_run"])
@pytest.mark.parametrize("is_first", [True, False])
def test_tasks_join_a_run_before_it_is_stopped_or_not_at_all(
    engine: Engine, sessions: Sessions, function: str, is_first: bool
) -> None:
    run_id = start(engine, {"id": "a"})
    item = engine.claim_one()
    other = engine.on(sessions.connect())
    calls = [lambda e: add(e, item, "b"), lambda e: e.call(function, run_id=run_id)]
    first, second = calls if is_first else reversed(calls)
    with engine.connection.transaction():
        first(engine)
        blocked = sessions.until_blocked(other.connection, lambda: second(other))
    if function == "cancel_workflow_run" and not is_first:
        with pytest.raises(psycopg.Error, match="no longer leased"):
            blocked.result(PATIENCE)
    else:
        blocked.result(PATIENCE)
    has_joined = is_first or function == "pause_workflow_run"
    assert ("b" in engine.steps(run_id)) is has_joined
    assert engine.claim() == []


@pytest.mark.parametrize("is_first", [True, False])
def test_workflow_is_deleted_while_its_run_gets_tasks(
    engine: Engine, sessions: Sessions, is_first: bool
) -> None:
    start(engine, {"id": "a"})
    item = engine.claim_one()
    other = engine.on(sessions.connect())

    def delete(engine: Engine) -> None:
        engine.call("delete_flow", workflow_id=item.workflow_slug, force=True)

    calls = [lambda e: add(e, item, "b"), delete]
    first, second = calls if is_first else reversed(calls)
    with engine.connection.transaction():
        first(engine)
        blocked = sessions.until_blocked(other.connection, lambda: second(other))
    if is_first:
        blocked.result(PATIENCE)
    else:
        with pytest.raises(psycopg.Error, match="no longer leased"):
            blocked.result(PATIENCE)
    assert engine.rows("select 1 from stepgres.workflow_versions") == []
