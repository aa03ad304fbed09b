"""The mailbox of a listener: notifications that its consumer has not taken yet."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from stepgres._listening.hub import Hub, Member
from stepgres._postgres.adapters import ADAPTERS_OF_TEXT
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.json_text import loads
from stepgres._postgres.rows import row_of
from stepgres.errors import ConnectionFailed
from stepgres.types import Listening, NewMessage, Notification

if TYPE_CHECKING:
    from collections.abc import Hashable

    import psycopg

logger = logging.getLogger("stepgres")

T = TypeVar("T")  # the items that the consumer takes
Row = TypeVar("Row")  # the rows that are read

_BATCH = 100  # messages read at a time
_PATIENCE = 0.05  # seconds to wait for messages with lower ids that open transactions send
_KEPT_PAYLOADS = 1_000


class Inbox(Member, Generic[T, Row]):
    """Reads rows behind a position once the consumer has taken the rows that were read before.

    So a slow consumer holds up nothing, and needs no memory: its other rows wait in the database.
    """

    def __init__(self, hub: Hub, after: str | None) -> None:
        self.position = after
        self.is_closed = False
        self._hub = hub
        self._read_position = after
        self._messages: deque[Row] = deque()
        self._news = 0  # number of reasons to look, such as notifications
        self._seen = 0  # value of _news at the last read that left nothing
        self._is_connected = False
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def enter(self) -> None:
        """Begin to listen."""
        await self._hub.add(self)

    async def leave(self) -> None:
        """Stop listening."""
        await self._hub.remove(self)

    def hear(self, name: str | None, payload: str) -> None:
        self._news += 1
        self._changed.set()

    def lose(self) -> None:
        self._is_connected = False

    def close(self) -> None:
        """Close the inbox: it delivers nothing more."""
        self.is_closed = True
        self._changed.set()

    async def take(self) -> T | None:
        """Wait for the next item; None if the inbox is closed, or if nothing will come any more."""
        async with self._turn:
            while not (self.is_closed or self._has_ended()):
                if not self._messages and self._is_connected and self._seen != self._news:
                    await self._read()
                elif item := self._pop():
                    return item
                else:
                    self._changed.clear()
                    await self._changed.wait()
        return None

    def _has_ended(self) -> bool:
        return False

    @property
    @abstractmethod
    def _subject(self) -> Hashable:
        """Return the subject that is read: inboxes with the same subject share one answer."""

    @abstractmethod
    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[Row]:
        """Return rows behind the position that was read last."""

    @abstractmethod
    def _note(self, rows: list[Row]) -> bool:
        """Keep rows that were read; return whether no more rows were left."""

    @abstractmethod
    def _pop(self) -> T | None:
        """Return the next item of the rows that were read, or None."""

    async def _read(self) -> None:
        news = self._news
        try:
            rows = await self._hub.call(self._catch_up, (self._subject, self._read_position))
        except ConnectionFailed:
            return  # begin runs on the next connection
        if self._note(rows):
            self._seen = news


class Mailbox(Inbox[Notification, NewMessage]):
    """The notifications of a channel. At most 1,000 payloads, which are not stored, are kept."""

    def __init__(self, hub: Hub, channel: str, after: str | None) -> None:
        super().__init__(hub, after)
        self.channel = channel
        self._payloads: deque[str] = deque(maxlen=_KEPT_PAYLOADS)
        self._was_payload = False

    async def begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        listening = await AsyncCaller(connection)._one(
            "listen", row_of(Listening), channel=self.channel, after=self._read_position
        )
        self.names = (listening.messages_on, listening.payloads_on)
        if self._read_position is None:
            self.position = listening.position
        self._read_position = listening.position
        self._is_connected = True
        self.hear(None, "")

    def hear(self, name: str | None, payload: str) -> None:
        if name is not None and name == self.names[1]:
            if len(self._payloads) == _KEPT_PAYLOADS:
                logger.warning(
                    'a payload on channel "%s" was dropped: its listener is slow', self.channel
                )
            self._payloads.append(payload)
            self._changed.set()
        else:
            super().hear(name, payload)

    @property
    def _subject(self) -> Hashable:
        return self.channel

    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[NewMessage]:
        return await AsyncCaller(connection)._all(
            "catch_up",
            row_of(NewMessage),
            adapters=ADAPTERS_OF_TEXT,
            channel=self.channel,
            after=self._read_position,
            limit=_BATCH,
            patience=timedelta(seconds=_PATIENCE),
        )

    def _note(self, rows: list[NewMessage]) -> bool:
        self._messages.extend(rows)
        if rows:
            self._read_position = rows[-1].position
        return not rows

    def _pop(self) -> Notification | None:
        # in turn, so that a flood of payloads does not hold back messages, or the reverse
        self._was_payload = bool(self._payloads) and not (self._messages and self._was_payload)
        if self._was_payload:
            return Notification(self.channel, None, self._payloads.popleft())
        if not self._messages:
            return None
        message = self._messages.popleft()
        self.position = message.position
        # an unreadable message is an error of this call only: the next call gets the next message
        payload = loads(message.message, f'message {message.message_id} of "{self.channel}"')
        return Notification(self.channel, message.message_id, payload)
