"""Connections that break, or that nobody answers on any more."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psycopg import Error, InterfaceError, OperationalError

from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from psycopg import AsyncConnection, Connection
    from typing_extensions import Self

# What may be over soon.
CONNECTION_ERRORS = (ConnectionFailed, OperationalError, InterfaceError)

_LATE = 0.5  # seconds by which a timer is late only if the loop was blocked


def cut(connection: AsyncConnection[Any] | Connection[Any]) -> None:
    """End the wait for an answer, in whatever thread it is, with an OperationalError.

    To cancel the wait would not do: psycopg then asks the server to end the query, and waits.
    """
    with suppress(OSError, Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


class Limit:
    """A block that waits for the server; its connection is cut after so many seconds.

    `find` says which connection that is, as it may be opened in the block.
    """

    def __init__(self, seconds: float, find: Callable[[], AsyncConnection[Any] | None]) -> None:
        self._seconds = seconds
        self._find = find
        self._loop = asyncio.get_running_loop()
        self.is_exceeded = False

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
