"""Subscriptions: events of runs as they happen, for coroutines and for threads."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import scalar_row

from stepgres._listening.listener_base import AsyncListenerBase, ListenerBase
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import ConnectionFailed
from stepgres.types import NewEvent, RunEvent, Subscription

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

    from stepgres._listening.notifications import AsyncNotifications, Notifications

logger = logging.getLogger("stepgres")

_LEASE = 60.0  # seconds until a subscriber that has died is removed
_BATCH = 1_000  # events read at a time


class AsyncEventListener(AsyncListenerBase[RunEvent, NewEvent]):
    """The events of runs; made by `AsyncClient.subscribe`.

    The listener begins once it is awaited or entered. The past events of the run, or of all runs
    that are active then, come first. Then each new event comes once, even over lost connections and
    restarts of the server. No event comes before its cause. An iteration over one run ends with
    the run; other iterations end when the listener is closed.
    """

    def __init__(
        self,
        notifications: AsyncNotifications,
        run_id: UUID | None = None,
        workflow_slug: str | None = None,
    ) -> None:
        super().__init__(notifications, (run_id, workflow_slug), None)
        self._run_id = run_id
        self._workflow_slug = workflow_slug
        self._subscriber_id: str | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def _enter(self) -> None:
        await super()._enter()
        try:
            async with self._turn:
                await self._read()  # refuses an unknown run now
        except BaseException:
            await self._leave()
            raise
        self._renewing = asyncio.create_task(self._renew())

    async def _leave(self) -> None:
        """End the subscription; without a connection the end of the lease ends the subscription."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._is_connected and self._subscriber_id is not None:
            with suppress(ConnectionFailed):
                await self._hub.call(self._unsubscribe)
        await super()._leave()

    async def _begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await self._subscribe(connection)
        await super()._begin(connection)
        self._is_connected = True
        self._hear(None, "")

    async def _renew(self) -> None:
        """Renew the lease, however long the consumer is busy.

        Each renewal is a reason to look for events, so that the position also advances without
        notifications.
        """
        while True:
            await asyncio.sleep(_LEASE / 3)
            try:
                await self._hub.call(self._subscribe)
            except ConnectionFailed:
                continue  # _begin subscribes again
            except Exception:
                logger.exception("a subscription could not be renewed")
            self._hear(None, "")

    async def _subscribe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        subscription = await AsyncCaller(connection)._one(
            "add_subscriber",
            row_of(Subscription),
            run_id=self._run_id,
            subscriber_id=self._subscriber_id,
            lease=timedelta(seconds=_LEASE),
            workflow_slug=self._workflow_slug,
            every_change=True,
            after=self._read_position,
        )
        self._subscriber_id = subscription.subscriber_id
        self._names = (subscription.notified_on,)

    async def _unsubscribe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await AsyncCaller(connection)._all(
            "remove_subscriber", scalar_row, subscriber_id=self._subscriber_id
        )

    async def _catch_up(self, connection: psycopg.AsyncConnection[Any]) -> list[NewEvent]:
        return await AsyncCaller(connection)._all(
            "catch_up_events",
            row_of(NewEvent),
            run_id=self._run_id,
            workflow_slug=self._workflow_slug,
            after=self._read_position,
            limit=_BATCH,
        )

    def _note(self, rows: list[NewEvent]) -> bool:
        self._rows.extend(row for row in rows if row.event_type is not None)
        self._read_position = rows[-1].position if rows else self._read_position
        return not rows or rows[-1].event_type is None

    def _pop(self) -> RunEvent | None:
        if not self._rows:
            return None
        event = RunEvent._make(self._rows.popleft()[:-1])
        self._is_over = event.is_end and self._run_id is not None
        return event


class EventListener(ListenerBase[RunEvent]):
    """The events of runs; made by `Client.subscribe`. See AsyncEventListener."""

    def __init__(
        self,
        notifications: Notifications,
        run_id: UUID | None = None,
        workflow_slug: str | None = None,
    ) -> None:
        super().__init__(
            notifications, AsyncEventListener(notifications.asynchronous, run_id, workflow_slug)
        )
