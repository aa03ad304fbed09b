"""All of the model: workers, their leases and claims, the clock, and what is done to runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from tests.property.lifecycle import (
    approvals,
    attempts,
    bodies,
    children,
    inputs,
    keys,
    limits,
    retention,
    retries,
    schedules,
    waiting,
)
from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.refusals import (
    ALREADY_RUNNING,
    BAD_INPUT,
    LIMIT_UNKNOWN,
    NOT_PERMITTED,
    RUN_FINISHED,
    RUN_NOT_FAILED,
    RUN_NOT_PAUSED,
    RUN_UNKNOWN,
    WAIT_RESOLVED,
    WORKER_UNKNOWN,
    WORKFLOW_IN_USE,
    WORKFLOW_UNKNOWN,
    Refused,
)
from tests.property.lifecycle.run import Run, descendants, fail_together
from tests.property.lifecycle.states import ITSELF, Place, Result, TaskKey
from tests.property.lifecycle.waits import Decision, Operation, Signal, TimerKey
from tests.property.lifecycle.world import World

SWEEP_INTERVAL = timedelta(seconds=10)
LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class Worker:
    queues: Collection[str]
    resources: dict[str, Any]
    lease: timedelta
    heard_at: datetime
    progress: dict[tuple[TaskKey, int], datetime] = field(default_factory=dict)

    def serves(self, queue: str, resources: dict[str, Any]) -> bool:
        return queue in self.queues and resources.items() <= self.resources.items()


class Model:
    def __init__(
        self,
        now: datetime,
        choose_wait: Callable[[UUID, TimerKey, timedelta, timedelta], timedelta],
        choose_child: Callable[[UUID, TimerKey], UUID],
        choose_lenders: Callable[[UUID, Place], dict[limits.LimitKey, UUID | None]],
        choose_due_run: Callable[[str, datetime], UUID | None],
        has_begun: Callable[[UUID], bool],
        is_kept: Callable[[UUID], bool],
    ) -> None:
        self.world = World(
            now, choose_wait, choose_child, choose_lenders, choose_due_run, has_begun, is_kept
        )
        self.workers: dict[str, Worker] = {}
        self.paused_queues: set[str] = set()
        self.used_keys: dict[tuple[str, str], UUID] = {}
        self.swept_at: datetime | None = None
        self.is_sweeping = False  # there are more old runs to delete

    @property
    def workflows(self) -> dict[str, Workflow]:
        return self.world.workflows

    @property
    def runs(self) -> dict[UUID, Run]:
        return self.world.runs

    @property
    def active_runs(self) -> list[Run]:
        return self.world.active_runs

    # Runs start

    def define(self, workflow: Workflow) -> None:
        self.workflows[workflow.workflow_slug] = workflow
        self.world.keeps[workflow.workflow_slug] = workflow.keep or {}

    def start(
        self,
        run_id: UUID,
        workflow_slug: str,
        input: Any,
        *,
        delay: float | None = None,
        deadline: float | None = None,
        parent_run_id: UUID | None = None,
        executor_id: str | None = None,
        idempotency_key: str | None = None,
        is_let_in: bool = True,
        **unique: Any,
    ) -> UUID:
        """The id of the run; of the first one, if its key was used before.

        If another run has the unique key, it is the id of that run, or that run is cancelled. If
        others wait for the room that the run needs, is_let_in says what the engine has done.
        """
        if workflow_slug not in self.workflows:
            raise Refused(WORKFLOW_UNKNOWN)
        workflow = self.workflows[workflow_slug]
        parent = None if parent_run_id is None else self.runs[parent_run_id]
        if executor_id is not None:
            self._worker(executor_id)
        if parent is not None and not parent.is_active:
            raise Refused(RUN_FINISHED)
        wish = keys.Wish(**unique)
        first = self.used_keys.get((workflow_slug, idempotency_key or ""))
        met = keys.Met(returned=first)
        if first is None:
            met = keys.meet(self.world, workflow_slug, wish, parent_run_id)
        taken = workflow if met.waiting is None else met.waiting.workflow
        if met.returned is None and taken.refuses(input) is not None:
            raise Refused(BAD_INPUT)
        seconds = workflow.deadline if deadline is None else deadline
        wait = wish.delay or delay or 0
        run = Run(
            self.world,
            run_id,
            workflow,
            input,
            parent=parent,
            executor_id=executor_id,
            deadline=None if seconds is None else timedelta(seconds=seconds),
            unique_key=wish.unique_key,
            is_waiting=wish.debounce is not None,
        )
        limits.reject(run, met, is_delayed=wait > 0, is_let_in=is_let_in)
        if executor_id is not None:
            self.hear(executor_id)
        if met.returned is not None:
            return met.returned
        if met.waiting is not None:
            keys.replace_input(met.waiting, input, wish)
            return met.waiting.run_id
        reason = f"run {run_id} with the same unique_key has replaced it"
        fail_together(met.replaced, reason, is_cancelled=True)
        if idempotency_key is not None:
            self.used_keys[workflow_slug, idempotency_key] = run_id
        run.launch(timedelta(seconds=wait))
        return run_id

    # Limits

    def create_limit(self, limit_slug: str, max_running: int) -> None:
        """A declaration that is like the last one leaves edits of an operator as they are."""
        limit = self.world.limits.get(limit_slug)
        if limit is None or limit.declared != max_running:
            self.world.limits[limit_slug] = limits.Limit(max_running, declared=max_running)

    def update_limit(self, limit_slug: str, max_running: int) -> None:
        if limit_slug not in self.world.limits:
            raise Refused(LIMIT_UNKNOWN)
        self.world.limits[limit_slug].max_running = max_running

    # Workers

    def register_worker(
        self, worker_id: str, queues: Collection[str], resources: dict[str, Any], lease: timedelta
    ) -> None:
        """Whoever had the id before is dead."""
        self.workers[worker_id] = Worker(queues, resources, lease, self.world.now)
        self._take_over({worker_id}, is_dead=True)

    def unregister_worker(self, worker_id: str) -> None:
        self._worker(worker_id)
        del self.workers[worker_id]
        self._take_over({worker_id}, is_dead=False)

    def _worker(self, worker_id: str) -> Worker:
        if worker_id not in self.workers:
            raise Refused(WORKER_UNKNOWN)
        return self.workers[worker_id]

    def hear(self, worker_id: str) -> Worker:
        """A worker that calls lives. To save writes not each call is noted: a sixth may pass."""
        worker = self._worker(worker_id)
        if worker.heard_at < self.world.now - worker.lease / 6:
            worker.heard_at = self.world.now
        return worker

    def heartbeat(
        self, worker_id: str, tasks: list[tuple[TaskKey, int]], age: timedelta | None
    ) -> list[TaskKey]:
        """Those of the tasks that the worker has no more; the others make progress since then."""
        worker = self.hear(worker_id)
        worker.progress = dict.fromkeys(tasks, self.world.now - age) if age is not None else {}
        return [key for key, claim in tasks if not self.is_leased(key, claim, worker_id)]

    def pause_queue(self, queue: str) -> bool:
        """Workers claim nothing from it. The executor of a run executes its steps nevertheless."""
        is_new = queue not in self.paused_queues
        self.paused_queues.add(queue)
        return is_new

    def resume_queue(self, queue: str) -> bool:
        was_paused = queue in self.paused_queues
        self.paused_queues.discard(queue)
        return was_paused

    def _take_over(self, worker_ids: set[str], *, is_dead: bool) -> None:
        """What they hold goes to others: as failed attempts of the dead, if it surely had begun."""
        for run in self.active_runs:
            if run.executor_id in worker_ids:
                run.executor_id = None
            results = {}
            for place in run.places("started"):
                worker_id = run.task(place).worker_id
                if worker_id not in worker_ids:
                    continue
                if is_dead and run.task(place).ahead == "claimed":
                    run.task(place).ahead = "lost"
                    results[place] = Result("released")
                else:
                    error = f'worker "{worker_id}" stopped responding'
                    dead = Result("failed", error=error, retry_after=timedelta(0))
                    results[place] = dead if is_dead else Result("released")
            attempts.apply(run, results)

    # Claims and results

    def claimable(self, worker_id: str, own_runs: Collection[UUID] = ()) -> dict[TaskKey, Any]:
        """What a worker can get, with the inputs: from its queues, and of runs that it executes."""
        worker = self._worker(worker_id)
        found = {}
        for run in self.active_runs:
            for slug, index in run.places("queued") if run.has_begun and not run.is_paused else ():
                step = run.step(slug)
                if run.executor_id is not None and step.execution == "local":
                    is_mine = run.executor_id == worker_id and run.run_id in own_runs
                else:
                    is_paused = step.queue in self.paused_queues
                    is_mine = not is_paused and worker.serves(step.queue, step.resources)
                if is_mine:
                    found[run.run_id, slug, index] = inputs.of_task(run, (slug, index))
        return found

    def is_limited(self, key: TaskKey) -> bool:
        """Whether it waits in a line: a run, or a task under limits."""
        run_id, *place = key
        return place == [*ITSELF] or bool(self.runs[run_id].step(key[1]).limits)

    def claim(self, worker_id: str, keys: Collection[TaskKey], *, is_ahead: bool) -> None:
        for run_id, slug, index in keys:
            task = self.runs[run_id].task((slug, index))
            task.status, task.attempt = "started", task.attempt + 1
            task.claim += 1
            if task.ahead != "lost":
                task.ahead = "claimed" if is_ahead else None
            task.places = limits.take(self.runs[run_id], (slug, index))
            task.worker_id, task.started_at, task.error = worker_id, self.world.now, None

    def is_leased(self, key: TaskKey, claim: int, worker_id: str) -> bool:
        """Whether a result of this claim would be accepted from this worker."""
        run_id, slug, index = key
        run = self.runs.get(run_id)
        if run is None or not run.is_active or index >= len(run.steps[slug].tasks):
            return False
        task = run.task((slug, index))
        return (task.status, task.claim, task.worker_id) == ("started", claim, worker_id)

    def apply(self, worker_id: str, results: list[tuple[TaskKey, int, Result]]) -> list[int]:
        """The places of the results that are refused; of two for one task the second one is."""
        accepted: dict[UUID, dict[Place, Result]] = {}
        refused = []
        for number, (key, claim, result) in enumerate(results):
            run_id, slug, index = key
            of_run = accepted.setdefault(run_id, {})
            if self.is_leased(key, claim, worker_id) and (slug, index) not in of_run:
                of_run[slug, index] = result
            else:
                refused.append(number)
        for run_id, of_run in accepted.items():
            if of_run:
                attempts.apply(self.runs[run_id], of_run)
        return refused

    def keep_tasks(self, worker_id: str, kept: Collection[TaskKey]) -> None:
        """All else that the worker holds is released."""
        self.hear(worker_id)
        for run in self.active_runs:
            attempts.apply(run, {
                (slug, index): Result("released")
                for slug, index in run.places("started")
                if run.task((slug, index)).worker_id == worker_id
                and (run.run_id, slug, index) not in kept
            })  # fmt: skip

    # Signals and durable steps

    def send(self, signal_id: int, signal: Signal) -> str:
        """Sent, or a duplicate: then nothing is stored. The sender locks and moves no run."""
        same = (signal.signal, signal.key, signal.idempotency_key)
        if signal.idempotency_key is not None and any(
            (other.signal, other.key, other.idempotency_key) == same
            and (signal.key is not None or other.run_id == signal.run_id)
            for other in self.world.signals.values()
        ):
            return "duplicate"
        if signal.run_id is not None and signal.run_id not in self.runs:
            raise Refused(RUN_UNKNOWN)
        if signal.run_id is not None and not self.runs[signal.run_id].is_active:
            raise Refused(RUN_FINISHED)
        self.world.signals[signal_id] = signal
        return "sent"

    def decide(self, run_id: UUID, key: TimerKey, decision: Decision) -> None:
        run = self.runs[run_id]
        wait = run.waits[key]
        assert wait.approval is not None
        if decision.decided_by not in (wait.approval.assignees or [decision.decided_by]):
            raise Refused(NOT_PERMITTED)
        if not wait.is_open or approvals.verdict(wait) is not None:
            raise Refused(WAIT_RESOLVED)
        approvals.decide(run, wait, decision)

    def save(self, worker_id: str, key: TaskKey, claim: int, operations: list[Operation]) -> bool:
        """Whether the task is leased, so that what its body did is stored."""
        self.hear(worker_id)
        run_id, slug, index = key
        if not self.is_leased(key, claim, worker_id):
            return False
        bodies.save(self.runs[run_id], (slug, index), operations)
        return True

    # Time

    def tick(self) -> None:
        """Dead workers first, then timers, then attempts that nobody has ended in time."""
        now = self.world.now
        dead = {id for id, worker in self.workers.items() if worker.heard_at + worker.lease <= now}
        for worker_id in dead:
            del self.workers[worker_id]
        self._take_over(dead, is_dead=True)
        if not dead:
            schedules.fire(self.world)
            limits.let_in_before(self.world)
        for run in self.active_runs:
            waiting.deliver(run)
            run.settle()
        for signal in self.world.signals.values():
            signal.is_new = False
        children.resolve_all(self.world)
        children.cancel_doomed(self.world)
        keys.begin_noted(self.world)
        self._fire_timers()
        for run in self.active_runs:
            waiting.time_out(run)
        for run in self.active_runs:
            limits.fail_faulty(run)
        pause = timedelta(0) if self.is_sweeping else SWEEP_INTERVAL
        if self.swept_at is None or self.swept_at <= now - pause:
            self.swept_at = now
            self.world.expire()
            for run in self.active_runs:
                attempts.apply(run, self._overdue(run))
            old = [run for run in self.runs.values() if not self.world.is_kept(run.run_id)]
            assert all(map(retention.may_go, old)), "a run was deleted too early"
            self._delete(old)

    def _fire_timers(self) -> None:
        """What ends a run comes first, then whether those that wait for its key are held."""
        for run in self.active_runs:
            run.meet_deadline()
        for run in self.active_runs:
            keys.hold(run)
        for run in self.active_runs:
            run.fire_timers()

    def _overdue(self, run: Run) -> dict[Place, Result]:
        """Attempts that took longer than their timeout and, on top of it, their worker's lease."""
        overdue = {}
        for place in run.places("started"):
            task, timeout = run.task(place), run.step(place[0]).timeout
            assert timeout is not None
            assert task.started_at is not None
            assert task.worker_id is not None
            worker = self.workers[task.worker_id]
            seen_at = worker.progress.get(((run.run_id, *place), task.claim), task.started_at)
            begun_at = max(task.started_at, seen_at)
            if begun_at + timedelta(seconds=timeout) + worker.lease < self.world.now:
                error = f"TimeoutError: took longer than {timeout:g} s"
                overdue[place] = Result("failed", error=error)
        return overdue

    def next_due(self) -> datetime | None:
        """When a tick has something to do. To look for what is lost it has when that is overdue."""
        waits = [wait for run in self.active_runs for wait in run.waits.values()]
        signals = self.world.signals.values()
        has_news = any(w.is_new for w in waits) or any(signal.is_new for signal in signals)
        has_news = has_news or bool(self.world.faulty or keys.noted(self.world))
        if has_news or children.awaited_ends(self.world) or children.active_doomed(self.world):
            return LONG_AGO
        times = [due for run in self.active_runs for due in run.due.values()]
        times += [worker.heard_at + worker.lease for worker in self.workers.values()]
        times += [s.wakes_at for s in self.world.schedules.values() if s.wakes_at is not None]
        if self.swept_at is not None and self.is_sweeping:
            times.append(self.swept_at)
        elif self.swept_at is not None and self.swept_at <= self.world.now - SWEEP_INTERVAL:
            times.append(self.swept_at + SWEEP_INTERVAL)
        return min(times, default=None)

    # What users do to runs

    def pause(self, run_id: UUID) -> None:
        run = self.runs[run_id]
        if not run.is_active:
            raise Refused(RUN_FINISHED)
        active = [r for r in [run, *descendants(run, are_awaited=True)] if r.is_active]
        for paused in active:
            if not paused.is_paused:
                paused.pause()
                paused.is_pause_inherited = any(paused.parent is other for other in active)

    def resume(self, run_id: UUID) -> None:
        run = self.runs[run_id]
        if not run.is_active:
            raise Refused(RUN_FINISHED)
        if not run.is_paused:
            raise Refused(RUN_NOT_PAUSED)
        resumed = [run]
        for child in descendants(run, are_awaited=True):
            is_below = any(child.parent is other for other in resumed)
            if is_below and child.is_paused and child.is_pause_inherited:
                resumed.append(child)
        for run in resumed:
            run.resume()

    def cancel(self, run_id: UUID, reason: str, *, force: bool) -> None:
        """A run that ended is left alone, and so are its children unless it is forced."""
        run = self.runs[run_id]
        if run.status == "completed" and not force:
            raise Refused(RUN_FINISHED)
        if run.status == "failed":
            return
        family = [member for member in [run, *descendants(run)] if member.is_active]
        fail_together(family, reason, is_cancelled=True)

    def retry(
        self,
        run_id: UUID,
        new_run_id: Callable[[], UUID],
        *,
        skip_completed: bool,
        reset_all: bool,
        executor_id: str | None = None,
    ) -> None:
        """A new run that starts where the failed one ended, or from the beginning."""
        old = self.runs[run_id]
        if old.status != "failed" and not reset_all:
            raise Refused(RUN_NOT_FAILED)
        if executor_id is not None:
            self._worker(executor_id)
        if keys.holders(self.world, old.workflow.workflow_slug, old.unique_key):
            raise Refused(ALREADY_RUNNING)
        if executor_id is not None:
            self.hear(executor_id)
        children.cancel_doomed_of(old)
        run = Run(
            self.world,
            new_run_id(),
            old.workflow,
            old.input,
            parent=old.parent if old.parent is not None and old.parent.is_active else None,
            retried_from=old,
            executor_id=executor_id,
            deadline=old.deadline,
            unique_key=old.unique_key,
        )
        if skip_completed and not reset_all:
            retries.go_on(old, run)
        else:
            run.launch()

    # What is deleted

    def prune(self, age: timedelta) -> int:
        before = self.world.now - age
        old = [
            run
            for run in self.runs.values()
            if run.finished_at is not None
            and run.finished_at <= before
            and not (run.is_child and run.parent is not None and run.parent.is_active)
        ]
        self._delete(old)
        return len(old)

    def delete_flow(self, workflow_slug: str, *, force: bool) -> None:
        """With all its runs; if forced, active ones are cancelled, and their children with them."""
        if workflow_slug not in self.workflows:
            raise Refused(WORKFLOW_UNKNOWN)
        runs = [r for r in self.runs.values() if r.workflow.workflow_slug == workflow_slug]
        active = [run for run in runs if run.is_active]
        if active and not force:
            raise Refused(WORKFLOW_IN_USE)
        for run in active:
            self.cancel(run.run_id, f'workflow "{workflow_slug}" was deleted', force=True)
        self._delete(runs)
        del self.workflows[workflow_slug], self.world.keeps[workflow_slug]
        self.world.schedules = {
            slug: schedule
            for slug, schedule in self.world.schedules.items()
            if schedule.workflow_slug != workflow_slug
        }

    def _delete(self, runs: list[Run]) -> None:
        for run in runs:
            del self.runs[run.run_id]
        self.world.signals = {
            number: signal
            for number, signal in self.world.signals.items()
            if signal.run_id is None or signal.run_id in self.runs
        }
        self.used_keys = {
            key: run_id for key, run_id in self.used_keys.items() if run_id in self.runs
        }
