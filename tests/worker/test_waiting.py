"""Waiting for the end of a run."""

from __future__ import annotations

from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from stepgres import Client
from stepgres._client import waiting
from stepgres._client import waiting_async as async_waiting
from stepgres._client.client_async import AsyncClient
from tests.conftest import Database
from tests.support.waiting import join, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import fail, workflow

FLOW = workflow(("only", lambda i: i))
SUBSCRIBERS = "select run_id from stepgres.subscribers"


def subscribers(database: Database) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(SUBSCRIBERS).fetchall()


def test_end_of_a_run_wakes_who_waits_for_it(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_LOOK_INTERVAL", 86_400)
    (run_id,) = register_and_start(client, FLOW, [7])
    results: list[stepgres.RunResult] = []
    with Client(db.dsn) as waiter:
        thread = Thread(target=lambda: results.append(waiter.wait_for_run(run_id)))
        thread.start()
        wait_until(lambda: subscribers(db) == [(run_id,)])
        with running_worker(db.dsn, FLOW):
            join(thread)
    assert results == [(7, run_id)]
    assert subscribers(db) == []


@pytest.mark.anyio
async def test_async_client_waits_likewise(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_waiting, "_LOOK_INTERVAL", 86_400)
    (run_id,) = register_and_start(client, FLOW, [7])
    with running_worker(db.dsn, FLOW):
        async with AsyncClient(db.dsn) as waiter:
            assert await waiter.wait_for_run(run_id) == (7, run_id)


def test_lost_notification_delays_the_end_only_until_the_next_look(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_LOOK_INTERVAL", 0.01)
    (run_id,) = register_and_start(client, FLOW, [7])
    with db.connect() as connection:
        connection.execute(
            "create or replace function stepgres._record_event("
            "event stepgres.run_event, ends_run boolean default false) returns void"
            " language sql set search_path = pg_catalog, pg_temp as 'select'"
        )
    with running_worker(db.dsn, FLOW):
        assert client.wait_for_run(run_id).output == 7


def test_run_that_is_about_to_end_is_over_when_it_is_subscribed(
    db: Database, client: Client
) -> None:
    (run_id,) = register_and_start(client, FLOW, [7])
    worker_id = client.register_worker(lease=86_400)
    statuses: list[str] = []

    def subscribe() -> None:
        with Client(make_conninfo(db.dsn, application_name="subscriber")) as subscriber:
            subscriber.add_subscriber(run_id)
            statuses.append(subscriber.get_run_status(run_id).status)

    with psycopg.connect(db.dsn) as ending, db.connect() as connection:
        Client(ending).claim_tasks(worker_id)
        Client(ending).complete_task(worker_id, run_id, "only", 7)
        thread = Thread(target=subscribe)
        thread.start()
        query = (
            "select from pg_stat_activity"
            " where application_name = 'subscriber' and wait_event_type = 'Lock'"
        )
        wait_until(lambda: not thread.is_alive() or connection.execute(query).fetchall())
        ending.commit()
        join(thread)
    assert statuses == ["completed"]


def test_failed_run_raises_its_error(db: Database, client: Client) -> None:
    flow = workflow(("only", fail))
    (run_id,) = register_and_start(client, flow)
    with running_worker(db.dsn, flow), pytest.raises(stepgres.WorkflowFailed) as raised:
        client.wait_for_run(run_id)
    assert (raised.value.run_id, raised.value.step_slug) == (run_id, "only")
    assert "no luck" in raised.value.error


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_run_goes_on_after_its_waiter_has_given_up(
    db: Database, client: Client, timeout: float
) -> None:
    (run_id,) = register_and_start(client, FLOW, [7])
    with pytest.raises(stepgres.WorkflowTimeout):
        client.wait_for_run(run_id, timeout=timeout)
    assert subscribers(db) == []
    with running_worker(db.dsn, FLOW):
        assert client.wait_for_run(run_id).output == 7
    assert client.wait_for_run(run_id, timeout=0).output == 7


def test_connection_of_the_caller_cannot_wait(db: Database, client: Client) -> None:
    (run_id,) = register_and_start(client, FLOW)
    with psycopg.connect(db.dsn) as connection, pytest.raises(stepgres.InvalidInput):
        Client(connection).wait_for_run(run_id)
