"""What of goals a subscriber to many runs has been told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from stepgres.types import RunEvent

_KEPT = 10_000  # events


class GoalProgress:
    """Knows which events of goals are new, although goals, unlike runs, have no end.

    It keeps the last that were told; those that happened before one of which it has forgotten that
    it was told are taken for told.
    """

    def __init__(self) -> None:
        self._told: dict[RunEvent, None] = {}  # in this order
        self._forgotten: datetime | None = None  # when the last of those happened
        self._before: set[RunEvent] | None = None

    def find_changed(self, recent: Iterable[RunEvent]) -> list[str]:
        """The task graphs that recent events tell something new of, which is to be read then.

        What happened before the first call is not news, though it is told in front of what is.
        """
        if self._before is None:
            self._before = set(recent)
        news = (event for event in recent if event not in self._before and self._is_new(event))
        return list(dict.fromkeys(str(event.task_graph_id) for event in news))

    def note(self, events: Iterable[RunEvent]) -> list[RunEvent]:
        """Those of the events that are new, which are not any more then."""
        new = [event for event in events if self._is_new(event)]
        self._told.update(dict.fromkeys(new))
        while len(self._told) > _KEPT:
            event = next(iter(self._told))
            del self._told[event]
            self._forgotten = max(event.occurred_at, self._forgotten or event.occurred_at)
        return new

    def _is_new(self, event: RunEvent) -> bool:
        is_kept = self._forgotten is None or event.occurred_at > self._forgotten
        return is_kept and event not in self._told
