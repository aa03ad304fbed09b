"""Live updates: one watcher for all open tabs tells them that the database has changed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.rows import scalar_row
from starlette.responses import StreamingResponse

from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Hashable

    from stepgres._client.client_async import AsyncClient

T = TypeVar("T")

_INTERVAL = 1.0  # seconds between two looks at the database
_HEARTBEAT = 15.0  # seconds of silence, before a tab is told that the stream still lives
_MOST_TABS = 1000
_MOST_FRAGMENTS = 256

# A snapshot changes when a transaction that has written something becomes visible, on a standby
# too. Vacuum and checkpoints, which write WAL, do not change it.
_LOOK = "select pg_catalog.pg_current_snapshot()::text"


class Live:
    """The open tabs, the watcher while there are tabs, and fragments of the newest snapshot."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._tabs: set[asyncio.Queue[str]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._snapshot: str | None = None  # None: nobody watches, or the database is away
        self._fragments: dict[Hashable, asyncio.Task[Any]] = {}
        self._remembered: dict[Hashable, tuple[float, Any]] = {}

    def stream(self) -> StreamingResponse:
        """Return a response of server-sent events: changed, lost and beat."""
        if len(self._tabs) >= _MOST_TABS:
            return StreamingResponse(iter(()), 503)
        return StreamingResponse(
            self._events(),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def close(self) -> None:
        """End the streams of all tabs, so that the server need not wait for them."""
        for tab in self._tabs:
            tab.put_nowait("")

    def forget(self) -> None:
        """Forget all fragments, because an action has changed something."""
        self._fragments.clear()
        self._remembered.clear()

    async def remember(self, key: Hashable, seconds: float, read: Callable[[], Awaitable[T]]) -> T:
        """Return what read returned, at most so many seconds ago. There are few such keys."""
        known = self._remembered.get(key)
        if known is None or time.monotonic() - known[0] > seconds:
            known = (time.monotonic(), await read())
            self._remembered[key] = known
        value: T = known[1]
        return value

    async def fragment(self, key: Hashable, render: Callable[[], Awaitable[Any]]) -> Any:
        """Return what render returns, rendered once for each snapshot and key."""
        if self._snapshot is None:
            return await render()
        task = self._fragments.get(key)
        if task is None:
            task = asyncio.ensure_future(render())
            self._fragments[key] = task
            task.add_done_callback(lambda done: self._keep(key, done))
            while len(self._fragments) > _MOST_FRAGMENTS:
                self._fragments.pop(next(iter(self._fragments)))
        return await asyncio.shield(task)  # a tab that is closed cancels no other tab

    def _keep(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._fragments.pop(key, None)

    async def _events(self) -> AsyncIterator[str]:
        tab: asyncio.Queue[str] = asyncio.Queue()
        self._tabs.add(tab)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        try:
            yield "retry: 2000\nevent: beat\ndata:\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(tab.get(), _HEARTBEAT)
                except (TimeoutError, asyncio.TimeoutError):
                    event = "beat"
                if not event:
                    return
                yield f"event: {event}\ndata:\n\n"
        finally:
            self._tabs.discard(tab)

    async def _watch(self) -> None:
        is_lost = False
        while self._tabs:
            snapshot = await self._look()
            if snapshot is None and not is_lost:
                self._tell("lost")
            elif snapshot != self._snapshot or is_lost:
                self._tell("changed")
            is_lost = snapshot is None
            if snapshot != self._snapshot:
                self._snapshot = snapshot
                self._fragments.clear()
            await asyncio.sleep(_INTERVAL)
        self._snapshot = None
        self._fragments.clear()

    async def _look(self) -> str | None:
        with suppress(StepgresError, psycopg.Error):
            (snapshot,) = await self._client._query("the dashboard", _LOOK, {}, scalar_row)
            return str(snapshot)
        return None

    def _tell(self, event: str) -> None:
        for tab in self._tabs:
            if tab.empty():
                tab.put_nowait(event)
