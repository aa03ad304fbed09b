"""What can be seen of all runs, in the database and in the model, in the same words."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from typing_extensions import LiteralString

from tests.property.lifecycle import children, keys, limits
from tests.property.lifecycle.model import Model
from tests.property.lifecycle.run import Run
from tests.property.lifecycle.states import Place, Spot, Task, TaskKey
from tests.support.engine import Engine

Key = tuple[str, UUID | None, str | None, int | None]
State = dict[Key, Any]

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# One statement, because it is asked after every call. Times are microseconds from now, and timers
# that stand still have what is left of them. Tasks that were cancelled before anybody claimed them
# do not count: whether a step that starts together with a failure has tasks is nobody's concern.
# Neither do notes about children that change nothing any more: a parent and its child may end
# together.
EVERYTHING: LiteralString = """
with waits as (
    select *, step_slug || case
            when name <> '' or kind = 'child'
                then format(' %%s %%s', coalesce(nullif(name, ''), kind), number)
            else ''
        end as label
    from stepgres.waits
)
select 'run', run_id, null::text, null::int, jsonb_build_array(
    status, output, error, failed_step, paused_at is not null, cancelled_at is not null,
    parent_run_id, depth is not null, retried_from, executor_id,
    (extract(epoch from deadline) * 1000000)::bigint
) from stepgres.runs
union all
select 'step', run_id, step_slug, null, jsonb_build_array(status, skip_reason, error, output)
from stepgres.step_states
union all
select 'task', run_id, step_slug, task_index, jsonb_build_array(
    status, attempt, error, case when status = 'started' then worker_id end
) from stepgres.tasks where not (status = 'cancelled' and attempt = 0)
union all
select kind || ' timer', run_id, step_slug, task_index,
    to_jsonb((extract(epoch from coalesce(remaining, due_at - stepgres._now())) * 1000000)::bigint)
from stepgres.timers
union all
select 'wait timer', run_id, label, task_index,
    to_jsonb((extract(epoch from coalesce(remaining, due_at - stepgres._now())) * 1000000)::bigint)
from waits where resolved_at is null and due_at is not null
union all
select 'wait', run_id, label, task_index, jsonb_build_array(
    kind, signal, key, child_run_id, outcome, payload, error, (
        select s.payload from stepgres.signals as s
        where s.wait_id = w.wait_id and s.signal_id = w.signal_id and s.run_id = w.run_id
    ), (
        select jsonb_agg(d.decided_by order by d.decision_id) from stepgres.decisions as d
        where d.wait_id = w.wait_id and d.run_id = w.run_id
    )
) from waits as w
union all
select 'unread signal', run_id, signal_id::text, null, jsonb_build_array(signal, key, payload)
from stepgres.signals where wait_id is null and (expires_at > stepgres._now()) is not false
union all
select 'body', run_id, step_slug, task_index,
    jsonb_agg(jsonb_build_array(name, number, wait_id is not null) order by place)
from stepgres.checkpoints group by run_id, step_slug, task_index
union all
select 'key', run_id, unique_key, null, jsonb_build_array(is_waiting, is_held)
from stepgres.unique_runs
union all
select 'line', run_id, step_slug, task_index, to_jsonb(fault)
from stepgres.line_entries where not is_paused or fault is not null
union all
select 'places', run_id, step_slug, task_index,
    jsonb_agg(jsonb_build_array(limit_slug, key, weight, lent_by) order by limit_slug, key)
from stepgres.places group by run_id, step_slug, task_index
union all
select change || ' child', run_id, null, null, to_jsonb(reason) from stepgres.child_changes as c
where case c.change
    when 'ended' then exists (
        select from stepgres.waits as w where w.child_run_id = c.run_id and w.resolved_at is null
    )
    else exists (select from stepgres.active_runs as a where a.run_id = c.run_id)
end
union all
select 'schedule', null, schedule_slug, null, jsonb_build_array(
    workflow_slug, paused_at is not null, (extract(epoch from next_due_at) * 1000000)::bigint,
    (extract(epoch from buffered_at) * 1000000)::bigint,
    (extract(epoch from wakes_at) * 1000000)::bigint
) from stepgres.schedules
union all
select 'due time', null, schedule_slug || ' ' || (extract(epoch from due_at) * 1000000)::bigint,
    null, jsonb_build_array(outcome, kind, run_id)
