"""How an idle worker learns of new tasks."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client, StepContext, Workflow, step, wait_for_signal
from stepgres._execution import worker
from stepgres._execution.worker_client import WorkerClient
from stepgres.workflow import describe
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import workflow

FLOW = workflow(("only", lambda i: i))
LISTENERS = "select pid from pg_stat_activity where application_name = 'listener'"


class Asking(Workflow):
    ask = wait_for_signal("approved", key="$.id")

    @staticmethod
    @step(depends_on=[ask])
    def last(input: Any) -> Any:
        return input["ask"]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that, once idle, do not look for tasks any more: they must be told."""
    monkeypatch.setattr(worker, "_PAUSES", (0.001, 86_400.0))
    monkeypatch.setattr(worker, "_LISTENING_PAUSE", 86_400.0)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def wait_until_idle(database: Database) -> None:
    """Until it waits and listens; what it listened to last was told to it before."""
    query = "select from stepgres.workers where is_waiting"
    wait_until(lambda: rows(database, query))
    wait_until(lambda: rows(database, f"{LISTENERS} and state = 'idle' and query like 'listen%'"))


@pytest.mark.usefixtures("idle")
def test_idle_worker_is_told_of_a_task(db: Database, client: Client) -> None:
    listen = make_conninfo(db.dsn, application_name="listener")
    with running_worker(db.dsn, FLOW, listen=listen):
        for number in range(20):
            wait_until_idle(db)
            (run_id,) = register_and_start(client, FLOW, [number])
            assert client.wait_for_run(run_id).output == number


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("is_by_key", [False, True])
def test_idle_worker_is_told_of_a_signal(db: Database, client: Client, is_by_key: bool) -> None:
    listen = make_conninfo(db.dsn, application_name="listener")
    client.register_workflow(Asking)
    with running_worker(db.dsn, Asking, listen=listen):
        for number in range(5):
            run_id = client.start_workflow_run(Asking, {"id": number})
            wait_until_idle(db)
            if is_by_key:
                client.send_signal_by_key("approved", str(number), number)
            else:
                client.send_signal(run_id, "approved", number)
            assert client.wait_for_run(run_id).output == number


@pytest.mark.usefixtures("idle")
def test_idle_worker_is_told_of_a_run_that_is_woken(db: Database, client: Client) -> None:
    """First from the delay of its start, then from the sleep of its body."""

    def body(input: Any, context: StepContext) -> Any:
        context.sleep(86_400)
        return input

    flow = workflow(("body", body, {"depends_on": [], "durable": True}))
    document = describe(flow).document
    client.register_workflow(document)
    listen = make_conninfo(db.dsn, application_name="listener")
    with running_worker(db.dsn, flow, listen=listen):
        run_id = client.start_workflow_run(document["workflow_slug"], 7, delay=86_400)
        wait_until_idle(db)
        assert client.wake_workflow_run(run_id) == 1
        wait_until(lambda: client.list_waits(run_id))
        wait_until_idle(db)
        assert client.wake_workflow_run(run_id) == 1
        assert client.wait_for_run(run_id).output == 7


@pytest.mark.usefixtures("idle")
def test_signal_whose_run_is_locked_is_delivered_soon_after(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[int] = []

    async def tick(client: WorkerClient) -> int:
        ticks.append(await real_tick(client))
        return ticks[-1]

    real_tick = WorkerClient.tick
    monkeypatch.setattr(WorkerClient, "tick", tick)
    listen = make_conninfo(db.dsn, application_name="listener")
    client.register_workflow(Asking)
    with running_worker(db.dsn, Asking, listen=listen):
        run_id = client.start_workflow_run(Asking, {"id": 1})
        wait_until_idle(db)
        with db.connect() as holder, holder.transaction():
            holder.execute("select from stepgres.runs where run_id = %s for share", (run_id,))
            ticks.clear()
            client.send_signal(run_id, "approved", "yes")
            wait_until(lambda: len(ticks) > 1)
            assert not any(ticks)
        assert client.wait_for_run(run_id).output == "yes"


@pytest.mark.usefixtures("idle")
def test_listener_that_was_cut_off_listens_again_and_tells_what_came_meanwhile(
    db: Database, client: Client
) -> None:
    listen = make_conninfo(db.dsn, application_name="listener")
    with running_worker(db.dsn, FLOW, listen=listen):
        before = worker_ids(db.dsn)
        for number in range(3):
            wait_until_idle(db)
            rows(db, f"select pg_terminate_backend(pid) from ({LISTENERS}) as l")
            (run_id,) = register_and_start(client, FLOW, [number])
            assert client.wait_for_run(run_id).output == number
        assert worker_ids(db.dsn) == before


def test_nobody_is_notified_while_nobody_waits(db: Database, client: Client) -> None:
    with db.connect() as connection:
        connection.execute("listen stepgres_queue_default")
        register_and_start(client, FLOW, [1, 2, 3])
        connection.execute("select")
        assert list(connection.notifies(timeout=0)) == []
        worker_id = client.register_worker()
        assert len(client.work(worker_id, capacity=3, is_waiting=True)) == 3  # it does not wait
        register_and_start(client, FLOW, [4])
        connection.execute("select")
        assert list(connection.notifies(timeout=0)) == []
        client.unregister_worker(worker_id)


def test_worker_that_waits_is_notified_once_a_transaction_at_commit(
    db: Database, client: Client
) -> None:
    client.register_workflow({"workflow_slug": "demo", "steps": [{"step_slug": "only"}]})
    worker_id = client.register_worker()
    assert client.work(worker_id, is_waiting=True) == []
    with db.connect() as connection, psycopg.connect(db.dsn) as starting:
        connection.execute("listen stepgres_queue_default")
        Client(starting).start_workflow_runs("demo", [None] * 10)
        connection.execute("select")
        assert list(connection.notifies(timeout=0)) == []
        starting.commit()
        connection.execute("select")
        assert [n.payload for n in connection.notifies(timeout=0)] == [""]
    client.unregister_worker(worker_id)
