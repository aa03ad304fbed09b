"""How attempts end, and what becomes of their tasks and steps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.property.lifecycle import bodies, waiting
from tests.property.lifecycle.paths import json_type
from tests.property.lifecycle.states import Place, Result
from tests.property.lifecycle.waits import TimerKey

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def apply(run: Run, results: dict[Place, Result]) -> None:
    """The accepted results of a batch: what completed, then what failed, then what follows."""
    failed: dict[Place, Result] = {}
    for place, result in results.items():
        if result.status == "failed":
            failed[place] = result
        elif result.status == "completed" and (error := misfit(run, place, result.output)):
            failed[place] = Result("misfit", result.output, error, is_retryable=False)
        elif result.status == "completed":
            _complete_task(run, place, result.output)
    _complete_maps(run)
    _fail_attempts(run, failed)
    for place, result in results.items():
        if result.status == "released" and run.is_active:
            _release(run, place, result.retry_after)
    _let_go(
        run,
        {
            place: result.waits_for
            for place, result in results.items()
            if result.status == "suspended" and run.task(place).status == "started"
        },
    )
    for place, result in results.items():
        if result.status == "restarted":
            bodies.restart(run, place, result.output)
    _complete_maps(run)
    run.settle()


def _let_go(run: Run, suspended: dict[Place, tuple[TimerKey, ...]]) -> None:
    """Nothing would ever queue a body again that waits for nothing."""
    error = "the body has let go of its worker, and waits for nothing"
    idle = {
        place: Result("failed", error=error, is_retryable=False)
        for place, waits_for in suspended.items()
        if not waits_for
    }
    _fail_attempts(run, idle)
    for place, waits_for in suspended.items():
        if run.task(place).status == "started":
            bodies.suspend(run, place, waits_for)


def misfit(run: Run, place: Place, output: Any) -> str | None:
    """What is wrong with the output of a single step that a map needs to be an array."""
    slug, _ = place
    maps = [s.step_slug for s in run.workflow.steps.values()
            if s.maps_over_array and s.depends_on == [slug]]  # fmt: skip
    if not maps or run.step(slug).is_map or isinstance(output, list):
        return None
    return (
        f'step "{min(maps)}" maps over the output of step "{slug}", '
        f"which must be an array, not {json_type(output)}"
    )


def _complete_task(run: Run, place: Place, output: Any) -> None:
    slug, _ = place
    task = run.task(place)
    task.status, task.output = "completed", output
    waiting.close_all(run, *place)
    if not run.step(slug).is_map:
        run.steps[slug].complete(output)


def _complete_maps(run: Run) -> None:
    """A map is the array of its outputs, with a null for each task that was skipped."""
    for state in run.steps.values() if run.is_active else ():
        is_over = state.tasks and all(task.is_finished for task in state.tasks)
        if state.status == "started" and is_over:
            state.complete([task.output for task in state.tasks])


def _release(run: Run, place: Place, retry_after: timedelta | None) -> None:
    """The attempt was not used: its number is given again."""
    task = run.task(place)
    if task.status == "started":
        task.attempt -= 1
        task.status = "queued"
        if retry_after:
            task.status = "waiting"
            run.set_timer(("task", *place), retry_after)


def _fail_attempts(run: Run, failed: dict[Place, Result]) -> None:
    exhausted: dict[str, list[Place]] = {}
    for place, result in sorted(failed.items()):
        task, step = run.task(place), run.step(place[0])
        task.error = result.error
        if result.is_retryable and task.attempts < step.max_attempts:
            task.status = "waiting"
            run.set_timer(("task", *place), _wait(run, place, result))
        else:
            fails = result.status == "misfit" or step.when_exhausted == "fail"
            task.status = "failed" if fails else "skipped"
            waiting.close_all(run, *place)
            exhausted.setdefault(step.step_slug, []).append(place)
    failing = {slug: error for slug, places in exhausted.items() if (error := _fatal(run, places))}
    if failing:
        run.fail_steps(failing)
        return
    for slug, places in exhausted.items():
        step = run.step(slug)
        if step.when_exhausted == "skip-cascade" or not step.is_map:
            _drop_tasks(run, slug)
            error = _failure(run, places[0])
            run.skip(slug, "attempts_exhausted", step.when_exhausted, error)


def _wait(run: Run, place: Place, result: Result) -> timedelta:
    """Doubled per attempt, at most an hour; the upper half of it is chance."""
    if result.retry_after is not None:
        return result.retry_after
    delay, attempt = run.step(place[0]).base_delay, run.task(place).attempts
    longest = timedelta(seconds=min(delay * 2 ** (attempt - 1), max(3600, delay)))
    key: TimerKey = ("task", *place)
    return run.world.choose_wait(run.run_id, key, longest / 2, longest)


def _fatal(run: Run, places: list[Place]) -> str | None:
    """Why the step of these exhausted tasks fails, if it does."""
    slug = places[0][0]
    step, state, task = run.step(slug), run.steps[slug], run.task(places[0])
    skipped = sum(task.status == "skipped" for task in state.tasks)
    if task.status == "failed":
        return _failure(run, places[0])
    if step.tolerates(skipped, len(state.tasks)):
        return None
    return (
        f'step "{slug}" failed: {skipped} of {len(state.tasks)} tasks failed, '
        f"and max_failed is {step.max_failed}: {task.error}"
    )


def _failure(run: Run, place: Place) -> str:
    """What a step says of a task of it that has failed."""
    slug, index = place
    where = f" at task {index}" if run.step(slug).is_map else ""
    return f'step "{slug}" failed{where}: {run.task(place).error}'


def _drop_tasks(run: Run, slug: str) -> None:
    run.steps[slug].cancel_tasks()
    waiting.close_all(run, slug)
    for timers in (run.due, run.left):
        for key in [key for key in timers if key[1] == slug]:
            del timers[key]
