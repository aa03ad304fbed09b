"""Listeners: notifications of a channel as they come, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepgres._listening.listener_base import AsyncListenerBase, ListenerBase
from stepgres._postgres.adapters import ADAPTERS_OF_TEXT
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.json_text import loads
from stepgres._postgres.rows import row_of
from stepgres.errors import UnreadableValue
from stepgres.types import Listening, NewMessage, Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from stepgres._listening.notifications import AsyncNotifications, Notifications

logger = logging.getLogger("stepgres")

_BATCH = 100  # messages read at a time
_PATIENCE = 0.05  # seconds to wait for messages with lower ids that open transactions send
_KEPT_PAYLOADS = 1_000
_PAUSE = 5.0  # seconds after an error, before the next attempt to serve a callback


@contextmanager
def _logging_errors(channel: str) -> Iterator[None]:
    """Run a callback, and log its error, so that the callback is called again."""
    try:
        yield
    except Exception:
        logger.exception('a callback for channel "%s" has failed', channel)


class AsyncListener(AsyncListenerBase[Notification, NewMessage]):
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
        super().__init__(notifications, channel, after)
        self._channel = channel
        self._position = after
        self._payloads: deque[str] = deque(maxlen=_KEPT_PAYLOADS)
        self._was_payload = False
        self._callback = callback
        self._calling: asyncio.Task[None] | None = None

    @property
    def channel(self) -> str:
        """Return the name of the channel."""
        return self._channel

    @property
    def position(self) -> str | None:
        """Return the position behind the last delivered message; pass it to `listen` as after."""
        return self._position

    async def _enter(self) -> None:
        await super()._enter()
        if self._callback is not None:
            self._calling = asyncio.create_task(self._call_back(self._callback))

    async def _call_back(self, callback: Callable[[Notification], Any]) -> None:
        while not self._is_over:
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

    async def _begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        listening = await AsyncCaller(connection)._one(
            "listen", row_of(Listening), channel=self._channel, after=self._read_position
        )
        self._names = (listening.messages_on, listening.payloads_on)
        if self._read_position is None:
            self._position = listening.position
        self._read_position = listening.position
        self._is_connected = True
        self._hear(None, "")

    def _hear(self, name: str | None, payload: str) -> None:
        if name is not None and name == self._names[1]:
            if len(self._payloads) == _KEPT_PAYLOADS:
                logger.warning(
                    'a payload on channel "%s" was dropped: its listener is slow', self._channel
                )
            self._payloads.append(payload)
            self._changed.set()
        else:
            super()._hear(name, payload)

    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[NewMessage]:
        return await AsyncCaller(connection)._all(
            "catch_up",
            row_of(NewMessage),
            adapters=ADAPTERS_OF_TEXT,
            channel=self._channel,
            after=self._read_position,
            limit=_BATCH,
            patience=timedelta(seconds=_PATIENCE),
        )

    def _note(self, rows: list[NewMessage]) -> bool:
        self._rows.extend(rows)
        if rows:
            self._read_position = rows[-1].position
        return not rows

    def _pop(self) -> Notification | None:
        # in turn, so that a flood of payloads does not hold back messages, or the reverse
        self._was_payload = bool(self._payloads) and not (self._rows and self._was_payload)
        if self._was_payload:
            return Notification(self._channel, None, self._payloads.popleft())
        if not self._rows:
            return None
        message = self._rows.popleft()
        self._position = message.position
        # an unreadable message is an error of this call only: the next call gets the next message
        payload = loads(message.message, f'message {message.message_id} of "{self._channel}"')
        return Notification(self._channel, message.message_id, payload)


class Listener(ListenerBase[Notification]):
    """The notifications of a channel; made by `Client.listen`. See AsyncListener.

    A callback is called in a thread of its own.
    """

    _listener: AsyncListener

    def __init__(
        self,
        notifications: Notifications,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> None:
        super().__init__(notifications, AsyncListener(notifications.asynchronous, channel, after))
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
