"""The connection on which a worker, or the executor of a run, takes its turns."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from stepgres._client.client_async import AsyncClient
from stepgres._postgres.adapters import ADAPTERS, ADAPTERS_OF_TEXT
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
FULL_TICK = 1_000  # what tick() returns at least while there is more to do at once
_LEAST_SPEED = 1_000_000  # characters of results a second


class WorkerClient(AsyncClient):
    """A client that waits for no answer longer than `limit` seconds.

    Twice as long after each time that it was exceeded: a call that has to wait for a lock, or has a
    great deal to do, gets through in the end, and until then few sessions of the server pile up.
    """

    _is_checked = True  # by register_worker

    def __init__(self, conninfo: str, limit: float) -> None:
        super().__init__(conninfo)
        self._limit = limit
        self._doublings = 0

    @property
    def database(self) -> str:
        """Which database it is connected to, without anything secret."""
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
    ) -> list[WorkItem]:
        """What `work` does, with inputs as JSON text: one that is too deep spoils no other."""
        return await self._all(
            "work",
            row_of(WorkItem),
            adapters=ADAPTERS_OF_TEXT,
            worker_id=worker_id,
            results=results,
            capacity=capacity,
            run_ids=None if run_ids is None else list(run_ids),
            is_waiting=is_waiting,
        )

    async def get_run_input_as_text(self, run_id: UUID) -> str:
        """What `get_run_input` returns, as JSON text."""
        return await self._scalar(str, "get_run_input", adapters=ADAPTERS_OF_TEXT, run_id=run_id)

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
    """End a worker, whose tasks others get, whatever has happened to it."""
    try:
        await client.unregister_worker(worker_id)
    except (StepgresError, psycopg.Error) as error:
        # No reason to hide what has happened: the end of the lease does the same, later.
        logger.warning("worker %s was not unregistered: %s", worker_id, error)
