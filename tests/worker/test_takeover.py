"""Workers that die, or seem to: others take over, and late results are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from stepgres import Client
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.steps import Gated
from tests.support.waiting import wait_until
from tests.support.workers import (
    ROOT,
    end_leases,
    register_and_start,
    running_worker,
    worker_ids,
    worker_process,
)

EXECUTE = """
import stepgres
from tests.support.steps import Local

with stepgres.Client() as client:
    stepgres.Executor(client).execute(Local, None)
"""


def failed_attempts(database: Database) -> list[tuple[str, int, str]]:
    with database.connect() as connection:
        query = "select step_slug, attempt, error from stepgres.attempts order by 1, 2"
        return connection.execute(query).fetchall()


def test_task_of_a_killed_worker_is_taken_over_by_another_one(
    db: Database, client: Client, ledger: Ledger
) -> None:
    (run_id,) = register_and_start(client, Gated)
    with ledger.shut_gate(), worker_process(db.dsn, "Gated") as worker:
        ledger.wait_for(1)
        (worker_id,) = worker_ids(db.dsn)
        worker.signal(SIGKILL)
    end_leases(db.dsn)
    with worker_process(db.dsn, "Gated"):
        assert client.wait_for_run(run_id).output == "attempt 2"
    assert ledger.rows() == [("held", 0, 1), ("held", 0, 2), ("after", 0, 1)]
    error = f'worker "{worker_id}" stopped responding'
    assert failed_attempts(db) == [("held", 1, error)]


def test_idle_worker_takes_over_when_the_lease_of_another_one_has_ended(
    db: Database, client: Client, ledger: Ledger
) -> None:
    (run_id,) = register_and_start(client, Gated)
    with ledger.shut_gate(), worker_process(db.dsn, "Gated") as worker:
        ledger.wait_for(1)
        worker.signal(SIGKILL)
    end_leases(db.dsn)
    with running_worker(db.dsn):
        wait_until(lambda: failed_attempts(db))
    assert client.get_run_status(run_id).status == "in_progress"


def test_results_of_a_stopped_worker_are_refused_and_it_begins_again(
    db: Database, client: Client, ledger: Ledger
) -> None:
    (run_id,) = register_and_start(client, Gated)
    with worker_process(db.dsn, "Gated") as zombie:
        with ledger.shut_gate():
            ledger.wait_for(1)
            (old_id,) = worker_ids(db.dsn)
            zombie.signal(SIGSTOP)
            end_leases(db.dsn)
            wait_until(client.tick)
        with worker_process(db.dsn, "Gated"):
            assert client.wait_for_run(run_id).output == "attempt 2"
            zombie.signal(SIGCONT)  # now its step ends too
            wait_until(lambda: worker_ids(db.dsn), lambda ids: len(ids) == 2 and old_id not in ids)
        (next_id,) = register_and_start(client, Gated)
        assert client.wait_for_run(next_id).output == "attempt 1"
        zombie.signal(SIGTERM)
        code, stderr = zombie.end()
    assert code == 0
    assert "begins again under another id" in stderr
    assert client.get_run_status(run_id).details == "attempt 2"


def test_local_run_of_a_killed_process_is_finished_by_a_worker(
    db: Database, client: Client, ledger: Ledger
) -> None:
    environment = {**os.environ, "STEPGRES_DSN": db.dsn, "LEDGER_DSN": db.dsn}
    with ledger.shut_gate():
        command = [sys.executable, "-c", EXECUTE]
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            ledger.wait_for(2)
            process.kill()
    end_leases(db.dsn)
    ((run_id,),) = ledger.connection.execute("select run_id from stepgres.runs").fetchall()
    with worker_process(db.dsn, "Local"):
        assert client.wait_for_run(run_id).output == ["first", 2]
    assert ledger.rows() == [("first", 0, 1), ("held", 0, 1), ("held", 0, 2)]


def test_task_that_kills_its_worker_each_time_is_exhausted(
    db: Database, client: Client, ledger: Ledger
) -> None:
    (run_id,) = register_and_start(client, Gated)
    with ledger.shut_gate():
        for attempt in (1, 2, 3):
            with worker_process(db.dsn, "Gated") as worker:
                ledger.wait_for(attempt)
                worker.signal(SIGKILL)
            end_leases(db.dsn)
            wait_until(client.tick)  # a session of the killed worker may still be in its tick
            assert len(failed_attempts(db)) == attempt
    status = client.get_run_status(run_id)
    assert (status.status, status.failed_step) == ("failed", "held")
    assert "stopped responding" in status.details
