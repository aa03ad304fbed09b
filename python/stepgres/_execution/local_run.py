"""Execute the local steps of one run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from stepgres._execution.places import place_for
from stepgres._execution.runner import Runner, release_result
from stepgres._execution.shared_reads import SharedReads
from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import FULL_TICK
from stepgres._postgres.backoff import Backoff
from stepgres._postgres.lost_connections import PASSING_ERRORS, Patience
from stepgres.errors import WorkerNotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Executor
    from uuid import UUID

    from stepgres._durable.checkpoints import Checkpoints
    from stepgres._execution.attempts import Outcome
    from stepgres._execution.context import RunData
    from stepgres._execution.heartbeat import Heartbeat
    from stepgres._execution.runner import StepCall
    from stepgres._execution.transactions import Transactions
    from stepgres._execution.worker_client import WorkerClient
    from stepgres._tracing.spans import WorkerTraces
    from stepgres.types import RunStatus, WorkItem

logger = logging.getLogger("stepgres")

_PAUSES = (0.01, 0.05, 0.25)  # seconds between turns while no task is claimed
_KEPT_ERRORS = 100
_KEPT_RUNS = 100
_LOOK_INTERVAL = 1.0  # seconds between reads of the run and ticks, while steps run


class LocalRun:
    """A run that this process executes as the worker worker_id, with its child runs."""

    def __init__(
        self,
        client: WorkerClient,
        worker_id: str,
        run_id: UUID,
        run: RunData,
        find: Callable[[WorkItem], Awaitable[StepCall | None]],
        transactions: Transactions,
        checkpoints: Checkpoints,
        heartbeat: Heartbeat,
        concurrency: int,
        pool: Executor | None = None,
        *,
        has_children: bool = False,
        least_kept: int | None = None,
        traces: WorkerTraces | None = None,
    ) -> None:
        self._client = client
        self._run_id = run_id
        self._run = run
        self._has_children = has_children
        self._runs = SharedReads(client.read_run, _KEPT_RUNS)
        self._find = find
        self._place = place_for(pool)
        self._traces = traces
        self._runner = Runner(
            self._place,
            transactions,
            heartbeat,
            checkpoints,
            self._keep_error,
            least_kept,
            traces=traces,
        )
        self._errors: dict[tuple[str, str], BaseException] = {}
        self._patience = Patience()
        self._turns = Turns(client, worker_id, concurrency, self._execute, traces)

    async def finish(self) -> RunStatus:
        """Execute the run until its end, and return its status. Retry after passing errors."""
        advance = self._take_turns
        try:
            while True:
                try:
                    status = await advance()
                    if self._traces is not None:
                        await self._traces.end_runs()
                except WorkerNotFound:
                    # The process stopped for longer than its lease. Workers execute its steps now.
                    logger.warning("this process was taken for dead and waits for its run to end")
                    self._turns.cancel()
                    advance = self._watch
                except PASSING_ERRORS as error:
                    await anyio.sleep(self._patience.pause_after(error))
                else:
                    return status
        finally:
            self._turns.cancel()
            self._place.close()

    async def _take_turns(self) -> RunStatus:
        turns = self._turns
        pauses = Backoff(_PAUSES)
        last_look = anyio.current_time()
        is_look_due = False
        run_ids = [self._run_id]
        while True:
            if await turns.turn(run_ids=run_ids):
                pauses.reset()
                self._patience.reset()
            if turns.is_idle or is_look_due:
                # Also while steps run: a failed run no longer needs the results of its steps.
                status = await self._client.get_run_status(self._run_id)
                if status.status != "in_progress":
                    return status
            if self._has_children:
                asked = run_ids
                found = await self._client.list_local_runs(self._run_id)
                run_ids = [self._run_id, *(run_id for run_id in found if run_id != self._run_id)]
                if not set(run_ids) <= set(asked):
                    continue  # a child run has begun
            # A result ends the wait. A timer, or a step of another worker, does not.
            is_idle = turns.is_idle
            await turns.wait(pauses.pause() if is_idle else _LOOK_INTERVAL)
            is_look_due = is_idle or anyio.current_time() - last_look > _LOOK_INTERVAL
            if is_look_due:
                last_look = anyio.current_time()
                if await self._client.tick() >= FULL_TICK:
                    turns.wake()  # more work is due at once
                    last_look = -_LOOK_INTERVAL

    async def _watch(self) -> RunStatus:
        while True:
            status = await self._client.get_run_status(self._run_id)
            if status.status != "in_progress":
                return status
            await anyio.sleep(_PAUSES[-1])

    def error_of(self, status: RunStatus) -> BaseException | None:
        """Return the exception that failed the run, if this process raised the exception."""
        for (step_slug, text), error in self._errors.items():
            if step_slug == status.failed_step and str(status.details).endswith(text):
                return error
        return None

    def _keep_error(self, item: WorkItem, outcome: Outcome) -> None:
        if outcome.failure is not None and outcome.error is not None:
            if len(self._errors) == _KEPT_ERRORS:  # a map may tolerate any number of failures
                del self._errors[next(iter(self._errors))]
            self._errors[item.step_slug, outcome.failure.error] = outcome.error

    async def _execute(self, item: WorkItem, leave: Callable[[str], None]) -> str | None:
        # A body may start runs.
        self._has_children = self._has_children or item.checkpoints is not None
        try:
            step = None if item.sql_function else await self._find(item)
            is_child = item.run_id != self._run_id
            run = await self._runs(item.run_id) if is_child else self._run
        except PASSING_ERRORS as error:
            logger.warning("step %s must wait for its function: %s", item.step_slug, error)
            return release_result(item, retry_after=1)
        return await self._runner.run(step, item, run, leave)
