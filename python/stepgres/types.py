"""The values that Stepgres returns."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from stepgres._mermaid import bundle, steps_flowchart, wait_label
from stepgres._postgres.json_text import moment_of
from stepgres.errors import WorkflowFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

T = TypeVar("T")


class RunResult(NamedTuple):
    """The output of a completed run, and its id."""

    output: Any
    run_id: UUID


class RunStatus(NamedTuple):
    """The status of a run.

    status is "completed" (details: the output), "failed" (details: the error) or "in_progress"
    (details: {"total_steps": 5, "completed_steps": 2, "percentage": 40.0, "paused": False}).
    failed_step is the step that failed the run. error_type and traceback belong to the attempt
    that failed the run.
    """

    status: str
    details: Any
    failed_step: str | None
    error_type: str | None = None
    traceback: str | None = None

    @property
    def paused(self) -> bool:
        """Say whether the run is paused; a run that has ended is not paused."""
        return self.status == "in_progress" and bool(self.details["paused"])


def run_result(run_id: UUID, status: RunStatus) -> RunResult:
    """Return the result of a run that has ended; raise WorkflowFailed if the run failed."""
    if status.status == "failed":
        raise WorkflowFailed(
            run_id, status.failed_step, status.details, status.error_type, status.traceback
        )
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
    is_direct: bool
    max_attempts: int
    base_delay: timedelta
    timeout: timedelta
    execution: str
    queue: str
    priority: int
    resources: dict[str, Any]
    start_delay: timedelta
    condition: str | None
    unless: str | None
    when_unmet: str
    when_exhausted: str
    max_failed: str | None
    transactional: bool
    sticky: bool
    sql_function: str | None
    gathers: list[str] | None
    start_at: str | None = None
    wait: dict[str, Any] | None = None
    durable: bool | None = None
    child: dict[str, Any] | None = None
    limits: list[dict[str, Any]] | None = None


class Flow(NamedTuple):
    """A workflow as `list_flows` returns it; step_count counts steps of the current version."""

    workflow_slug: str
    current_version: int
    step_count: int
    created_at: datetime


class WorkflowVersion(NamedTuple):
    """A version of a workflow: new runs get the current version, and a used version cannot change.

    optimizations has the options that optimize_workflow changed in the version optimized_from, as
    {step: {option: value}}. Options of the workflow itself stand under the empty name.
    """

    workflow_slug: str
    version: int
    is_current: bool
    is_used: bool
    step_count: int
    active_runs: int
    optimized_from: int | None
    optimizations: dict[str, dict[str, Any]] | None
    created_at: datetime


@dataclass(frozen=True)
class WorkflowRun:
    """A run as `list_workflow_runs` returns it; status is started, completed or failed."""

    run_id: UUID
    workflow_slug: str
    version: int
    status: str
    input: Any
    output: Any
    error: str | None
    failed_step: str | None
    priority: int | None
    tags: list[str] | None
    idempotency_key: str | None
    parent_run_id: UUID | None
    retried_from: UUID | None
    task_graph_id: str | None
    inserted_at: datetime
    paused_at: datetime | None
    cancelled_at: datetime | None
    finished_at: datetime | None
    forked_from: UUID | None
    unique_key: str | None
    payloads_deleted_at: datetime | None
    failure_of: UUID | None


class RunCount(NamedTuple):
    """The number of runs of a workflow with a status; paused and cancelled count some of these."""

    workflow_slug: str
    status: str
    runs: int
    paused: int
    cancelled: int


class Attempt(NamedTuple):
    """An execution of a task; finished_at and error are None until the attempt has ended.

    error_type is the name of the exception that failed the attempt. traceback says where the step
    raised the exception.
    """

    task_index: int
    attempt: int
    status: str
    worker_id: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    error_type: str | None
    traceback: str | None


class Wait(NamedTuple):
    """What a run waits for, as `list_waits` returns it; open until resolved_at.

    kind is "signal", "approval", "sleep" or "child". name is empty if the step itself waits.
    due_at is None without a timeout, and while the run is paused. outcome is "signalled",
    "approved", "rejected", "timed_out", "completed", "failed" or "cancelled".
    """

    wait_id: int
    run_id: UUID | None
    workflow_slug: str | None
    step_slug: str | None
    task_index: int
    name: str
    number: int
    kind: str
    signal: str | None
    match: str | None
    key: str | None
    child_run_id: UUID | None
    due_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None
    outcome: str | None
    payload: Any
    error: str | None
    signal_id: int | None
    approval: dict[str, Any] | None = None


class TaskProgress(NamedTuple):
    """How far the step of a started task has come, as it has last reported with context.progress.

    total is None if the step does not know it.
    """

    task_index: int
    done: float
    total: float | None
    message: str | None
    reported_at: datetime


class RunStep(NamedTuple):
    """A step of one run: its state, its tasks by status, their attempts, its waits and progress.

    workflow is the workflow of the child runs that are the body of the step.
    """

    step_slug: str
    depends_on: list[str]
    map: bool
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    skip_reason: str | None
    error: str | None
    output: Any
    initial_tasks: int | None
    tasks: dict[str, int]
    attempts: list[Attempt]
    waits: list[Wait]
    progress: list[TaskProgress]
    workflow: str | None = None


@dataclass(frozen=True)
class RunDetails(WorkflowRun):
    """All the data of a run; deadline is in seconds, and the steps are in their order.

    error_type and traceback belong to the attempt that failed the run. on_failure is the workflow
    that is started if the run fails, failure_run_id the run of it that was started, and
    on_failure_error says why it could not be started. traceparent is the span above the run, if the
    run is traced.
    """

    deadline: float | None
    error_type: str | None
    traceback: str | None
    on_failure: str | None
    failure_run_id: UUID | None
    on_failure_error: str | None
    traceparent: str | None
    steps: list[RunStep]

    def to_mermaid(self) -> str:
        """Return a Mermaid flowchart of the steps, coloured by their status."""
        return steps_flowchart(
            (
                s.step_slug,
                s.depends_on,
                s.status,
                next((wait_label(w.signal, w.approval) for w in s.waits if w.name == ""), None),
                s.workflow,
            )
            for s in self.steps
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return bundle(self, self.to_mermaid())


def run_details(document: dict[str, Any]) -> RunDetails:
    """Return the document of get_run as RunDetails; ids and times are no longer strings."""
    steps = [
        _read(
            RunStep,
            {
                **step,
                "attempts": [_read(Attempt, a) for a in step.get("attempts", [])],
                "waits": [_read(Wait, w) for w in step.get("waits", [])],
                "progress": [_read(TaskProgress, p) for p in step.get("progress", [])],
            },
        )
        for step in document["steps"]
    ]
    return _read(RunDetails, {**document, "steps": steps})


_IDS = {
    *("run_id", "parent_run_id", "retried_from", "forked_from", "child_run_id"),
    *("failure_of", "failure_run_id"),
}


def _read(type: Callable[..., T], document: dict[str, Any]) -> T:
    return type(**{name: _value(name, document.get(name)) for name in signature(type).parameters})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _IDS:
        return UUID(value)
    if name.endswith("_at"):
        return moment_of(value)
    return value


class Limit(NamedTuple):
    """A limit, the weight that runs under it, and how many tasks and runs wait for it.

    keys has its busiest keys, at most 20: dicts with key, running, waiting and opens_at, the
    instant at which the rate lets in the next.
    """

    limit_slug: str
    max_running: int | None
    rate: float | None
    per: timedelta | None
    burst: int | None
    running: int
    waiting: int
    keys: list[dict[str, Any]]


class LimitKey(NamedTuple):
    """A key of a limit, the weight that runs under it, and how many tasks and runs wait for it.

    opens_at is the instant at which the rate lets in the next. position is for the next page.
    """

    key: Any
    running: int
    waiting: int
    opens_at: datetime | None
    position: str


class SimulatedEvent(NamedTuple):
    """What would happen in a run, and how long after its start, as `simulate` returns it.

    output is that of the step or run that is completed by the event.
    """

    after: timedelta
    event_type: str
    run_id: UUID
    workflow_slug: str
    step_slug: str | None
    task_index: int | None
    attempt: int | None
    error: str | None
    output: Any


class Schedule(NamedTuple):
    """A schedule; exactly one of cron, every and at has a value.

    overlap is "skip", "buffer_one", "cancel_other" or "allow_all". is_of_workflow: the definition
    of the workflow has the schedule; it is in force while that version is current. next_due_at is
    None if no due time is left. last_due is the last due time, with the fields of `ScheduleRun`.
    """

    schedule_slug: str
    workflow_slug: str
    cron: str | None
    every: timedelta | None
    at: datetime | None
    input: Any
    timezone: str
    overlap: str
    catch_up: int
    jitter: timedelta
    starts_at: datetime | None
    ends_at: datetime | None
    due_key: str | None
    options: dict[str, Any]
    is_of_workflow: bool
    is_in_force: bool
    paused_at: datetime | None
    pause_note: str | None
    next_due_at: datetime | None
    created_at: datetime
    last_due: dict[str, Any] | None


class ScheduleRun(NamedTuple):
    """What has become of a due time of a schedule.

    outcome is "started", "buffered" (the run starts when the one before it has ended), "skipped"
    (a run was active), "missed" (nobody called tick in time), "paused" or "failed" (the run could
    not start: error says why). kind is "due", "trigger" or "backfill". outcome and settled_at are
    None in a dry run.
    """

    schedule_slug: str
    due_at: datetime
    outcome: str | None
    kind: str
    run_id: UUID | None
    error: str | None
    settled_at: datetime | None


class CompositionStats(NamedTuple):
    """Counts of task graphs and of their runs, with the durations of completed runs."""

    task_graphs: int
    decomposed: int
    approved: int
    rejected: int
    runs: int
    in_progress: int
    completed: int
    failed: int
    mean_duration: timedelta | None
    longest_duration: timedelta | None


class StepStatistics(NamedTuple):
    """The statistics of a step in the last runs of its workflow.

    tasks counts completed and exhausted tasks. retries counts attempts after the first; recovered
    counts the tasks that a retry completed. timeouts counts failures that lasted as long as a
    timeout, and longest_timeout is the longest such timeout. A duration is the duration of an
    attempt that completed its task. A wait is the time that this attempt was queued before.
    elapsed is the time from the first task of a run to the end of the last task.
    """

    step_slug: str
    runs: int
    tasks: int
    failures: int
    retries: int
    recovered: int
    exhausted: int
    timeouts: int
    longest_timeout: timedelta | None
    p50_duration: timedelta | None
    p95_duration: timedelta | None
    p99_duration: timedelta | None
    p50_wait: timedelta
    p95_wait: timedelta
    p50_elapsed: timedelta


class Recommendation(NamedTuple):
    """Another value for an option of a step, and the figures for the value; times are in seconds.

    Without a step_slug the option belongs to the workflow. Without an option the reason says why
    there is no recommendation.
    """

    step_slug: str | None
    option: str | None
    current: Any
    recommended: Any
    reason: str


class RunNode(NamedTuple):
    """A run in a tree of runs as `get_run_tree` returns it; level is 0 for the root.

    step_slug and task_index are the task of the parent that waits for the run. They are None for
    a run that was started with a parent_run_id, and for the root.
    """

    run_id: UUID
    parent_run_id: UUID | None
    level: int
    step_slug: str | None
    task_index: int | None
    workflow_slug: str
    version: int
    status: str
    error: str | None
    inserted_at: datetime
    paused_at: datetime | None
    cancelled_at: datetime | None
    finished_at: datetime | None


class RunTrace(NamedTuple):
    """A traced run that has ended, with what its span needs, as `take_ended_traces` returns it."""

    run_id: UUID
    workflow_slug: str
    version: int
    traceparent: str
    parent_run_id: UUID | None
    started_at: datetime
    finished_at: datetime
    status: str
    is_cancelled: bool
    failed_step: str | None
    error: str | None


class CriticalStep(NamedTuple):
    """A step on the critical path of a run, and where its time went.

    task_index is the task of the step that took longest, or None for a step without a task.
    started_at is the end of the step before it, or the start of the run. The five durations add up
    to the time from started_at to finished_at, or to now if the step has not finished.
    """

    step_slug: str
    task_index: int | None
    status: str
    started_at: datetime
    finished_at: datetime | None
    queued: timedelta
    limited: timedelta
    waited: timedelta
    retrying: timedelta
    running: timedelta


class StuckStep(NamedTuple):
    """An unfinished step and its wait; for tasks of a map that wait alike, the first task."""

    step_slug: str
    task_index: int | None
    waits_for: str
    detail: str
    until: datetime | None


class SentSignal(NamedTuple):
    """The answer to a sender; outcome is "sent", or "duplicate" (signal_id is the first one)."""

    signal_id: int
    outcome: str


class Signal(NamedTuple):
    """A signal as `list_signals` returns it; without a wait_id it is unread.

    wait_id and step_slug are the wait that has consumed the signal, and its step. sent_by is the
    login of the sender; source is what the sender says about itself.
    """

    signal_id: int
    run_id: UUID
    signal: str
    key: str | None
    payload: Any
    idempotency_key: str | None
    source: str | None
    sent_by: str
    sent_at: datetime
    expires_at: datetime | None
    wait_id: int | None
    step_slug: str | None
    consumed_at: datetime | None


class Approval(NamedTuple):
    """An approval as `list_approvals` returns it; open until resolved_at.

    assignees are the names of those who may decide, or None. quorum is the number of different
    deciders who must approve. input is the input of a step that is an approval itself; an approval
    in the body of a durable step has a name. decisions are dicts with approved, decided_by, login,
    decided_at (text), comment and payload.
    """

    wait_id: int
    run_id: UUID
    workflow_slug: str
    step_slug: str
    task_index: int
    name: str
    number: int
    title: str
    description: str | None
    assignees: list[str] | None
    form: dict[str, Any] | None
    quorum: int
    input: Any
    due_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None
    outcome: str | None
    decisions: list[dict[str, Any]]


class WorkItem(NamedTuple):
    """A task to execute, or (is_refused) the key of a task whose result Stepgres refuses.

    checkpoints, for a durable step only, is {"list": what the body has done, "after"}. If after is
    not None, list_checkpoints returns the rest.
    """

    run_id: UUID
    workflow_slug: str
    workflow_version: int
    step_slug: str
    task_index: int
    attempt: int
    claim: int
    input: Any
    timeout: timedelta
    transactional: bool
    sql_function: str | None
    priority: int
    is_last_attempt: bool | None
    must_begin: bool | None
    is_refused: bool
    checkpoints: Any = None


class Checkpoint(NamedTuple):
    """An operation in the body of a durable step, as `list_checkpoints` returns it.

    name and number are the key: the name begins with the kind of the operation, as in "run charge"
    or "signal paid". outcome is "completed" or "failed" for a call. For a wait it is the outcome of
    the wait, or None while the wait is open. child_run_id is the run that the wait waits for.
    """

    place: int
    name: str
    number: int
    outcome: str | None
    output: Any
    error: str | None
    error_type: str | None
    wait_id: int | None
    child_run_id: UUID | None = None


class LogLine(NamedTuple):
    """A line that a step has logged, as `list_logs` returns it.

    level is "debug", "info", "warning", "error" or "critical". at and level are None in a line that
    says how many lines were left out. position is the place of the attempt in the logs of the run.
    """

    step_slug: str
    task_index: int
    attempt: int
    at: datetime | None
    level: str | None
    message: str
    position: str


class CheckpointAnswer(NamedTuple):
    """What `save_checkpoints` knows about a wait, or (is_refused) the key of a task that is lost.

    outcome is None while the wait is open.
    """

    run_id: UUID
    step_slug: str
    task_index: int
    claim: int
    name: str | None
    number: int | None
    outcome: str | None
    output: Any
    error: str | None
    wait_id: int | None
    child_run_id: UUID | None
    is_refused: bool


class WorkerInfo(NamedTuple):
    """A worker as `list_workers` returns it: tasks counts the tasks that it executes.

    slots is the number of tasks that it can execute at a time; None if it has not said so.
    A worker that sends no heartbeat for its lease is not alive; other workers take over its tasks.
    is_waiting says that it found nothing to do. knows is the code that it knows, as in
    `register_worker`. executes has its 20 oldest tasks.
    """

    worker_id: str
    queues: list[str]
    resources: dict[str, Any]
    lease: timedelta
    registered_at: datetime
    heartbeat_at: datetime
    is_alive: bool
    tasks: int
    slots: int | None
    is_waiting: bool
    knows: dict[str, Any] | None
    executes: list[dict[str, Any]]


class QueueInfo(NamedTuple):
    """A queue as `list_queues` returns it: its ready tasks, the time of the first, its workers.

    paused_at is None if the queue is not paused. parts are the 50 most urgent parts of the queue
    that have tasks: priority, resources, lane, tasks and oldest_at.
    """

    queue: str
    tasks: int
    oldest_at: datetime | None
    workers: int
    paused_at: datetime | None
    parts: list[dict[str, Any]]


class Metric(NamedTuple):
    """A metric with its value now: type is counter, gauge or summary, help says what it measures.

    A summary consists of two metrics, whose names end with _count and _sum.
    """

    name: str
    labels: dict[str, str]
    value: float
    type: str
    help: str


class Throughput(NamedTuple):
    """What has happened in a time that began at began_at, as `list_throughput` counts it."""

    began_at: datetime
    tasks_completed: int
    tasks_failed: int
    retries: int
    runs_completed: int
    runs_failed: int
    runs_cancelled: int
    leases_expired: int


class ChannelInfo(NamedTuple):
    """A channel as `list_channels` returns it: its unacknowledged messages."""

    channel: str
    messages: int
    oldest_at: datetime | None
    created_at: datetime


class FsckViolation(NamedTuple):
    """A violated invariant, and the run that violates the invariant, if a run does."""

    invariant: str
    run_id: UUID | None
    detail: str


class Message(NamedTuple):
    """A message of a channel; acknowledged_at is None until a reader acknowledges the message.

    Until visible_at no other reader gets the message.
    """

    message_id: str
    message: Any
    sent_at: datetime
    read_count: int
    visible_at: datetime
    acknowledged_at: datetime | None


class NewMessage(NamedTuple):
    """A message that `catch_up` found, and the position behind the message."""

    message_id: str
    message: Any
    sent_at: datetime
    position: str


class Listening(NamedTuple):
    """The names that a session listens on, and the position to catch up from."""

    messages_on: str
    payloads_on: str
    position: str


class RunEvent(NamedTuple):
    """An event of a run, of a step or task of a run, or of a goal.

    event_type is workflow_started, _paused, _resumed, _completed, _failed or _cancelled;
    step_started, _completed, _failed, _skipped or _cancelled; task_started, _progress, _completed
    or _failed; task_suspended or _resumed; wait_opened or _resolved; signal_sent;
    goal_decomposed, _approved, _rejected (error is the reason), _started, _completed or _failed.
    task_failed is the end of an attempt, whether or not another attempt follows. goal_decomposed,
    goal_approved and goal_rejected have a run_id only among the events of a run. task_progress is
    told to subscribers only: get_run has the progress.
    """

    event_type: str
    run_id: UUID | None
    workflow_slug: str
    task_graph_id: str | None
    step_slug: str | None
    task_index: int | None
    attempt: int | None
    occurred_at: datetime
    error: str | None

    @property
    def is_end(self) -> bool:
        """Say whether the event is the end of the run: no event follows."""
        return self.event_type in ("workflow_completed", "workflow_failed", "workflow_cancelled")


class NewEvent(NamedTuple):
    """An event that `catch_up_events` found, and the position behind the event.

    The other fields are the fields of RunEvent. A row without an event_type says that there are no
    more events so far.
    """

    event_type: str | None
    run_id: UUID | None
    workflow_slug: str | None
    task_graph_id: str | None
    step_slug: str | None
    task_index: int | None
    attempt: int | None
    occurred_at: datetime | None
    error: str | None
    position: str


class Subscription(NamedTuple):
    """A subscriber, and the name on which PostgreSQL notifies the subscriber."""

    subscriber_id: str
    notified_on: str


class Notification(NamedTuple):
    """A message that a listener got, or without a message_id a payload of `notify_only`."""

    channel: str
    message_id: str | None
    payload: Any
