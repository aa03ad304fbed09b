"""Waiting for the end of a run."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from psycopg import AsyncConnection, sql

from stepgres._conninfo import connecting
from stepgres.errors import InvalidInput, WorkflowTimeout
from stepgres.types import run_result

if TYPE_CHECKING:
    from uuid import UUID

    from stepgres._async.client import AsyncClient
    from stepgres.types import RunResult

_LOOK_INTERVAL = 5.0  # seconds between looks at the run, should a notification be lost


async def wait_for_run(client: AsyncClient, run_id: UUID, timeout: float | None) -> RunResult:
    """See AsyncClient.wait_for_run."""
    if client.conninfo is None:
        raise InvalidInput(
            "waiting for a run needs a connection of its own, and this client cannot open any",
            hint="Make the client with a connection string, or with a pool that was made with one.",
        )
    deadline = monotonic() + (float("inf") if timeout is None else timeout)
    with connecting():
        connection = await AsyncConnection.connect(client.conninfo, autocommit=True)
    async with connection:
        channel = sql.Identifier(f"stepgres_run_{run_id.hex}")
        await connection.execute(sql.SQL("listen {}").format(channel))
        subscriber_id = await client.add_subscriber(run_id)
        try:
            while True:
                status = await client.get_run_status(run_id)
                if status.status != "in_progress":
                    return run_result(run_id, status)
                seconds = deadline - monotonic()
                if seconds <= 0:
                    raise WorkflowTimeout(run_id)
                async for _ in connection.notifies(
                    timeout=min(seconds, _LOOK_INTERVAL), stop_after=1
                ):
                    pass
                await client.add_subscriber(run_id, subscriber_id=subscriber_id)
        finally:
            await client.remove_subscriber(run_id, subscriber_id)
