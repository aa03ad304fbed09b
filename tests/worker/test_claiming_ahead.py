"""Tasks that a worker claims before it can begin with them: what becomes of them."""

from __future__ import annotations

import asyncio
import json
import operator
from collections.abc import AsyncIterator
from signal import SIGKILL
from threading import Event
from typing import Any

import pytest

import stepgres
from stepgres import AsyncClient, Client
from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import WorkerClient
from stepgres.types import WorkItem
from tests.conftest import Database
from tests.support.ledger import Ledger
from tests.support.proxy import Proxy
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import (
    end_leases,
    register_and_start,
    running_worker,
    worker_ids,
    worker_process,
)
from tests.support.workflows import advance_loop, workflow

MAP = {"map": True, "depends_on": []}
BEGUN = "select task_index from stepgres.tasks where status = 'started' order by 1"
QUEUED = "select task_index, attempt from stepgres.tasks where status = 'queued' order by 1"


class Observed(WorkerClient):
    """Writes down which tasks are given back, and when."""

    def __init__(self, conninfo: str, events: list[tuple[str, int]]) -> None:
        super().__init__(conninfo, 60)
        self._events = events

    async def work_as_text(self, worker_id: str, results: str, *more: Any) -> list[WorkItem]:
        items = await super().work_as_text(worker_id, results, *more)
        self._events += [
            ("released", result["task_index"])
            for result in json.loads(results)
            if result["status"] == "released"
        ]
        return items


class Bench:
    """A worker of one slot that executes `only`, for as long as a task is not let go."""

    def __init__(self, database: Database, client: Observed, worker_id: str) -> None:
        self.database = database
        self.events = client._events
        self.is_open = True
        self.let_go = asyncio.Event()
        self.turns = Turns(client, worker_id, 1, self._execute)

    async def _execute(self, item: WorkItem, leave: Any) -> str:
        self.events.append(("began", item.task_index))
        if not self.is_open:
            await self.let_go.wait()
        key = {name: getattr(item, name) for name in ("step_slug", "task_index", "attempt")}
        return json.dumps({**key, "run_id": str(item.run_id), "status": "completed", "output": 1})

    async def warm_up(self, client: AsyncClient) -> None:
        """Short tasks, until it claims as far ahead as it ever does."""
        flow = workflow(("only", len, MAP), slug="warm")
        await client.register_workflow(stepgres.describe(flow).document)
        await client.start_workflow_run("warm", list(range(20)))
        await self.drain()
        assert self.turns.capacity == 4
        self.is_open = False
        self.events.clear()

    async def drain(self) -> None:
        """Take turns until there is nothing more to do."""
        while await self.turns.turn() or not self.turns.is_idle:
            if not self.turns.is_idle:
                await self.turns.wait(60)

    def rows(self, query: str) -> list[Any]:
        with self.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
