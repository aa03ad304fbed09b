"""The loop that executes the local steps of one run: a turn is one call of `work`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import anyio
from psycopg import DataError
from psycopg.errors import ProgramLimitExceeded

from stepgres._runner import fail_result, run_task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from stepgres._async.client import AsyncClient
    from stepgres.types import RunStatus, WorkItem
    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")

_PAUSES = (0.01, 0.05, 0.25)  # seconds between turns while nothing happens
_TICK_INTERVAL = 1.0  # seconds
_PREFETCH = 4  # claimed tasks per running one, so that a turn has work while the next is under way


class LocalRun:
    """A run that this process executes as the worker worker_id."""

    def __init__(
        self,
        client: AsyncClient,
        worker_id: str,
        run_id: UUID,
        run_input: Any,
        functions: Mapping[str, StepFunction],
        concurrency: int,
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._run_id = run_id
        self._run_input = run_input
        self._functions = functions
        self._limiter = anyio.CapacityLimiter(concurrency)
        self._capacity = concurrency * _PREFETCH
        self._tasks: set[asyncio.Task[str]] = set()
        self._results: list[str] = []
        self._has_results = asyncio.Event()

    async def finish(self) -> RunStatus:
        """Execute until the run has ended, and return how."""
        pauses = iter(_PAUSES)
        last_tick = anyio.current_time()
        try:
            while True:
                if await self._turn():
                    pauses = iter(_PAUSES)
                is_idle = not self._tasks and not self._results
                if is_idle:
                    status = await self._client.get_run_status(self._run_id)
                    if status.status != "in_progress":
                        return status
                # A result ends the wait; a timer, or a step that others execute, does not.
                pause = next(pauses, _PAUSES[-1]) if is_idle else _TICK_INTERVAL
                with anyio.move_on_after(pause):
                    await self._has_results.wait()
                if is_idle or anyio.current_time() - last_tick > _TICK_INTERVAL:
                    await self._client.tick()
                    last_tick = anyio.current_time()
        finally:
            for task in self._tasks:
                task.cancel()

    async def _turn(self) -> bool:
        """Send the results that there are, start what comes back; false if nothing happened."""
        results, self._results = self._results, []
        self._has_results.clear()
        items = await self._work(results)
        for item in items:
            if item.is_refused:
                logger.warning(
                    "task %s was refused: its run is over, or another worker has it", item
                )
            else:
                self._start(item)
        return bool(items or results)

    async def _work(self, results: list[str]) -> list[WorkItem]:
        try:
            return await self._send(results, self._capacity - len(self._tasks))
        except (DataError, ProgramLimitExceeded):
            if not results:
                raise
        # One of them is JSON that Postgres refuses, such as the character NUL: its step has failed.
        refused = []
        for result in results:
            try:
                refused += await self._send([result], 0)
            except (DataError, ProgramLimitExceeded) as error:
                refused += await self._send([fail_result(result, error)], 0)
        return refused + await self._work([])

    async def _send(self, results: list[str], capacity: int) -> list[WorkItem]:
        return await self._client.work(
            self._worker_id, f"[{','.join(results)}]", capacity, [self._run_id]
        )

    def _start(self, item: WorkItem) -> None:
        function = self._functions[item.step_slug]
        task = asyncio.create_task(run_task(function, item, self._run_input, self._limiter))
        self._tasks.add(task)
        task.add_done_callback(self._finish_task)

    def _finish_task(self, task: asyncio.Task[str]) -> None:
        self._tasks.remove(task)
        if not task.cancelled():
            self._results.append(task.result())
            self._has_results.set()
