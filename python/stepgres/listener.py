"""Listening: notifications as they come, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from stepgres._mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from typing_extensions import Self

    from stepgres._notifications import AsyncNotifications, Notifications
    from stepgres.types import Notification

logger = logging.getLogger("stepgres")

_PAUSE = 5.0  # seconds after an error, before a callback is tried to be served again


@contextmanager
def _logging_errors(channel: str) -> Iterator[None]:
    """A callback, whose error must not keep it from being called again."""
    try:
        yield
    except Exception:
        logger.exception('a callback for channel "%s" has failed', channel)


class AsyncListener:
    """The notifications of a channel; made by `AsyncClient.listen`.

    It listens once it is awaited or entered, and delivers what is committed after that: each
    message once, over lost connections and restarts of the server, in the order of their ids (but
    for one that is committed long after later ones); and payloads of `notify_only`, unless the
    connection is lost at that moment or more than 1,000 wait for a slow consumer.

    Iterate over it, or give `listen` a callback. Where several iterate over it, each notification
    goes to one of them. `aclose` ends the iteration.
    """

    def __init__(
        self,
        notifications: AsyncNotifications,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> None:
        self._notifications = notifications
        self._mailbox = Mailbox(notifications.hub, channel, after)
        self._callback = callback
        self._lock = asyncio.Lock()
        self._calling: asyncio.Task[None] | None = None

    @property
    def channel(self) -> str:
        """What it listens on."""
        return self._mailbox.channel

    @property
    def position(self) -> str | None:
        """Behind the last message that was delivered: `listen` goes on from there with `after`."""
        return self._mailbox.position

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    async def __aenter__(self) -> Self:
        return await self._start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Notification:
        await self._start()
        notification = await self._mailbox.take()
        if notification is None:
            raise StopAsyncIteration
        return notification

    async def aclose(self) -> None:
        """Stop listening; once more is fine. A callback that is being executed goes on."""
        self._mailbox.close()
        self._notifications.listeners.discard(self)
        await self._notifications.hub.remove(self._mailbox)

    async def _start(self) -> Self:
        async with self._lock:
            if self in self._notifications.listeners or self._mailbox.is_closed:
                return self
            await self._notifications.hub.add(self._mailbox)
            self._notifications.listeners.add(self)
            if self._callback is not None:
                self._calling = asyncio.create_task(self._call_back(self._callback))
        return self

    async def _call_back(self, callback: Callable[[Notification], Any]) -> None:
        while not self._mailbox.is_closed:
            try:
                async for notification in self:
                    with _logging_errors(self.channel):
                        result = callback(notification)
                        if inspect.isawaitable(result):
                            await result
            except Exception:
                logger.exception('messages on channel "%s" cannot be read', self.channel)
                await asyncio.sleep(_PAUSE)


class Listener:
    """The notifications of a channel; made by `Client.listen`. See AsyncListener.

    A callback is called in a thread of its own.
    """

    def __init__(
        self,
        notifications: Notifications,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> None:
        self._background = notifications.background
        self._listener = AsyncListener(notifications.asynchronous, channel, after)
        self._is_closed = threading.Event()
        self._background.enter(self)
        try:
            self._background.run(self._listener._start())
        except BaseException:
            self._background.leave(self)
            raise
        if callback is not None:
            threading.Thread(target=self._call_back, args=(callback,), daemon=True).start()

    @property
    def channel(self) -> str:
        """What it listens on."""
        return self._listener.channel

    @property
    def position(self) -> str | None:
        """Behind the last message that was delivered: `listen` goes on from there with `after`."""
        return self._listener.position

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Notification:
        if self._is_closed.is_set():
            raise StopIteration
        try:
            return self._background.run(self._listener.__anext__())
        except (StopAsyncIteration, CancelledError):  # closed, or all of the client was
            raise StopIteration from None

    def close(self) -> None:
        """Stop listening; once more is fine. A callback that is being executed goes on."""
        self._is_closed.set()
        with suppress(CancelledError):  # all of the client is closed
            self._background.run(self._listener.aclose())
        self._background.leave(self)

    def _call_back(self, callback: Callable[[Notification], Any]) -> None:
        while not self._is_closed.is_set():
            try:
                for notification in self:
                    with _logging_errors(self.channel):
                        callback(notification)
            except Exception:
                logger.exception('messages on channel "%s" cannot be read', self.channel)
                self._is_closed.wait(_PAUSE)
