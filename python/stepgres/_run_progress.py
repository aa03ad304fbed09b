"""How far the events of a run have been read."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from stepgres._async.caller import AsyncCaller
from stepgres.types import RunEvent

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import psycopg

_OVERLAP = timedelta(seconds=10)  # an event happens before it is committed
_SHORTEST_REST = 0.01  # seconds
_LONGEST_REST = 5.0


class RunProgress:
    """Wants the latest events of a run, all of them now and then, and all of them at its end.

    What was committed later than others that happened after it is found then, if not before.
    """

    def __init__(self, run_id: UUID) -> None:
        self.is_complete = False  # whether all was read that was committed before the last look
        self.has_ended = False
        self.rested_at = 0.0
        self._run_id = run_id
        self._newest: datetime | None = None
        self._seen: set[RunEvent] = set()

    @property
    def wanted(self) -> tuple[UUID, datetime | None]:
        """What is to be read: the arguments of read_events."""
        since = self._newest - _OVERLAP if self._newest and self.is_complete else None
        return self._run_id, since

    def note(self, events: list[RunEvent]) -> list[RunEvent]:
        """Those of the events that are new, which are not any more then."""
        events = [event for event in events if event not in self._seen]
        # the clock may have been set back meanwhile: the end comes last
        events.sort(key=lambda event: event.is_end)
        self.is_complete = True
        if events:
            self.has_ended = events[-1].is_end
            self._seen.update(events)
            newest = max(event.occurred_at for event in events)
            self._newest = max(newest, self._newest or newest)
        return events

    def rest(self, seconds: float, times: float) -> None:
        """Do not be read for so many times as long as the last time took."""
        self.rested_at = monotonic() + min(max(_SHORTEST_REST, times * seconds), _LONGEST_REST)


async def read_events(
    run_id: UUID, since: datetime | None, connection: psycopg.AsyncConnection[Any]
) -> list[RunEvent]:
    """The events of a run since then; all of them if it has ended."""
    events = await _list(connection, run_id, since)
    if since is not None and any(event.is_end for event in events):
        events = await _list(connection, run_id, None)
    return events


async def _list(
    connection: psycopg.AsyncConnection[Any], run_id: UUID, since: datetime | None
) -> list[RunEvent]:
    return await AsyncCaller(connection)._all(
        "list_run_events", class_row(RunEvent), run_id=run_id, since=since
    )
