"""The client: one method per public SQL function, with the same name and arguments."""

from __future__ import annotations

from stepgres._client.approvals_async import AsyncApprovals
from stepgres._client.definitions_async import AsyncDefinitions
from stepgres._client.events_async import AsyncEvents
from stepgres._client.goals_async import AsyncGoals
from stepgres._client.limits_async import AsyncLimits
from stepgres._client.messages_async import AsyncMessages
from stepgres._client.metrics_async import AsyncMetrics
from stepgres._client.runs_async import AsyncRuns
from stepgres._client.schedules_async import AsyncSchedules
from stepgres._client.signals_async import AsyncSignals
from stepgres._client.workers_async import AsyncWorkers
from stepgres._postgres.rows import row_of
from stepgres.types import FsckViolation


class AsyncClient(
    AsyncDefinitions,
    AsyncRuns,
    AsyncSchedules,
    AsyncLimits,
    AsyncSignals,
    AsyncApprovals,
    AsyncGoals,
    AsyncWorkers,
    AsyncMessages,
    AsyncEvents,
    AsyncMetrics,
):
    """A client calls the functions of the schema stepgres.

    conninfo is a connection string (by default STEPGRES_DSN, then the PG* variables), a
    psycopg_pool pool, an open connection of psycopg or SQLAlchemy, a session of SQLAlchemy, or
    Django's connection. With a string the client opens a connection at its first call. It opens a
    new connection after a lost connection, and in a forked process. With an open connection or
    session the client works in the transaction of the caller, and never commits the transaction. An
    async client belongs to one event loop until it is closed.

    With traces=True, starts of runs are spans of OpenTelemetry, and workers and executors with this
    client make spans of the turns, steps and ends of these runs: pip install "stepgres[otel]".

    Each method calls the SQL function of the same name; the comment of the function says more. An
    argument that is None gets the default of the function. Errors of Stepgres are StepgresErrors,
    by their SQLSTATE. A lost connection is ConnectionFailed. Other errors of the database are
    psycopg's.
    """

    async def version(self) -> str:
        """Return the version of the installed schema."""
        return await self._scalar(str, "version")

    async def check_version(self, client_version: str) -> str:
        """Return the version of the schema; VersionMismatch if it does not serve such clients."""
        return await self._scalar(str, "check_version", client_version=client_version)

    async def fsck(self) -> list[FsckViolation]:
        """Return the violations of the invariants of the engine."""
        return await self._all("fsck", row_of(FsckViolation))
