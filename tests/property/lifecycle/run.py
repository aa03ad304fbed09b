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
from tests.property.lifecycle.paths import json_type, members
from tests.property.lifecycle.states import DEADLINE, START, Place, Result, StepState, Task
from tests.property.lifecycle.waits import (
    Checkpoint,
    Operation,
    Resolution,
    TimerKey,
    Wait,
    World,
    jsonb_text,
    key_text,
)


@dataclass
class Run:
    world: World
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
    waits: dict[TimerKey, Wait] = field(default_factory=dict)  # in the order of their opening

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
            self.due[key] = self.world.now + wait

    def pause(self) -> None:
        self.is_paused = True
        self.left = {key: due - self.world.now for key, due in self.due.items()}
        self.due = {}

    def resume(self) -> None:
        self.is_paused = False
        self.due = {key: self.world.now + left for key, left in self.left.items()}
        self.left = {}
        self.deliver()
        self.settle()

    def fire_timers(self) -> None:
        """What is due happens. A deadline that has passed is stronger than a start that is late."""
        fired = self._due(is_wait=False)
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
            elif kind == "wake":
                self._resume_task((slug, index))
        if START in fired:
            self.begin()

    def _due(self, *, is_wait: bool) -> list[TimerKey]:
        return [
            key
            for key, due in self.due.items()
            if due <= self.world.now and (key[0] == "wait") == is_wait
        ]

    # Waits. A step that waits has a wait and no task; a body opens waits of its own.

    def open_waits(self, waits: list[Wait]) -> None:
        """One of two that want a key fails; what was sent before they opened may resolve them."""
        last = chr(0x10FFFF)  # of waits that open together, those with keys are older
        for wait in sorted(waits, key=lambda w: (w.signal or last, w.key or last)):
            self.waits[wait.timer] = wait
            if wait.key is not None:
                wait.is_new = True
                self.world.hold(self.run_id, wait)
            if wait.is_open and wait.time is not None:
                self.set_timer(wait.timer, wait.time)
        refused = [wait for wait in waits if not wait.is_open]
        self._apply_waits([Resolution(wait, "failed", None, wait.error) for wait in refused])
        self._match()

    def deliver(self) -> None:
        for wait in self.waits.values():
            wait.is_new = False
        self._match()

    def _match(self) -> None:
        """Each unread signal goes to the oldest open wait that takes it; those by key come last.

        A paused run takes none.
        """
        if self.is_paused or not self.is_active:
            return
        found: dict[Wait, Resolution] = {}
        unread = self.world.unread()
        for signal in [s for s in unread if s.run_id == self.run_id]:
            for wait in self.waits.values():
                if wait.is_open and wait not in found and wait.takes(signal):
                    found[wait] = Resolution(wait, "signalled", signal.payload, None, signal)
                    break
        for wait in self.waits.values():
            for signal in unread if wait.is_open and wait not in found else ():
                if signal.run_id is None and signal.key == wait.key and wait.takes(signal):
                    found[wait] = Resolution(wait, "signalled", signal.payload, None, signal)
                    break
        self.resolve([found[wait] for wait in self.waits.values() if wait in found])

    def time_out_waits(self) -> None:
        """A signal that has come in time wins; a sleep that is over is completed."""
        due = self._due(is_wait=True)
        if due:
            self.deliver()
            self.settle()
        waits = [self.waits[key] for key in due if self.waits[key].is_open]
        self.resolve([
            Resolution(wait, "completed" if wait.kind == "sleep" else "timed_out") for wait in waits
        ])  # fmt: skip
        self.settle()

    def resolve(self, resolutions: list[Resolution]) -> None:
        for done in resolutions:
            self._close_wait(done.wait, done.outcome)
            done.wait.payload, done.wait.error = done.payload, done.error
            if done.signal is not None:
                done.signal.consumer, done.signal.is_new = done.wait, False
                done.signal.run_id = self.run_id
        self._apply_waits(resolutions)

    def _close_wait(self, wait: Wait, outcome: str) -> None:
        self.world.close(wait, outcome)
        for timers in (self.due, self.left):
            timers.pop(wait.timer, None)

    def _apply_waits(self, resolutions: list[Resolution]) -> None:
        """What failed, then what is skipped, then what is completed, then the bodies."""
        of_steps = {r.wait.slug: self._end_of_wait(r) for r in resolutions if not r.wait.name}
        failing = {
            slug: f'step "{slug}" failed: {error}'
            for slug, (action, error) in of_steps.items()
            if action == "fail"
        }
        if failing:
            self._fail_steps(failing)
            return
        for slug, (action, error) in of_steps.items():
            if action != "complete":
                self._skip(slug, "timed_out", action, error)
        for slug, (action, output) in of_steps.items():
            if action == "complete":
                self.steps[slug].complete(output)
        resolved = [done.wait for done in resolutions if done.wait.name]
        for place in dict.fromkeys((wait.slug, wait.index) for wait in resolved):
            self._wake(place, [wait for wait in resolved if (wait.slug, wait.index) == place])

    def _end_of_wait(self, done: Resolution) -> tuple[str, Any]:
        """What the step does that waited, with its output or its error."""
        slug, step = done.wait.slug, self.step(done.wait.slug)
        if done.outcome == "failed":
            return "fail", done.error
        output = done.payload
        if done.outcome == "timed_out" and step.when_timeout != "default":
            error = f'signal "{done.wait.signal}" did not come within {step.timeout} s'
            return step.when_timeout, error
        if done.outcome == "timed_out":
            output = step.default_output
        misfit = self._misfit((slug, 0), output)
        return ("fail", misfit) if misfit else ("complete", output)

    # Bodies of durable steps

    def save(self, place: Place, operations: list[Operation]) -> None:
        """Results of calls come first. What was saved before stays as it is."""
        task = self.task(place)
        new: dict[tuple[str, int], Operation] = {}
        for operation in sorted(operations, key=lambda o: o.wait is not None):
            if operation.key not in task.checkpoints:
                new.setdefault(operation.key, operation)
        if not new:
            return
        waits = {
            key: self._wait_of(place, operation)
            for key, operation in new.items()
            if operation.wait is not None
        }
        self.open_waits(list(waits.values()))
        for key, operation in new.items():
            task.checkpoints[key] = Checkpoint(operation, self.world.now, waits.get(key))
        task.counted_from = task.attempt - 1
        self.settle()

    def _wait_of(self, place: Place, operation: Operation) -> Wait:
        assert operation.wait is not None
        options = dict(operation.wait)
        seconds = options.pop("seconds", options.pop("timeout", None))
        time = None if seconds is None else timedelta(seconds=seconds)
        return Wait(*place, operation.name, operation.number, time=time, **options)

    def waits_of(self, place: Place) -> list[Wait]:
        return [w for w in self.waits.values() if w.name and (w.slug, w.index) == place]

    def _suspend(self, place: Place, waits_for: tuple[TimerKey, ...]) -> None:
        task = self.task(place)
        task.status, task.attempt = "waiting", task.attempt - 1
        task.waits_for = [self.waits[key] for key in waits_for]
        self._wake(place, [wait for wait in task.waits_for if not wait.is_open])

    def _wake(self, place: Place, resolved: list[Wait]) -> None:
        """At once if nothing else is waited for, otherwise in a second.

        Waits that are gathered are waited for together, unless one of them ends badly.
        """
        task = self.task(place)
        if task.status != "waiting" or task.waits_for is None:
            return
        counting = [wait for wait in resolved if wait in task.waits_for]
        others = [wait for wait in task.waits_for if wait.is_open]
        if counting and not others:
            self._resume_task(place)
        elif counting and not (
            all(wait.is_gathered and wait.is_good for wait in counting)
            and any(wait.is_gathered for wait in others)
        ):
            key: TimerKey = ("wake", *place)
            if key not in self.due and key not in self.left:
                self.set_timer(key, timedelta(seconds=1))

    def _resume_task(self, place: Place) -> None:
        task = self.task(place)
        task.status, task.waits_for = "queued", None
        for timers in (self.due, self.left):
            timers.pop(("wake", *place), None)

    def _restart(self, place: Place, input: Any) -> None:
        """The body begins anew with this input; nothing of what it did is left."""
        task = self.task(place)
        if task.status != "started":
            return
        forgotten = self.waits_of(place)
        for wait in forgotten:
            if wait.is_open:
                self._close_wait(wait, "cancelled")
            del self.waits[wait.timer]
        for number, signal in list(self.world.signals.items()):
            if signal.consumer in forgotten:
                del self.world.signals[number]
        task.checkpoints = {}
        task.status, task.attempt = "queued", task.attempt - 1
        task.counted_from = task.attempt
        task.input, task.has_own_input = input, True

    def _close_waits(self, slug: str, index: int | None = None) -> None:
        """Of tasks that have ended without them."""
        for wait in self.waits.values():
            if wait.is_open and wait.slug == slug and index in (None, wait.index):
                self._close_wait(wait, "cancelled")

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
        if self.task(place).has_own_input:
            return self.task(place).input
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
            if slug not in unmet and self.step(slug).wait_for is None:
                self._start(slug)
        self._start_waiting([
            slug for slug in ready if slug not in unmet and self.step(slug).wait_for is not None
        ])  # fmt: skip

    def _start_waiting(self, slugs: list[str]) -> None:
        failing: dict[str, str] = {}
        waits = []
        for slug in slugs:
            step, state = self.step(slug), self.steps[slug]
            if state.status != "created":
                continue
            state.start(0)
            key = None
            if step.key is not None:
                found = members(self.input_of_step(slug), step.key)
                key = key_text(found)
                if key is None:
                    path = "".join(f'."{name}"' for name in step.key)
                    shown = jsonb_text(found[0])[:100] if found else "nothing"
                    failing[slug] = (
                        f'step "{slug}" failed: its key ${path} finds {shown}, and a key is a '
                        "text, a number or a boolean of at most 256 characters"
                    )
            time = None if step.timeout is None else timedelta(seconds=step.timeout)
            waits.append(Wait(slug, signal=step.wait_for, match=step.match, key=key, time=time))
        if failing:
            self._fail_steps(failing)
        elif waits:
            self.open_waits(waits)

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
        self._let_go(
            {
                place: result.waits_for
                for place, result in results.items()
                if result.status == "suspended" and self.task(place).status == "started"
            }
        )
        for place, result in results.items():
            if result.status == "restarted":
                self._restart(place, result.output)
        self._complete_maps()
        self.settle()

    def _let_go(self, suspended: dict[Place, tuple[TimerKey, ...]]) -> None:
        """Nothing would ever queue a body again that waits for nothing."""
        error = "the body has let go of its worker, and waits for nothing"
        idle = {
            place: Result("failed", error=error, is_retryable=False)
            for place, waits_for in suspended.items()
            if not waits_for
        }
        self._fail_attempts(idle)
        for place, waits_for in suspended.items():
            if self.task(place).status == "started":
                self._suspend(place, waits_for)

    def _misfit(self, place: Place, output: Any) -> str | None:
        """What is wrong with the output of a single step that a map needs to be an array."""
        slug, _ = place
        maps = [s.step_slug for s in self.workflow.steps.values()
                if s.maps_over_array and s.depends_on == [slug]]  # fmt: skip
        if not maps or self.step(slug).is_map or isinstance(output, list):
            return None
        return (
            f'step "{min(maps)}" maps over the output of step "{slug}", '
            f"which must be an array, not {json_type(output)}"
        )

    def _complete_task(self, place: Place, output: Any) -> None:
        slug, _ = place
        task = self.task(place)
        task.status, task.output = "completed", output
        self._close_waits(*place)
        if not self.step(slug).is_map:
            self.steps[slug].complete(output)

    def _complete_maps(self) -> None:
        """A map is the array of its outputs, with a null for each task that was skipped."""
        for state in self.steps.values() if self.is_active else ():
            is_over = state.tasks and all(task.is_finished for task in state.tasks)
            if state.status == "started" and is_over:
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
            if result.is_retryable and task.attempts < step.max_attempts:
                task.status = "waiting"
                self.set_timer(("task", *place), self._wait(place, result))
            else:
                fails = result.status == "misfit" or step.when_exhausted == "fail"
                task.status = "failed" if fails else "skipped"
                self._close_waits(*place)
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
        delay, attempt = self.step(place[0]).base_delay, self.task(place).attempts
        longest = timedelta(seconds=min(delay * 2 ** (attempt - 1), max(3600, delay)))
        key: TimerKey = ("task", *place)
        return self.world.choose_wait(self.run_id, key, longest / 2, longest)

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
        self._close_waits(slug)
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
        self.status, self.finished_at = status, self.world.now
        self.is_paused = False
        for slug in self.steps:
            self._close_waits(slug)
        self.due, self.left = {}, {}


def descendants(run: Run, runs: Iterable[Run]) -> list[Run]:
    """The runs whose parent leads to this one, over any number of others."""
    found = [run]
    for other in runs:  # a child comes after its parent
        if any(other.parent is parent for parent in found):
            found.append(other)
    return found[1:]
