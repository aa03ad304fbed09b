"""The tasks that a worker has in this process: a turn sends results and claims the next tasks."""

from __future__ import annotations

import asyncio
import json
import logging
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import anyio
from psycopg import DataError, InterfaceError, OperationalError
from psycopg.errors import ProgramLimitExceeded, StatementTooComplex

from stepgres._runner import fail_result, task_key
from stepgres.errors import ConnectionFailed, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any
    from uuid import UUID

    from stepgres._async.client import AsyncClient
    from stepgres.types import WorkItem

logger = logging.getLogger("stepgres")

# What Postgres says of results that are no JSON to it: characters, numbers, size, depth.
_REFUSALS = (InvalidInput, DataError, ProgramLimitExceeded, StatementTooComplex)
# What may be over soon; whoever goes on calls keep_tasks first.
CONNECTION_ERRORS = (ConnectionFailed, OperationalError, InterfaceError)
_HORIZON = 0.25  # seconds; tasks that would not be finished by then are not claimed yet
_MOST = 4  # claimed tasks per running one: what a killed worker has claimed costs an attempt


class Turns:
    """The tasks that a worker has claimed, and the results that it has not sent yet.

    `execute` runs a task and returns its result as JSON text, None if it has sent it. It is given
    `concurrency` tasks at a time, and while they are short, more, to run in turn: so that there is
    work while a turn is under way. rested_at is when the last turn began, by time.monotonic(), if
    there has been no task since.
    """

    def __init__(
        self,
        client: AsyncClient,
        worker_id: str,
        concurrency: int,
        execute: Callable[[WorkItem], Coroutine[Any, Any, str | None]],
    ) -> None:
        self._client = client
        self.worker_id = worker_id
        self._concurrency = concurrency
        self._execute = execute
        self._running: dict[asyncio.Task[str | None], WorkItem] = {}
        self._started_at: dict[asyncio.Task[str | None], float] = {}
        self._results: list[str] = []
        self._error: BaseException | None = None
        self._wake = asyncio.Event()
        self._limit = concurrency
        self.rested_at = -inf

    @property
    def is_idle(self) -> bool:
        """No task is running and no result waits to be sent."""
        return not self._running and not self._results

    @property
    def capacity(self) -> int:
        """How many tasks more can be claimed."""
        return max(self._limit - len(self._running), 0)

    def wake(self) -> None:
        """End the wait that is under way, or the next one."""
        self._wake.set()

    async def wait(self, timeout: float) -> None:
        """Wait for a result, or wake(), or so many seconds."""
        with anyio.move_on_after(timeout):
            await self._wake.wait()
        self._wake.clear()

    async def turn(
        self,
        capacity: int | None = None,
        *,
        run_ids: Sequence[UUID] | None = None,
        is_waiting: bool = False,
    ) -> bool:
        """Send the results that there are, start what comes back; false if nothing happened.

        After an error the results are still there, to be sent again: those that had arrived will
        be refused.
        """
        if self._error is not None:  # execute has failed, not a step
            raise self._error
        results = self._results.copy()
        self.rested_at, began_at = -inf, monotonic()
        items = await self._work(results, capacity, run_ids, is_waiting)
        del self._results[: len(results)]
        for item in items:
            if item.is_refused:
                logger.warning(
                    "a result of task %s/%s/%s was refused: its run is over, or it is another's",
                    item.run_id,
                    item.step_slug,
                    item.task_index,
                )
            else:
                task = asyncio.create_task(self._execute(item))
                self._running[task] = item
                self._started_at[task] = anyio.current_time()
                task.add_done_callback(self._finish)
        if self.is_idle:
            self.rested_at = began_at
        return bool(items or results)

    async def keep_tasks(self) -> None:
        """Give back what was claimed in an answer that was lost."""
        held = [json.loads(result) for result in self._results]
        held += [task_key(item) for item in self._running.values()]
        await self._client.keep_tasks(self.worker_id, held)

    def cancel(self) -> None:
        """Give up the tasks that are running: async ones end, threads are told and left behind."""
        for task in self._running:
            task.cancel()

    async def _work(
        self,
        results: list[str],
        capacity: int | None,
        run_ids: Sequence[UUID] | None,
        is_waiting: bool,
    ) -> list[WorkItem]:
        async def send(results: list[str], capacity: int) -> list[WorkItem]:
            return await self._client.work(
                self.worker_id, f"[{','.join(results)}]", capacity, run_ids, is_waiting
            )

        claims = self.capacity if capacity is None else capacity
        try:
            return await send(results, claims)
        except _REFUSALS:
            if not results:
                raise
        # One of them has made Postgres refuse all: the step of that one has failed.
        refused = []
        for result in results:
            try:
                refused += await send([result], 0)
            except _REFUSALS as error:
                refused += await send([fail_result(result, error)], 0)
        return refused + await send([], claims)

    def _finish(self, task: asyncio.Task[str | None]) -> None:
        del self._running[task]
        if anyio.current_time() - self._started_at.pop(task) < _HORIZON:
            self._limit = min(self._limit + 1, self._concurrency * _MOST)
        else:
            self._limit = max(self._limit - 1, self._concurrency)
        if not task.cancelled():
            self._error = self._error or task.exception()
            result = None if self._error else task.result()
            if result is not None:
                self._results.append(result)
            self._wake.set()
