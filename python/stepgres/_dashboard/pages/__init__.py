"""The pages. See README.md on how to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepgres._dashboard.pages import (
    approvals,
    bulk,
    channels,
    goals,
    limits,
    queues,
    run,
    runs,
    schedules,
    step,
    workflows,
)

if TYPE_CHECKING:
    from stepgres._dashboard.view import Page

PAGES: list[Page] = [
    *runs.PAGES,
    *run.PAGES,
    *step.PAGES,
    *bulk.PAGES,
    *workflows.PAGES,
    *schedules.PAGES,
    *approvals.PAGES,
    *goals.PAGES,
    *queues.PAGES,
    *limits.PAGES,
    *channels.PAGES,
]
