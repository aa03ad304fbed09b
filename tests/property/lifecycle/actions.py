"""What can be done to the database, each time beside the model, and compared with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tests.property.lifecycle import limits, schedules
from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.model import Model
from tests.property.lifecycle.observation import (
    MICROSECOND,
    State,
    child_of,
    differences,
    due_run_of,
    faulty,
    has_begun,
    lenders_of,
    let_in,
    modelled,
    observed,
    overtaken,
    text,
    timer_of,
    wakes,
)
from tests.property.lifecycle.refusals import RESULT_REFUSED, Refused
from tests.property.lifecycle.reports import check_reports
from tests.property.lifecycle.states import ITSELF, Place, Result, TaskKey
from tests.property.lifecycle.waits import Decision, Operation, Signal, TimerKey
from tests.support.engine import Engine, WorkItem

EVERYTHING = 10_000
Offer = tuple[list[str], dict[str, Any]]


def key_of(item: WorkItem) -> TaskKey:
    return (item.run_id, item.step_slug, item.task_index)


class Actions:
    """Each action calls SQL, then the model, and compares all that can be seen of both."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        engine.rows("select setseed(0)::text")  # the jitter is the same in every execution
        engine.call("unregister_worker", worker_id=engine.worker_id)
        ((now, self.login),) = engine.rows("select stepgres._now(), session_user::text")
        self.model = Model(
            now,
            self._chosen_wait,
            self._chosen_child,
            self._chosen_lenders,
            self._chosen_due_run,
            lambda run_id: has_begun(self.observed, run_id),
            self._is_kept,
        )
        self.observed: State = {}
        self.claimed: list[WorkItem] = []
        self.workflows: dict[UUID, Workflow] = {}  # of runs, those that were deleted included
        self.started = 0
        self.is_sound = True

    def both(self, act: Callable[[], Any], expect: Callable[[Any], Any]) -> None:
        """Both do it or both refuse it, and then they are equal. expect gets what SQL returned."""
        self.is_sound = False
        returned, error = None, None
        try:
            with self.engine.connection.transaction():
                returned = act()
        except psycopg.Error as raised:
            error = raised
        self.observed = observed(self.engine)
        refusal = None
        try:
            expect(returned)
        except Refused as raised:
            refusal = raised.sqlstate
        assert (error and error.sqlstate) == refusal, error
        self._look_at_lines()
        schedules.look(self.model.world, wakes(self.observed))
        self.model.world.faulty = faulty(self.observed)
        found = differences(self.observed, modelled(self.model))
        assert not found, "\n".join(found)
        self.is_sound = True
        self.workflows |= {run.run_id: run.workflow for run in self.model.runs.values()}

    def call(self, function: str, **arguments: Any) -> Callable[[], Any]:
        return lambda: self.engine.call(function, **arguments)

    def _chosen_wait(
        self, run_id: UUID, key: TimerKey, shortest: timedelta, longest: timedelta
    ) -> timedelta:
        """How long a back-off is, within its limits, is chance: the model takes it over."""
        wait = timer_of(self.observed, run_id, key)
        if wait is None or shortest == longest:
            return longest
        assert shortest - MICROSECOND <= wait <= longest + MICROSECOND
        return wait

    def _is_kept(self, run_id: UUID) -> bool:
        """When a sweep comes to an old run is left open."""
        return ("run", run_id, None, None) in self.observed

    def _chosen_child(self, run_id: UUID, key: TimerKey) -> UUID:
        """The model takes over the ids of children."""
        return child_of(self.observed, run_id, key)

    def _chosen_lenders(self, run_id: UUID, place: Place) -> dict[limits.LimitKey, UUID | None]:
        return lenders_of(self.observed, run_id, place)

    def _chosen_due_run(self, schedule_slug: str, due_at: datetime) -> UUID | None:
        """The model takes over the ids of runs that schedules start."""
        return due_run_of(self.observed, schedule_slug, due_at)

    def _look_at_lines(self) -> None:
        """Which runs are let in, and are cancelled for others, is open, but room must be used."""
        world = self.model.world
        limits.let_in(world, let_in(self.observed))
        limits.overtake(world, overtaken(self.observed))
        waiting = [(run.run_id, *ITSELF) for run in limits.runs_in_line(world)]
        if waiting and not self._has_notes():
            idle = limits.not_held_up(world, waiting)
            assert idle == [], "there is room for these runs, and nothing is before them"
            assert limits.waiting_in_vain(world) == [], "no run is cancelled for these"

    def _has_notes(self) -> bool:
        """Whether the next look at the lines may let something in."""
        (has_notes,) = self.engine.rows(
            """
            select exists (select from stepgres.freed_places)
                or exists (
                    select from stepgres.line_entries where line_id is null and not is_paused
                )
            """
        )
        return bool(has_notes)

    # Definitions and runs

    def create_limit(self, limit_slug: str, max_running: int) -> None:
        self.both(
            self.call("create_limit", limit_slug=limit_slug, max_running=max_running),
            lambda _: self.model.create_limit(limit_slug, max_running),
        )

    def update_limit(self, limit_slug: str, max_running: int) -> None:
        self.both(
            self.call("update_limit", limit_slug=limit_slug, max_running=max_running),
            lambda _: self.model.update_limit(limit_slug, max_running),
        )

    def define(self, workflow: Workflow) -> None:
        self.both(
            self.call("register_workflow", definition=Jsonb(workflow.document)),
            lambda _: self.model.define(workflow),
        )

    def start(
        self,
        workflow_slug: str,
        input: Any,
        seconds: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        self.started += 1
        run_id = UUID(int=self.started)

        def act() -> UUID:
            durations = {
                name: value if value is None else timedelta(seconds=value)
                for name, value in seconds.items()
            }
            return self.engine.start(workflow_slug, input, run_id=run_id, **durations, **options)

        def expect(returned: UUID) -> None:
            assert returned == self.model.start(
                run_id,
                workflow_slug,
                input,
                is_let_in=returned is not None,
                **seconds,
                **options,
            )

        self.both(act, expect)

    def steer(self, run_id: UUID, action: str) -> None:
        """Pause, resume, cancel, or force: to cancel what may be completed."""
        if action in ("pause", "resume"):
            change = {"pause": self.model.pause, "resume": self.model.resume}[action]
            function = self.call(f"{action}_workflow_run", run_id=run_id)
            self.both(function, lambda _: change(run_id))
        else:
            how: dict[str, Any] = {"reason": "enough", "force": action == "force"}
            function = self.call("cancel_workflow_run", run_id=run_id, **how)
            self.both(function, lambda _: self.model.cancel(run_id, **how))

    def retry(self, run_id: UUID, **how: Any) -> None:
        def expect(new_run_id: UUID) -> None:
            self.model.retry(run_id, lambda: new_run_id, **how)

        self.both(self.call("retry_failed_workflow", run_id=run_id, **how), expect)

    def prune(self, age: timedelta) -> None:
        def expect(number: int) -> None:
            assert number == self.model.prune(age)

        self.both(self.call("prune", older_than=age), expect)

    def delete_flow(self, workflow_slug: str, *, force: bool) -> None:
        self.both(
            self.call("delete_flow", workflow_id=workflow_slug, force=force),
            lambda _: self.model.delete_flow(workflow_slug, force=force),
        )

    def report(self) -> None:
        check_reports(self.engine, self.model)

    # Schedules

    def declare_schedule(
        self, schedule_slug: str, workflow_slug: str, options: Mapping[str, Any]
    ) -> None:
        slugs = {"schedule_slug": schedule_slug, "workflow_slug": workflow_slug}
        self.both(
            self.call("create_schedule", **slugs, **_arguments(options)),
            lambda _: schedules.declare(self.model.world, schedule_slug, workflow_slug, options),
        )

    def update_schedule(self, schedule_slug: str, options: Mapping[str, Any]) -> None:
        self.both(
            self.call("update_schedule", schedule_slug=schedule_slug, **_arguments(options)),
            lambda _: schedules.update(self.model.world, schedule_slug, options),
        )

    def change_schedule(self, schedule_slug: str, action: str) -> None:
        """Pause, resume or delete it."""
        changes = {
            "pause": schedules.pause, "resume": schedules.resume, "delete": schedules.delete
        }  # fmt: skip
        self.both(
            self.call(f"{action}_schedule", schedule_slug=schedule_slug),
            lambda _: changes[action](self.model.world, schedule_slug),
        )

    def trigger_schedule(self, schedule_slug: str) -> None:
        def expect(run_id: UUID) -> None:
            assert run_id == schedules.trigger(self.model.world, schedule_slug)

        self.both(self.call("trigger_schedule", schedule_slug=schedule_slug), expect)

    def backfill_schedule(self, schedule_slug: str, age: timedelta) -> None:
        now = self.model.world.now
        since, until = now - age, now + age

        def act() -> dict[datetime, str]:
            rows = self.engine.rows(
                "select due_at, outcome from stepgres.backfill_schedule(%s, %s, %s)",
                schedule_slug, since, until,
            )  # fmt: skip
            return dict(rows)

        def expect(found: dict[datetime, str]) -> None:
            assert found == schedules.backfill(self.model.world, schedule_slug, since, until)

        self.both(act, expect)

    # Workers

    def register(self, worker_id: str, offer: Offer, lease: timedelta) -> None:
        queues, resources = offer
        self.both(
            self.call(
                "register_worker",
                worker_id=worker_id, queues=queues, resources=Jsonb(resources), lease=lease,
                features=["durable", "limits"],
            ),
            lambda _: self.model.register_worker(worker_id, queues, resources, lease),
        )  # fmt: skip

    def steer_queue(self, queue: str, action: str) -> None:
        """Pause or resume it."""
        change = {"pause": self.model.pause_queue, "resume": self.model.resume_queue}[action]

        def expect(is_changed: bool) -> None:
            assert is_changed == change(queue)

        self.both(self.call(f"{action}_queue", queue=queue), expect)

    def unregister(self, worker_id: str) -> None:
        self.both(
            self.call("unregister_worker", worker_id=worker_id),
            lambda _: self.model.unregister_worker(worker_id),
        )

    def heartbeat(self, worker_id: str, tasks: list[WorkItem], age: timedelta | None) -> None:
        """The worker says that it executes these tasks, and since when they have made progress."""
        progress = {} if age is None else {"heartbeat_age": age.total_seconds()}
        document = [{**item.key, "run_id": str(item.run_id), **progress} for item in tasks]

        def expect(items: list[WorkItem]) -> None:
            sent = [(key_of(item), item.claim) for item in tasks]
            refused = self.model.heartbeat(worker_id, sent, age)
            assert sorted(map(key_of, items)) == sorted(refused)

        self.both(
            lambda: self.engine.items("heartbeat", worker_id=worker_id, tasks=Jsonb(document)),
            expect,
        )

    def held(self, worker_id: str) -> list[WorkItem]:
        """What a worker has claimed and would be heard about."""
        return [
            item
            for item in self.claimed
            if self.model.is_leased(key_of(item), item.claim, worker_id)
        ]

    def turn(
        self,
        worker_id: str,
        results: list[tuple[WorkItem, Result]],
        capacity: int,
        *,
        is_executor: bool = False,
        is_ahead: bool = False,
    ) -> None:
        """A call of work: what is refused, and what is claimed with which input."""
        run_ids = [run.run_id for run in self.model.active_runs] if is_executor else None

        def act() -> list[WorkItem]:
            return self.engine.items(
                "work",
                worker_id=worker_id,
                results=Jsonb([self._document(item, result) for item, result in results]),
                capacity=capacity,
                run_ids=run_ids,
                begins=0 if is_ahead else None,
            )

        def expect(items: list[WorkItem]) -> None:
            self.model.hear(worker_id)
            sent = [(key_of(item), item.claim, result) for item, result in results]
            refused = [sent[number][0] for number in self.model.apply(worker_id, sent)]
            assert sorted(key_of(item) for item in items if item.is_refused) == sorted(refused)
            limits.let_in(self.model.world, let_in(self.observed))
            claimed = [item for item in items if not item.is_refused]
            self._check_claim(worker_id, claimed, capacity, run_ids or (), is_ahead)

        self.both(act, expect)

    def _check_claim(
        self,
        worker_id: str,
        items: list[WorkItem],
        capacity: int,
        run_ids: Collection[UUID],
        is_ahead: bool,
    ) -> None:
        """Which tasks are claimed is open if there are more of them than that."""
        claimable = self.model.claimable(worker_id, run_ids)
        claimed = {key_of(item): item for item in items}
        assert claimed.keys() <= claimable.keys()
        assert len(items) == len(claimed) <= capacity
        self.model.claim(worker_id, claimed, is_ahead=is_ahead)
        tasks = [self.model.runs[item.run_id].task(item.place) for item in items]
        assert limits.exceeded(self.model.world, [p for task in tasks for p in task.places]) == []
        if len(items) < capacity:
            self._check_left(claimable.keys() - claimed.keys(), is_ahead)
        for key, item in claimed.items():
            assert text(item.input) == text(claimable[key])
            task = self.model.runs[item.run_id].task(item.place)
            assert (item.attempt, item.claim) == (task.attempt, task.claim)
            assert item.must_begin == (task.ahead == "lost")
            listed = (item.checkpoints or {}).get("list", [])
            answers = [[*key, *done.answer] for key, done in task.checkpoints.items()]
            fields = ("name", "number", "outcome", "output", "error")
            assert text([[known.get(f) for f in fields] for known in listed]) == text(answers)
        # the ids of children and retries are chance, and the order of their starts is not
        places = {run_id: place for place, run_id in enumerate(self.model.runs)}
        self.claimed += sorted(items, key=lambda item: (places[item.run_id], *item.place))

    def _check_left(self, left: Collection[TaskKey], is_ahead: bool) -> None:
        """Of tasks that a worker has room for: they are under limits, and wait for room there."""
        assert all(self.model.is_limited(key) for key in left)
        if not is_ahead and not self._has_notes():
            idle = limits.not_held_up(self.model.world, left)
            assert idle == [], "there is room for these tasks, and nothing is before them"

    def send(self, worker_id: str, item: WorkItem, result: Result) -> None:
        """complete_task or fail_task, for any claim there ever was."""
        function = "complete_task" if result.status == "completed" else "fail_task"
        arguments: dict[str, Any] = {"output": Jsonb(result.output)}
        if function == "fail_task":
            arguments = {
                "error": result.error,
                "retryable": result.is_retryable,
                "retry_after": result.retry_after,
            }

        def expect(_: None) -> None:
            is_known = worker_id in self.model.workers
            if is_known and not self.model.is_leased(key_of(item), item.claim, worker_id):
                raise Refused(RESULT_REFUSED)
            self.model.hear(worker_id)
            self.model.apply(worker_id, [(key_of(item), item.claim, result)])

        self.both(self.call(function, worker_id=worker_id, **item.key, **arguments), expect)

    def keep_tasks(self, worker_id: str, items: list[WorkItem]) -> None:
        """The worker has lost its connection and knows of these tasks only."""
        kept = [{**item.key, "run_id": str(item.run_id)} for item in items]
        self.both(
            self.call("keep_tasks", worker_id=worker_id, tasks=Jsonb(kept)),
            lambda _: self.model.keep_tasks(worker_id, [key_of(item) for item in items]),
        )

    # Signals and durable steps

    def signal(self, signal: Signal, keep: timedelta | None = None) -> None:
        arguments: dict[str, Any] = {"signal": signal.signal, "payload": Jsonb(signal.payload)}
        if signal.key is None:
            function, arguments["run_id"] = "send_signal", signal.run_id
        else:
            function, arguments["key"] = "send_signal_by_key", signal.key
            assert keep is not None
            arguments["keep"], signal.expires_at = keep, self.model.world.now + keep
        if signal.idempotency_key is not None:
            arguments["idempotency_key"] = signal.idempotency_key

        def expect(sent: tuple[int, str] | None) -> None:
            signal_id, outcome = sent or (0, "refused")
            assert outcome == self.model.send(signal_id, signal)

        self.both(lambda: self.engine.answer(function, **arguments), expect)

    def wait_id(self, run_id: UUID, key: TimerKey) -> int:
        wait = self.model.runs[run_id].waits[key]
        (wait_id,) = self.engine.rows(
            "select wait_id from stepgres.waits"
            " where (run_id, step_slug, task_index, name, number) = (%s, %s, %s, %s, %s)",
            run_id, wait.slug, wait.index, wait.name, wait.number,
        )  # fmt: skip
        assert isinstance(wait_id, int)
        return wait_id

    def decide(self, run_id: UUID, key: TimerKey, decision: Decision) -> None:
        arguments: dict[str, Any] = {"wait_id": self.wait_id(run_id, key)}
        arguments |= {"comment": decision.comment, "decided_by": decision.decided_by}
        if decision.is_approval:
            arguments["payload"] = Jsonb(decision.payload)
        made = replace(decision, login=self.login, decided_at=self.model.world.now)

        def expect(approval: Any) -> None:
            self.model.decide(run_id, key, made)
            wait = self.model.runs[run_id].waits[key]
            assert (approval[-2], len(approval[-1])) == (wait.outcome, len(wait.decisions))

        function = "approve" if decision.is_approval else "reject"
        self.both(lambda: self.engine.answer(function, **arguments), expect)

    def save(self, worker_id: str, item: WorkItem, operations: list[Operation]) -> None:
        """The body of a claim says what it has done, and gets the answers that are there."""
        documents = [{**item.operation(o.name, o.number), **o.document} for o in operations]
        calls = [d for d, o in zip(documents, operations, strict=True) if o.wait is None]
        waits = [d for d, o in zip(documents, operations, strict=True) if o.wait is not None]

        def act() -> list[Any]:
            return self.engine.rows(
                "select name, number, outcome, output, error, is_refused"
                " from stepgres.save_checkpoints(%s, %s, %s)",
                worker_id, Jsonb(calls), Jsonb(waits),
            )  # fmt: skip

        def expect(answers: list[Any]) -> None:
            is_leased = self.model.save(worker_id, key_of(item), item.claim, operations)
            if not is_leased:
                assert [answer[-1] for answer in answers] == [True] * bool(operations)
                return
            task = self.model.runs[item.run_id].task(item.place)
            expected = [
                [*o.key, *task.checkpoints[o.key].answer] for o in operations if o.wait is not None
            ]
            assert sorted(map(text, (list(answer[:5]) for answer in answers))) == sorted(
                map(text, expected)
            )

        self.both(act, expect)

    def _document(self, item: WorkItem, result: Result) -> dict[str, Any]:
        """A result as work wants it."""
        if result.status == "suspended":
            return item.suspended(*(self.wait_id(item.run_id, wait) for wait in result.waits_for))
        if result.status == "restarted":
            return item.restarted(result.output)
        later = {}
        if result.retry_after is not None:
            later["retry_after"] = result.retry_after.total_seconds()
        if result.status == "completed":
            return item.completed(result.output)
        if result.status == "released":
            return {**item.released(), **later}
        return item.failed(result.error, retryable=result.is_retryable, **later)

    # Time

    def advance(self, duration: timedelta) -> None:
        self.engine.connection.execute("update public.test_clock set now = now + %s", [duration])
        self.model.world.now += duration

    def advance_to_next_due(self) -> None:
        due, now = self.model.next_due(), self.model.world.now
        if due is not None and due > now:
            self.advance(due - now)

    def tick(self) -> None:
        def expect(_: int) -> None:
            self.model.tick()
            # how long a sweep rests depends on how long it took
            for sweep in self.engine.rows(
                "select swept_at, position is not null from stepgres.sweeps"
            ):
                self.model.swept_at, self.model.is_sweeping = sweep

        self.both(self.call("tick"), expect)


def _arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a schedule as SQL takes them: an empty due_key removes it."""
    arguments = dict(options)
    if arguments.get("every") is not None:
        arguments["every"] = timedelta(seconds=arguments["every"])
    if "input" in arguments:
        arguments["input"] = Jsonb(arguments["input"])
    return arguments
