"""What happens in random executions: what bodies do, and how they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.graphs import arrays, matches, quorums, signals, sometimes, titles
from tests.property.lifecycle.paths import objects, scalars, values
from tests.property.lifecycle.states import Result
from tests.property.lifecycle.waits import Operation, TimerKey

deciders = st.sampled_from(["ann", "ben", "ben", "cleo"])
payloads = st.just({"n": 5}) | objects(values) | values


def outputs(workflow: Workflow, step_slug: str) -> st.SearchStrategy[Any]:
    """An array where a step maps over it, and now and then something else."""
    mapped = any(s.maps_over_array and s.depends_on == [step_slug] for s in workflow.steps.values())
    if mapped and not workflow.steps[step_slug].is_map:
        return st.one_of(*[arrays] * 3, values)
    return objects(scalars) | values


def results(
    workflow: Workflow, step_slug: str, waits: list[TimerKey], status: str | None = None
) -> st.SearchStrategy[Result]:
    """How an execution ends: in any way, or with this status. The body has opened these waits."""
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
    if workflow.steps[step_slug].durable:
        endings["restarted"] = st.builds(Result, st.just("restarted"), values)
        some = st.lists(st.sampled_from(waits), min_size=1, unique=True) if waits else st.just([])
        endings["suspended"] = st.builds(Result, st.just("suspended"), waits_for=some.map(tuple))
    return endings.get(status or "", st.one_of(*endings.values()))


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """What a body does: a call, a sleep, or a wait for a signal or an approval."""
    kind = draw(st.sampled_from(["run", "sleep", "signal", "approval"]))
    number = draw(st.integers(1, 2))
    if kind == "run":
        error = draw(sometimes(st.just("no answer")))
        return Operation("run a", number, None if error else draw(values), error)
    wait: dict[str, Any] = {"kind": kind, "is_gathered": draw(st.booleans())}
    if kind == "sleep":
        wait["seconds"] = draw(st.sampled_from([1, 4, 20]))
        return Operation("sleep", number, wait=wait)
    if kind == "approval":
        wait |= {"title": draw(titles), **draw(quorums)}
        wait |= draw(st.sampled_from([{}, {"timeout": 9}]))
        return Operation(f"approval {wait['title']}", number, wait=wait)
    wait["signal"] = draw(signals)
    options = {
        "timeout": st.sampled_from([2, 9]), "key": st.sampled_from(["a", "3"]), "match": matches
    }  # fmt: skip
    for name in draw(st.lists(st.sampled_from(list(options)), max_size=2, unique=True)):
        wait[name] = draw(options[name])
    return Operation(f"signal {wait['signal']}", number, wait=wait)
