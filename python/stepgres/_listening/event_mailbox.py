"""The mailbox of a subscriber: events that its consumer has not taken yet."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import scalar_row

from stepgres._listening.mailbox import Inbox
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.errors import ConnectionFailed
from stepgres.types import NewEvent, RunEvent, Subscription

if TYPE_CHECKING:
    from collections.abc import Hashable
    from uuid import UUID

    import psycopg

    from stepgres._listening.hub import Hub

logger = logging.getLogger("stepgres")

_LEASE = 60.0  # seconds until a subscriber that has died is removed
_BATCH = 1_000  # events read at a time


class EventMailbox(Inbox[RunEvent, NewEvent]):
    """The events of a run, of the runs of a workflow, or of all.

    An asyncio task renews the lease, however long the consumer is busy. The task then looks for
    events too, so that the position also advances without notifications.
    """

    def __init__(self, hub: Hub, run_id: UUID | None, workflow_slug: str | None) -> None:
        super().__init__(hub, None)
        self._run_id = run_id
        self._workflow_slug = workflow_slug
        self._subscriber_id: str | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._is_over = False

    async def enter(self) -> None:
        await super().enter()
        try:
            async with self._turn:
                await self._read()  # refuses an unknown run now
        except BaseException:
            await self.leave()
            raise
        self._renewing = asyncio.create_task(self._renew())

    async def begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await self._subscribe(connection)
        await super().begin(connection)
        self._is_connected = True
        self.hear(None, "")

    async def leave(self) -> None:
        """End the subscription; without a connection the end of the lease ends the subscription."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._is_connected and self._subscriber_id is not None:
            with suppress(ConnectionFailed):
                await self._hub.call(self._unsubscribe)
        await super().leave()

    @property
    def _subject(self) -> Hashable:
        return self._run_id, self._workflow_slug

    def _has_ended(self) -> bool:
        return self._is_over

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_LEASE / 3)
            try:
                await self._hub.call(self._subscribe)
            except ConnectionFailed:
                continue  # begin subscribes again
            except Exception:
                logger.exception("a subscription could not be renewed")
            self.hear(None, "")

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
        self.names = (subscription.notified_on,)

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
        self._messages.extend(row for row in rows if row.event_type is not None)
        self._read_position = rows[-1].position if rows else self._read_position
        return not rows or rows[-1].event_type is None

    def _pop(self) -> RunEvent | None:
        if not self._messages:
            return None
        row = self._messages.popleft()
        event = RunEvent._make(row[:-1])
        self.position = row.position
        self._is_over = event.is_end and self._run_id is not None
        return event
