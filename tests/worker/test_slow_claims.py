"""Claims that take too long: the results that were sent beside them are finished work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import WorkerClient
from stepgres.errors import ConnectionFailed
from stepgres.types import WorkItem

RUN_ID = UUID(int=1)


class SlowServer:
    """Answers no claim of more than so many tasks in time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.next_index = 0
        self.completed: list[int] = []
        self.calls: list[tuple[str, int, int]] = []

    async def work_as_text(
        self, worker_id: str, results: str, capacity: int, *more: Any
    ) -> list[WorkItem]:
        sent = json.loads(results)
        self.calls.append(("work", len(sent), capacity))
        if capacity > self.most:
            raise ConnectionFailed("no answer")
        self.completed += sent
        items = [self._item(self.next_index + i) for i in range(capacity)]
        self.next_index += capacity
        return items

    async def keep_tasks(self, worker_id: str, tasks: Any) -> int:
        self.calls.append(("keep_tasks", len(tasks), 0))
        return 0

    def _item(self, index: int) -> WorkItem:
        lasting = timedelta(minutes=1)
        return WorkItem(
            RUN_ID, "order", 1, "a", index, 1, 1, "null", lasting, False, None, 0, False, False
        )


async def execute(item: WorkItem, leave: Callable[[str], None]) -> str:
    return str(item.task_index)


async def settle(turns: Turns) -> None:
    """Until all that was claimed is done."""
    while turns._running:
        await asyncio.wait(turns._running)
        await asyncio.sleep(0)  # the next ones begin


def test_results_are_sent_alone_after_a_claim_that_took_too_long() -> None:
    async def work() -> SlowServer:
        server = SlowServer(most=8)
        turns = Turns(cast(WorkerClient, server), "worker", 8, execute)
        await turns.turn()
        await settle(turns)
        server.most = 4
        with pytest.raises(ConnectionFailed):
            await turns.turn()
        assert server.completed == []
        await turns.turn()
        return server

    server = asyncio.run(work())
    assert server.calls == [
        ("work", 0, 8),
        ("work", 8, 16),
        ("work", 8, 0),
        ("keep_tasks", 0, 0),
        ("work", 0, 4),
    ]
    assert sorted(server.completed) == list(range(8))
