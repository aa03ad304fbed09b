"""What becomes of goals: in the view, in the lists, and as messages on workflow_events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step
from tests.support.goals import (
    approve_graph,
    reject_graph,
    save_graph,
    start_goal,
    start_graph,
)

STORY = ["goal_decomposed", "goal_approved", "workflow_started", "goal_started"]


def story(engine: Engine, run_id: UUID | None) -> list[str]:
    """What happened in a run, its steps and tasks left out; or to the graphs themselves."""
    rows = engine.rows(
        "select event_type from stepgres.run_events"
        " where run_id is not distinct from %s and step_slug is null"
        " order by occurred_at, event_order",
        run_id,
    )
    return list(rows)


def sent(engine: Engine) -> list[dict[str, Any]]:
    return engine.rows("select message from stepgres.message_history('workflow_events')")


@pytest.fixture(params=[False, True], ids=["", "clock stands still"])
def any_time(request: pytest.FixtureRequest, db: Database) -> None:
    """Time that goes on, and time in which everything happens at once."""
    if request.param:
        with db.connect() as connection:
            Clock.replace(connection)


@pytest.mark.usefixtures("any_time")
def test_run_of_a_goal_tells_what_led_to_it_and_how_it_ended(engine: Engine) -> None:
    graph_id, run_id = start_goal(engine, "a", "b")
    engine.drain()
    assert story(engine, run_id) == [*STORY, "goal_completed", "workflow_completed"]
    query = "select distinct task_graph_id, workflow_slug from stepgres.list_run_events(%s)"
    assert engine.rows(query, run_id) == [(graph_id, graph_id)]
    first_and_last = engine.rows("select event_type from stepgres.list_run_events(%s)", run_id)
    assert first_and_last[:4] == STORY
    assert first_and_last[-2:] == ["goal_completed", "workflow_completed"]


@pytest.mark.usefixtures("any_time")
@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_goal_has_failed_when_its_run_has_and_when_it_is_cancelled(
    engine: Engine, end: str
) -> None:
    _, run_id = start_goal(engine)
    if end == "failed":
        engine.fail(engine.claim_one(), "broken", retryable=False)
    else:
        engine.call("cancel_workflow_run", run_id=run_id, reason="enough")
    assert story(engine, run_id) == [*STORY, "goal_failed", f"workflow_{end}"]
    query = "select error from stepgres.run_events where run_id = %s and event_type ~ 'goal_failed'"
    (error,) = engine.rows(query, run_id)
    assert error == {"failed": 'step "a" failed: broken', "cancelled": "enough"}[end]


@pytest.mark.usefixtures("any_time")
def test_rejection_is_part_of_the_story(engine: Engine) -> None:
    graph_id = save_graph(engine)
    reject_graph(engine, graph_id)
    save_graph(engine, "b", task_graph_id=graph_id)
    approve_graph(engine, graph_id)
    approve_graph(engine, graph_id)
    run_id = start_graph(engine, graph_id)
    rounds = ["goal_decomposed", "goal_rejected", *STORY[:2]]
    assert story(engine, run_id) == [*rounds, *STORY[2:]]
    assert story(engine, None) == rounds
    listed = engine.rows(
        "select event_type, run_id, task_graph_id, error from stepgres.list_goal_events(%s)",
        graph_id,
    )
    assert listed == [(t, None, graph_id, "too vague" if "rej" in t else None) for t in rounds]


def test_what_becomes_of_a_graph_later_is_not_told_of_its_runs(engine: Engine) -> None:
    graph_id, run_id = start_goal(engine)
    reject_graph(engine, graph_id)
    save_graph(engine, task_graph_id=graph_id)
    assert story(engine, run_id) == STORY
    assert story(engine, None) == [*STORY[:2], "goal_rejected", "goal_decomposed"]
    engine.call("delete_task_graph", task_graph_id=graph_id)
    assert story(engine, None) == []
    engine.drain()
    assert story(engine, run_id) == [*STORY[2:], "goal_completed", "workflow_completed"]


def test_retry_of_a_goal_has_its_story_too(engine: Engine) -> None:
    _, run_id = start_goal(engine)
    engine.fail(engine.claim_one(), retryable=False)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    engine.drain()
    assert story(engine, retried) == [*STORY, "goal_completed", "workflow_completed"]


def test_workflow_without_a_goal_has_none_of_these_events(engine: Engine) -> None:
    engine.define("order", step("a"), events="run")
    run_id = engine.start("order", {})
    engine.drain()
    assert story(engine, run_id) == ["workflow_started", "workflow_completed"]
    assert {m["type"] for m in sent(engine)} == {"workflow_started", "workflow_completed"}
    assert story(engine, None) == []


def test_what_is_rolled_back_has_not_happened(engine: Engine) -> None:
    graph_id = save_graph(engine, defaults={"events": "run"})
    with engine.connection.transaction(force_rollback=True):
        approve_graph(engine, graph_id)
        assert story(engine, None) == ["goal_decomposed", "goal_approved"]
    assert story(engine, None) == ["goal_decomposed"]
    assert [m["type"] for m in sent(engine)] == ["goal_decomposed"]


def test_list_is_of_one_graph_or_of_a_workflow_or_of_the_last_time(
    engine: Engine, clock: Clock
) -> None:
    old, named = save_graph(engine), save_graph(engine, workflow_slug="named")
    clock.advance(60)
    approve_graph(engine, old)
    found = "select task_graph_id, event_type from stepgres.list_goal_events"
    assert engine.connection.execute(f"{found}(%s)".encode(), [named]).fetchall() == [
        (named, "goal_decomposed")
    ]
    ways = {"workflow_slug => 'named'": 1, "happened_within => '1 s'": 1, "": 3}
    for arguments, count in ways.items():
        rows = engine.connection.execute(f"{found}({arguments})".encode()).fetchall()
        assert len(rows) == count
    with refused("SG019", 'task graph "htdag_x" does not exist'):
        engine.call("list_goal_events", task_graph_id="htdag_x")


def test_goals_send_messages_where_their_workflow_does(engine: Engine) -> None:
    graph_id = save_graph(engine, defaults={"events": "run"})
    reject_graph(engine, graph_id)
    save_graph(engine, task_graph_id=graph_id, defaults={"events": "run"})
    approve_graph(engine, graph_id)
    completed, failed, cancelled = [start_graph(engine, graph_id) for _ in range(3)]
    engine.call("pause_workflow_run", run_id=cancelled)
    engine.call("cancel_workflow_run", run_id=cancelled)
    items = {item.run_id: item for item in engine.claim()}
    engine.complete(items[completed])
    engine.fail(items[failed], retryable=False)
    messages = sent(engine)
    assert {(m["task_graph_id"], m["workflow_slug"]) for m in messages} == {(graph_id, graph_id)}
    before = [m for m in messages if "run_id" not in m]
    assert [m["type"] for m in before] == [
        "goal_decomposed",
        "goal_rejected",
        "goal_decomposed",
        "goal_approved",
    ]
    assert [m.get("error") for m in before] == [None, "too vague", None, None]
    begin = ["workflow_started", "goal_started"]
    for run_id, end in {
        completed: ["goal_completed", "workflow_completed"],
        failed: ["goal_failed", "workflow_failed"],
        cancelled: ["workflow_paused", "goal_failed", "workflow_cancelled"],
    }.items():
        assert [m["type"] for m in messages if m.get("run_id") == str(run_id)] == begin + end


def test_goals_of_other_workflows_send_nothing(engine: Engine) -> None:
    start_goal(engine)
    engine.drain()
    assert engine.rows("select channel from stepgres.channels") == []


def test_subscribers_to_all_or_to_the_workflow_are_told_of_which_graph(engine: Engine) -> None:
    (name,) = engine.rows("select 'stepgres_workflow_' || md5('named')")
    for channel in (name, "stepgres_runs"):
        engine.connection.execute(f"listen {channel}".encode())
    silent = save_graph(engine, workflow_slug="named")
    assert list(engine.connection.notifies(timeout=0)) == []
    engine.call("add_subscriber", workflow_slug="named", every_change=True)
    for every_change in (True, False):
        engine.call("add_subscriber", every_change=every_change)
    other = save_graph(engine)
    approve_graph(engine, silent)
    approve_graph(engine, silent)
    hints = sorted((n.channel, n.payload) for n in engine.connection.notifies(timeout=0))
    assert hints == sorted([("stepgres_runs", other), ("stepgres_runs", silent), (name, silent)])
