"""The pages. See README.md on how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepgres._dashboard.pages import (
    bulk,
    channels,
    limits,
    queues,
    run,
    runs,
    schedules,
    step,
)

if TYPE_CHECKING:
    from stepgres._dashboard.view import Page

PAGES: list[Page] = [
    *runs.PAGES,
    *run.PAGES,
    *step.PAGES,
    *bulk.PAGES,
    *queues.PAGES,
    *schedules.PAGES,
    *limits.PAGES,
    *channels.PAGES,
]
