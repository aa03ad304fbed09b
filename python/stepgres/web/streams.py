"""What web pages are sent: messages of a channel, or events of runs."""

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
    """A listener that is open, as a page sees it."""

    position: str | None
    greeting: dict[str, Any] | None
    has_ended: bool

    async def next(self) -> tuple[dict[str, Any], str | None] | None:
        """The next one, and its id if it has one; None if it is closed or has ended."""

    async def aclose(self) -> None:
        """Listen no longer."""


class Messages:
    """The messages of a channel; their ids are the positions behind them."""

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
    """The events of one run or of many; of one, the last has an id."""

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
    """The JSON of what is next, and its id; None at the end, and if there can be no next now."""
    while True:
        try:
            item = await stream.next()
            return None if item is None else (dumps(item[0]), item[1])
        except (UnreadableValue, ValueError, RecursionError):
            # left out: for what it cannot be sent, a page would come back again and again
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
