"""Listens on a connection of its own and calls back; whoever uses it must poll all the same."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from stepgres._async.connections import adapt_to_pooler, is_pooled
from stepgres._conninfo import with_keepalive
from stepgres._lost_connections import Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

logger = logging.getLogger("stepgres")

_SILENCE = 30.0  # seconds, after which the server is asked something, to see whether it is there
_ANSWER = 5.0  # seconds that it has for that
_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds between attempts to connect


class Listener:
    """While it is_listening, every notification on the channels calls notify().

    Through a pooler it does so only if it is told that this one keeps the server for whoever
    listens.
    """

    def __init__(
        self,
        conninfo: str,
        channels: Iterable[str],
        notify: Callable[[], Any],
        *,
        trusts_pooler: bool = False,
    ) -> None:
        self._conninfo = with_keepalive(conninfo)
        self._channels = list(channels)
        self._notify = notify
        self._trusts_pooler = trusts_pooler
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pauses = iter(_PAUSES)
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    if not await self._listen(connection):
                        return
                    pauses = iter(_PAUSES)
                    self._notify()  # of what came while nobody listened
                    await self._receive(connection)
            except psycopg.Error as error:
                logger.warning("the connection that listens was lost: %s", error)
            finally:
                self.is_listening = False
            await asyncio.sleep(next(pauses, _PAUSES[-1]))

    async def _listen(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        with Limit(_ANSWER, lambda: connection):
            await adapt_to_pooler(connection)
            if is_pooled(connection) and not self._trusts_pooler:
                logger.info("this worker polls: notifications may not pass the pooler")
                return False
            for channel in self._channels:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        self.is_listening = True
        return True

    async def _receive(self, connection: psycopg.AsyncConnection[Any]) -> None:
        # Not connection.notifies(), which looks ten times a second: many workers may be waiting.
        connection.add_notify_handler(lambda _: self._notify())
        while True:
            if await _is_readable(connection, _SILENCE):
                connection.pgconn.consume_input()
                while connection.pgconn.notifies():
                    self._notify()
            else:
                # the handler is told of what comes with the answer
                with Limit(_ANSWER, lambda: connection):
                    await connection.execute("select 1")


async def _is_readable(connection: psycopg.AsyncConnection[Any], timeout: float) -> bool:
    """Wait for something from the server, its end included; false after so many seconds."""
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    socket = connection.fileno()
    loop.add_reader(socket, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), timeout)
    except (TimeoutError, asyncio.TimeoutError):
        return False
    finally:
        loop.remove_reader(socket)
    return True
