"""How many tasks a turn carries: many short tasks, and no more slow tasks than can run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import WorkerClient
from stepgres.types import WorkItem
from tests.support.counting import CountingServer, execute, settle
from tests.support.waiting import PATIENCE
from tests.support.workflows import advance_loop

LONG = 3_600.0
CONCURRENCY = 6


class Gate:
    """Executes tasks. A task from the index `first` on waits until the gate is open."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.open = asyncio.Event()

    async def execute(self, item: WorkItem, leave: Callable[[str], None]) -> str:
        if item.task_index >= self.first:
            await self.open.wait()
        return str(item.task_index)


def turns_of(
    server: CountingServer, execute: Callable[..., Any], concurrency: int = CONCURRENCY
) -> Turns:
    return Turns(cast(WorkerClient, server), "worker", concurrency, execute)


async def drain(turns: Turns, server: CountingServer) -> None:
    """Take turns until the results of all tasks have arrived."""
    with anyio.fail_after(PATIENCE):
        while len(server.completed) < server.tasks:
            await turns.turn()
            if not turns.is_idle:
                await turns.wait(LONG)


@pytest.fixture
def endless_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks count as short, however busy the machine is."""
    monkeypatch.setattr("stepgres._execution.turns._HORIZON", (LONG, LONG))


@pytest.mark.usefixtures("endless_horizon")
def test_a_thousand_short_tasks_take_few_turns() -> None:
    async def work() -> CountingServer:
        server = CountingServer(1_000)
        await drain(turns_of(server, execute), server)
        return server

    server = asyncio.run(work())
    assert sorted(server.completed) == list(range(1_000))
    assert len(server.calls) <= 25, server.calls


@pytest.mark.usefixtures("endless_horizon")
def test_worker_claims_ahead_no_more_tasks_than_it_has_finished() -> None:
    async def work() -> CountingServer:
        server = CountingServer()
        turns = turns_of(server, execute)
        for _ in range(4):
            await turns.turn()
            await settle(turns)
        return server

    server = asyncio.run(work())
    assert [capacity for _, _, capacity in server.calls] == [6, 12, 24, 48]


@pytest.mark.parametrize(("seconds_of_turn", "ahead"), [(0.0, 50), (0.1, 200), (10.0, 250)])
def test_worker_claims_what_begins_within_two_turns(seconds_of_turn: float, ahead: int) -> None:
    async def work() -> CountingServer:
        now = 0.0
        asyncio.get_running_loop().time = lambda: now  # type: ignore[method-assign]

        class SlowServer(CountingServer):
            async def work_as_text(self, *arguments: Any) -> list[WorkItem]:
                nonlocal now
                now += seconds_of_turn
                return await super().work_as_text(*arguments)

        async def execute_in_a_millisecond(item: WorkItem, leave: Any) -> str:
            nonlocal now
            now += 0.001
            return str(item.task_index)

        server = SlowServer()
        turns = turns_of(server, execute_in_a_millisecond, concurrency=1)
        for _ in range(30):
            await turns.turn()
            await settle(turns)
        return server

    server = asyncio.run(work())
    assert max(capacity for _, _, capacity in server.calls) == pytest.approx(1 + ahead, abs=1)


def test_worker_claims_no_slow_tasks_ahead() -> None:
    async def work() -> CountingServer:
        server = CountingServer()
        gate = Gate(0)
        turns = turns_of(server, gate.execute)
        for _ in range(20):
            gate.open.clear()
            await turns.turn()
            await asyncio.sleep(0)  # the tasks begin
            advance_loop(10)
            gate.open.set()
            await settle(turns)
        return server

    server = asyncio.run(work())
    assert {capacity for _, _, capacity in server.calls} == {CONCURRENCY}


@pytest.mark.usefixtures("endless_horizon")
def test_result_of_a_short_task_waits_for_others_but_not_for_a_slow_one() -> None:
    async def work() -> CountingServer:
        server = CountingServer()
        gate = Gate(20)
        turns = turns_of(server, gate.execute)
        await turns.turn()
        await settle(turns)
        await turns.turn()  # 12 tasks
        await settle(turns)
        await turns.turn()  # 24 tasks, of which the last ones are slow
        with anyio.fail_after(PATIENCE):
            await turns.wait(LONG)
        await turns.turn()
        turns.cancel()
        return server

    server = asyncio.run(work())
    assert [(results, capacity) for _, results, capacity in server.calls] == [
        (0, 6),
        (6, 12),
        (12, 24),
        (2, 4),
    ]


def test_result_of_a_lone_task_begins_a_turn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepgres._execution.turns._RESULTS_WAIT", LONG)

    async def work() -> CountingServer:
        server = CountingServer(1)
        await drain(turns_of(server, execute), server)
        return server

    assert len(asyncio.run(work()).calls) == 2


def test_result_beside_slow_tasks_begins_a_turn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepgres._execution.turns._RESULTS_WAIT", LONG)

    async def work() -> CountingServer:
        server = CountingServer(CONCURRENCY)
        gate = Gate(1)
        turns = turns_of(server, gate.execute)
        await turns.turn()
        with anyio.fail_after(PATIENCE):
            await turns.wait(LONG)
        await turns.turn()
        turns.cancel()
        return server

    assert asyncio.run(work()).completed == [0]
