"""One run of the model: when steps start, what their tasks are given, and how it ends.

Written to be read beside docs/guarantees.md: it knows what is promised, and nothing of the SQL that
keeps the promise. A step is judged when nothing is left that it waits for: it starts, is skipped,
or fails. What a change makes possible is worked out in layers, in `settle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.property.lifecycle.definitions import Step, Workflow
from tests.property.lifecycle.paths import json_type
from tests.property.lifecycle.states import (
    DEADLINE,
    START,
    Place,
    Result,
    StepState,
    Task,
    Time,
    TimerKey,
)


@dataclass
class Run:
    time: Time
    run_id: UUID
    workflow: Workflow
    input: Any
    parent: Run | None = None
    retried_from: Run | None = None
    executor_id: str | None = None
    deadline: timedelta | None = None
    has_begun: bool = False
    is_paused: bool = False
    is_cancelled: bool = False
    status: str = "started"
    output: Any = None
    error: str | None = None
    failed_step: str | None = None
    finished_at: datetime | None = None
    due: dict[TimerKey, datetime] = field(default_factory=dict)
    left: dict[TimerKey, timedelta] = field(default_factory=dict)
    steps: dict[str, StepState] = field(default_factory=dict)

    def __post_init__(self) -> None:
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
            self.due[key] = self.time.now + wait

    def pause(self) -> None:
        self.is_paused = True
        self.left = {key: due - self.time.now for key, due in self.due.items()}
        self.due = {}

    def resume(self) -> None:
        self.is_paused = False
        self.due = {key: self.time.now + left for key, left in self.left.items()}
        self.left = {}
        self.settle()

    def fire_timers(self) -> None:
        """What is due happens. A deadline that has passed is stronger than a start that is late."""
        fired = [key for key, due in self.due.items() if due <= self.time.now]
        for key in fired:
            del self.due[key]
        if DEADLINE in fired:
            assert self.deadline is not None
            seconds = f"{self.deadline.total_seconds():g}"
            self.fail(f"run did not end within its deadline of {seconds} s")
            return
        for kind, slug, index in fired:
            if kind == "task":
                self.task((slug, index)).status = "queued"
        if START in fired:
            self.begin()

    # What a step waits for, and what it is given

    def input_of_step(self, slug: str) -> Any:
        """Later layers win: the run's input, outputs that are objects, each output by its slug."""
        depends_on = self.step(slug).depends_on
        if not depends_on:
            return self.input
        outputs = {
            other: self.steps[other].output
            for other in depends_on
            if self.steps[other].status == "completed"
        }
        merged = dict(self.input) if isinstance(self.input, dict) else {}
        for output in outputs.values():
            merged.update(output if isinstance(output, dict) else {})
        return {**merged, **outputs}

    def array_of_map(self, slug: str) -> list[Any]:
        """A map over what was skipped has no elements."""
        depends_on = self.step(slug).depends_on
        if not depends_on:
            return list(self.input)
        source = self.steps[depends_on[0]]
        return [] if source.status == "skipped" else list(source.output)

    def input_of_task(self, place: Place) -> Any:
        slug, index = place
        if self.step(slug).maps_over_array:
            return self.array_of_map(slug)[index]
        return self.input_of_step(slug)

    # Steps start

    def begin(self) -> None:
        self.has_begun = True
        self.settle()

    def settle(self) -> None:
        """Layer by layer: all steps that are ready at a time are judged together."""
        while self.is_active and self.has_begun and not self.is_paused and (ready := self._ready()):
            self._judge(ready)
        if self.is_active and all(state.counts_as_finished for state in self.steps.values()):
            self._complete()

    def _ready(self) -> list[str]:
        return [
            slug
            for slug, state in self.steps.items()
            if state.status == "created"
            and all(self.steps[other].counts_as_finished for other in self.step(slug).depends_on)
        ]

    def _judge(self, ready: list[str]) -> None:
        """If a step fails here, whatever became ready together with it is cancelled."""
        unmet = [slug for slug in ready if not self.step(slug).may_start(self.input_of_step(slug))]
        failing = [slug for slug in unmet if self.step(slug).when_unmet == "fail"]
        if failing:
            self._fail_steps({s: f'step "{s}" failed: its condition is not met' for s in failing})
            return
        for slug in unmet:
            self._skip(slug, "condition_unmet", self.step(slug).when_unmet)
        for slug in ready:
            if slug not in unmet:
                self._start(slug)

    def _skip(self, slug: str, reason: str, policy: str, error: str | None = None) -> None:
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
        number = len(self.array_of_map(slug)) if step.maps_over_array else step.initial_tasks
        if number == 0:
            state.complete([])
            return
        state.start(number or 1)
        for index, task in enumerate(state.tasks if step.start_delay else ()):
            task.status = "waiting"
            self.set_timer(("task", slug, index), timedelta(seconds=step.start_delay))

    # Attempts end

    def apply(self, results: dict[Place, Result]) -> None:
        """The accepted results of a batch: what completed, then what failed, then what follows."""
        failed: dict[Place, Result] = {}
        for place, result in results.items():
            if result.status == "failed":
                failed[place] = result
            elif result.status == "completed" and (error := self._misfit(place, result.output)):
                failed[place] = Result("misfit", result.output, error, is_retryable=False)
            elif result.status == "completed":
                self._complete_task(place, result.output)
        self._complete_maps()
        self._fail_attempts(failed)
        for place, result in results.items():
            if result.status == "released" and self.is_active:
                self._release(place, result.retry_after)
        self._complete_maps()
        self.settle()

    def _misfit(self, place: Place, output: Any) -> str | None:
        """What is wrong with the output of a single step that a map needs to be an array."""
        slug, _ = place
        maps = [s.step_slug for s in self.workflow.steps.values()
                if s.maps_over_array and s.depends_on == [slug]]  # fmt: skip
        if not maps or self.step(slug).is_map or isinstance(output, list):
            return None
        return (
            f'step "{maps[-1]}" maps over the output of step "{slug}", '
            f"which must be an array, not {json_type(output)}"
        )

    def _complete_task(self, place: Place, output: Any) -> None:
        slug, _ = place
        task = self.task(place)
        task.status, task.output = "completed", output
        if not self.step(slug).is_map:
            self.steps[slug].complete(output)

    def _complete_maps(self) -> None:
        """A map is the array of its outputs, with a null for each task that was skipped."""
        for state in self.steps.values() if self.is_active else ():
            if state.status == "started" and all(t.is_finished for t in state.tasks):
                state.complete([task.output for task in state.tasks])

    def _release(self, place: Place, retry_after: timedelta | None) -> None:
        """The attempt was not used: its number is given again."""
        task = self.task(place)
        if task.status == "started":
            task.attempt -= 1
            task.status = "queued"
            if retry_after:
                task.status = "waiting"
                self.set_timer(("task", *place), retry_after)

    def _fail_attempts(self, failed: dict[Place, Result]) -> None:
        exhausted: dict[str, list[Place]] = {}
        for place, result in sorted(failed.items()):
            task, step = self.task(place), self.step(place[0])
            task.error = result.error
            if result.is_retryable and task.attempt < step.max_attempts:
                task.status = "waiting"
                self.set_timer(("task", *place), self._wait(place, result))
            else:
                fails = result.status == "misfit" or step.when_exhausted == "fail"
                task.status = "failed" if fails else "skipped"
                exhausted.setdefault(step.step_slug, []).append(place)
        failing = {
            slug: error for slug, places in exhausted.items() if (error := self._fatal(places))
        }
        if failing:
            self._fail_steps(failing)
            return
        for slug, places in exhausted.items():
            step = self.step(slug)
            if step.when_exhausted == "skip-cascade" or not step.is_map:
                self._drop_tasks(slug)
                error = self._failure(places[0])
                self._skip(slug, "attempts_exhausted", step.when_exhausted, error)

    def _wait(self, place: Place, result: Result) -> timedelta:
        """Doubled per attempt, at most an hour; the upper half of it is chance."""
        if result.retry_after is not None:
            return result.retry_after
        delay, attempt = self.step(place[0]).base_delay, self.task(place).attempt
        longest = timedelta(seconds=min(delay * 2 ** (attempt - 1), max(3600, delay)))
        key: TimerKey = ("task", *place)
        return self.time.choose_wait(self.run_id, key, longest / 2, longest)

    def _fatal(self, places: list[Place]) -> str | None:
        """Why the step of these exhausted tasks fails, if it does."""
        slug = places[0][0]
        step, state, task = self.step(slug), self.steps[slug], self.task(places[0])
        skipped = sum(task.status == "skipped" for task in state.tasks)
        if task.status == "failed":
            return self._failure(places[0])
        if step.tolerates(skipped, len(state.tasks)):
            return None
        return (
            f'step "{slug}" failed: {skipped} of {len(state.tasks)} tasks failed, '
            f"and max_failed is {step.max_failed}: {task.error}"
        )

    def _failure(self, place: Place) -> str:
        """What a step says of a task of it that has failed."""
        slug, index = place
        where = f" at task {index}" if self.step(slug).is_map else ""
        return f'step "{slug}" failed{where}: {self.task(place).error}'

    def _drop_tasks(self, slug: str) -> None:
        self.steps[slug].cancel_tasks()
        for timers in (self.due, self.left):
            for key in [key for key in timers if key[1] == slug]:
                del timers[key]

    # The end

    def _complete(self) -> None:
        """One leaf: its output, or null if skipped; several: an object of the completed ones."""
        inner = {other for step in self.workflow.steps.values() for other in step.depends_on}
        leaves = {slug: state for slug, state in self.steps.items() if slug not in inner}
        outputs = {slug: s.output for slug, s in leaves.items() if s.status == "completed"}
        self.output = outputs if len(leaves) > 1 else next(iter(outputs.values()), None)
        self._end("completed")

    def _fail_steps(self, errors: dict[str, str]) -> None:
        """The run fails with the first of them."""
        for slug, error in errors.items():
            self.steps[slug].fail(error)
        self.failed_step = min(errors)
        self.fail(errors[self.failed_step])

    def fail(self, error: str) -> None:
        """Nothing of the run stays unfinished; what was completed keeps its output."""
        self.error = error
        for state in self.steps.values():
            state.cancel_tasks()
            if state.status in ("created", "started"):
                state.status = "cancelled"
        self._end("failed")

    def cancel(self, reason: str) -> None:
        self.is_cancelled = True
        self.fail(reason)

    def _end(self, status: str) -> None:
        self.status, self.finished_at = status, self.time.now
        self.is_paused = False
        self.due, self.left = {}, {}


def descendants(run: Run, runs: Iterable[Run]) -> list[Run]:
    """The runs whose parent leads to this one, over any number of others."""
    found = [run]
    for other in runs:  # a child comes after its parent
        if any(other.parent is parent for parent in found):
            found.append(other)
    return found[1:]
