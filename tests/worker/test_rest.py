"""What workers do that have nothing to do, and of which nobody notifies them."""

from __future__ import annotations

from math import inf
from time import monotonic

import pytest

from stepgres import Client
from stepgres._execution import worker
from stepgres._execution.heartbeat import Heartbeat
from stepgres.workflow import describe
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

FLOW = workflow(("only", lambda i: i))


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that rest as soon as there is nothing to do."""
    monkeypatch.setattr(worker, "_PAUSES", (0.001,))
    monkeypatch.setattr(worker, "_LISTENING_PAUSE", 0.05)


@pytest.mark.usefixtures("resting")
def test_resting_worker_finishes_the_run_of_an_executor_that_died(
    db: Database, client: Client
) -> None:
    document = describe(FLOW).document
    client.register_workflow(document)
    with running_worker(db.dsn, FLOW):
        dead = client.register_worker(queues=["other"], lease=0.2)
        run_id = client.start_workflow_run(document["workflow_slug"], 1, executor_id=dead)
        assert client.wait_for_run(run_id).output == 1


@pytest.mark.usefixtures("resting")
def test_resting_worker_begins_the_next_attempt_when_it_is_due(
    db: Database, client: Client
) -> None:
    worker_id = client.register_worker()
    (run_id,) = register_and_start(client, FLOW, [2])
    (item,) = client.claim_tasks(worker_id)
    with running_worker(db.dsn, FLOW):
        client.fail_task(worker_id, run_id, item.step_slug, "no luck", retry_after=0.3)
        assert client.wait_for_run(run_id).output == 2
    client.unregister_worker(worker_id)


@pytest.mark.usefixtures("resting")
def test_resting_worker_replaces_lost_tickets(db: Database, client: Client) -> None:
    with running_worker(db.dsn, FLOW), db.connect() as connection:
        with connection.transaction():
            (run_id,) = register_and_start(Client(connection), FLOW, [3])
            connection.execute("select pgmq.purge_queue(pgmq_queue) from stepgres.queues")
        connection.execute("update stepgres.sweeps set swept_at = swept_at - interval '10 s'")
        assert client.wait_for_run(run_id).output == 3


def test_worker_that_takes_turns_while_it_rests_needs_no_heartbeat(
    db: Database, client: Client
) -> None:
    asked = []

    def rested_at() -> float:
        asked.append(monotonic())
        return asked[-1] if is_resting else -inf

    def heartbeat_at() -> object:
        return connection.execute("select heartbeat_at from stepgres.workers").fetchone()

    is_resting = True
    worker_id = client.register_worker(lease=0.01)
    with db.connect() as connection:
        before = heartbeat_at()
        with Heartbeat(db.dsn, worker_id, 0.01, rested_at):
            wait_until(lambda: len(asked) >= 10)
            assert heartbeat_at() == before
            is_resting = False
            wait_until(lambda: heartbeat_at() != before)
    client.unregister_worker(worker_id)
