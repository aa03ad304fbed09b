"""Connections that break: the worker goes on, and nothing is lost or doubled."""

from __future__ import annotations

from operator import itemgetter
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.proxy import Proxy
from tests.support.steps import Gated
from tests.support.waiting import join, wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids, worker_process
from tests.support.workflows import workflow

NAMED = {"application_name": "worker"}
BACKENDS = "select pid from pg_stat_activity where application_name = 'worker'"


def terminate(connection: psycopg.Connection[Any], condition: str = "true") -> int:
    """Cut connections of the worker on the server; how many there were."""
    query = f"select pg_terminate_backend(pid) from ({BACKENDS} and {condition}) as b"
    return len(connection.execute(query.encode()).fetchall())


def echo(input: Any) -> Any:
    return input


def test_every_connection_of_a_worker_is_replaced(
    db: Database, client: Client, ledger: Ledger
) -> None:
    run_ids = register_and_start(client, Gated, [None] * 3)
    dsn = make_conninfo(db.dsn, **NAMED)
    with worker_process(dsn, "Gated", options=("--lease", "3")):
        with ledger.shut_gate():
            ledger.wait_for(3)
            (worker_id,) = worker_ids(db.dsn)
            old = set(ledger.connection.execute(BACKENDS).fetchall())
            terminate(ledger.connection, "query not like '%pg_advisory_lock_shared%'")
            connections = ledger.connection
            wait_until(lambda: len(set(connections.execute(BACKENDS).fetchall()) - old) >= 3)
        assert [client.wait_for_run(run_id).output for run_id in run_ids] == ["attempt 1"] * 3
        assert worker_ids(db.dsn) == {worker_id}
    assert sorted(ledger.rows()) == [("after", 0, 1)] * 3 + [("held", 0, 1)] * 3


def count_completed(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "select count(*) from stepgres.tasks where status = 'completed'"
    ).fetchone()
    return row[0] if row else 0


def test_worker_whose_connections_are_cut_again_and_again_finishes_everything(
    db: Database, client: Client, ledger: Ledger
) -> None:
    flow = workflow(("a", echo), ("b", echo, {"depends_on": ["a"], "map": True}), ("c", echo))
    run_ids = register_and_start(client, flow, [list(range(20))] * 30)
    with running_worker(make_conninfo(db.dsn, **NAMED), flow, concurrency=4):
        pause, before = 0.05, -1
        while (completed := count_completed(ledger.connection)) < 30 * 22:
            # for some to get through, however slow the machine is
            pause = pause * 2 if completed == before else 0.05
            before = completed
            terminate(ledger.connection)
            ledger.connection.execute("select pg_sleep(%s)", [pause])
    outputs = [client.wait_for_run(run_id).output for run_id in run_ids]
    assert outputs == [{"b": list(range(20))}] * 30


@pytest.mark.parametrize("cut_early", [False, True])
def test_answer_to_results_that_is_lost_loses_and_doubles_nothing(
    db: Database, client: Client, cut_early: bool
) -> None:
    executed = []

    def count(input: Any) -> Any:
        executed.append(input)
        return input

    flow = workflow(("a", count), ("b", itemgetter("a")))
    with Proxy(db.dsn) as proxy, running_worker(proxy.dsn, flow):
        proxy.cut_early = cut_early
        for number in range(20):
            proxy.cut_after = b'"status":"completed"'
            (run_id,) = register_and_start(client, flow, [number])
            assert client.wait_for_run(run_id).output == number
        assert proxy.cuts >= 20
    assert executed == list(range(20))


@pytest.mark.parametrize("cut_early", [False, True])
def test_task_that_was_claimed_in_an_answer_that_was_lost_comes_back(
    db: Database, client: Client, cut_early: bool
) -> None:
    flow = workflow(("only", echo))
    (run_id,) = register_and_start(client, flow, [1])
    with Proxy(db.dsn) as proxy:
        proxy.cut_early = cut_early
        proxy.cut_after = b"stepgres.work("
        with running_worker(proxy.dsn, flow):
            assert client.wait_for_run(run_id).output == 1
        assert proxy.cuts == 1
    with db.connect() as connection:
        query = "select attempt, (select count(*) from stepgres.attempts) from stepgres.tasks"
        assert connection.execute(query).fetchone() == (1, 0)


def test_keep_tasks_waits_for_the_turn_whose_answer_was_lost(db: Database, client: Client) -> None:
    register_and_start(client, workflow(("only", echo)))
    worker_id = client.register_worker(lease=86400)
    with psycopg.connect(db.dsn) as lost, Client(make_conninfo(db.dsn, **NAMED)) as again:
        assert len(Client(lost).claim_tasks(worker_id)) == 1  # not committed yet
        kept: list[int] = []
        thread = Thread(target=lambda: kept.append(again.keep_tasks(worker_id, [])))
        thread.start()
        with db.connect() as connection:
            query = f"{BACKENDS} and wait_event_type = 'Lock'".encode()
            wait_until(lambda: not thread.is_alive() or connection.execute(query).fetchall())
        lost.commit()
        join(thread)
    assert kept == [1]
    client.unregister_worker(worker_id)


def test_worker_that_cannot_listen_polls(db: Database, client: Client) -> None:
    flow = workflow(("only", echo))
    with running_worker(db.dsn, flow, listen=make_conninfo(db.dsn, port=1)):
        for number in range(3):
            (run_id,) = register_and_start(client, flow, [number])
            assert client.wait_for_run(run_id).output == number
