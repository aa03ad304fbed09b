"""Listening: notifications as they come, for coroutines and for threads."""

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

_PAUSE = 5.0  # seconds after an error, before a callback is tried to be served again


@contextmanager
def _logging_errors(channel: str) -> Iterator[None]:
    """A callback, whose error must not keep it from being called again."""
    try:
        yield
    except Exception:
        logger.exception('a callback for channel "%s" has failed', channel)


class AsyncListener(AsyncFeed[Notification]):
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
        self._mailbox = Mailbox(notifications.hub, channel, after)
        super().__init__(notifications, self._mailbox)
        self._callback = callback
        self._calling: asyncio.Task[None] | None = None

    @property
    def channel(self) -> str:
        """What it listens on."""
        return self._mailbox.channel

    @property
    def position(self) -> str | None:
        """Behind the last message that was delivered: `listen` goes on from there with `after`."""
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
        """What it listens on."""
        return self._listener.channel

    @property
    def position(self) -> str | None:
        """Behind the last message that was delivered: `listen` goes on from there with `after`."""
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
