"""The option keep: a sweep deletes runs some time after their ends.

When it comes to which run is left open. It may not come too early, and in the end it comes to all.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def may_go(run: Run) -> bool:
    """A child is kept as long as its parent is active."""
    keep = run.world.keeps.get(run.workflow.workflow_slug, {})
    outcome = "cancelled" if run.is_cancelled else run.status
    age = keep.get("failed") if outcome == "cancelled" else None
    age = keep.get(outcome, age)
    if age is None or run.finished_at is None:
        return False
    if run.is_child and run.parent is not None and run.parent.is_active:
        return False
    return run.finished_at <= run.world.now - timedelta(seconds=age)
