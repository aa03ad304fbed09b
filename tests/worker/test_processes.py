"""`stepgres worker --processes`: steps in processes, which may die, and are deaf to Ctrl-C."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stepgres import Client
from stepgres._execution.process_pool import ProcessDied, ProcessPool
from stepgres.errors import WorkflowFailed
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.steps import Hanging, Separate, hang
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, worker_ids, worker_process

TWO = ("--processes", "2", "--concurrency", "2")
PIDS = "select distinct pid from public.ledger"


def is_alive(pid: int) -> bool:
    """Whether it executes anything: nobody may have asked yet how it ended."""
    status = Path(f"/proc/{pid}/stat")
    with suppress(OSError):
        os.kill(pid, 0)
        return not status.exists() or ") Z " not in status.read_text()
    return False


def pids(ledger: Ledger) -> list[int]:
    return [pid for (pid,) in ledger.connection.execute(PIDS).fetchall()]


def test_process_that_dies_fails_the_attempt_of_its_own_step_and_is_replaced(
    db: Database, client: Client, ledger: Ledger
) -> None:
    with worker_process(db.dsn, "Separate", options=TWO):
        with ledger.shut_gate():
            doomed, other = register_and_start(client, Separate, [1, 2])
            ledger.wait_for(2)
            (worker_id,) = worker_ids(db.dsn)
            query = "select pid from public.ledger where task_index = 1"
            ((pid,),) = ledger.connection.execute(query).fetchall()
            os.kill(pid, signal.SIGKILL)
            query = "select run_id, error from stepgres.attempts"
            attempts = wait_until(lambda: ledger.connection.execute(query).fetchall())
        error = "ProcessDied: the process that executed the step has died"
        assert attempts == [(doomed, error)]
        assert [client.wait_for_run(i).output for i in (doomed, other)] == [1, 2]
        for number in range(4):
            (run_id,) = register_and_start(client, Separate, [number])
            assert client.wait_for_run(run_id).output == number
        assert worker_ids(db.dsn) == {worker_id}


def test_ctrl_c_is_for_the_worker_which_lets_its_processes_finish(
    db: Database, client: Client, ledger: Ledger
) -> None:
    with worker_process(db.dsn, "Separate", options=TWO, in_session=True) as worker:
        with ledger.shut_gate():
            run_ids = register_and_start(client, Separate, [1, 2])
            ledger.wait_for(2)
            os.killpg(worker.process.pid, signal.SIGINT)
        assert worker.end()[0] == 0
    assert [client.wait_for_run(run_id).output for run_id in run_ids] == [1, 2]
    assert len(ledger.rows()) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in pids(ledger)))


def test_processes_do_not_outlive_their_worker(
    db: Database, client: Client, ledger: Ledger
) -> None:
    with ledger.shut_gate(), worker_process(db.dsn, "Separate", options=TWO) as worker:
        register_and_start(client, Separate, [1, 2])
        ledger.wait_for(2)
        worker.signal(signal.SIGKILL)
        wait_until(lambda: not any(is_alive(pid) for pid in pids(ledger)))


def test_step_that_hangs_leaves_its_place_to_the_next_one_after_its_timeout(
    db: Database, client: Client, ledger: Ledger
) -> None:
    options = ("--processes", "1", "--concurrency", "1")
    with worker_process(db.dsn, "Hanging", "Separate", options=options) as worker:
        (hanging,) = register_and_start(client, Hanging)
        with pytest.raises(WorkflowFailed, match="TimeoutError: took longer than 2 s"):
            client.wait_for_run(hanging)
        (run_id,) = register_and_start(client, Separate, [7])
        assert client.wait_for_run(run_id).output == 7
        worker.signal(signal.SIGTERM)
        assert worker.end()[0] == 0


def say_and_hang(path: Path) -> None:
    path.write_text(f"{os.getpid()}\n")
    hang()


def test_pool_ends_the_process_of_a_call_that_is_cancelled_and_no_other(tmp_path: Path) -> None:
    with ProcessPool(2) as pool:
        paths = [tmp_path / name for name in "ab"]
        calls = [pool.submit(say_and_hang, path) for path in paths]
        wait_until(lambda: all(path.exists() and path.read_text()[-1:] for path in paths))
        first, second = (int(path.read_text()) for path in paths)
        waiting = pool.submit(os.getpid)
        assert calls[0].cancel() is False  # for that it is too late
        assert waiting.result(PATIENCE) not in {first, second}
        with pytest.raises(ProcessDied):
            calls[0].result(PATIENCE)
        assert (is_alive(first), is_alive(second)) == (False, True)
        calls[1].cancel()


def test_pool_leaves_alone_the_process_of_a_call_that_has_ended() -> None:
    with ProcessPool(1) as pool:
        call = pool.submit(os.getpid)
        pid = call.result(PATIENCE)
        call.cancel()
        assert pool.submit(os.getpid).result(PATIENCE) == pid


def test_pool_does_not_begin_a_call_that_was_cancelled_before(tmp_path: Path) -> None:
    with ProcessPool(1) as pool:
        hanging = pool.submit(say_and_hang, tmp_path / "hanging")
        waiting = pool.submit(say_and_hang, tmp_path / "waiting")
        assert waiting.cancel() is True
        hanging.cancel()
        pool.submit(os.getpid).result(PATIENCE)
    assert not (tmp_path / "waiting").exists()


def raise_value_error(input: Any) -> None:
    raise ValueError(input)


def executes_again(pool: ProcessPool, dead: set[int]) -> bool:
    """False as long as the pool has not noticed that its process is dead."""
    try:
        return pool.submit(os.getpid).result(PATIENCE) not in dead
    except ProcessDied:
        return False


def test_pool_executes_again_after_each_death() -> None:
    with ProcessPool(1) as pool:
        (first, second) = (pool.submit(os.getpid).result(PATIENCE) for _ in range(2))
        assert first == second != os.getpid()
        with pytest.raises(ProcessDied):
            pool.submit(os._exit, 1).result(PATIENCE)
        third = pool.submit(os.getpid).result(PATIENCE)
        assert third != first
        os.kill(third, signal.SIGKILL)  # while it has nothing to do
        wait_until(lambda: not is_alive(third))
        wait_until(lambda: executes_again(pool, {first, third}))
        with pytest.raises(ValueError, match="no luck"):
            pool.submit(raise_value_error, "no luck").result(PATIENCE)
        assert pool.submit(signal.getsignal, signal.SIGINT).result(PATIENCE) == signal.SIG_IGN
