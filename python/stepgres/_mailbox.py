"""What a listener has been sent and its consumer has not taken yet."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from stepgres._async.caller import AsyncCaller
from stepgres._hub import Hub, Member
from stepgres._json import loads
from stepgres.errors import ConnectionFailed
from stepgres.types import Listening, NewMessage, Notification

if TYPE_CHECKING:
    import psycopg

logger = logging.getLogger("stepgres")

_BATCH = 100  # messages read at a time
_PATIENCE = 0.05  # seconds, to wait for messages with lower ids that are being sent
_KEPT_PAYLOADS = 1_000


class Mailbox(Member):
    """Reads messages when the consumer has taken those that were read before.

    So a slow consumer holds up nothing, and needs no memory: messages wait in the database.
    Payloads, which nobody keeps, are kept up to a number.
    """

    def __init__(self, hub: Hub, channel: str, after: str | None) -> None:
        self.channel = channel
        self.position = after
        self.is_closed = False
        self._hub = hub
        self._read_position = after
        self._messages: deque[NewMessage] = deque()
        self._payloads: deque[str] = deque(maxlen=_KEPT_PAYLOADS)
        self._news = 0  # how often there was reason to look for messages
        self._seen = 0  # of which this many had been when nothing was left
        self._is_connected = False
        self._was_payload = False
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def enter(self) -> None:
        """Listen."""
        await self._hub.add(self)

    async def leave(self) -> None:
        """Listen no longer."""
        await self._hub.remove(self)

    async def begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        listening = await AsyncCaller(connection)._one(
            "listen", class_row(Listening), channel=self.channel, after=self._read_position
        )
        self.names = (listening.messages_on, listening.payloads_on)
        if self._read_position is None:
            self.position = listening.position
        self._read_position = listening.position
        self._is_connected = True
        self.hear(None, "")

    def hear(self, name: str | None, payload: str) -> None:
        if name is None or name == self.names[0]:
            self._news += 1
        else:
            if len(self._payloads) == _KEPT_PAYLOADS:
                logger.warning(
                    'a payload on channel "%s" was dropped: its listener is slow', self.channel
                )
            self._payloads.append(payload)
        self._changed.set()

    def lose(self) -> None:
        self._is_connected = False

    def close(self) -> None:
        """Deliver nothing more."""
        self.is_closed = True
        self._changed.set()

    async def take(self) -> Notification | None:
        """The next notification; None if it is closed."""
        async with self._turn:
            while not self.is_closed:
                if not self._messages and self._is_connected and self._seen != self._news:
                    await self._read()
                elif notification := self._pop():
                    return notification
                else:
                    self._changed.clear()
                    await self._changed.wait()
        return None

    def _pop(self) -> Notification | None:
        # in turn, so that a flood of the one kind does not keep back the other
        self._was_payload = bool(self._payloads) and not (self._messages and self._was_payload)
        if self._was_payload:
            return Notification(self.channel, None, self._payloads.popleft())
        if not self._messages:
            return None
        message = self._messages.popleft()
        self.position = message.position
        # too deep for Python: an error for this message only, the next one comes next time
        payload = loads(message.message, f'message {message.message_id} of "{self.channel}"')
        return Notification(self.channel, message.message_id, payload)

    async def _read(self) -> None:
        news = self._news
        try:
            # others who have come as far wait for the same answer
            messages = await self._hub.call(self._catch_up, (self.channel, self._read_position))
        except ConnectionFailed:
            return  # begin says when there is another connection
        if messages:
            self._messages.extend(messages)
            self._read_position = messages[-1].position
        else:
            self._seen = news

    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[NewMessage]:
        return await AsyncCaller(connection)._all(
            "catch_up",
            class_row(NewMessage),
            json_as_text=True,
            channel=self.channel,
            after=self._read_position,
            limit=_BATCH,
            patience=timedelta(seconds=_PATIENCE),
        )