from stepgres.schedule_runs
union all
select 'worker', null, worker_id, null, jsonb_build_array(
    (extract(epoch from heartbeat_at - stepgres._now()) * 1000000)::bigint,
    (extract(epoch from lease) * 1000000)::bigint
) from stepgres.workers
union all
select 'violation: ' || invariant, run_id, detail, null, 'true' from stepgres.fsck()
"""


def observed(engine: Engine) -> State:
    """The state in the database, and what fsck() says about it."""
    return {(kind, *key): seen for kind, *key, seen in engine.rows(EVERYTHING)}


def modelled(model: Model) -> State:
    """The state in the model."""
    state: State = {}
    now = model.world.now
    for run_id, run in model.runs.items():
        state["run", run_id, None, None] = [
            run.status, run.output, run.error, run.failed_step, run.is_paused, run.is_cancelled,
            run.parent and str(run.parent.run_id), run.is_child,
            run.retried_from and str(run.retried_from.run_id),
            run.executor_id, run.deadline and run.deadline // MICROSECOND,
        ]  # fmt: skip
        for slug, step in run.steps.items():
            state["step", run_id, slug, None] = [
                step.status, step.skip_reason, step.error, step.output,
            ]  # fmt: skip
            for index, task in enumerate(step.tasks):
                state |= modelled_task(run_id, slug, index, task)
        state |= modelled_line(run)
        if run.unique_key is not None and run.is_active:
            state["key", run_id, run.unique_key, None] = [run.is_waiting, run.is_held]
        timers = {**run.left, **{key: due - now for key, due in run.due.items()}}
        for (kind, place, index), left in timers.items():
            state[f"{kind} timer", run_id, place, index] = left // MICROSECOND
    for worker_id, worker in model.workers.items():
        state["worker", None, worker_id, None] = [
            (worker.heard_at - now) // MICROSECOND, worker.lease // MICROSECOND,
        ]  # fmt: skip
    return state | modelled_waits(model) | modelled_schedules(model)


def modelled_schedules(model: Model) -> State:
    state: State = {}
    for slug, schedule in model.world.schedules.items():
        times = (schedule.next_due_at, schedule.buffered_at, schedule.wakes_at)
        state["schedule", None, slug, None] = [
            schedule.workflow_slug, schedule.is_paused, *(t and microseconds(t) for t in times),
        ]  # fmt: skip
        for due_at, due_time in schedule.settled.items():
            state["due time", None, f"{slug} {microseconds(due_at)}", None] = [
                due_time.outcome, due_time.kind, due_time.run_id and str(due_time.run_id),
            ]  # fmt: skip
    return state


def microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def wakes(state: State) -> dict[str, datetime | None]:
    """When each schedule in the database looks again."""
    return {
        slug: None if seen[-1] is None else EPOCH + seen[-1] * MICROSECOND
        for (kind, _, slug, _), seen in state.items()
        if kind == "schedule" and slug is not None
    }


def due_run_of(state: State, schedule_slug: str, due_at: datetime) -> UUID | None:
    """The run of a due time in the database."""
    key = ("due time", None, f"{schedule_slug} {microseconds(due_at)}", None)
    run_id = state.get(key, [None])[-1]
    return run_id and UUID(run_id)


def modelled_task(run_id: UUID, slug: str, index: int, task: Task) -> State:
    state: State = {}
    if task.checkpoints:
        state["body", run_id, slug, index] = [
            [*key, done.wait is not None] for key, done in task.checkpoints.items()
        ]
    if (task.status, task.attempt) != ("cancelled", 0):
        worker_id = task.worker_id if task.status == "started" else None
        seen = [task.status, task.attempt, task.error, worker_id]
        state["task", run_id, slug, index] = seen
    if task.status == "started" and task.places:
        state["places", run_id, slug, index] = modelled_places(task.places)
    return state


def modelled_places(places: dict[Spot, int]) -> list[list[Any]]:
    return [
        [limit_slug, key, weight, lender and str(lender)]
        for (limit_slug, key, lender), weight in sorted(places.items(), key=lambda p: p[0][:2])
    ]


def modelled_line(run: Run) -> State:
    """What waits for room. The entries of a paused run are of no interest unless they fail."""
    state: State = {}
    if run.own_places:
        state["places", run.run_id, "", 0] = modelled_places(run.own_places)
    for slug, index in limits.in_line(run) if run.is_active else ():
        is_faulty = (run.run_id, slug, index) in run.world.faulty
        if is_faulty or not run.is_paused:
            fault = limits.needs_of(run, (slug, index)).fault or "no fault"
            state["line", run.run_id, slug, index] = fault if is_faulty else None
    return state


def faulty(state: State) -> set[TaskKey]:
    """The tasks and runs of which the database has found that they cannot stand in a line."""
    return {
        (run_id, slug, index)
        for (kind, run_id, slug, index), fault in state.items()
        if kind == "line" and fault and run_id and slug is not None and index is not None
    }


def let_in(state: State) -> list[UUID]:
    """The runs that were let in and have not begun."""
    return [run_id for (kind, run_id, *_) in state if kind == "let_in timer" and run_id]


def has_begun(state: State, run_id: UUID) -> bool:
    """Whether a run stands in no line, and nothing keeps it from its first step."""
    status = state.get(("run", run_id, None, None), [None])[0]
    is_held = ("line", run_id, "", 0) in state or ("let_in timer", run_id, "", 0) in state
    return status in ("started", "completed") and not is_held


def overtaken(state: State) -> list[UUID]:
    """The runs that are to be cancelled because others have found no room."""
    return [
        run_id
        for (kind, run_id, *_), reason in state.items()
        if kind == "cancel child" and run_id and reason == limits.OVERTAKEN
    ]


def lenders_of(state: State, run_id: UUID, place: Place) -> dict[limits.LimitKey, UUID | None]:
    """Which runs have lent their places to a task or run."""
    return {
        (limit_slug, key): lender and UUID(lender)
        for limit_slug, key, _, lender in state.get(("places", run_id, *place), [])
    }


def modelled_waits(model: Model) -> State:
    """The waits, with the payload of the signal that each has consumed, and the other signals."""
    state: State = {}
    world = model.world
    consumed = {signal.consumer: signal.payload for signal in world.signals.values()}
    for run_id, run in model.runs.items():
        for (_, label, index), wait in run.waits.items():
            state["wait", run_id, label, index] = [
                wait.kind, wait.signal, wait.key,
                wait.child_run_id and str(wait.child_run_id),
                wait.outcome, wait.payload, wait.error,
                consumed.get(wait), [d.decided_by for d in wait.decisions] or None,
            ]  # fmt: skip
    for run_id in children.awaited_ends(world):
        state["ended child", run_id, None, None] = world.ended[run_id]
    for run in keys.noted(world):
        state["begin child", run.run_id, None, None] = None
    for run_id in children.active_doomed(world):
        state["cancel child", run_id, None, None] = world.doomed[run_id]
    unread = world.unread()
    for number, signal in world.signals.items():
        if signal in unread:
            seen = [signal.signal, signal.key, signal.payload]
            state["unread signal", signal.run_id, str(number), None] = seen
    return state


def timer_of(state: State, run_id: UUID, key: tuple[str, str, int]) -> timedelta | None:
    """How long a timer in the database still has to go."""
    kind, slug, index = key
    wait = state.get((f"{kind} timer", run_id, slug, index))
    return None if wait is None else wait * MICROSECOND


def child_of(state: State, run_id: UUID, key: tuple[str, str, int]) -> UUID:
    """The child run that a wait in the database is for."""
    _, label, index = key
    wait = state.get(("wait", run_id, label, index), [None] * 4)
    return UUID(wait[3] or "00000000-0000-0000-0000-000000000000")


def text(value: Any) -> str:
    """JSON to be compared: in Python 1 equals True."""
    return json.dumps(value, sort_keys=True)


def differences(seen: State, expected: State) -> list[str]:
    """Sentences about what is not as the model has it."""
    missing = "missing"
    return [
        f"{named(key)} is {seen.get(key, missing)}, by the contract {expected.get(key, missing)}"
        for key in sorted(seen.keys() | expected.keys(), key=str)
        if text(seen.get(key, missing)) != text(expected.get(key, missing))
    ]


def named(key: Key) -> str:
    return " ".join(f"run {part.int}" if isinstance(part, UUID) else str(part)
                    for part in key if part is not None)  # fmt: skip
