"""Connections of Stepgres's own, which may lead through a pooler."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from stepgres._conninfo import connecting


async def connect(conninfo: str) -> AsyncConnection[Any]:
    """A new connection that commits each statement; ConnectionFailed if there can be none."""
    with connecting():
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
        try:
            await adapt_to_pooler(connection)
        except BaseException:
            await connection.close()
            raise
    return connection


async def adapt_to_pooler(connection: AsyncConnection[Any]) -> None:
    """Prepare nothing if the connection, which is new, leads through a pooler.

    psycopg prepares what it executes often, under names that are the same in every process. A
    pooler that lends a server for one transaction brings them to servers where such a name is
    missing, or taken, or another statement's.
    """
    cursor = await connection.execute("select pg_backend_pid()")
    # the pooler has told a number of its own, with which it would be asked to cancel
    if await cursor.fetchone() != (connection.info.backend_pid,):
        connection.prepare_threshold = None


def is_pooled(connection: AsyncConnection[Any]) -> bool:
    """What adapt_to_pooler has found."""
    return connection.prepare_threshold is None
