"""Iterations over notifications or events, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Self

    from stepgres._listening.mailbox import Inbox
    from stepgres._listening.notifications import AsyncNotifications, Notifications

T = TypeVar("T")


class AsyncFeed(Generic[T]):
    """An iteration that begins to listen when it is awaited, entered or iterated over."""

    def __init__(self, notifications: AsyncNotifications, inbox: Inbox[T, Any]) -> None:
        self._notifications = notifications
        self._inbox = inbox
        self._lock = asyncio.Lock()

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
        item = await self._inbox.take()
        if item is None:
            await self.aclose()
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Stop listening; a second call does nothing. A callback that is being executed goes on."""
        self._inbox.close()
        self._notifications.listeners.discard(self)
        await self._inbox.leave()

    async def _start(self) -> Self:
        async with self._lock:
            if self not in self._notifications.listeners and not self._inbox.is_closed:
                await self._inbox.enter()
                self._notifications.listeners.add(self)
                self._begin()
        return self

    def _begin(self) -> None:
        """Begin the work of a subclass, once the feed listens."""


class Feed(Generic[T]):
    """An AsyncFeed for threads: an event loop in the background listens."""

    def __init__(self, notifications: Notifications, feed: AsyncFeed[T]) -> None:
        self._background = notifications.background
        self._feed = feed
        self._is_closed = threading.Event()
        self._background.enter(self)
        try:
            self._background.run(feed._start())
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
            return self._background.run(self._feed.__anext__())
        except (StopAsyncIteration, CancelledError):  # the feed was closed, or the client was
            self.close()
            raise StopIteration from None

    def close(self) -> None:
        """Stop listening; a second call does nothing. A callback that is being executed goes on."""
        self._is_closed.set()
        with suppress(CancelledError):  # the client is closed
            self._background.run(self._feed.aclose())
        self._background.leave(self)
