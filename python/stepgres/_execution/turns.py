"""The tasks of a worker in this process. A turn sends results and claims the next tasks."""

from __future__ import annotations

import asyncio
import logging
from itertools import accumulate
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import anyio
from psycopg import DataError
from psycopg.errors import ProgramLimitExceeded, StatementTooComplex

from stepgres._execution.attempts import MOST_CHARACTERS
from stepgres._execution.average import Average
from stepgres._execution.runner import fail_result, release_result, task_key
from stepgres._postgres.lost_connections import CONNECTION_ERRORS
from stepgres.errors import DecompositionError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any
    from uuid import UUID

    from stepgres._execution.worker_client import WorkerClient
    from stepgres._tracing.spans import WorkerTraces
    from stepgres.types import WorkItem

logger = logging.getLogger("stepgres")

# The errors of PostgreSQL for results that jsonb cannot store, because of characters, numbers, size
# or depth, and for goal tasks that break a rule.
_REFUSALS = (
    InvalidInput,
    DecompositionError,
    DataError,
    ProgramLimitExceeded,
    StatementTooComplex,
)
# Seconds. A worker claims only the tasks that it can begin by then: within two turns, so that it
# has tasks during a turn, but at least within the first number, and at most within the second.
# Tasks that are claimed ahead save turns, but delay more urgent tasks that become ready.
_HORIZON = (0.05, 0.25)
_MOST_AHEAD = 400  # tasks, which a killed worker keeps from others until its lease is over
_RESULTS_WAIT = 0.025  # seconds that a result waits for other results, at most
_LONGEST_STAY = 1.0  # seconds that a claimed task waits before it is released
_MANY_CLAIMS = 1_000_000  # tasks of a turn, in effect no limit
_CAREFUL_TURNS = 20  # with new tasks, after which tasks are claimed ahead again


