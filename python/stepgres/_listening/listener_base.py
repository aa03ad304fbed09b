"""The common part of the listeners, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections import deque
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from stepgres._listening.hub import Member
from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    import psycopg
    from typing_extensions import Self

    from stepgres._listening.notifications import AsyncNotifications, Notifications

T = TypeVar("T")  # the items that the consumer takes
Row = TypeVar("Row")  # the rows that are read


class AsyncListenerBase(Member, Generic[T, Row]):
    """An iteration that begins to listen when it is awaited, entered or iterated over.

    It reads rows behind a position once the consumer has taken the rows that were read before. So a
    slow consumer holds up nothing, and needs no memory: its other rows wait in the database.
    Listeners with the same subject and position share one answer.
    """

    def __init__(
        self, notifications: AsyncNotifications, subject: Hashable, after: str | None
    ) -> None:
        self._notifications = notifications
        self._hub = notifications.hub
        self._subject = subject
        self._read_position = after
        self._rows: deque[Row] = deque()
        self._news = 0  # number of reasons to look, such as notifications
        self._seen = 0  # value of _news at the last read that left nothing
        self._is_connected = False
        self._is_over = False
        self._changed = asyncio.Event()
        self._starting = asyncio.Lock()
        self._turn = asyncio.Lock()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    async def __aenter__(self) -> Self:
        return await self._start()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        await self._start()
        async with self._turn:
            while not self._is_over:
                if not self._rows and self._is_connected and self._seen != self._news:
                    await self._read()
                elif item := self._pop():
                    return item
                else:
                    self._changed.clear()
                    await self._changed.wait()
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop listening; a second call does nothing. A callback that is being executed goes on."""
        self._is_over = True
        self._changed.set()
        async with self._starting:  # a start that goes on must end before: it adds the listener
            self._notifications.listeners.discard(self)
            await self._leave()

    async def _start(self) -> Self:
        async with self._starting:
            if self not in self._notifications.listeners and not self._is_over:
                await self._enter()
                self._notifications.listeners.add(self)
        return self

    async def _enter(self) -> None:
        await self._hub.add(self)

    async def _leave(self) -> None:
        await self._hub.remove(self)

    def _hear(self, name: str | None, payload: str) -> None:
        self._news += 1
        self._changed.set()

    def _lose(self) -> None:
        self._is_connected = False

    async def _read(self) -> None:
        news = self._news
        try:
            rows = await self._hub.call(self._catch_up, (self._subject, self._read_position))
        except ConnectionFailed:
            return  # _begin runs on the next connection
        if self._note(rows):
            self._seen = news

    @abstractmethod
    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[Row]:
        """Return rows behind the position that was read last."""

    @abstractmethod
    def _note(self, rows: list[Row]) -> bool:
        """Keep rows that were read; return whether no more rows were left."""

    @abstractmethod
    def _pop(self) -> T | None:
        """Return the next item of the rows that were read, or None."""


class ListenerBase(Generic[T]):
    """An asynchronous listener for threads: an event loop in the background listens."""

    def __init__(self, notifications: Notifications, listener: AsyncListenerBase[T, Any]) -> None:
        self._background = notifications.background
        self._listener = listener
        self._is_closed = threading.Event()
        self._background.enter(self)
        try:
            self._background.run(listener._start())
        except BaseException:
            self._background.leave(self)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._is_closed.is_set():
            raise StopIteration
        try:
            return self._background.run(self._listener.__anext__())
        except (StopAsyncIteration, CancelledError):  # the listener was closed, or the client was
            self.close()
            raise StopIteration from None

    def close(self) -> None:
        """Stop listening; a second call does nothing. A callback that is being executed goes on."""
        self._is_closed.set()
        with suppress(CancelledError):  # the client is closed
            self._background.run(self._listener.aclose())
        self._background.leave(self)
