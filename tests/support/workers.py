"""Workers, in threads of the test and in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import psycopg

import stepgres
from tests.support.waiting import PATIENCE, join, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

ROOT = Path(__file__).parents[2]
STEPGRES = Path(sys.executable).with_name("stepgres")


@contextmanager
def running_worker(
    dsn: str, *workflows: Any, traces: bool = False, **options: Any
) -> Iterator[stepgres.Worker]:
    """A worker in a thread, stopped at the end; it is registered when the block begins."""
    returned: list[int] = []
    with stepgres.Client(dsn, traces=traces) as client:
        worker = stepgres.Worker(client, workflows, **options)
        thread = Thread(target=lambda: returned.append(worker.run()), daemon=True)
        before = worker_ids(dsn)
        thread.start()
        wait_until(lambda: not thread.is_alive() or worker_ids(dsn) - before)
        try:
            yield worker
        finally:
            worker.stop()
            join(thread)
    assert returned == [0], "the worker raised, or gave tasks back"


def register_and_start(
    client: stepgres.Client, workflow: Any, inputs: Sequence[Any] = (None,)
) -> list[UUID]:
    """Start runs that belong to nobody, one per input."""
    document = stepgres.describe(workflow).document
    client.register_workflow(document)
    return client.start_workflow_runs(document["workflow_slug"], inputs)


def worker_ids(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {row[0] for row in connection.execute("select worker_id from stepgres.workers")}


def end_leases(dsn: str) -> None:
    """As if no worker had been heard of for as long as its lease: those that live beat again."""
    with psycopg.connect(dsn) as connection:
        connection.execute("update stepgres.workers set heartbeat_at = heartbeat_at - lease")


class WorkerProcess:
    """A process of `stepgres worker` for workflows of tests.support.steps."""

    def __init__(
        self, dsn: str, *workflows: str, options: tuple[str, ...] = (), in_session: bool = False
    ) -> None:
        names = [f"tests.support.steps:{workflow}" for workflow in workflows]
        self.process = subprocess.Popen(
            [STEPGRES, "worker", *names, "--dsn", dsn, *options],
            cwd=ROOT,
            env={**os.environ, "LEDGER_DSN": dsn},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=in_session,
        )

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_line(self, words: str) -> str:
        """The first line with these words that it says from now on."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"the worker has ended without saying {words!r}")

    def end(self) -> tuple[int, str]:
        """Wait until it has ended; its exit code, and what it said."""
        _, stderr = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, stderr

    def kill(self) -> None:
        """End it if it lives, and close what it wrote to."""
        self.process.kill()
        self.process.wait(PATIENCE)
        if self.process.stderr is not None:
            self.process.stderr.close()


@contextmanager
def worker_process(
    dsn: str, *workflows: str, options: tuple[str, ...] = (), in_session: bool = False
) -> Iterator[WorkerProcess]:
    """A worker in a process of its own, killed at the end if it still lives.

    in_session: signals can be sent to it and its children together, as a terminal does.
    """
    worker = WorkerProcess(dsn, *workflows, options=options, in_session=in_session)
    try:
        yield worker
    finally:
        worker.kill()
