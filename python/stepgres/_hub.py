"""One connection that listens for any number of users, and is replaced when it is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepgres._async.connections import connect, is_pooled
from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Connection = psycopg.AsyncConnection[Any]
    T = TypeVar("T")

logger = logging.getLogger("stepgres")

# A peer that has vanished without a word is noticed by the kernel in about 15 seconds, or because
# it owes an answer. After so many seconds of silence it is asked for one.
_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
_SILENCE = 10.0
_ANSWER = 5.0
_LONGEST_ANSWER = 60.0  # with messages in it
_POLL_INTERVAL = 1.0  # seconds, where notifications do not come through
_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds between attempts to connect


class Member:
    """Somebody who listens, on names that `begin` has set."""

    names: tuple[str, ...] = ()

    async def begin(self, connection: Connection) -> None:
        """Listen on a new connection; then there may be news from before."""
        for name in self.names:
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(name)))

    def hear(self, name: str | None, payload: str) -> None:
        """Of a notification; without a name, of having to look oneself."""

    def lose(self) -> None:
        """The connection: nothing is heard until the next begin."""


class Hub:
    """Listens while it has members.

    A task owns the connection. Nobody else may wait for its socket at the same time, so others
    hand in what they want to have done on it. And notifications are not waited for with
    connection.notifies(), which looks ten times a second.
    """

    def __init__(self, conninfo: str) -> None:
        # what the caller says of keepalives wins
        options: dict[str, Any] = {**_KEEPALIVE, **conninfo_to_dict(conninfo)}
        self._conninfo = make_conninfo("", **options)
        self._members: dict[Member, asyncio.Future[None] | None] = {}
        self._newcomers: list[Member] = []
        self._requests: deque[tuple[Callable[[Connection], Awaitable[Any]], Any]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def join(self, member: Member) -> None:
        """Let it listen as soon as there is a connection."""
        self._admit(member, None)

    async def add(self, member: Member) -> None:
        """Let it listen, and return when it does; ConnectionFailed if there is no connection."""
        future = asyncio.get_running_loop().create_future()
        self._admit(member, future)
        try:
            await future
        except BaseException:
            await self.remove(member)
            raise

    async def remove(self, member: Member) -> None:
        """Listen for it no longer; once more is fine. Without members there is no connection."""
        if self._members.pop(member, self) is self:
            return
        if member in self._newcomers:
            self._newcomers.remove(member)
        if not self._members:
            await self.close()
            return
        for name in set(member.names) - {name for other in self._members for name in other.names}:
            unlisten = sql.SQL("unlisten {}").format(sql.Identifier(name))
            self._hand_in(partial(_execute, query=unlisten), None)

    async def close(self) -> None:
        """End the connection; whoever waits for something on it is told that it is gone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._give_up(ConnectionFailed("the connection that listens is closed"))

    async def call(self, function: Callable[[Connection], Awaitable[T]]) -> T:
        """What a function returns that is called with the connection; ConnectionFailed without."""
        if self._task is None:
            raise ConnectionFailed("the connection that listens is closed")
        future = asyncio.get_running_loop().create_future()
        self._hand_in(function, future)
        return cast("T", await future)

    def _admit(self, member: Member, future: asyncio.Future[None] | None) -> None:
        self._members[member] = future
        self._newcomers.append(member)
        if self._task is None:
            self._wake = asyncio.Event()  # of the loop that runs now
            self._task = asyncio.create_task(self._run())
        self._wake.set()

    def _hand_in(self, function: Callable[[Connection], Awaitable[Any]], future: Any) -> None:
        self._requests.append((function, future))
        self._wake.set()

    async def _run(self) -> None:
        pauses = iter(_PAUSES)
        while True:
            try:
                self._newcomers = list(self._members)
                async with await connect(self._conninfo) as connection:
                    connection.add_notify_handler(
                        lambda notify: self._dispatch(notify.channel, notify.payload)
                    )
                    await self._greet(connection)
                    pauses = iter(_PAUSES)
                    await self._serve(connection)
            except Exception as problem:  # whatever it is, those who listen are not left alone
                logger.warning("there is no connection that listens: %s", problem)
                self._give_up(_lost(problem))
            await self._pause(next(pauses, _PAUSES[-1]))

    async def _serve(self, connection: Connection) -> None:
        while True:
            self._wake.clear()
            while self._newcomers or self._requests:
                await self._greet(connection)
                while self._requests and not self._newcomers:
                    await self._answer(connection, *self._requests.popleft())
            if not await self._listen(connection):
                with _hanging_up(connection, _ANSWER):
                    await connection.execute("select 1")

    async def _greet(self, connection: Connection) -> None:
        while self._newcomers:
            member = self._newcomers.pop(0)
            future = self._members[member]
            try:
                with _hanging_up(connection, _LONGEST_ANSWER):
                    await member.begin(connection)
            except Exception as error:
                if connection.closed or future is None or future.done():
                    raise
                future.set_exception(error)  # it may not listen, others may
            else:
                if future is not None and not future.done():
                    future.set_result(None)

    async def _answer(
        self,
        connection: Connection,
        function: Callable[[Connection], Awaitable[Any]],
        future: asyncio.Future[Any] | None,
    ) -> None:
        try:
            with _hanging_up(connection, _LONGEST_ANSWER):
                result = await function(connection)
        except Exception as error:
            if connection.closed:
                _fail(future, _lost(error))
                raise
            _fail(future, error)
        except BaseException:
            _fail(future, ConnectionFailed("the connection that listens is closed"))
            raise
        else:
            if future is not None and not future.done():
                future.set_result(result)

    async def _listen(self, connection: Connection) -> bool:
        """Wait for something to do, and read what there is; false after a time of silence."""
        loop, descriptor = asyncio.get_running_loop(), connection.fileno()
        loop.add_reader(descriptor, self._wake.set)
        polls = is_pooled(connection)
        try:
            with anyio.move_on_after(_POLL_INTERVAL if polls else _SILENCE) as scope:
                await self._wake.wait()
        finally:
            loop.remove_reader(descriptor)
        connection.pgconn.consume_input()
        while (notify := connection.pgconn.notifies()) is not None:
            self._dispatch(notify.relname.decode(), notify.extra.decode(errors="replace"))
        if polls and scope.cancelled_caught:
            self._dispatch(None, "")
        return polls or not scope.cancelled_caught

    def _dispatch(self, name: str | None, payload: str) -> None:
        for member in tuple(self._members):
            if name is None or name in member.names:
                member.hear(name, payload)

    def _give_up(self, error: ConnectionFailed) -> None:
        """Tell whoever waits for something that it does not come."""
        requests, self._requests = self._requests, deque()
        for _, future in requests:
            _fail(future, error)
        for member, future in self._members.items():
            _fail(future, error)
            member.lose()

    async def _pause(self, seconds: float) -> None:
        """So many seconds, or until somebody new wants to listen."""
        self._wake.clear()
        with anyio.move_on_after(seconds):
            await self._wake.wait()


async def _execute(connection: Connection, query: sql.Composed) -> None:
    await connection.execute(query)


def _lost(error: Exception) -> ConnectionFailed:
    if isinstance(error, ConnectionFailed):
        return error
    lost = ConnectionFailed(f"the connection that listens was lost: {error}")
    lost.__cause__ = error
    return lost


def _fail(future: asyncio.Future[Any] | None, error: Exception) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


@contextmanager
def _hanging_up(connection: Connection, seconds: float) -> Iterator[None]:
    """A block that the server has so many seconds to answer in, or the connection is lost.

    Cancelling it would not do: psycopg would wait for the answer all the same.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _hang_up, connection)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: Connection) -> None:
    with suppress(OSError, psycopg.Error):
        end = socket.socket(fileno=os.dup(connection.fileno()))
        with end:
            end.shutdown(socket.SHUT_RDWR)
