"""Durable steps on workers that are killed inside bodies, and the ledgers of their effects."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import psycopg

import stepgres
from tests.support.waiting import join, wait_until
from tests.support.workflows import workflow

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from uuid import UUID

    from stepgres._execution.runner import StepContext

CALLS = 20  # of each body
_LEASE = 2.0
_WORKERS = 4
_SIGNALS = ("first", "second")
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["stepgres._execution.worker", "tests.support.durable_storm"])

# No keys: a second effect shall be seen by the test, and not by the step. An effect that is not in
# the transaction of its checkpoint says whether it came too late.
_TABLES = """
    create table public.exact (run_id uuid, n int);
    create table public.loose (run_id uuid, n int, is_late boolean);
    create table public.bodies (run_id uuid, pid int);
    create table public.kills (run_id uuid, n int);
"""
_LOOSE = """
    insert into public.loose values (%(run_id)s, %(n)s, exists (
        select from stepgres.checkpoints as c
        where c.run_id = %(run_id)s and c.name = 'run call' and c.number = %(n)s + 1
    ))
"""


def write_exactly(connection: Any, run_id: str, n: int) -> int:
    """An effect that commits with its checkpoint."""
    connection.execute("insert into public.exact values (%s, %s)", [run_id, n])
    return n


def write_loosely(run_id: str, n: int, chance: float) -> int:
    """An effect of its own, after which the process sometimes dies before the checkpoint."""
    with psycopg.connect(os.environ["LEDGER_DSN"], autocommit=True) as connection:
        connection.execute(_LOOSE, {"run_id": run_id, "n": n})
        if random.random() < chance:
            connection.execute("insert into public.kills values (%s, %s)", [run_id, n])
            os.kill(os.getpid(), signal.SIGKILL)
    return n


def _begin(run_id: UUID) -> None:
    with psycopg.connect(os.environ["LEDGER_DSN"], autocommit=True) as connection:
        connection.execute("insert into public.bodies values (%s, %s)", [run_id, os.getpid()])


def _call(context: StepContext, n: int, chance: float) -> Any:
    run_id = str(context.run_id)
    if n % 2:
        return context.run("call", write_exactly, run_id, n, transactional=True)
    return context.run("call", write_loosely, run_id, n, chance)


def in_thread(chance: float, context: StepContext) -> Any:
    """A body of 20 calls, two sleeps and two signals."""
    _begin(context.run_id)
    found = []
    for n in range(CALLS):
        found.append(_call(context, n, chance))
        if n % 7 == 3:
            context.sleep(0.05)
    return sum(found) + sum(context.wait_for_signal(name) for name in _SIGNALS)


async def on_loop(chance: float, context: StepContext) -> Any:
    """The same body on the event loop, which gathers its signals."""
    _begin(context.run_id)
    found = []
    for n in range(CALLS):
        found.append(await _call(context, n, chance))
        if n % 7 == 3:
            await context.sleep(0.05)
    signals = await context.gather(*(context.wait_for_signal(name) for name in _SIGNALS))
    return sum(found) + sum(signals)


_OPTIONS: dict[str, Any] = {
    "depends_on": [],
    "durable": True,
    "max_attempts": 10_000,
    "base_delay": 0.01,
}
FLOWS = [
    workflow(("body", body, _OPTIONS), slug=slug, execution="distributed")
    for slug, body in (("in_thread", in_thread), ("on_loop", on_loop))
]


def _be_a_worker(dsn: str) -> None:
    os.environ["LEDGER_DSN"] = dsn
    with stepgres.Client(dsn) as client:
        stepgres.Worker(client, FLOWS, concurrency=4, lease=_LEASE).run()


@dataclass
class DurableStorm:
    """Runs of durable steps, and the workers that execute them."""

    dsn: str
    chance: float  # that a process dies between an effect and its checkpoint
    workers: list[ForkServerProcess] = field(default_factory=list)
    run_ids: list[UUID] = field(default_factory=list)
    kills: int = 0
    sent: int = 0  # second signals

    def __post_init__(self) -> None:
        self._client = stepgres.Client(self.dsn)
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_TABLES)
        for flow in FLOWS:
            self._client.register_workflow(stepgres.describe(flow).document)
        self.workers += [self._new_worker() for _ in range(_WORKERS)]

    def start_runs(self, most: int = 12) -> None:
        """Start runs, unless there is enough to do, with signals that come early or late."""
        if self.one("select count(*) from stepgres.active_runs") >= most:
            return
        for flow in FLOWS:
            run_id = self._client.start_workflow_run(flow.slug, self.chance)
            self.run_ids.append(run_id)
            self._client.send_signal(run_id, "first", 100, idempotency_key="first")

    def send_second_signals(self) -> None:
        """Send the second signal to each run that was started since the last call."""
        for run_id in self.run_ids[self.sent :]:
            with suppress(stepgres.RunAlreadyFinished):
                self._client.send_signal(run_id, "second", 1000, idempotency_key="second")
        self.sent = len(self.run_ids)

    def replace_the_dead(self) -> None:
        """Start a worker for each that has killed itself."""
        for place, worker in enumerate(self.workers):
            if not worker.is_alive():
                self.workers[place] = self._new_worker()

    def kill_a_worker(self, chance: random.Random) -> None:
        """SIGKILL for a worker, whatever it is doing, and another in its place."""
        place = chance.randrange(_WORKERS)
        self.workers[place].kill()
        join(self.workers[place])
        self.workers[place] = self._new_worker()
        self.kills += 1

    def settle(self) -> None:
        """Wait until every run has ended, and replace workers meanwhile."""

        def has_settled() -> bool:
            self.replace_the_dead()
            self.send_second_signals()
            return not self.one("select count(*) from stepgres.active_runs")

        wait_until(has_settled, what="the end of all runs")

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
            join(worker)
        self._client.close()

    def check(self) -> dict[str, int]:
        """Nothing was lost; transactional effects happened once, others never too late."""
        for run_id in self.run_ids:
            assert self._client.wait_for_run(run_id).output == sum(range(CALLS)) + 1100
        runs = len(self.run_ids)
        once = "select count(*), count(distinct (run_id, n)) from public.exact"
        assert self.rows(once) == [(runs * CALLS // 2, runs * CALLS // 2)]
        assert self.one("select count(distinct (run_id, n)) from public.loose") == runs * CALLS // 2
        assert self.one("select count(*) from public.loose where is_late") == 0
        assert self.rows("select * from stepgres.fsck()") == []
        return {
            "runs": runs,
            "kills": self.kills,
            "deaths between an effect and its checkpoint": self.deaths(),
            "bodies begun": self.one("select count(*) from public.bodies"),
            "attempts that were taken over": self.one(
                "select count(*) from stepgres.attempts where error like 'worker%responding'"
            ),
            "suspensions": self.one("select count(*) from stepgres.suspensions"),
            "loose effects": self.one("select count(*) from public.loose"),
        }

    def deaths(self) -> int:
        """How often a process has died between an effect and its checkpoint."""
        return int(self.one("select count(*) from public.kills"))

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()

    def _new_worker(self) -> ForkServerProcess:
        process = _processes.Process(target=_be_a_worker, args=(self.dsn,))
        process.start()
        return process
