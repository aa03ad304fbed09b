"""The values that Stepgres returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres.errors import WorkflowFailed

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID


class RunResult(NamedTuple):
    """The output of a completed run, and its id."""

    output: Any
    run_id: UUID


class RunStatus(NamedTuple):
    """How a run is doing.

    status is "completed" (details: the output), "failed" (details: the error, and failed_step) or
    "in_progress" (details: {"total_steps": 5, "completed_steps": 2, "percentage": 40.0}).
    """

    status: str
    details: Any
    failed_step: str | None


def run_result(run_id: UUID, status: RunStatus) -> RunResult:
    """What a run that has ended means to whoever waited for it: its result, or WorkflowFailed."""
    if status.status == "failed":
        raise WorkflowFailed(run_id, status.failed_step, status.details)
    return RunResult(status.details, run_id)


class Step(NamedTuple):
    """A step of a workflow version, as it is stored."""

    workflow_slug: str
    version: int
    step_slug: str
    step_index: int
    dependency_count: int
    map: bool
    initial_tasks: int | None
    feeds_map: str | None
    max_attempts: int
    base_delay: timedelta
    timeout: timedelta
    execution: str
    queue: str
    priority: int
    resources: dict[str, Any]
    transactional: bool
    sql_function: str | None


class WorkItem(NamedTuple):
    """A task to execute; or, with is_refused, the key of a result that was refused."""

    run_id: UUID
    workflow_slug: str
    workflow_version: int
    step_slug: str
    task_index: int
    attempt: int
    input: Any
    timeout: timedelta
    transactional: bool
    sql_function: str | None
    is_last_attempt: bool | None
    is_refused: bool


class FsckViolation(NamedTuple):
    """A violated invariant, and the run in which it was found, if it was in one."""

    invariant: str
    run_id: UUID | None
    detail: str
