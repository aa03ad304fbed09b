"""Subscriptions to what becomes of goals, before there is a run of them and while there is one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client, RunEvent
from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.goals import approve_graph, reject_graph, save_graph, start_goal, start_graph
from tests.support.pooler import find_pgbouncer, pooler

BEFORE = ["goal_decomposed", "goal_approved"]


def names(events: Iterable[RunEvent]) -> list[str]:
    return [event.event_type for event in events]


def test_run_of_a_goal_is_told_from_the_goal_on(engine: Engine, client: Client) -> None:
    graph_id, run_id = start_goal(engine)
    with client.subscribe(run_id) as events:
        begin = list(islice(events, 5))
        assert names(begin) == [*BEFORE, "workflow_started", "goal_started", "step_started"]
        reject_graph(engine, graph_id)  # which is not the business of the run any more
        engine.drain()
        rest = list(events)
        assert names(rest)[-3:] == ["step_completed", "goal_completed", "workflow_completed"]
    assert begin + rest == client.list_run_events(run_id)
    assert {event.task_graph_id for event in begin + rest} == {graph_id}
    assert [event.is_end for event in rest].count(True) == 1


def test_goal_is_told_before_there_is_a_run_and_then_the_run(
    engine: Engine, client: Client
) -> None:
    with client.subscribe() as everything, client.subscribe(workflow_slug="named") as named:
        other = save_graph(engine)
        graph_id = save_graph(engine, workflow_slug="named")
        for events, expected in ((everything, [other, graph_id]), (named, [graph_id])):
            told = list(islice(events, len(expected)))
            assert names(told) == ["goal_decomposed"] * len(expected)
            assert [(e.task_graph_id, e.run_id) for e in told] == [(i, None) for i in expected]
        reject_graph(engine, graph_id)
        for events in (everything, named):
            (told_rejection,) = islice(events, 1)
            assert (told_rejection.event_type, told_rejection.error) == (
                "goal_rejected",
                "too vague",
            )
        save_graph(engine, "b", task_graph_id=graph_id)
        approve_graph(engine, graph_id)
        for events in (everything, named):
            assert names(islice(events, 2)) == BEFORE
        run_id = start_graph(engine, graph_id)
        engine.drain()
        story = client.list_run_events(run_id)
        for events in (everything, named):
            assert list(islice(events, len(story))) == story


def test_goals_are_told_what_happens_from_the_subscription_on(
    engine: Engine, client: Client
) -> None:
    first, second = save_graph(engine), save_graph(engine)
    with client.subscribe() as events:
        save_graph(engine, task_graph_id=second)
        approve_graph(engine, first)
        told = [(e.task_graph_id, e.event_type) for e in islice(events, 2)]
        assert told == [(second, "goal_decomposed"), (first, "goal_approved")]


def test_goal_that_is_committed_long_after_later_ones_is_told_then(
    engine: Engine, db: Database, client: Client
) -> None:
    with client.subscribe() as events, db.connect() as other:
        with other.transaction():
            late = save_graph(Engine(other, "slow"))
            early = [save_graph(engine) for _ in range(3)]
            assert [event.task_graph_id for event in islice(events, 3)] == early
        assert [event.task_graph_id for event in islice(events, 1)] == [late]


def test_goal_of_a_transaction_that_is_rolled_back_is_not_told(
    engine: Engine, client: Client
) -> None:
    with client.subscribe() as events:
        with engine.connection.transaction(force_rollback=True):
            save_graph(engine)
        graph_id = save_graph(engine)
        assert [event.task_graph_id for event in islice(events, 1)] == [graph_id]


def test_goals_are_found_after_lost_connections(
    engine: Engine, db: Database, client: Client
) -> None:
    query = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'"
    )
    with (
        Client(make_conninfo(db.dsn, application_name="listener")) as listening,
        listening.subscribe() as events,
    ):
        for _ in range(3):
            assert True in engine.rows(query)
            graph_id = save_graph(engine)
            approve_graph(engine, graph_id)
            assert list(islice(events, 2)) == client.list_goal_events(graph_id)


def test_each_event_of_a_goal_is_told_once_however_many_there_are(
    engine: Engine, client: Client
) -> None:
    with client.subscribe() as events:
        graph_ids = [save_graph(engine) for _ in range(20)]
        told = list(islice(events, 20))
        for graph_id in graph_ids:
            approve_graph(engine, graph_id)
        told += list(islice(events, 20))
        assert {event.event_type for event in told[20:]} == {"goal_approved"}
        assert len(set(told)) == 40


def test_graph_that_is_deleted_meanwhile_and_hints_of_somebody_else(
    engine: Engine, client: Client
) -> None:
    with client.subscribe() as events:
        with engine.connection.transaction():
            gone = save_graph(engine)
            engine.call("delete_task_graph", task_graph_id=gone)
        assert [event.task_graph_id for event in islice(events, 1)] == [gone]
        client.notify_only("unused", "")
        engine.connection.execute("notify stepgres_runs, 'htdag_x'")
        engine.connection.execute("notify stepgres_runs, 'no id'")
        graph_id = save_graph(engine)
        assert [event.task_graph_id for event in islice(events, 1)] == [graph_id]


@pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed")
def test_goals_behind_a_transaction_pooler(engine: Engine, db: Database) -> None:
    with pooler(db.dsn, size=2) as dsn, Client(dsn) as client, client.subscribe() as events:
        graph_id = save_graph(engine)
        approve_graph(engine, graph_id)
        assert list(islice(events, 2)) == client.list_goal_events(graph_id)


def test_nothing_is_notified_while_nobody_subscribes(engine: Engine) -> None:
    engine.connection.execute("listen stepgres_runs")
    start_goal(engine)
    assert list(engine.connection.notifies(timeout=0)) == []
