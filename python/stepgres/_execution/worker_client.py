"""The connection for the turns of a worker, or of the executor of a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from stepgres._client.client_async import AsyncClient
from stepgres._execution.context import RunData
from stepgres._postgres.adapters import ADAPTERS, ADAPTERS_OF_TEXT
from stepgres._postgres.caller_async import call
from stepgres._postgres.lost_connections import Limit
from stepgres._postgres.rows import row_of
from stepgres.errors import StepgresError
from stepgres.types import WorkItem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from psycopg.adapt import AdaptersMap
    from psycopg.rows import AsyncRowFactory

logger = logging.getLogger("stepgres")

T = TypeVar("T")

_MOST_DOUBLINGS = 6
FEATURES = ("durable", "limits")  # the kinds of work that workers of this version can do
FULL_TICK = 1_000  # the least that tick() returns while more work is due at once
_LEAST_SPEED = 1_000_000  # characters of results a second


class WorkerClient(AsyncClient):
    """A client that waits for no answer longer than `limit` seconds.

    The limit doubles each time that an answer exceeds the limit. So a call that waits for a lock,
    or has much work, succeeds in the end. Few sessions of the server pile up until then.
    """

    _is_checked = True  # register_worker checks the version

    def __init__(self, conninfo: str, limit: float) -> None:
        super().__init__(conninfo)
        self._limit = limit
        self._doublings = 0

    @property
    def database(self) -> str:
        """Return the address of the database, without secrets."""
        if self._own is None:
            return "no database"
        info = self._own.info
        return f'database "{info.dbname}" at {info.host or "localhost"}:{info.port}'

    async def work_as_text(
        self,
        worker_id: str,
        results: str,
        capacity: int,
        run_ids: Sequence[UUID] | None,
        is_waiting: bool,
        begins: int,
    ) -> list[WorkItem]:
        """Call `work` with inputs as JSON text, so that a too deep input fails no other task."""
        return await self._all(
            "work",
            row_of(WorkItem),
            adapters=ADAPTERS_OF_TEXT,
            worker_id=worker_id,
            results=results,
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
            is_waiting=is_waiting,
            begins=begins,
        )

    async def read_run(self, run_id: UUID) -> RunData:
        """Return the values of `get_run_input`, as JSON text, and of `get_scheduled_at`."""
        given = {"run_id": run_id}
        calls = [call(function, given) for function in ("get_run_input", "get_scheduled_at")]
        (data,) = await self._query(
            "get_run_input",
            f"select {calls[0]} as input, {calls[1]} as scheduled_at",
            given,
            row_of(RunData),
            ADAPTERS_OF_TEXT,
        )
        return data

    async def _all(
        self,
        function: str,
        row_factory: AsyncRowFactory[T],
        *,
        adapters: AdaptersMap = ADAPTERS,
        **arguments: Any,
    ) -> list[T]:
        size = len(arguments.get("results", ""))
        seconds = self._limit * 2**self._doublings + size / _LEAST_SPEED
        with Limit(seconds, lambda: self._own) as limit:
            try:
                return await super()._all(function, row_factory, adapters=adapters, **arguments)
            finally:
                if limit.is_exceeded:
                    logger.warning("no answer to %s within %g s", function, seconds)
                    self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
                else:
                    self._doublings = 0


async def give_back(client: AsyncClient, worker_id: str) -> None:
    """Unregister a worker, so that other workers get its tasks. Log an error of the server."""
    try:
        await client.unregister_worker(worker_id)
    except (StepgresError, psycopg.Error) as error:
        # The original error must stay visible. The end of the lease releases the tasks later.
        logger.warning("worker %s was not unregistered: %s", worker_id, error)
