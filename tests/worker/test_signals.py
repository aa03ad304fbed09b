"""How a worker ends: signals, the grace period, exit codes."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from signal import SIGINT, SIGTERM, Signals

import pytest

from stepgres import Client, Workflow
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.steps import Endless, Gated
from tests.support.workers import STEPGRES, register_and_start, worker_ids, worker_process


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_signal_lets_the_running_step_finish_and_claims_nothing_more(
    db: Database, client: Client, ledger: Ledger, number: Signals
) -> None:
    (run_id,) = register_and_start(client, Gated)
    with worker_process(db.dsn, "Gated") as worker:
        with ledger.shut_gate():
            ledger.wait_for(1)
            worker.signal(number)
            worker.wait_for_line("finishing 1 step")
            register_and_start(client, Gated)
        assert worker.end()[0] == 0
    assert ledger.rows() == [("held", 0, 1)]
    with db.connect() as connection:
        query = "select status from stepgres.tasks where run_id = %s order by step_slug"
        assert connection.execute(query, [run_id]).fetchall() == [("queued",), ("completed",)]
    assert worker_ids(db.dsn) == set()


def test_what_does_not_finish_within_the_grace_period_is_handed_back_at_once(
    db: Database, client: Client, ledger: Ledger
) -> None:
    register_and_start(client, Endless, [None] * 3)
    with worker_process(db.dsn, "Endless", options=("--grace", "0.1")) as worker:
        ledger.wait_for(3)
        worker.signal(SIGTERM)
        assert worker.end()[0] == 3
    with db.connect() as connection:
        tasks = connection.execute("select status, attempt from stepgres.tasks").fetchall()
    assert tasks == [("queued", 0)] * 3


@pytest.mark.parametrize("workflow", [Endless, Gated])
def test_second_signal_gives_up_what_is_running(
    db: Database, client: Client, ledger: Ledger, workflow: type[Workflow]
) -> None:
    register_and_start(client, workflow)
    options = ("--grace", "86400")
    with ledger.shut_gate(), worker_process(db.dsn, workflow.__name__, options=options) as worker:
        ledger.wait_for(1)
        # two that come at once may count as one, and a flood of them lets nothing else run
        while worker.process.poll() is None:
            worker.signal(SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(0.2)
        assert worker.end()[0] == 3
    with db.connect() as connection:
        query = "select attempt from stepgres.tasks where status = 'queued'"
        assert connection.execute(query).fetchall() == [(0,)]


def test_exit_codes_of_an_error_and_of_a_wrong_command_line(empty_db: Database) -> None:
    steps = "tests.support.steps"
    for workflows, options, message in [
        (["Plain"], [], "Error: Stepgres is not installed"),
        (["Nothing"], [], f'Error: there is no workflow "{steps}:Nothing"'),
        ([], ["--goals", f"{steps}:tasks"], "Error: Stepgres is not installed"),
        ([], ["--goals", f"{steps}:no"], f'there is no mapping or function "{steps}:no"'),
        ([], ["--goals", steps], "must be a mapping or a function, and is of type module"),
        ([], ["--goals", f"{steps}:Plain"], "must be a mapping or a function, and is of type type"),
        ([], ["--goals", "os:environ"], "is no function, but of type str"),
    ]:
        with worker_process(empty_db.dsn, *workflows, options=tuple(options)) as worker:
            ended, stderr = worker.end()
            assert (ended, message in stderr, "Traceback" in stderr) == (1, True, False), stderr
    nothing = subprocess.run([STEPGRES, "worker"], capture_output=True, text=True)
    assert (nothing.returncode, "name workflows, or --goals" in nothing.stderr) == (2, True)


def test_error_ends_a_worker_although_a_step_hangs_in_a_thread(
    db: Database, client: Client, ledger: Ledger
) -> None:
    register_and_start(client, Gated)
    with ledger.shut_gate(), worker_process(db.dsn, "Gated") as worker:
        ledger.wait_for(1)
        # a value that is wrong, which does not pass as a missing function may
        ledger.connection.execute(
            "alter function stepgres.work rename to works;"
            "alter function stepgres.unregister_worker rename to unregister;"
            "create function stepgres.work(worker_id text, results jsonb, capacity int,"
            " run_ids uuid[] default null, is_waiting bool default null,"
            " begins int default null) returns int"
            " language sql as 'select 1 / 0'"
        )
        assert worker.end()[0] == 1
        ledger.connection.execute("drop function stepgres.work")
        ledger.connection.execute("alter function stepgres.works rename to work")
