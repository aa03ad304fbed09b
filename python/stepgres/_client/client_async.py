"""The client: one method per public SQL function, with the same name and arguments."""

from __future__ import annotations

from stepgres._client.definitions_async import AsyncDefinitions
from stepgres._client.events_async import AsyncEvents
from stepgres._client.goals_async import AsyncGoals
from stepgres._client.messages_async import AsyncMessages
from stepgres._client.runs_async import AsyncRuns
from stepgres._client.workers_async import AsyncWorkers
from stepgres._postgres.rows import row_of
from stepgres.types import FsckViolation


class AsyncClient(
    AsyncDefinitions, AsyncRuns, AsyncGoals, AsyncWorkers, AsyncMessages, AsyncEvents
):
    """Calls the functions of the schema stepgres.

    conninfo is a connection string (by default STEPGRES_DSN, then the PG* variables), for which the
    client opens a connection of its own when it first needs one, and a new one after that was lost
    or in a process that was forked; or a psycopg_pool pool; or an open connection of psycopg or
    SQLAlchemy, a session of SQLAlchemy, or Django's connection, in whose transaction the client
    then works without ever committing it. An async client belongs to one event loop until it is
    closed.

    Each method is one call of the SQL function of its name, whose comment says more; an argument
    that is None is left to the function's default. Errors of Stepgres are StepgresErrors, by their
    SQLSTATE, and so is a connection that is lost, ConnectionFailed; other errors of the database
    are psycopg's.
    """

    async def version(self) -> str:
        """The version of the installed schema."""
        return await self._scalar(str, "version")

    async def check_version(self, client_version: str) -> str:
        """The version of the schema; VersionMismatch if it does not serve such clients."""
        return await self._scalar(str, "check_version", client_version=client_version)

    async def fsck(self) -> list[FsckViolation]:
        """What violates the invariants of the engine."""
        return await self._all("fsck", row_of(FsckViolation))