class Turns:
    """The tasks that a worker has claimed, and the results that it has not sent yet.

    `execute` runs a task and returns its result as JSON text, or None if `execute` has completed
    the task itself. When a thread outlives its timeout, `execute` calls its second argument with
    the result, and another task starts. The result is sent when the thread has ended. Up to
    `concurrency` tasks run at a time. rested_at is the time.monotonic() at which the last turn
    began, if no task has started since.

    While tasks are short, more tasks are claimed ahead, so that tasks can start during a turn.
    Their number is what begins within the horizon, by the average time of a task, but no more than
    have finished so far. Then results wait until half of these tasks have begun, so that a turn
    carries many results. A result begins a turn at once while no task waits here.

    If this process dies, the tasks that could not begin when they were claimed cost no attempt. A
    task that was lost in this way (must_begin) does not wait here again, since its next loss
    counts. It is released unless it can begin, and for some turns no task is claimed ahead.
    """

    def __init__(
        self,
        client: WorkerClient,
        worker_id: str,
        concurrency: int,
        execute: Callable[[WorkItem, Callable[[str], None]], Coroutine[Any, Any, str | None]],
        traces: WorkerTraces | None = None,
    ) -> None:
        self._client = client
        self.worker_id = worker_id
        self._concurrency = concurrency
        self._execute = execute
        self._traces = traces
        self._loop = asyncio.get_running_loop()
        self._running: dict[asyncio.Task[str | None], WorkItem] = {}
        self._began_at: dict[asyncio.Task[str | None], float] = {}
        self._late: dict[asyncio.Task[str | None], str] = {}  # results that wait for threads
        self._waiting: list[tuple[WorkItem, float]] = []  # the highest priority first
        self._results: list[tuple[WorkItem, str]] = []
        self._error: BaseException | None = None
        self._wake = asyncio.Event()
        self._task_seconds = Average()
        self._turn_seconds = Average()
        self._turn_at = 0  # a result begins a turn when no more tasks than this wait
        self._timer: asyncio.TimerHandle | None = None
        self.rested_at = -inf
        self._careful_turns = 0
        self._is_answer_lost = False
        self._most_claims = _MANY_CLAIMS

    @property
    def is_idle(self) -> bool:
        """Return whether no task is running and no result waits to be sent."""
        return not self._running and not self._results

    @property
    def running(self) -> int:
        """Return the number of running tasks."""
        return len(self._running)

    @property
    def _busy(self) -> int:
        return len(self._running) - len(self._late)

    @property
    def _free(self) -> int:
        """Return the places for tasks that would begin at once. The number may be negative."""
        return self._concurrency - self._busy - len(self._waiting)

    @property
    def capacity(self) -> int:
        """Return the number of further tasks that can be claimed."""
        ahead = 0 if self._careful_turns else self._ahead
        return max(min(self._free + ahead, self._most_claims), 0)

    @property
    def _ahead(self) -> int:
        """Return the number of waiting tasks that can begin within the horizon."""
        least, longest = _HORIZON
        horizon = min(max(2 * self._turn_seconds.value, least), longest)
        most = min(self._task_seconds.count, _MOST_AHEAD)
        seconds = self._task_seconds.value / self._concurrency
        return most if seconds * most <= horizon else int(horizon / seconds)

    def wake(self) -> None:
        """End the current wait, or the next wait."""
        self._wake.set()

    async def wait(self, timeout: float) -> None:
        """Wait for results or a wake(), at most `timeout` seconds."""
        with anyio.move_on_after(max(timeout, _RESULTS_WAIT) if self._waiting else timeout):
            await self._wake.wait()
        self._wake.clear()

    async def turn(
        self,
        capacity: int | None = None,
        *,
        run_ids: Sequence[UUID] | None = None,
        is_waiting: bool = False,
    ) -> bool:
        """Send the results, and start the claimed tasks. Return false if there were neither.

        After an error the results are sent again, and results that had arrived are refused. After
        a lost answer the results are sent without a claim, since the claim may have taken too
        long. Then the tasks of the lost answer are released, and the next claim is half as large.
        """
        if self._error is not None:  # of execute, not of a step
            raise self._error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._turn_at = -1
        began_at = self._loop.time()
        try:
            has_happened = await self._take_turn(capacity, run_ids, is_waiting)
            self._turn_seconds.add(self._loop.time() - began_at)
        finally:
            self._turn_at = len(self._waiting) // 2
        if self._results:
            self._want_turn()
        return has_happened

    async def _take_turn(
        self, capacity: int | None, run_ids: Sequence[UUID] | None, is_waiting: bool
    ) -> bool:
        if self._is_answer_lost:
            if self._results:
                await self._send(_count_that_fit(self._results), 0)
            await self.keep_tasks()
        self.hand_back(self._loop.time() - _LONGEST_STAY)
        count = _count_that_fit(self._results)
        self.rested_at, began_at = -inf, monotonic()
        items = await self._send_in_span(count, capacity, run_ids, is_waiting)
        await self._accept([item for item in items if not item.is_refused])
        if self.is_idle:
            self.rested_at = began_at
        return bool(items or count)

    async def _send_in_span(
        self, count: int, capacity: int | None, run_ids: Sequence[UUID] | None, is_waiting: bool
    ) -> list[WorkItem]:
        if self._traces is None:
            return await self._send(count, capacity, run_ids, is_waiting)
        with self._traces.turn(self.worker_id) as turn:
            items = await self._send(count, capacity, run_ids, is_waiting)
            turn.results, turn.tasks = count, sum(not item.is_refused for item in items)
        return items

    async def _accept(self, claimed: list[WorkItem]) -> None:
        if any(item.must_begin for item in claimed):
            self._careful_turns = _CAREFUL_TURNS
        elif claimed:
            self._careful_turns = max(self._careful_turns - 1, 0)
        free = self._concurrency - self._busy
        too_early = [item for item in claimed[free:] if item.must_begin]
        if too_early:  # before other tasks begin, which may kill this process
            self._results[:0] = [(item, release_result(item, retry_after=0)) for item in too_early]
            await self._send(len(too_early), 0)
        later = [item for item in claimed[free:] if not item.must_begin]
        now = self._loop.time()
        self._waiting += [(item, now) for item in [*claimed[:free], *later]]
        self._waiting.sort(key=lambda waiting: waiting[0].priority, reverse=True)
        self._start()

    def hand_back(self, before: float = float("inf")) -> None:
        """Release the tasks that were claimed before this time and have not begun."""
        too_long = [item for item, claimed_at in self._waiting if claimed_at < before]
        if too_long:
            self._results += [(item, release_result(item, retry_after=0)) for item in too_long]
            self._waiting = [waiting for waiting in self._waiting if waiting[1] >= before]
            self._careful_turns = _CAREFUL_TURNS

    async def keep_tasks(self) -> None:
        """Keep the tasks that this worker knows, and release the tasks of a lost answer."""
        held = [*self._running.values(), *(item for item, _ in [*self._waiting, *self._results])]
        await self._client.keep_tasks(self.worker_id, [task_key(item) for item in held])
        self._is_answer_lost = False

    async def give_up_late_tasks(self) -> None:
        """Send the results that wait for threads, since this worker ends."""
        late = [(self._running[task], result) for task, result in self._late.items()]
        if late:
            self._results[:0] = late
            await self._send(len(late), 0)

    def cancel(self) -> None:
        """Cancel the running tasks. Async tasks end, and threads are told and abandoned."""
        self._waiting.clear()
        for task in self._running:
            task.cancel()

    async def _send(
        self,
        count: int,
        capacity: int | None,
        run_ids: Sequence[UUID] | None = None,
        is_waiting: bool = False,
    ) -> list[WorkItem]:
        """Send the first `count` results."""
        results = [result for _, result in self._results[:count]]
        try:
            items = await self._work(results, capacity, run_ids, is_waiting)
        except CONNECTION_ERRORS:
            self._is_answer_lost = True
            if capacity != 0:
                self._most_claims = max(min(self._most_claims, self._concurrency) // 2, 1)
            raise
        del self._results[:count]
        if capacity != 0:
            self._most_claims = min(self._most_claims * 2, _MANY_CLAIMS)
        for item in items:
            if item.is_refused:
                logger.warning(
                    "a result of task %s/%s/%s was refused: its run is over, or it is another's",
                    item.run_id,
                    item.step_slug,
                    item.task_index,
                )
        return items

    async def _work(
        self,
        results: list[str],
        capacity: int | None,
        run_ids: Sequence[UUID] | None,
        is_waiting: bool,
    ) -> list[WorkItem]:
        async def send(results: list[str], capacity: int) -> list[WorkItem]:
            return await self._client.work_as_text(
                self.worker_id,
                f"[{','.join(results)}]",
                capacity,
                run_ids,
                is_waiting,
                max(self._free, 0),
            )

        async def claim() -> list[WorkItem]:
            try:
                return await send([], claims)
            except ProgramLimitExceeded as error:
                count = await self._client.fail_oversized_tasks(self.worker_id, claims, run_ids)
                logger.warning("a claim failed, and %s steps with it: %s", count, error)
                return []  # the next turn claims the other tasks

        claims = self.capacity if capacity is None else capacity
        if not results:
            return await claim()
        try:
            return await send(results, claims)
        except _REFUSALS:
            pass
        # PostgreSQL refused all results because of one result, or because of a claim. The task of
        # the refused result fails.
        refused = []
        for result in results:
            try:
                refused += await send([result], 0)
            except _REFUSALS as error:
                refused += await send([fail_result(result, error)], 0)
        return refused + await claim()

    def _start(self) -> None:
        while self._waiting and self._busy < self._concurrency:
            item, _ = self._waiting.pop(0)
            task = self._loop.create_task(self._execute(item, self._leave))
            self._running[task] = item
            self._began_at[task] = self._loop.time()
            task.add_done_callback(self._finish)

    def _leave(self, result: str) -> None:
        """Free the place of the current task, whose thread has outlived its timeout."""
        task = asyncio.current_task()
        assert task is not None
        self._late[task] = result
        self._wake.set()
        self._start()

    def _finish(self, task: asyncio.Task[str | None]) -> None:
        item = self._running.pop(task)
        self._late.pop(task, None)
        self._task_seconds.add(self._loop.time() - self._began_at.pop(task))
        if not task.cancelled():
            self._error = self._error or task.exception()
            result = None if self._error else task.result()
            if result is not None:
                self._results.append((item, result))
        if self._error is None:
            self._start()
        self._want_turn()

    def _want_turn(self) -> None:
        """Begin a turn at once, or soon if short tasks wait here, whose results will come soon."""
        if len(self._waiting) <= self._turn_at or self._error is not None:
            self._wake.set()
        elif self._timer is None and self._turn_at >= 0:
            self._timer = self._loop.call_later(_RESULTS_WAIT, self._wake.set)


def _count_that_fit(results: list[tuple[WorkItem, str]]) -> int:
    """Return the number of results that fit into the largest message that the server accepts."""
    lengths = accumulate(len(result) + 1 for _, result in results)
    return max(sum(length <= MOST_CHARACTERS for length in lengths), min(len(results), 1))
