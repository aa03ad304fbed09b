"""One connection that listens for any number of members; a lost connection is replaced."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import psycopg
from psycopg import sql

from stepgres._postgres.backoff import Backoff
from stepgres._postgres.connections_async import committing, connect, is_pooled
from stepgres._postgres.lost_connections import Limit
from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    Connection = psycopg.AsyncConnection[Any]
    T = TypeVar("T")

logger = logging.getLogger("stepgres")

_SILENCE = 30.0  # seconds without data, after which a query checks that the server answers
_ANSWER = 5.0  # seconds that the server has to answer this query
_LONGEST_ANSWER = 60.0  # seconds for an answer with messages in it
_POLL_INTERVAL = 1.0  # seconds between polls, where notifications do not come through
_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds between attempts to connect


class Member:
    """A member of a hub that listens on the names that `_begin` has set."""

    _names: tuple[str, ...] = ()

    async def _begin(self, connection: Connection) -> None:
        """Listen on a new connection; news from before may wait in the database."""
        for name in self._names:
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(name)))

    def _hear(self, name: str | None, payload: str) -> None:
        """Handle a notification; without a name, the member must look for news itself."""

    def _lose(self) -> None:
        """Handle a lost connection: the member hears nothing until the next `_begin`."""


@dataclass(frozen=True)
class _Request:
    """A function to call on the connection, and the future of its result."""

    function: Callable[[Connection], Awaitable[Any]]
    future: asyncio.Future[Any] | None = None
    key: Hashable | None = None


class Hub:
    """A hub listens on one connection while the hub has members.

    An asyncio task owns the connection. Only this task may wait for the socket, so other tasks
    hand in requests for the connection. The task does not use connection.notifies(), which looks
    for notifications ten times a second.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._members: dict[Member, asyncio.Future[None] | None] = {}
        self._newcomers: list[Member] = []
        self._requests: deque[_Request] = deque()
        self._shared: dict[Hashable, asyncio.Future[Any]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def join(self, member: Member) -> None:
        """Let a member listen as soon as there is a connection."""
        self._admit(member, None)

    async def add(self, member: Member) -> None:
        """Let a member listen; return once it listens. ConnectionFailed without a connection."""
        future = asyncio.get_running_loop().create_future()
        self._admit(member, future)
        try:
            await future
        except BaseException:
            await self.remove(member)
            raise

    async def remove(self, member: Member) -> None:
        """Stop listening for a member; a second call does nothing. The last removal disconnects."""
        if self._members.pop(member, self) is self:
            return
        if member in self._newcomers:
            self._newcomers.remove(member)
        if not self._members:
            await self.close()
            return
        for name in set(member._names) - {name for other in self._members for name in other._names}:
            unlisten = sql.SQL("unlisten {}").format(sql.Identifier(name))
            self._hand_in(_Request(partial(_execute, query=unlisten)))

    async def close(self) -> None:
        """Close the connection; pending calls on the connection raise ConnectionFailed."""
        task, self._task = self._task, None
        if task is not None:
            # before the await: a member that joins later gets another connection
            self._give_up(ConnectionFailed("the connection that listens is closed"))
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def call(
        self, function: Callable[[Connection], Awaitable[T]], key: Hashable | None = None
    ) -> T:
        """Call a function with the connection; return its result. ConnectionFailed without one.

        Pending calls with the same key share one call. No call joins a shared call that has begun,
        so the shared call sees all that its callers have heard of.
        """
        if self._task is None:
            raise ConnectionFailed("the connection that listens is closed")
        future = self._shared.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._hand_in(_Request(function, future, key))
            if key is not None:
                self._shared[key] = future
        return cast("T", await asyncio.shield(future))

    def _admit(self, member: Member, future: asyncio.Future[None] | None) -> None:
        self._members[member] = future
        self._newcomers.append(member)
        if self._task is None:
            self._wake = asyncio.Event()  # an event of the loop that runs now
            self._task = asyncio.create_task(self._run())
        self._wake.set()

    def _hand_in(self, request: _Request) -> None:
        self._requests.append(request)
        self._wake.set()

    async def _run(self) -> None:
        pauses = Backoff(_PAUSES)
        while True:
            try:
                self._newcomers = list(self._members)
                async with await connect(self._conninfo) as connection:
                    connection.add_notify_handler(
                        lambda notify: self._dispatch(notify.channel, notify.payload)
                    )
                    await self._greet(connection)
                    pauses.reset()
                    await self._serve(connection)
            except Exception as problem:  # after any error the members get another connection
                logger.warning("there is no connection that listens: %s", problem)
                self._give_up(_lost(problem))
            await self._pause(pauses.pause())

    async def _serve(self, connection: Connection) -> None:
        while True:
            self._wake.clear()
            while self._newcomers or self._requests:
                await self._greet(connection)
                while self._requests and not self._newcomers:
                    await self._answer(connection, self._requests.popleft())
            if not await self._listen(connection):
                with Limit(_ANSWER, lambda: connection):
                    await connection.execute("select 1")

    async def _greet(self, connection: Connection) -> None:
        while self._newcomers:
            member = self._newcomers.pop(0)
            future = self._members[member]
            try:
                with Limit(_LONGEST_ANSWER, lambda: connection):
                    async with committing(connection):
                        await member._begin(connection)
            except Exception as error:
                if connection.closed or future is None or future.done():
                    raise
                future.set_exception(error)  # this member may not listen, other members may
            else:
                if future is not None and not future.done():
                    future.set_result(None)

    async def _answer(self, connection: Connection, request: _Request) -> None:
        self._shared.pop(request.key, None)
        future = request.future
        try:
            with Limit(_LONGEST_ANSWER, lambda: connection):
                async with committing(connection):
                    result = await request.function(connection)
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
        """Wait for work or data, and read notifications; return False after a time of silence."""
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
            if name is None or name in member._names:
                member._hear(name, payload)

    def _give_up(self, error: ConnectionFailed) -> None:
        """Fail all pending requests, and tell the members that the connection is lost."""
        requests, self._requests = self._requests, deque()
        self._shared.clear()
        for request in requests:
            _fail(request.future, error)
        for member, future in self._members.items():
            _fail(future, error)
            member._lose()

    async def _pause(self, seconds: float) -> None:
        """Pause for these seconds, or until a new member joins."""
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
        future.exception()  # no warning if the waiting task has given up
