"""Durable steps on workers that are killed inside bodies, and the ledgers of their effects."""

from __future__ import annotations

import os
import random
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import psycopg

import stepgres
from tests.support.metrics import counted, recounted
from tests.support.waiting import join, wait_until
from tests.support.workflows import workflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import ForkServerProcess
    from uuid import UUID

    from stepgres._execution.runner import StepContext

CALLS = 20  # of each body
_LEASE = 2.0
_WORKERS = 4
_SIGNALS = {"first": 100, "second": 1_000}
_CHILD = 10_000
_APPROVED = 100_000
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["stepgres._execution.worker", "tests.support.durable_storm"])

# No keys: a second effect shall be seen by the test, and not by the step. An effect that is not in
# the transaction of its checkpoint says whether it came too late.
_TABLES = """
    create table public.exact (run_id uuid, n int);
    create table public.loose (run_id uuid, n int, is_late boolean);
    create table public.bodies (id int generated always as identity, pid int, has_ended boolean);
    create table public.deaths (run_id uuid, n int);
    create table public.children (run_id uuid);
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
            connection.execute("insert into public.deaths values (%s, %s)", [run_id, n])
            os.kill(os.getpid(), signal.SIGKILL)
    return n


def write_in_child(input: int, context: StepContext) -> int:
    """The only step of a child run: an effect that commits with the step."""
    context.connection.execute("insert into public.children values (%s)", [context.run_id])
    return input


@contextmanager
def _noted() -> Iterator[None]:
    """Note the execution of a body, and its end: a process that is killed notes no end."""
    with psycopg.connect(os.environ["LEDGER_DSN"], autocommit=True) as connection:
        begin = "insert into public.bodies (pid, has_ended) values (%s, false) returning id"
        body = connection.execute(begin, [os.getpid()]).fetchone()
        try:
            yield
        finally:
            connection.execute("update public.bodies set has_ended = true where id = %s", body)


def _call(context: StepContext, n: int, chance: float) -> Any:
    run_id = str(context.run_id)
    if n % 2:
        return context.run("call", write_exactly, run_id, n, transactional=True)
    return context.run("call", write_loosely, run_id, n, chance)


def in_thread(chance: float, context: StepContext) -> Any:
    """A body of 20 calls, sleeps, signals, an approval, and a child that runs meanwhile."""
    with _noted():
        child = context.start_workflow_run("child", _CHILD)
        found = []
        for n in range(CALLS):
            found.append(_call(context, n, chance))
            if n % 7 == 3:
                context.sleep(0.05)
        approved = context.approval("decide")["payload"]
        signals = sum(context.wait_for_signal(name) for name in _SIGNALS)
        return sum(found) + approved + signals + child.result()


async def on_loop(chance: float, context: StepContext) -> Any:
    """The same body on the event loop, which gathers what it waits for."""
    with _noted():
        found = []
        for n in range(CALLS):
            found.append(await _call(context, n, chance))
            if n % 7 == 3:
                await context.sleep(0.05)
        approved, *others = await context.gather(
            context.approval("decide"),
            context.run_workflow("child", _CHILD),
            *(context.wait_for_signal(name) for name in _SIGNALS),
        )
        return sum(found) + approved["payload"] + sum(others)


_OPTIONS: dict[str, Any] = {
    "depends_on": [],
    "max_attempts": 10_000,
    "base_delay": 0.01,
    "execution": "distributed",
}
FLOWS = [
    workflow(("body", body, {**_OPTIONS, "durable": True}), slug=slug)
    for slug, body in (("in_thread", in_thread), ("on_loop", on_loop))
]
CHILD = workflow(("write", write_in_child, {**_OPTIONS, "transactional": True}), slug="child")


def _be_a_worker(dsn: str) -> None:
    os.environ["LEDGER_DSN"] = dsn
    with stepgres.Client(dsn) as client:
        stepgres.Worker(client, [*FLOWS, CHILD], concurrency=4, lease=_LEASE).run()


@dataclass
class DurableStorm:
    """Runs of durable steps, and the workers that execute them."""

    dsn: str
    chance: float  # that a process dies between an effect and its checkpoint
    workers: list[ForkServerProcess] = field(default_factory=list)
    run_ids: list[UUID] = field(default_factory=list)
    kills: int = 0
    second_signals: int = 0  # runs to which the second signal was sent

    def __post_init__(self) -> None:
        self._client = stepgres.Client(self.dsn)
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_TABLES)
        for flow in [*FLOWS, CHILD]:
            self._client.register_workflow(stepgres.describe(flow).document)
        self.workers += [self._new_worker() for _ in range(_WORKERS)]

    def start_runs(self, most: int = 12) -> None:
        """Start runs, unless there is enough to do, with a signal that comes early."""
        if self.one("select count(*) from stepgres.active_runs") >= most:
            return
        for flow in FLOWS:
            run_id = self._client.start_workflow_run(flow.slug, self.chance)
            self.run_ids.append(run_id)
            self._client.send_signal(run_id, "first", _SIGNALS["first"], idempotency_key="first")

    def answer(self) -> None:
        """Approve what is asked, and send the second signal to the runs since the last call."""
        for run_id in self.run_ids[self.second_signals :]:
            with suppress(stepgres.RunAlreadyFinished):
                self._client.send_signal(
                    run_id, "second", _SIGNALS["second"], idempotency_key="second"
                )
        self.second_signals = len(self.run_ids)
        for asked in self._client.list_approvals():
            self._client.approve(asked.wait_id, _APPROVED)

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
            self.answer()
            return not self.one("select count(*) from stepgres.active_runs")

        wait_until(has_settled, what="the end of all runs")

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
            join(worker)
        self._client.close()

    def check(self) -> dict[str, int]:
        """Nothing was lost; transactional effects happened once, others never too late."""
        output = sum(range(CALLS)) + sum(_SIGNALS.values()) + _CHILD + _APPROVED
        for run_id in self.run_ids:
            assert self._client.wait_for_run(run_id).output == output
        runs = len(self.run_ids)
        once = "select count(*), count(distinct (run_id, n)) from public.exact"
        assert self.rows(once) == [(runs * CALLS // 2, runs * CALLS // 2)]
        assert self.one("select count(distinct (run_id, n)) from public.loose") == runs * CALLS // 2
        assert self.one("select count(*) from public.loose where is_late") == 0
        children = "select count(*), count(distinct run_id) from public.children"
        assert self.rows(children) == [(runs, runs)]
        started = "select count(*), count(distinct parent_run_id) from stepgres.runs"
        assert self.rows(f"{started} where parent_run_id is not null") == [(runs, runs)]
        assert self.rows("select * from stepgres.fsck()") == []
        with psycopg.connect(self.dsn) as connection:
            assert counted(connection) == recounted(connection)
        return {
            "runs": runs,
            "kills": self.kills,
            "deaths inside a body": self.one(
                "select count(distinct pid) from public.bodies where not has_ended"
            ),
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
        return int(self.one("select count(*) from public.deaths"))

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()

    def _new_worker(self) -> ForkServerProcess:
        process = _processes.Process(target=_be_a_worker, args=(self.dsn,))
        process.start()
        return process
