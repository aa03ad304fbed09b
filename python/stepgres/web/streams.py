"""Streams to web pages: messages of a channel, or events of runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from stepgres._postgres.json_text import dumps
from stepgres.errors import UnreadableValue

if TYPE_CHECKING:
    from stepgres._listening.event_listeners import AsyncEventListener
    from stepgres._listening.listeners import AsyncListener
    from stepgres.types import RunEvent

logger = logging.getLogger("stepgres")

LAST = "end"  # the id of the last event of a run


class Stream(Protocol):
    """An open listener, as a page sees the listener."""

    position: str | None
    greeting: dict[str, Any] | None
    has_ended: bool

    async def next(self) -> tuple[dict[str, Any], str | None] | None:
        """Return the next item and its id or None. Return None if the stream is closed or ended."""

    async def aclose(self) -> None:
        """Close the listener."""


class Messages:
    """The messages of a channel. The id of a message is the position behind the message."""

    has_ended = False

    def __init__(self, listener: AsyncListener) -> None:
        self._listener = listener
        self.aclose = listener.aclose
        self.position = listener.position
        self.greeting: dict[str, Any] | None = {
            "channel": listener.channel,
            "position": listener.position,
        }

    async def next(self) -> tuple[dict[str, Any], str | None] | None:
        try:
            notification = await anext(self._listener)
        except StopAsyncIteration:
            return None
        position = self._listener.position
        item = {**notification._asdict(), "position": position}
        return item, position if notification.message_id is not None else None


class Events:
    """The events of one run or of many runs. The last event of one run has an id."""

    position: str | None = None
    greeting: dict[str, Any] | None = None

    def __init__(self, listener: AsyncEventListener, *, of_one_run: bool) -> None:
        self._listener = listener
        self._of_one_run = of_one_run
        self.aclose = listener.aclose
        self.has_ended = False

    async def next(self) -> tuple[dict[str, Any], str | None] | None:
        try:
            event = await anext(self._listener)
        except StopAsyncIteration:
            return None
        self.has_ended = self._of_one_run and event.is_end
        return _document(event), LAST if self.has_ended else None


async def next_text(stream: Stream) -> tuple[str, str | None] | None:
    """Return the next item as JSON, and its id. Return None at the end or after an error."""
    while True:
        try:
            item = await stream.next()
            return None if item is None else (dumps(item[0]), item[1])
        except (UnreadableValue, ValueError, RecursionError):
            # Skip the item: otherwise a page would reconnect for the item again and again.
            logger.exception("something is not sent to a page")
        except Exception:
            logger.exception("a page is left to connect again")
            return None


def _document(event: RunEvent) -> dict[str, Any]:
    return {
        **event._asdict(),
        "run_id": None if event.run_id is None else str(event.run_id),
        "occurred_at": event.occurred_at.isoformat(),
    }
