"""Waiting for the end of a run."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from stepgres._postgres.backoff import Backoff
from stepgres.errors import WorkflowTimeout
from stepgres.types import run_result

if TYPE_CHECKING:
    from uuid import UUID

    from typing_extensions import Self

    from stepgres._client.runs_async import AsyncRuns
    from stepgres.types import RunResult

_LOOK_INTERVAL = 5.0  # seconds between looks at the run, in case a notification is lost
_PAUSES = (0.01, 0.05, 0.25, 1.0)  # seconds between looks where no notification can come
_LEASE = 60.0  # seconds until a subscriber that has died is removed


async def wait_for_run(runs: AsyncRuns, run_id: UUID, timeout: float | None) -> RunResult:
    """Wait until a run has ended: see AsyncClient.wait_for_run."""
    deadline = monotonic() + (float("inf") if timeout is None else timeout)
    async with AsyncSubscription(runs, run_id) as subscription:
        while True:
            status = await runs.get_run_status(run_id)
            if status.status != "in_progress":
                return run_result(run_id, status)
            seconds = deadline - monotonic()
            if seconds <= 0:
                raise WorkflowTimeout(run_id)
            await subscription.wait(min(seconds, _LOOK_INTERVAL))


class AsyncSubscription:
    """A subscription to the end or the changes of a run. Enter it, and then look at the run."""

    def __init__(self, runs: AsyncRuns, run_id: UUID, *, every_change: bool = False) -> None:
        self._runs = runs
        self._run_id = run_id
        self._every_change = every_change
        self._subscriber_id: str | None = None

    async def __aenter__(self) -> Self:
        self._pauses = Backoff(_PAUSES)
        name = None
        # a role that may only read, and a client of a standby, poll instead
        with suppress(InsufficientPrivilege, ReadOnlySqlTransaction):
            name = await self._subscribe()
        try:
            self._hints = await self._runs._notifications.hints(name)
        except BaseException:
            await self._unsubscribe()
            raise
        if not self._hints.is_listening:
            await self._unsubscribe()
        return self

    async def wait(self, seconds: float) -> None:
        """Wait for a change of the run, or these seconds, which are at most half a lease."""
        if self._subscriber_id is None:
            seconds = min(seconds, self._pauses.pause())
        await self._hints.wait(seconds)
        if self._subscriber_id is not None and monotonic() > self._renew_at:
            await self._subscribe()

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._unsubscribe()
        finally:
            await self._hints.aclose()

    async def _subscribe(self) -> str:
        self._renew_at = monotonic() + _LEASE / 2
        subscription = await self._runs.add_subscriber(
            self._run_id,
            subscriber_id=self._subscriber_id,
            lease=_LEASE,
            every_change=self._every_change,
        )
        self._subscriber_id = subscription.subscriber_id
        return subscription.notified_on

    async def _unsubscribe(self) -> None:
        subscriber_id, self._subscriber_id = self._subscriber_id, None
        if subscriber_id is not None:
            await self._runs.remove_subscriber(subscriber_id)
