"""Waiting for the end of a run."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from psycopg import sql

from stepgres._async.connections import connect, is_pooled
from stepgres.errors import InvalidInput, WorkflowTimeout
from stepgres.types import run_result

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from psycopg import AsyncConnection

    from stepgres._async.client import AsyncClient
    from stepgres.types import RunResult

_LOOK_INTERVAL = 5.0  # seconds between looks at the run, should a notification be lost
_PAUSES = (0.01, 0.05, 0.25)  # seconds between looks where no notification can come
_LONGEST_PAUSE = 1.0


async def wait_for_run(client: AsyncClient, run_id: UUID, timeout: float | None) -> RunResult:
    """See AsyncClient.wait_for_run."""
    if client.conninfo is None:
        raise InvalidInput(
            "waiting for a run needs a connection of its own, and this client cannot open any",
            hint="Make the client with a connection string, or with a pool that was made with one.",
        )
    deadline = monotonic() + (float("inf") if timeout is None else timeout)
    async with await connect(client.conninfo) as connection:
        if is_pooled(connection):
            return await _look_again_and_again(client, connection, run_id, deadline)
        channel = sql.Identifier(f"stepgres_run_{run_id.hex}")
        await connection.execute(sql.SQL("listen {}").format(channel))
        subscriber_id = await client.add_subscriber(run_id)
        try:
            while (result := await _look(client, run_id)) is None:
                await _wait(connection, run_id, deadline, _LOOK_INTERVAL)
                await client.add_subscriber(run_id, subscriber_id=subscriber_id)
            return result
        finally:
            await client.remove_subscriber(run_id, subscriber_id)


async def _look_again_and_again(
    client: AsyncClient, connection: AsyncConnection[Any], run_id: UUID, deadline: float
) -> RunResult:
    """What remains behind a pooler, where whoever listens need not be told."""
    pauses = iter(_PAUSES)
    while (result := await _look(client, run_id)) is None:
        await _wait(connection, run_id, deadline, next(pauses, _LONGEST_PAUSE))
    return result


async def _look(client: AsyncClient, run_id: UUID) -> RunResult | None:
    status = await client.get_run_status(run_id)
    return None if status.status == "in_progress" else run_result(run_id, status)


async def _wait(
    connection: AsyncConnection[Any], run_id: UUID, deadline: float, most: float
) -> None:
    """Until a notification comes, or so many seconds; WorkflowTimeout after the deadline."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise WorkflowTimeout(run_id)
    async for _ in connection.notifies(timeout=min(seconds, most), stop_after=1):
        pass
