"""A server without a database, which counts the calls of a worker and the tasks it hands out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import anyio

from stepgres._execution.turns import Turns
from stepgres.errors import ConnectionFailed
from stepgres.types import WorkItem
from tests.support.waiting import PATIENCE

RUN_ID = UUID(int=1)


class CountingServer:
    """Hands out up to `tasks` tasks. No claim of more than `fastest` tasks is answered in time."""

    def __init__(self, tasks: int = 1_000_000, fastest: int = 1_000_000) -> None:
        self.tasks = tasks
        self.fastest = fastest
        self.claimed = 0
        self.completed: list[int] = []
        self.calls: list[tuple[str, int, int]] = []

    async def work_as_text(
        self, worker_id: str, results: str, capacity: int, *more: Any
    ) -> list[WorkItem]:
        sent = json.loads(results)
        self.calls.append(("work", len(sent), capacity))
        if capacity > self.fastest:
            raise ConnectionFailed("no answer")
        self.completed += sent
        count = min(capacity, self.tasks - self.claimed)
        self.claimed += count
        return [_item(self.claimed - count + i) for i in range(count)]

    async def keep_tasks(self, worker_id: str, tasks: Any) -> int:
        self.calls.append(("keep_tasks", len(tasks), 0))
        return 0


async def execute(item: WorkItem, leave: Callable[[str], None]) -> str:
    """Execute a task of the server. The result is the index of the task."""
    return str(item.task_index)


async def settle(turns: Turns) -> None:
    """Wait until all tasks that were claimed have finished, and forget that they have."""
    with anyio.fail_after(PATIENCE):
        while turns._running:
            await asyncio.wait(turns._running)
            await asyncio.sleep(0)  # the next ones begin
    await turns.wait(0)


def _item(index: int) -> WorkItem:
    lasting = timedelta(minutes=1)
    return WorkItem(
        RUN_ID, "order", 1, "a", index, 1, 1, "null", lasting, False, None, 0, False, False, False
    )