async def bench(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr("stepgres._execution.turns._HORIZON", (60.0, 60.0))  # on a busy machine too
    monkeypatch.setattr("stepgres._execution.turns._MOST_AHEAD", 3)
    async with AsyncClient(db.dsn) as client, Observed(db.dsn, []) as observed:
        worker_id = await client.register_worker(lease=86_400)
        bench = Bench(db, observed, worker_id)
        await bench.warm_up(client)
        yield bench
        bench.turns.cancel()
        await client.unregister_worker(worker_id)


async def start(
    bench: Bench, inputs: list[int], *, run_priority: int | None = None, **options: Any
) -> None:
    async with AsyncClient(bench.database.dsn) as client:
        flow = workflow(("only", len, {**MAP, **options}))
        await client.register_workflow(stepgres.describe(flow).document)
        await client.start_workflow_run("demo", inputs, priority=run_priority)


async def lose_all(bench: Bench) -> None:
    """Let a worker claim all tasks ahead, and die."""
    async with AsyncClient(bench.database.dsn) as client:
        worker_id = await client.register_worker("dying")
        await client.work(worker_id, capacity=1000, begins=0)
        await client.register_worker(worker_id)  # takes over what it held before
        await client.unregister_worker(worker_id)


@pytest.mark.anyio
async def test_task_that_was_lost_ahead_is_given_back_before_others_begin(bench: Bench) -> None:
    await start(bench, [0, 1, 2, 3], max_attempts=1)
    await lose_all(bench)
    await bench.turns.turn()
    await asyncio.sleep(0)
    released = [("released", 1), ("released", 2), ("released", 3)]
    assert bench.events == [*released, ("began", 0)]
    assert bench.rows(QUEUED) == [(1, 0), (2, 0), (3, 0)]
    assert bench.turns.capacity == 0  # and it does not claim them again at once
    bench.let_go.set()
    await bench.drain()
    assert bench.events[4:] == [("began", 1), ("began", 2), ("began", 3)]


@pytest.mark.anyio
async def test_worker_claims_ahead_again_when_it_has_seen_no_lost_task_for_a_while(
    bench: Bench,
) -> None:
    bench.is_open = True
    await start(bench, [0, 1], max_attempts=1)
    await lose_all(bench)
    await bench.drain()
    assert bench.turns.capacity == 1
    await start(bench, list(range(25)))
    await bench.drain()
    assert bench.turns.capacity == 4


@pytest.mark.anyio
async def test_what_is_more_urgent_begins_before_what_was_claimed_ahead(bench: Bench) -> None:
    await start(bench, [0, 1])
    await bench.turns.turn()
    await start(bench, [0], run_priority=7)
    await bench.turns.turn()
    bench.let_go.set()
    await bench.drain()
    assert bench.events == [("began", 0), ("began", 0), ("began", 1)]


@pytest.mark.anyio
async def test_task_that_waits_for_long_is_handed_back(bench: Bench) -> None:
    await start(bench, [0, 1, 2, 3, 4])
    await bench.turns.turn()
    assert bench.rows(BEGUN) == [(0,), (1,), (2,), (3,)]
    await bench.turns.turn()  # it has not waited for long
    assert bench.rows(BEGUN) == [(0,), (1,), (2,), (3,)]
    advance_loop(1.1)
    await bench.turns.turn()
    assert bench.rows(BEGUN) == [(0,)]
    assert bench.rows(QUEUED) == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert bench.turns.capacity == 0


def test_worker_that_is_stopped_hands_back_at_once_what_has_not_begun(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepgres._execution.turns._HORIZON", (60.0, 60.0))  # on a busy machine too
    monkeypatch.setattr("stepgres._execution.turns._MOST_AHEAD", 3)
    monkeypatch.setattr("stepgres._execution.turns._LONGEST_STAY", 86_400.0)
    begun, let_go = Event(), Event()
    executed: list[Any] = []

    def execute(number: int) -> None:
        executed.append(number)
        if number == 20:
            begun.set()
            assert let_go.wait(PATIENCE)

    flow = workflow(("only", execute, {"map": True}))
    with db.connect() as connection, running_worker(db.dsn, flow, concurrency=1) as worker:
        register_and_start(client, flow, [list(range(40))])
        assert begun.wait(PATIENCE)
        wait_until(lambda: connection.execute(BEGUN).fetchall(), lambda rows: len(rows) == 4)
        worker.stop()
        wait_until(lambda: connection.execute(BEGUN).fetchall(), lambda rows: rows == [(20,)])
        let_go.set()
        wait_until(lambda: worker_ids(db.dsn), operator.not_)
        assert executed == list(range(21))
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


def test_crash_costs_no_attempt_of_a_task_that_had_not_begun(
    db: Database, client: Client, ledger: Ledger
) -> None:
    from tests.support.steps import Deadly, Innocent, Plain

    warm = register_and_start(client, Plain, [None] * 30)
    (deadly,) = register_and_start(client, Deadly)
    innocent = register_and_start(client, Innocent, list(range(10)))
    options = ("--concurrency", "1")
    names = ("Plain", "Deadly", "Innocent")
    deaths = 0
    while client.get_run_status(deadly).status == "in_progress":
        with worker_process(db.dsn, *names, options=options) as worker:
            code, said = worker.end()
            assert code == -SIGKILL, said
        deaths += 1
        end_leases(db.dsn)
        assert client.tick()
    assert deaths <= 2  # max_attempts is 1
    with pytest.raises(stepgres.WorkflowFailed, match="stopped responding"):
        client.wait_for_run(deadly)
    with worker_process(db.dsn, *names):
        assert [client.wait_for_run(run_id).output for run_id in innocent] == list(range(10))
        for run_id in warm:
            client.wait_for_run(run_id)
    with db.connect() as connection:
        failed = connection.execute("select run_id from stepgres.attempts").fetchall()
        assert failed == [(deadly,)]


@pytest.mark.parametrize("cut_early", [False, True])
def test_release_whose_answer_is_lost_counts_once(
    db: Database, client: Client, cut_early: bool
) -> None:
    new = workflow(("a", lambda i: i), ("b", lambda i: i["a"]))
    with Proxy(db.dsn) as proxy, running_worker(proxy.dsn, workflow(("a", lambda i: i))):
        proxy.cut_early = cut_early
        with db.connect() as connection:  # so it gets what it must give back
            connection.execute("update stepgres.workers set knows = null")
        for number in range(2):
            proxy.cut_after = b'"status":"released"'
            (run_id,) = register_and_start(client, new, [number])
            wait_until(lambda: proxy.cut_after is None)
            with running_worker(db.dsn, new):
                assert client.wait_for_run(run_id).output == number
        assert proxy.cuts == 2
    with db.connect() as connection:
        assert connection.execute("select * from stepgres.attempts").fetchall() == []
