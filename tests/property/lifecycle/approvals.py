"""Approvals: what people have decided, and when that decides the wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.lifecycle import waiting
from tests.property.lifecycle.waits import Decision, Resolution, Wait

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def decide(run: Run, wait: Wait, decision: Decision) -> None:
    """Who approves twice counts once."""
    same = (decision.is_approval, decision.decided_by)
    if same not in [(other.is_approval, other.decided_by) for other in wait.decisions]:
        wait.decisions.append(decision)
    count(run)
    run.settle()


def count(run: Run) -> None:
    """Decisions on a paused run count when it is resumed."""
    if run.is_active and not run.is_paused:
        verdicts = [verdict(wait) for wait in run.waits.values() if wait.is_open]
        waiting.resolve(run, [found for found in verdicts if found is not None])


def verdict(wait: Wait) -> Resolution | None:
    """The first rejection decides, or the last approval that the quorum needs."""
    if wait.approval is None or not wait.decisions:
        return None
    last = wait.decisions[-1]
    if last.is_approval and len(wait.decisions) < wait.approval.quorum:
        return None
    payload = {
        "approved": last.is_approval,
        "payload": last.payload,
        "decisions": [decision.document for decision in wait.decisions],
    }
    if last.is_approval:
        return Resolution(wait, "approved", payload)
    title = wait.approval.title
    error = f'approval "{title}" was rejected by {last.decided_by}: {last.comment}'
    return Resolution(wait, "rejected", payload, error)
