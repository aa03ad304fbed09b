"""Show runs to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stepgres.cli.output import (
    Column,
    duration_text,
    json_text,
    local_time,
    print_fields,
    print_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stepgres.types import (
        CriticalStep,
        RunCount,
        RunDetails,
        RunNode,
        RunStatus,
        RunStep,
        StuckStep,
        Wait,
        WorkflowRun,
    )

_FAILURES_SHOWN = 20
_WAITS_SHOWN = 3  # of a step
_STATES = ("started", "paused", "completed", "failed", "cancelled")
_TASK_STATUSES = (
    "completed",
    "skipped",
    "failed",
    "cancelled",
    "started",
    "queued",
    "waiting",
)


def print_runs(runs: Sequence[WorkflowRun]) -> None:
    """Print a line for each run."""
    has_tags = any(run.tags for run in runs)
    columns = [
        Column("RUN"),
        Column("WORKFLOW"),
        Column("STATUS"),
        Column("STARTED"),
        Column("TOOK", is_number=True),
        *([Column("TAGS", when_long="cut")] if has_tags else []),
        Column("ERROR", when_long="cut"),
    ]
    print_table(
        columns,
        [
            [
                run.run_id,
                run.workflow_slug,
                state_of(run),
                local_time(run.inserted_at),
                took(run.inserted_at, run.finished_at),
                *([", ".join(run.tags or ())] if has_tags else []),
                run.error,
            ]
            for run in runs
        ],
    )


def print_path(path: Sequence[CriticalStep]) -> None:
    """Print a line for each step of a critical path; a kind without time is left empty."""
    kinds = ("queued", "limited", "waited", "retrying", "running")
    print_table(
        [
            Column("STEP"),
            Column("TASK", is_number=True),
            Column("STATUS"),
            *(Column(kind.upper(), is_number=True) for kind in kinds),
        ],
        [
            [
                step.step_slug,
                step.task_index,
                step.status,
                *(
                    duration_text(spent.total_seconds()) if spent else None
                    for spent in (getattr(step, kind) for kind in kinds)
                ),
            ]
            for step in path
        ],
    )


def print_tree(nodes: Sequence[RunNode]) -> None:
    """Print a line for each run of a tree; a workflow is indented by its level."""
    print_table(
        [
            Column("WORKFLOW"),
            Column("RUN"),
            Column("STEP"),
            Column("TASK", is_number=True),
            Column("STATUS"),
            Column("STARTED"),
            Column("TOOK", is_number=True),
            Column("ERROR", when_long="cut"),
        ],
        [
            [
                "  " * node.level + node.workflow_slug,
                node.run_id,
                node.step_slug,
                node.task_index,
                state_of(node),
                local_time(node.inserted_at),
                took(node.inserted_at, node.finished_at),
                node.error,
            ]
            for node in nodes
        ],
    )


def print_counts(counts: Sequence[RunCount]) -> None:
    """Print a line for each workflow, with the statuses of print_runs."""
    lines: dict[str, dict[str, int]] = {}
    for found in counts:
        line = lines.setdefault(found.workflow_slug, dict.fromkeys(_STATES, 0))
        line[found.status] += found.runs - found.paused - found.cancelled
        line["paused"] += found.paused
        line["cancelled"] += found.cancelled
    print_table(
        [Column("WORKFLOW"), *(Column(state.upper(), is_number=True) for state in _STATES)],
        [[slug, *(f"{line[state]:,}" for state in _STATES)] for slug, line in lines.items()],
    )


def _on_failure(run: RunDetails) -> str | None:
    if run.failure_run_id is not None:
        return f"{run.on_failure}, run {run.failure_run_id}"
    if run.on_failure_error is not None:
        return f"{run.on_failure}, not started: {run.on_failure_error}"
    return run.on_failure


def print_run(run: RunDetails) -> None:
    """Print a run, its steps and its failed attempts."""
    duration = took(run.inserted_at, run.finished_at)
    has_payloads = run.payloads_deleted_at is None
    has_output = run.status == "completed" and has_payloads
    print_fields(
        [
            ("Run", run.run_id),
            ("Workflow", f"{run.workflow_slug}, version {run.version}"),
            ("Status", state_of(run)),
            ("Error", run.error),
            ("Started", local_time(run.inserted_at)),
            ("Paused", local_time(run.paused_at)),
            ("Ended", run.finished_at and f"{local_time(run.finished_at)}, after {duration}"),
            ("Deadline", run.deadline and duration_text(run.deadline)),
            ("Tags", ", ".join(run.tags or ()) or None),
            ("Priority", run.priority),
            ("Key", run.idempotency_key),
            ("Unique key", run.unique_key),
            ("Parent", run.parent_run_id),
            ("Retry of", run.retried_from),
            ("Fork of", run.forked_from),
            ("Failure of", run.failure_of),
            ("On failure", _on_failure(run)),
            ("Task graph", run.task_graph_id),
            ("Trace", run.traceparent and run.traceparent.split("-")[1]),
            ("Payloads deleted", local_time(run.payloads_deleted_at)),
            ("Input", json_text(run.input) if has_payloads else None),
            ("Output", json_text(run.output) if has_output else None),
        ]
    )
    click.echo()
    _print_steps(run.steps)
    failures = [
        (step, attempt)
        for step in run.steps
        for attempt in step.attempts
        if attempt.status == "failed"
    ]
    if failures:
        click.echo()
        print_table(
            [
                Column("FAILED ATTEMPT"),
                Column("TASK", is_number=True),
                Column("NUMBER", is_number=True),
                Column("WORKER"),
                Column("ENDED"),
                Column("ERROR", when_long="wrap"),
            ],
            [
                [
                    step.step_slug,
                    attempt.task_index,
                    attempt.attempt,
                    attempt.worker_id,
                    local_time(attempt.finished_at),
                    attempt.error,
                ]
                for step, attempt in failures[:_FAILURES_SHOWN]
            ],
        )
    traceback = (
        run.traceback
        or max(
            ((a.finished_at, a.traceback) for _, a in failures if a.finished_at and a.traceback),
            default=(None, None),
        )[1]
    )
    if traceback:
        click.echo(f"\n{traceback.rstrip()}")
    if len(failures) > _FAILURES_SHOWN:
        click.echo(f"… and {len(failures) - _FAILURES_SHOWN:,} more: see --json")


def _print_steps(steps: Sequence[RunStep]) -> None:
    print_table(
        [
            Column("STEP"),
            Column("STATUS"),
            Column("TASKS", when_long="wrap"),
            Column("TOOK", is_number=True),
            Column("AFTER", when_long="wrap"),
            Column("NOTE", when_long="wrap"),
        ],
        [
            [
                step.step_slug,
                step.status,
                tasks_text(step),
                step.started_at and took(step.started_at, step.finished_at),
                ", ".join(step.depends_on),
                ": ".join(filter(None, [step.skip_reason, step.error]))
                or waits_text(step.waits)
                or progress_text(step),
            ]
            for step in steps
        ],
    )


def print_reasons(reasons: Sequence[StuckStep]) -> None:
    """Print the reasons for which the steps of a run wait."""
    print_table(
        [
            Column("STEP"),
            Column("TASK", is_number=True),
            Column("WAITS FOR"),
            Column("UNTIL"),
            Column("DETAIL", when_long="wrap"),
        ],
        [[r.step_slug, r.task_index, r.waits_for, local_time(r.until), r.detail] for r in reasons],
    )


def wait_text(wait: Wait) -> str:
    """Return the subject of a wait: signal paid, approval Ship it?, sleep, workflow ship."""
    title = wait.approval and wait.approval["title"]
    run = wait.child_run_id and f"run {wait.child_run_id}"
    return wait.name or f"{wait.kind} {wait.signal or title or run or ''}".strip()


def waits_text(waits: Sequence[Wait]) -> str | None:
    """Return the first open waits: waits for signal paid, sleep."""
    found = [wait_text(wait) for wait in waits if wait.resolved_at is None]
    if not found:
        return None
    more = len(found) - _WAITS_SHOWN
    rest = [f"and {more:,} more"] if more > 0 else []
    return f"waits for {', '.join(found[:_WAITS_SHOWN] + rest)}"


def progress_text(step: RunStep) -> str | None:
    """Return the last progress of a step: 30 of 40 (75%), reading pages."""
    if not step.progress:
        return None
    last = max(step.progress, key=lambda progress: progress.reported_at)
    task = f"task {last.task_index}: " if step.map else ""
    text = f"{task}{last.done:,}"
    if last.total is not None:
        text += f" of {last.total:,}"
        text += f" ({100 * last.done / last.total:.0f}%)" if last.total else ""
    return f"{text}, {last.message}" if last.message else text


def state_of(run: WorkflowRun | RunNode) -> str:
    """Return the status of a run, or a more special word for the status."""
    if run.cancelled_at is not None:
        return "cancelled"
    return "paused" if run.paused_at is not None else run.status


def status_text(status: RunStatus) -> str:
    """Return the progress of a run in a line."""
    if status.status == "failed":
        return f"failed: {status.details}"
    if status.status == "completed":
        return "completed"
    details = status.details
    state = "paused" if status.paused else "in progress"
    return (
        f"{state}: {details['completed_steps']:,} of {details['total_steps']:,} steps, "
        f"{details['percentage']:g} %"
    )


def tasks_text(step: RunStep) -> str:
    """Count the tasks of a step by status: 90 completed, 10 queued, 900 to come."""
    counts = [
        f"{step.tasks[status]:,} {status}" for status in _TASK_STATUSES if step.tasks.get(status)
    ]
    if step.status == "started" and step.initial_tasks is not None:
        # large maps have rows for only some of their tasks
        unknown = step.initial_tasks - sum(step.tasks.values())
        counts += [f"{unknown:,} to come"] if unknown else []
    return ", ".join(counts)


def took(started_at: datetime, finished_at: datetime | None) -> str | None:
    """Return the duration between two times, or None before the end."""
    if finished_at is None:
        return None
    return duration_text((finished_at - started_at).total_seconds())
