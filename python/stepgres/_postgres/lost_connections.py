"""Lost connections: errors, pauses between attempts, and time limits for an answer."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psycopg import (
    Error,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from psycopg.pq import ConnStatus

from stepgres._postgres.backoff import Backoff
from stepgres.errors import ConnectionFailed, InstallationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import AsyncConnection, Connection
    from psycopg.errors import Diagnostic
    from typing_extensions import Self

logger = logging.getLogger("stepgres")

# After these errors the call may have been done, though its answer was lost.
CONNECTION_ERRORS = (ConnectionFailed, OperationalError, InterfaceError)
# Errors that may pass soon, as they depend on the server alone: the server cannot be reached or
# takes no writes; a right, a function or a schema is missing during a migration. Workers wait until
# these errors pass. Other errors would come again: errors about values, and errors of the program.
PASSING_ERRORS = (
    *CONNECTION_ERRORS,
    InstallationError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
)

# Codes with which the server ends a session: shutdowns, time-outs of idle sessions.
_ENDS = {"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"}

_PAUSES = (0.05, 0.25, 1.0, 2.0, 5.0)  # seconds
_LATE = 0.5  # seconds: a timer is later than this only if the loop was blocked


def lost(error: Error, function: str) -> ConnectionFailed | None:
    """Return ConnectionFailed for a call of a function if the error is a lost connection."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return None
    sqlstate = error.sqlstate
    if sqlstate is not None and sqlstate not in _ENDS and not sqlstate.startswith("08"):
        return None
    return ConnectionFailed(
        f"the connection for stepgres.{function} was lost: {str(error).strip()}",
        hint="The call may have been done, if it had begun. To start a run again, give it a run_id"
        " or an idempotency_key: then there is one run.",
    )


def has_ended(connection: AsyncConnection[Any] | Connection[Any]) -> bool:
    """Say whether the server has ended an idle connection; read only what has come already."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return connection.pgconn.status == ConnStatus.BAD
    severities = set[str | None]()

    def note(message: Diagnostic) -> None:
        severities.add(message.severity_nonlocalized)

    connection.add_notice_handler(note)
    try:
        while poll.poll(0):
            connection.pgconn.consume_input()
            connection.pgconn.is_busy()  # reads the messages that have come
    except OperationalError:
        return True
    finally:
        connection.remove_notice_handler(note)
    # The server says why it ends a connection a moment before it closes the connection.
    return "FATAL" in severities or connection.pgconn.status == ConnStatus.BAD


class Patience(Backoff):
    """Pauses between attempts of a call that fails with PASSING_ERRORS."""

    def __init__(self) -> None:
        super().__init__(_PAUSES)

    def pause_after(self, error: Exception) -> float:
        """Log an error, and return the seconds until the next attempt."""
        if isinstance(error, CONNECTION_ERRORS):
            logger.warning("the server cannot be reached, trying again: %s", error)
        else:
            logger.warning("the server refuses, trying again: %s: %s", type(error).__name__, error)
        return self.pause()


def cut(connection: AsyncConnection[Any] | Connection[Any]) -> None:
    """End the wait for an answer, in any thread, with an OperationalError.

    Cancelling the wait is not enough: psycopg then asks the server to end the query, and waits.
    """
    with suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


class Limit:
    """A block that waits for the server; its connection is cut after these seconds.

    `find` returns the connection, because the block may open the connection.
    """

    def __init__(self, seconds: float, find: Callable[[], AsyncConnection[Any] | None]) -> None:
        self._seconds = seconds
        self._find = find
        self._loop = asyncio.get_running_loop()
        self.is_exceeded = False

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _begin(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._end)

    def _end(self) -> None:
        if self._loop.time() - self._timer.when() > _LATE:
            self._begin()  # the answer may have come while a step blocked the loop
            return
        self.is_exceeded = True
        connection = self._find()
        if connection is not None:
            cut(connection)
