"""Subscriptions: events of runs as they happen, for coroutines and for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepgres._listening.event_mailbox import EventMailbox
from stepgres._listening.feed import AsyncFeed, Feed
from stepgres.types import RunEvent

if TYPE_CHECKING:
    from uuid import UUID

    from stepgres._listening.notifications import AsyncNotifications, Notifications


class AsyncEventListener(AsyncFeed[RunEvent]):
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
        super().__init__(notifications, EventMailbox(notifications.hub, run_id, workflow_slug))


class EventListener(Feed[RunEvent]):
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
