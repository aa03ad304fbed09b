"""Random graphs, executed in random order with failures, against a model of a few lines."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.engine import Engine, WorkItem

KINDS = ["single", "map", "tasks"]


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps in a topological order. What a map maps over is a single step, a map, or the input."""
    steps: list[dict[str, Any]] = []
    for i in range(draw(st.integers(1, 7))):
        earlier = [s["step_slug"] for s in steps]
        kind = draw(st.sampled_from(KINDS))
        most = 1 if kind == "map" else 3
        depends_on = draw(st.permutations(earlier))[: draw(st.integers(0, most))]
        step: dict[str, Any] = {"step_slug": f"s{i}", "depends_on": depends_on}
        if kind == "map":
            step["map"] = True
        if kind == "tasks":
            step["initial_tasks"] = draw(st.integers(1, 3))
        steps.append(step)
    return steps


class Model:
    """What each task must be given, and what comes out of it all."""

    def __init__(self, steps: list[dict[str, Any]], input: Any) -> None:
        self.steps = {s["step_slug"]: s for s in steps}
        self.mapped = {s["depends_on"][0] for s in steps if s.get("map") and s["depends_on"]}
        self.inputs: dict[tuple[str, int], Any] = {}
        self.outputs: dict[str, Any] = {}
        for slug, step in self.steps.items():
            elements = self._elements(step, input)
            self.inputs.update({(slug, i): element for i, element in enumerate(elements)})
            outputs = [self.output_of(slug, i) for i in range(len(elements))]
            is_single = not step.get("map") and "initial_tasks" not in step
            self.outputs[slug] = outputs[0] if is_single else outputs

    def _elements(self, step: dict[str, Any], input: Any) -> Any:
        """The inputs of the tasks of a step."""
        depends_on = step["depends_on"]
        if step.get("map"):
            return self.outputs[depends_on[0]] if depends_on else input
        layers = dict(input) if isinstance(input, dict) else {}
        for slug in depends_on:
            output = self.outputs[slug]
            layers.update(output if isinstance(output, dict) else {})
        layers.update({slug: self.outputs[slug] for slug in depends_on})
        return [layers if depends_on else input] * step.get("initial_tasks", 1)

    def output_of(self, slug: str, index: int) -> Any:
        """An array where a map needs one; elsewhere objects that overlap, and a null."""
        number = int(slug[1:])
        if slug in self.mapped:
            return [slug, None, index][: number % 4]
        return [{"by": slug, "s0": index}, None, {"by": slug, slug: number}][number % 3]

    def output(self) -> Any:
        inner = {slug for step in self.steps.values() for slug in step["depends_on"]}
        leaves = {slug: self.outputs[slug] for slug in self.steps if slug not in inner}
        return leaves if len(leaves) > 1 else next(iter(leaves.values()))


def execute(engine: Engine, model: Model, chance: random.Random) -> list[WorkItem]:
    """Completes, fails and releases in random batches; returns what was completed."""
    completed: list[WorkItem] = []
    started: list[WorkItem] = []
    while engine.rows("select * from stepgres.active_runs"):
        engine.call("tick")
        chance.shuffle(started)
        batch = [started.pop() for _ in range(chance.randint(0, len(started)))]
        results = []
        for item in batch:
            assert item.input == model.inputs[item.place]
            fate = chance.choice(["completed"] * 4 + ["failed", "released"])
            if fate == "completed":
                completed.append(item)
                results.append(item.completed(model.output_of(*item.place)))
            else:
                again = item.failed(retry_after=0) if fate == "failed" else item.released()
                results.append(again)
        started += engine.work(results, capacity=chance.randint(0, 4))
    assert started == []
    return completed


@given(steps=graphs(), size=st.integers(0, 4), seed=st.integers(0, 2**32))
@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_run_does_what_the_model_says(
    engine: Engine, steps: list[dict[str, Any]], size: int, seed: int
) -> None:
    has_root_map = any(step.get("map") and not step["depends_on"] for step in steps)
    input = [{"e": i} for i in range(size)] if has_root_map else {"by": "run", "size": size}
    model = Model(steps, input)
    with engine.connection.transaction(force_rollback=True):  # so that no example sees another
        engine.define("order", *steps, max_attempts=1_000)
        run_id = engine.start("order", input)
        completed = execute(engine, model, random.Random(seed))
        assert sorted(item.place for item in completed) == sorted(model.inputs)
        assert engine.output(run_id) == model.output()
        assert engine.tickets() == []
        assert engine.rows("select * from stepgres.fsck()") == []
