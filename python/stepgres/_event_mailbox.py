"""What has happened in runs, and what a subscriber has been told of it."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from psycopg.rows import class_row, scalar_row

from stepgres._async.caller import AsyncCaller
from stepgres._async.connections import is_pooled
from stepgres._goal_progress import GoalProgress
from stepgres._hub import Hub, Member
from stepgres._notifications import hint_channel
from stepgres._run_progress import RunProgress, read_events
from stepgres.errors import ConnectionFailed, RunNotFound, TaskGraphNotFound
from stepgres.types import RunEvent

if TYPE_CHECKING:
    import psycopg

_LEASE = 60.0  # seconds; of a subscriber that has died nothing is left after that
_LOOK_INTERVAL = 5.0  # seconds between looks at everything, should a hint be lost
_BLIND_INTERVAL = 1.0  # the same where no hint can come
_MARGIN = timedelta(minutes=1)  # of starts, and news of goals, that were committed late
_REST = 10  # times as long as a look takes, until the next one
_KEPT_HINTS = 10_000  # runs and goals that have changed, while the consumer is busy
_TASK_GRAPH = "htdag_"  # what the id of one begins with


class EventMailbox(Member):
    """Reads the events of a run again when there is a hint, and keeps those that are new.

    Of a goal likewise, if it is not for one run: what there is before there is a run.
    Only when the consumer has taken the others: a slow one holds up nothing, and needs no memory.
    Now and then it looks at all that it follows, since hints get lost: with a connection, behind a
    pooler, and when a change of many runs is under way while it subscribes.
    """

    def __init__(self, hub: Hub, run_id: UUID | None, workflow_slug: str | None) -> None:
        self.is_closed = False
        self.names = (hint_channel(run_id, workflow_slug),)
        self._hub = hub
        self._run_id = run_id
        self._workflow_slug = workflow_slug
        self._events: deque[RunEvent] = deque()
        self._runs: dict[UUID, RunProgress] = {}  # those that have not ended
        self._goals = GoalProgress()
        self._hinted: dict[UUID | str, None] = {}  # runs and task graphs to be read, in this order,
        self._due: dict[UUID | str, None] = {}  # and then these
        self._ended: set[UUID] = set()  # since the last look
        self._ended_before: set[UUID] = set()
        self._subscriber_id: str | None = None
        self._renew_at = 0.0
        self._began_at: float | None = None
        self._looked_at = 0.0
        self._look_at = 0.0
        self._reading = 0.0  # seconds, since the last look
        self._is_connected = False
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def enter(self) -> None:
        """Listen, and find out where things stand."""
        await self._hub.add(self)
        try:
            async with self._turn:
                await self._look()
                if self._run_id is not None:
                    await self._read(self._run_id)
        except BaseException:
            await self.leave()
            raise

    async def begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        # whoever may look only, and a standby, gets no hints and looks now and then
        with suppress(InsufficientPrivilege, ReadOnlySqlTransaction):
            await super().begin(connection)
            if not is_pooled(connection):
                await self._subscribe(connection)
        self._look_at = 0.0
        self._is_connected = True
        self._changed.set()

    def hear(self, name: str | None, payload: str) -> None:
        if name is None:
            return  # of a pooler, which does without hints
        try:
            is_of_goal = self._run_id is None and payload.startswith(_TASK_GRAPH)
            subject = payload if is_of_goal else self._run_id or UUID(payload)
        except ValueError:
            return  # anybody can notify
        if len(self._hinted) >= _KEPT_HINTS:
            self._look_at = 0.0
            self._hinted.clear()
        self._hinted[subject] = None
        self._changed.set()

    def lose(self) -> None:
        self._is_connected = False

    def close(self) -> None:
        """Deliver nothing more."""
        self.is_closed = True
        self._changed.set()

    async def leave(self) -> None:
        """End the subscription, or leave it to the lease where there is no connection."""
        if self._is_connected and self._subscriber_id is not None:
            with suppress(ConnectionFailed):
                await self._hub.call(self._unsubscribe)
        await self._hub.remove(self)

    async def take(self) -> RunEvent | None:
        """The next event; None if it is closed, or if the run has ended."""
        async with self._turn:
            while not self.is_closed:
                if self._events:
                    return self._events.popleft()
                if self._run_id in self._ended:
                    return None
                # when there is no connection, begin says when there is another one
                with suppress(ConnectionFailed):
                    await self._advance()
        return None

    async def _advance(self) -> None:
        """Do what is due, or wait until something is."""
        now = monotonic()
        if not self._is_connected:
            await self._wait(None)
        elif self._subscriber_id is not None and now >= self._renew_at:
            await self._hub.call(self._subscribe)
        elif now >= self._look_at:
            await self._look()
        else:
            ready_at = self._look_at if self._subscriber_id is None else self._renew_at
            for subject in chain(self._hinted, self._due):
                if isinstance(subject, str):
                    return await self._read_goal(subject)
                rested_at = self._runs[subject].rested_at if subject in self._runs else now
                if rested_at <= now:
                    return await self._read(subject)
                ready_at = min(ready_at, rested_at)
            await self._wait(min(ready_at, self._look_at) - now)
        return None

    async def _wait(self, seconds: float | None) -> None:
        self._changed.clear()
        with anyio.move_on_after(seconds):
            await self._changed.wait()

    async def _look(self) -> None:
        """Let everything be read that may have changed."""
        now = monotonic()
        if self._began_at is None:
            self._began_at = self._looked_at = now
        if self._run_id is None:
            started_within = min(
                timedelta(seconds=now - self._looked_at) + _MARGIN,
                timedelta(seconds=now - self._began_at),  # what ended before is not asked for
            )
            found = await self._hub.call(lambda to: self._list_runs(to, started_within))
            happened_within = timedelta(seconds=now - self._looked_at) + _MARGIN
            recent = await self._hub.call(
                lambda to: self._list_goal_events(to, happened_within=happened_within)
            )
            # a hint can come after the end was seen, and finds it forgotten only two looks later
            self._ended_before = self._ended | self._ended_before.intersection(found)
            self._ended = set()
            changed = self._goals.find_changed(recent)
            self._due = dict.fromkeys(chain(changed, self._due, found, self._runs))
        else:
            self._due = {self._run_id: None}
        for progress in self._runs.values():
            progress.is_complete = False
        interval = _BLIND_INTERVAL if self._subscriber_id is None else _LOOK_INTERVAL
        self._look_at = now + max(interval, _REST * self._reading)
        self._looked_at, self._reading = now, 0.0

    async def _read(self, run_id: UUID) -> None:
        """Look for new events of a run."""
        self._hinted.pop(run_id, None)
        self._due.pop(run_id, None)
        if run_id in self._ended or run_id in self._ended_before:
            return
        progress = self._runs.get(run_id) or RunProgress(run_id)
        began_at = monotonic()
        try:
            # others who have come as far wait for the same answer
            wanted = progress.wanted
            events = progress.note(await self._hub.call(partial(read_events, *wanted), wanted))
        except RunNotFound:
            self._runs.pop(run_id, None)
            if run_id == self._run_id:
                raise
            return
        except BaseException:
            self._due[run_id] = None  # so it is not lost when whoever waits gives up
            raise
        progress.rest(monotonic() - began_at, _REST)
        self._reading += monotonic() - began_at
        self._events.extend(events)
        if progress.has_ended:
            self._runs.pop(run_id, None)
            self._ended.add(run_id)
        else:
            self._runs[run_id] = progress

    async def _read_goal(self, task_graph_id: str) -> None:
        """Look for new events of a task graph."""
        self._hinted.pop(task_graph_id, None)
        self._due.pop(task_graph_id, None)
        began_at = monotonic()
        try:
            events = await self._hub.call(
                lambda to: self._list_goal_events(to, task_graph_id=task_graph_id),
                (task_graph_id, self._workflow_slug),  # others with the same subject wait for it
            )
        except TaskGraphNotFound:
            return
        except BaseException:
            self._due[task_graph_id] = None
            raise
        self._reading += monotonic() - began_at
        self._events.extend(self._goals.note(events))

    async def _subscribe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        renew_at = monotonic() + _LEASE / 2
        (self._subscriber_id,) = await AsyncCaller(connection)._all(
            "add_subscriber",
            scalar_row,
            run_id=self._run_id,
            subscriber_id=self._subscriber_id,
            lease=timedelta(seconds=_LEASE),
            workflow_slug=self._workflow_slug,
            every_change=True,
        )
        self._renew_at = renew_at

    async def _unsubscribe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await AsyncCaller(connection)._all(
            "remove_subscriber", scalar_row, subscriber_id=self._subscriber_id
        )

    async def _list_runs(
        self, connection: psycopg.AsyncConnection[Any], started_within: timedelta
    ) -> list[UUID]:
        return await AsyncCaller(connection)._all(
            "list_active_runs",
            scalar_row,
            workflow_slug=self._workflow_slug,
            started_within=started_within,
        )

    async def _list_goal_events(
        self, connection: psycopg.AsyncConnection[Any], **which: Any
    ) -> list[RunEvent]:
        return await AsyncCaller(connection)._all(
            "list_goal_events",
            class_row(RunEvent),
            workflow_slug=self._workflow_slug,
            **which,
        )
