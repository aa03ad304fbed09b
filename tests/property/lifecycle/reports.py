"""What the functions that report about runs must say, by the model."""

from __future__ import annotations

from tests.property.lifecycle.model import Model
from tests.property.lifecycle.run import Run
from tests.property.lifecycle.state import text
from tests.support.engine import Engine


def check_reports(engine: Engine, model: Model) -> None:
    for run in model.runs.values():
        status, details = engine.status(run.run_id)
        assert (status, text(details)) == expected_status(run)
        explained = set(engine.rows("select step_slug from stepgres.why_stuck(%s)", run.run_id))
        unfinished = {s for s, state in run.steps.items() if state.status in ("created", "started")}
        assert explained == unfinished
    for status in ("started", "completed", "failed"):
        listed = engine.rows("select run_id from stepgres.list_workflow_runs(%s)", status)
        assert set(listed) == {r.run_id for r in model.runs.values() if r.status == status}


def expected_status(run: Run) -> tuple[str, str]:
    if run.status == "completed":
        return ("completed", text(run.output))
    if run.status == "failed":
        return ("failed", text(run.error))
    total = len(run.steps)
    finished = sum(state.counts_as_finished for state in run.steps.values())
    details = {
        "total_steps": total,
        "completed_steps": finished,
        "percentage": round(100 * finished / total, 1),
        "paused": run.is_paused,
    }
    return ("in_progress", text(details))
