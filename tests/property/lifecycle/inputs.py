"""What a step and its tasks are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.property.lifecycle.states import Place

if TYPE_CHECKING:
    from tests.property.lifecycle.run import Run


def of_step(run: Run, slug: str) -> Any:
    """Later layers win: the run's input, outputs that are objects, each output by its slug."""
    depends_on = run.step(slug).depends_on
    if not depends_on:
        return run.input
    outputs = {
        other: run.steps[other].output
        for other in depends_on
        if run.steps[other].status == "completed"
    }
    merged = dict(run.input) if isinstance(run.input, dict) else {}
    for output in outputs.values():
        merged.update(output if isinstance(output, dict) else {})
    return {**merged, **outputs}


def of_map(run: Run, slug: str) -> list[Any]:
    """A map over what was skipped has no elements."""
    depends_on = run.step(slug).depends_on
    if not depends_on:
        return list(run.input)
    source = run.steps[depends_on[0]]
    return [] if source.status == "skipped" else list(source.output)


def of_task(run: Run, place: Place) -> Any:
    slug, index = place
    if run.task(place).has_own_input:
        return run.task(place).input
    if run.step(slug).maps_over_array:
        return of_map(run, slug)[index]
    return of_step(run, slug)
