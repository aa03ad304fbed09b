"""One run of the model: when steps start, what their tasks are given, and how it ends.

Written to be read beside docs/guarantees.md: it knows what is promised, and nothing of the SQL that
keeps the promise. A step is judged when nothing is left that it waits for: it starts, is skipped,
or fails. What a change makes possible is worked out in layers, in `settle`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.property.lifecycle import approvals, bodies, children, inputs, keys, waiting
from tests.property.lifecycle.definitions import Step, Workflow
from tests.property.lifecycle.states import (
    DEADLINE,
    LET_IN,
    START,
    Place,
    Spot,
    StepState,
    Task,
)
from tests.property.lifecycle.waits import TimerKey, Wait
from tests.property.lifecycle.world import World


@dataclass
class Run:
    world: World
    run_id: UUID
    workflow: Workflow
    input: Any
    parent: Run | None = None
    is_child: bool = False  # a step of the parent waits for it
    retried_from: Run | None = None
    executor_id: str | None = None
    deadline: timedelta | None = None
    unique_key: str | None = None
    is_waiting: bool = False  # it was started with debounce, and has not begun
    is_held: bool = False  # its start was due before the run before it has ended
    is_in_line: bool = False  # it has limits, and was not let in yet
    let_in_at: datetime | None = None
    own_places: dict[Spot, int] = field(default_factory=dict)
    has_begun: bool = False
    is_paused: bool = False
    is_pause_inherited: bool = False
    is_cancelled: bool = False
    status: str = "started"
    output: Any = None
    error: str | None = None
    failed_step: str | None = None
    finished_at: datetime | None = None
    due: dict[TimerKey, datetime] = field(default_factory=dict)
    left: dict[TimerKey, timedelta] = field(default_factory=dict)
    steps: dict[str, StepState] = field(default_factory=dict)
    waits: dict[TimerKey, Wait] = field(default_factory=dict)  # in the order of their opening

    def __post_init__(self) -> None:
        self.inserted_at = self.world.now
        if not self.steps:
            self.steps = {slug: StepState() for slug in self.workflow.steps}

    @property
    def is_active(self) -> bool:
        return self.status == "started"

    def step(self, slug: str) -> Step:
        return self.workflow.steps[slug]

    def task(self, place: Place) -> Task:
        slug, index = place
        return self.steps[slug].tasks[index]

    def places(self, *statuses: str) -> list[Place]:
        """The tasks in one of these statuses."""
        return [
            (slug, index)
            for slug, state in self.steps.items()
            for index, task in enumerate(state.tasks)
            if task.status in statuses
        ]

    # Timers. Those of a paused run stand still: what is kept is the time that was left.

    def set_timer(self, key: TimerKey, wait: timedelta) -> None:
        if self.is_paused:
            self.left[key] = wait
        else:
            self.due[key] = self.world.now + wait

    def drop_timer(self, key: TimerKey) -> None:
        for timers in (self.due, self.left):
            timers.pop(key, None)

    def due_timers(self, *, is_wait: bool) -> list[TimerKey]:
        return [
            key
            for key, due in self.due.items()
            if due <= self.world.now and (key[0] == "wait") == is_wait
        ]

    def pause(self) -> None:
        self.is_paused = True
        self.left = {key: due - self.world.now for key, due in self.due.items()}
        self.due = {}

    def resume(self) -> None:
        self.is_paused = False
        self.due = {key: self.world.now + left for key, left in self.left.items()}
        self.left = {}
        waiting.deliver(self)
        approvals.count(self)
        self.settle()

    def meet_deadline(self) -> None:
        """A deadline that has passed is stronger than everything else that is due."""
        if DEADLINE in self.due_timers(is_wait=False):
            assert self.deadline is not None
            seconds = f"{self.deadline.total_seconds():g}"
            self.fail(f"run did not end within its deadline of {seconds} s")

    def fire_timers(self) -> None:
        """What is due happens."""
        fired = self.due_timers(is_wait=False)
        for key in fired:
            del self.due[key]
        for kind, slug, index in fired:
            if kind == "task" and self.step(slug).workflow is not None:
                children.start(self, (slug, index))
            elif kind == "task":
                self.task((slug, index)).status = "queued"
            elif kind == "wake":
                bodies.resume(self, (slug, index))
        if START in fired or LET_IN in fired:
            self.begin()

    # Steps start

    def launch(self, delay: timedelta = timedelta(0)) -> None:
        self.enter(delay)
        if delay:
            self.set_timer(START, delay)
        else:
            self.begin()

    def enter(self, delay: timedelta = timedelta(0)) -> None:
        self.world.runs[self.run_id] = self
        if self.deadline is not None:
            self.set_timer(DEADLINE, delay + self.deadline)

    def begin(self) -> None:
        """A run with limits stands in a line first; then tasks that it has taken over go on."""
        if self.workflow.limits and self.let_in_at is None:
            self.is_in_line = True
            return
        self.has_begun = True
        for place in self.places("queued"):
            if self.step(place[0]).workflow is not None:
                children.start(self, place, is_new=True)
        self.settle()

    def settle(self) -> None:
        """Layer by layer: all steps that are ready at a time are judged together."""
        while self.is_active and self.has_begun and not self.is_paused and (ready := self.ready()):
            self.judge(ready)
        if self.is_active and all(state.counts_as_finished for state in self.steps.values()):
            self._complete()

    def ready(self) -> list[str]:
        return [
            slug
            for slug, state in self.steps.items()
            if state.status == "created"
            and all(self.steps[other].counts_as_finished for other in self.step(slug).depends_on)
        ]

    def judge(self, ready: list[str]) -> None:
        """If a step fails here, whatever became ready together with it is cancelled."""
        unmet = [
            slug for slug in ready if not self.step(slug).may_start(inputs.of_step(self, slug))
        ]
        failing = [slug for slug in unmet if self.step(slug).when_unmet == "fail"]
        if failing:
            self.fail_steps({s: f'step "{s}" failed: its condition is not met' for s in failing})
            return
        for slug in unmet:
            self.skip(slug, "condition_unmet", self.step(slug).when_unmet)
        for slug in ready:
            if slug not in unmet and not self.step(slug).waits:
                self._start(slug)
        waiting.start(self, [
            slug for slug in ready if slug not in unmet and self.step(slug).waits
        ])  # fmt: skip

    def skip(self, slug: str, reason: str, policy: str, error: str | None = None) -> None:
        """With skip-cascade nothing that depends on the step, however far away, starts either."""
        self.steps[slug].skip(reason, error)
        if policy == "skip-cascade":
            for other in self._dependents(slug):
                if self.steps[other].status == "created":
                    self.steps[other].skip("dependency_skipped")

    def _dependents(self, slug: str) -> set[str]:
        found = {slug}
        for other, step in self.workflow.steps.items():  # in a topological order
            if found.intersection(step.depends_on):
                found.add(other)
        return found - {slug}

    def _start(self, slug: str) -> None:
        step, state = self.step(slug), self.steps[slug]
        number = len(inputs.of_map(self, slug)) if step.maps_over_array else step.initial_tasks
        if number == 0:
            state.complete([])
            return
        state.start(number or 1)
        for index, task in enumerate(state.tasks if step.start_delay else ()):
            task.status = "waiting"
            self.set_timer(("task", slug, index), timedelta(seconds=step.start_delay))
        if step.workflow is not None and not step.start_delay:
            for index in range(len(state.tasks)):
                children.start(self, (slug, index), is_new=True)

    # The end

    def _complete(self) -> None:
        """One leaf: its output, or null if skipped; several: an object of the completed ones."""
        inner = {other for step in self.workflow.steps.values() for other in step.depends_on}
        leaves = {slug: state for slug, state in self.steps.items() if slug not in inner}
        outputs = {slug: s.output for slug, s in leaves.items() if s.status == "completed"}
        self.output = outputs if len(leaves) > 1 else next(iter(outputs.values()), None)
        self.end("completed")
        if self.is_child:
            self.world.ended.setdefault(self.run_id)

    def fail_steps(self, errors: dict[str, str]) -> None:
        """The run fails with the first of them."""
        for slug, error in errors.items():
            self.steps[slug].fail(error)
        self.failed_step = min(errors)
        self.fail(errors[self.failed_step])

    def fail(self, error: str) -> None:
        fail_together([self], error)

    def end(self, status: str) -> None:
        self.status, self.finished_at = status, self.world.now
        self.is_paused = self.is_in_line = False
        self.own_places = {}
        self.due, self.left = {}, {}
        keys.free(self)
        if status == "failed":
            for state in self.steps.values():
                state.cancel_tasks()
                if state.status in ("created", "started"):
                    state.status = "cancelled"


def fail_together(runs: list[Run], error: str, *, is_cancelled: bool = False) -> None:
    """Nothing of the runs stays unfinished; what was completed keeps its output."""
    for run in runs:
        run.error, run.is_cancelled = error, is_cancelled
        run.end("failed")
    for run in runs:
        for slug in run.steps:
            waiting.close_all(run, slug)
        if run.is_child and run.parent is not None and run.parent.is_active:
            run.world.ended.setdefault(run.run_id)


def descendants(run: Run, *, are_awaited: bool = False) -> list[Run]:
    """The runs whose parent leads to this one, over any number of others."""
    found = [run]
    for other in run.world.runs.values():  # a child comes after its parent
        is_wanted = other.is_child or not are_awaited
        if is_wanted and any(other.parent is parent for parent in found):
            found.append(other)
    return found[1:]
