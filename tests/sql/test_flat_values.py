"""Outputs of many strings: whatever is made of them takes time that is linear in their size.

Were it quadratic, as PostgreSQL's jsonb_agg and jsonb_object_agg are, these tests would not end.
"""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, step

MANY = 100_000
FLAT = {
    "object": {f"key {i}": f"value {i}" for i in range(MANY)},
    "array": [f"value {i}" for i in range(MANY)],
}


@pytest.fixture(params=FLAT)
def flat(request: pytest.FixtureRequest) -> Any:
    return FLAT[request.param]


def merged(flat: Any) -> Any:
    """What an output adds to an input beside its name."""
    return flat if isinstance(flat, dict) else {}


def test_flat_output_is_in_the_input_of_a_dependent_step(engine: Engine, flat: Any) -> None:
    engine.define("order", step("a"), step("after", "a"))
    engine.start("order", {"n": 1})
    engine.complete(engine.claim_one(), flat)
    assert engine.claim_one().input == {"n": 1, **merged(flat), "a": flat}


def test_flat_outputs_of_many_dependencies_are_joined(engine: Engine, flat: Any) -> None:
    slugs = [f"s{i}" for i in range(5)]
    engine.define("order", *map(step, slugs), step("join", *slugs))
    engine.start("order", {})
    engine.work([item.completed(flat) for item in engine.claim()])
    assert engine.claim_one().input == {**merged(flat), **dict.fromkeys(slugs, flat)}


def test_flat_outputs_are_gathered(engine: Engine, flat: Any) -> None:
    engine.define("order", step("a"), step("b"), step("both", "a", "b", gathers=["x", "y"]))
    run_id = engine.start("order", {})
    engine.work([item.completed(flat) for item in engine.claim()])
    assert engine.output(run_id) == {"x": flat, "y": flat}


def test_flat_outputs_of_leaves_are_the_output_of_the_run(engine: Engine, flat: Any) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {})
    engine.work([item.completed(flat) for item in engine.claim()])
    assert engine.output(run_id) == {"a": flat, "b": flat}


def test_flat_outputs_of_the_tasks_of_a_map_are_its_output(engine: Engine, flat: Any) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", [flat, flat])
    engine.work([item.completed(item.input) for item in engine.claim()])
    assert engine.output(run_id) == [flat, flat]


def test_document_of_a_run_has_its_flat_outputs(engine: Engine, flat: Any) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), flat)
    outputs = [s["output"] for s in engine.call("get_run", run_id=run_id)["steps"]]
    assert outputs == [flat, None]


def test_objects_are_merged_in_order(engine: Engine) -> None:
    """Any number of them, the last of equal keys wins."""
    for count in range(1, 20):
        objects = [{"last": i, f"k{i}": i, f"k{i // 2}": -i} for i in range(count)]
        expected: dict[str, int] = {}
        for each in objects:
            expected |= each
        (found,) = engine.rows("select stepgres._merge_objects(%s)", [Jsonb(o) for o in objects])
        assert found == expected
