"""Listeners: notifications of a channel as they come, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stepgres._listening.feed import AsyncFeed, Feed
from stepgres._listening.mailbox import Mailbox
from stepgres.errors import UnreadableValue
from stepgres.types import Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepgres._listening.notifications import AsyncNotifications, Notifications

logger = logging.getLogger("stepgres")

_PAUSE = 5.0  # seconds after an error, before the next attempt to serve a callback


@contextmanager
def _logging_errors(channel: str) -> Iterator[None]:
    """Run a callback, and log its error, so that the callback is called again."""
    try:
        yield
    except Exception:
        logger.exception('a callback for channel "%s" has failed', channel)


class AsyncListener(AsyncFeed[Notification]):
    """The notifications of a channel; made by `AsyncClient.listen`.

    The listener listens once it is awaited or entered, and delivers all that is committed after
    that. Each message comes once, even over lost connections and restarts of the server. Messages
    come in the order of their ids, except a message that is committed long after later messages.
    Payloads of `notify_only` come unless the connection is lost at that moment, or more than 1,000
    payloads wait for a slow consumer.

    Iterate over the listener, or give `listen` a callback. With several iterations each
    notification goes to one of the iterations. `aclose` ends the iteration.
    """

    def __init__(
        self,
        notifications: AsyncNotifications,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> None:
        self._mailbox = Mailbox(notifications.hub, channel, after)
        super().__init__(notifications, self._mailbox)
        self._callback = callback
        self._calling: asyncio.Task[None] | None = None

    @property
    def channel(self) -> str:
        """Return the name of the channel."""
        return self._mailbox.channel

    @property
    def position(self) -> str | None:
        """Return the position behind the last delivered message; pass it to `listen` as after."""
        return self._mailbox.position

    def _begin(self) -> None:
        if self._callback is not None:
            self._calling = asyncio.create_task(self._call_back(self._callback))

    async def _call_back(self, callback: Callable[[Notification], Any]) -> None:
        while not self._mailbox.is_closed:
            try:
                async for notification in self:
                    with _logging_errors(self.channel):
                        result = callback(notification)
                        if inspect.isawaitable(result):
                            await result
            except UnreadableValue:
                logger.exception("a message is passed over")
            except Exception:
                logger.exception('messages on channel "%s" cannot be read', self.channel)
                await asyncio.sleep(_PAUSE)


class Listener(Feed[Notification]):
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
        self._listener = AsyncListener(notifications.asynchronous, channel, after)
        super().__init__(notifications, self._listener)
        if callback is not None:
            threading.Thread(target=self._call_back, args=(callback,), daemon=True).start()

    @property
    def channel(self) -> str:
        """Return the name of the channel."""
        return self._listener.channel

    @property
    def position(self) -> str | None:
        """Return the position behind the last delivered message; pass it to `listen` as after."""
        return self._listener.position

    def _call_back(self, callback: Callable[[Notification], Any]) -> None:
        while not self._is_closed.is_set():
            try:
                for notification in self:
                    with _logging_errors(self.channel):
                        callback(notification)
            except UnreadableValue:
                logger.exception("a message is passed over")
            except Exception:
                logger.exception('messages on channel "%s" cannot be read', self.channel)
                self._is_closed.wait(_PAUSE)
