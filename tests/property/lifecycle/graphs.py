"""Random workflows, their inputs, and what their steps return."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.property.lifecycle.definitions import Step, Workflow
from tests.property.lifecycle.paths import objects, predicates, scalars, values
from tests.property.lifecycle.states import Result

DURATIONS = [0, 1, 3, 8]

policies = st.sampled_from(["skip", "skip", "skip-cascade", "skip-cascade", "fail"])
tolerances = st.sampled_from([0, 1, 2, "0%", "25%", "50%", "62.5%", "100%"])
sizes = st.integers(0, 4) | st.integers(0, 50)


def sometimes(strategy: st.SearchStrategy[Any], chances: int = 3) -> st.SearchStrategy[Any]:
    """Nothing more often than not: an option that everything has hides the others."""
    return st.one_of(*[st.none()] * chances, strategy)


@st.composite
def steps(draw: st.DrawFn, number: int, defaults: dict[str, Any]) -> dict[str, Any]:
    """A step that may depend on those before it; half of them depend on the last one."""
    slug = f"s{number}"
    kind = draw(st.sampled_from(["single", "single", "map", "tasks"]))
    earlier = [f"s{i}" for i in reversed(range(number))]
    most = min(number, 1 if kind == "map" else 3)
    depends_on = earlier[:1]
    if number and draw(st.booleans()):
        least = max(0, most - 2)
        chosen = st.lists(st.sampled_from(earlier), min_size=least, max_size=most, unique=True)
        depends_on = draw(chosen)
    options: dict[str, Any] = {"step_slug": slug, "depends_on": depends_on}
    if kind == "map":
        options["map"] = True
    if kind == "tasks":
        options["initial_tasks"] = draw(st.integers(1, 4))

    optional = {
        "condition": predicates(earlier),
        "unless": predicates(earlier),
        "when_unmet": policies,
        "when_exhausted": policies,
        "start_delay": st.sampled_from(DURATIONS),
        "max_attempts": st.integers(1, 3),
        "base_delay": st.sampled_from(DURATIONS),
        "timeout": st.sampled_from([5, 30]),
        "execution": st.just("distributed"),
        "queue": st.just("slow"),
        "resources": st.just({"gpu": True}),
        "priority": st.integers(1, 2),
        "sticky": st.just(True),
    }
    for name in draw(st.lists(st.sampled_from(list(optional)), max_size=4, unique=True)):
        options[name] = draw(optional[name])
    if Step(**{**defaults, **options}).when_exhausted == "skip" and kind != "single":
        tolerance = draw(sometimes(tolerances, 1))
        if tolerance is not None:
            options["max_failed"] = tolerance
    return options


@st.composite
def workflows(draw: st.DrawFn, workflow_slug: str) -> Workflow:
    """At most 12 steps, most of them fewer."""
    policy = {"when_unmet": policies, "when_exhausted": policies}
    attempts = {"max_attempts": st.integers(1, 3)}
    defaults = draw(st.just({}) | st.fixed_dictionaries(policy, optional=attempts))
    number = draw(st.integers(1, 5) | st.integers(1, 12))
    listed = [draw(steps(i, defaults)) for i in range(number)]
    deadline = draw(sometimes(st.sampled_from([10, 60]), 7))
    return Workflow(workflow_slug, listed, defaults, deadline)


arrays = sizes.flatmap(
    lambda size: st.lists(scalars | objects(scalars), min_size=size // 2, max_size=size)
)


def inputs(workflow: Workflow) -> st.SearchStrategy[Any]:
    """An array where a root step maps over it, and now and then something else."""
    root_maps = [s for s in workflow.steps.values() if s.maps_over_array and not s.depends_on]
    if root_maps:
        return st.one_of(*[arrays] * 3, values)
    return objects(values) | values


def outputs(workflow: Workflow, step_slug: str) -> st.SearchStrategy[Any]:
    """An array where a step maps over it, and now and then something else."""
    mapped = any(s.maps_over_array and s.depends_on == [step_slug] for s in workflow.steps.values())
    if mapped and not workflow.steps[step_slug].is_map:
        return st.one_of(*[arrays] * 3, values)
    return objects(scalars) | values


def results(
    workflow: Workflow, step_slug: str, status: str | None = None
) -> st.SearchStrategy[Result]:
    """How an attempt ends: in any way, or with this status."""
    later = st.none() | st.sampled_from([timedelta(0), timedelta(seconds=4)])
    endings: dict[str | None, st.SearchStrategy[Result]] = {
        "completed": st.builds(Result, st.just("completed"), outputs(workflow, step_slug)),
        "failed": st.builds(
            Result,
            st.just("failed"),
            error=st.sampled_from(["no luck", "broken"]),
            is_retryable=st.sampled_from([True, True, False]),
            retry_after=later,
        ),
        "released": st.builds(Result, st.just("released"), retry_after=later),
    }
    return endings[status] if status else st.one_of(*endings.values())
