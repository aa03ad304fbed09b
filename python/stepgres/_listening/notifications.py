"""The listeners of a client, which share one connection that opens at its first use."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
from psycopg.errors import ReadOnlySqlTransaction

from stepgres._listening.background import BackgroundLoop
from stepgres._listening.hub import Hub
from stepgres._listening.wakeup import Wakeup
from stepgres.errors import ConnectionFailed, InvalidInput

if TYPE_CHECKING:
    from stepgres._listening.listener_base import AsyncListenerBase


class AsyncNotifications:
    """The listeners of a client."""

    def __init__(self, conninfo: str | None) -> None:
        self._conninfo = conninfo
        self._hub: Hub | None = None
        self.listeners: set[AsyncListenerBase[Any, Any]] = set()

    @property
    def hub(self) -> Hub:
        if self._hub is None:
            if self._conninfo is None:
                raise InvalidInput(
                    "listening needs a connection of its own, and this client cannot open any",
                    hint="Make the client with a connection string, or with a pool that was made"
                    " with one.",
                )
            self._hub = Hub(self._conninfo)
        return self._hub

    async def hints(self, name: str | None) -> AsyncHints:
        """Listen on a name, except on a standby; ConnectionFailed if there is no connection."""
        hints = AsyncHints(self.hub, name)
        with suppress(ReadOnlySqlTransaction):  # a standby has no notifications
            await self.hub.add(hints)
            hints._hint.clear()  # the caller looks now anyway
        return hints

    async def aclose(self) -> None:
        """Close all listeners; their iterations end."""
        for listener in tuple(self.listeners):
            await listener.aclose()
        if self._hub is not None:
            await self._hub.close()

    def abandon(self) -> None:
        """Leave all listeners to the parent of this forked process."""


class AsyncHints(Wakeup):
    """Hints that a notification came on one name, to wait for."""

    def __init__(self, hub: Hub, name: str | None) -> None:
        self._hint = asyncio.Event()
        super().__init__(hub, () if name is None else (name,), self._hint.set)

    async def wait(self, seconds: float) -> None:
        """Wait for a notification since the last wait, or for these seconds."""
        with anyio.move_on_after(seconds):
            await self._hint.wait()
        self._hint.clear()


class Notifications:
    """The listeners of a client for threads, which run in an event loop in the background."""

    def __init__(self, conninfo: str | None) -> None:
        self.background = BackgroundLoop()
        self.asynchronous = AsyncNotifications(conninfo)

    def hints(self, name: str | None) -> Hints:
        """Listen on a name; ConnectionFailed if there is no connection."""
        return Hints(self, name)

    def close(self) -> None:
        """Close all listeners; their iterations end."""
        with suppress(CancelledError):  # there is no loop
            self.background.run(self.asynchronous.aclose())
        self.background.stop()

    def abandon(self) -> None:
        """Leave all listeners to the parent of this forked process; iterations end here."""
        self.background.abandon()


class Hints:
    """The hints of AsyncHints for threads."""

    def __init__(self, notifications: Notifications, name: str | None) -> None:
        self._background = notifications.background
        self._background.enter(self)
        try:
            self._hints = self._background.run(notifications.asynchronous.hints(name))
        except BaseException:
            self._background.leave(self)
            raise

    @property
    def is_listening(self) -> bool:
        """Say whether notifications come through."""
        return self._hints.is_listening

    def wait(self, seconds: float) -> None:
        """Wait for a notification since the last wait, or for these seconds."""
        try:
            self._background.run(self._hints.wait(seconds))
        except CancelledError as error:
            raise ConnectionFailed("the client was closed by another thread") from error

    def close(self) -> None:
        """Stop listening."""
        with suppress(CancelledError):
            self._background.run(self._hints.aclose())
        self._background.leave(self)
