"""What `stepgres worker` logs: for people, and for programs."""

from __future__ import annotations

import json
import signal
from threading import Thread
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepgres import Client, Worker, WorkflowFailed
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.steps import Failing, Gated
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, worker_ids, worker_process


def log_of_failure(db: Database, client: Client, *options: str) -> tuple[Any, list[str]]:
    """The run of a workflow that fails, and the lines that its worker has logged."""
    with worker_process(db.dsn, "Failing", options=options) as worker:
        (run_id,) = register_and_start(client, Failing, [7])
        with pytest.raises(WorkflowFailed):
            client.wait_for_run(run_id, timeout=60)
        worker.signal(signal.SIGTERM)
        code, stderr = worker.end()
    assert code == 0
    return run_id, stderr.splitlines()


def test_start_line_says_what_the_worker_executes_and_where(db: Database, client: Client) -> None:
    dsn = make_conninfo(db.dsn, password="a-secret")
    with worker_process(dsn, "Failing", "Plain", options=("--queues", "default,urgent")) as worker:
        (run_id,) = register_and_start(client, Failing, [7])
        with pytest.raises(WorkflowFailed):
            client.wait_for_run(run_id, timeout=60)
        worker.signal(signal.SIGTERM)
        lines = worker.end()[1].splitlines()
    assert "executes failing (version 1), plain (version 1) from queues default, urgent" in lines[0]
    assert f'in database "{conninfo_to_dict(db.dsn)["dbname"]}" at ' in lines[0]
    assert "a-secret" not in "".join(lines)


@pytest.mark.parametrize("options", [(), ("--processes", "1")])
def test_final_failure_is_an_error_with_run_step_and_workflow_in_its_line(
    db: Database, client: Client, options: tuple[str, ...]
) -> None:
    run_id, lines = log_of_failure(db, client, *options)
    (final,) = [line for line in lines if "ERROR" in line]
    task = f"{run_id}/charge/0"
    assert f"attempt 2 of task {task} of workflow failing failed for good: KeyError" in final
    (warning,) = [line for line in lines if "WARNING" in line]
    assert f"attempt 1 of task {task} of workflow failing failed: KeyError" in warning
    assert sum('raise KeyError("order_id")' in line for line in lines) == 2
    assert sum(f"INFO {task}: charging 7" in line for line in lines) == 2


def test_json_log_has_an_object_a_line_with_run_and_step(db: Database, client: Client) -> None:
    run_id, lines = log_of_failure(db, client, "--log-format", "json")
    records = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= record.keys() for record in records)
    charging = [record for record in records if "charging 7" in record["message"]]
    (failed,) = [record for record in records if record["level"] == "ERROR"]
    for record in [*charging, failed]:
        assert (record["run_id"], record["step_slug"]) == (str(run_id), "charge")
        assert record["workflow_slug"] == "failing"
    assert 'raise KeyError("order_id")' in failed["traceback"]
    assert len(charging) == 2


def test_log_level_leaves_out_what_is_less(db: Database, client: Client) -> None:
    _, lines = log_of_failure(db, client, "--log-level", "error")
    assert "ERROR" in lines[0]
    assert not any("INFO" in line or "WARNING" in line for line in lines)


def test_first_signal_is_answered_with_what_is_running(
    db: Database, client: Client, ledger: Ledger
) -> None:
    with worker_process(db.dsn, "Gated") as worker:
        with ledger.shut_gate():
            register_and_start(client, Gated)
            ledger.wait_for(1)
            worker.signal(signal.SIGTERM)
            line = worker.wait_for_line("finishing")
        code, _ = worker.end()
    assert "finishing 1 step within 30 s; a second signal gives them up" in line
    assert code == 0


@pytest.mark.anyio
async def test_worker_runs_where_a_loop_is_running_already_as_in_a_notebook(
    db: Database, client: Client
) -> None:
    worker = Worker(client, [Failing])

    def stop_it() -> None:
        wait_until(lambda: worker_ids(db.dsn))
        worker.stop()

    stopper = Thread(target=stop_it)
    stopper.start()
    assert worker.run() == 0
    stopper.join()
