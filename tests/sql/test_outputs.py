"""Outputs of steps and runs: every JSON value is one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step


def nested(levels: int) -> Any:
    value: Any = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


OUTPUTS: dict[str, Any] = {
    "zero": 0,
    "false": False,
    "empty string": "",
    "null": None,
    "empty array": [],
    "empty object": {},
    "string of 1 MB": "x" * 1_000_000,
    "array of 1 MB": list(range(150_000)),
    "deep": nested(500),
    "unicode": {"Ünïcødé": "日本 \U0001f600 \u2028 \u200b \x7f \t\n"},
    "quotes": "';--\"\\ $1 %s {} $$",
    "number beyond 64 bits": 2**70,
    "fraction": 1.1,
    "array of nulls": [None, None],
}

every_output = pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: 0 is not false."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@every_output
def test_output_of_the_run_is_what_the_step_returned(engine: Engine, output: Any) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    engine.complete(engine.claim_one(), output)
    assert same(engine.output(run_id), output)


@every_output
def test_output_reaches_the_next_step_and_a_map_as_it_is(engine: Engine, output: Any) -> None:
    engine.define("order", step("a"), step("b", "a", initial_tasks=2), step("c", "b"))
    engine.start("order", {})
    engine.complete(engine.claim_one(), output)
    items = engine.claim()
    assert [same(item.input["a"], output) for item in items] == [True, True]
    engine.work([item.completed(output) for item in items])
    assert same(engine.claim_one().input["b"], [output, output])


def test_output_that_is_sql_null_is_json_null(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", initial_tasks=1))
    run_id = engine.start("order")
    for item in engine.claim():
        engine.call("complete_task", worker_id="worker", output=None, **item.key)
    assert engine.output(run_id) == {"a": None, "b": [None]}


def test_result_without_output_is_json_null(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    result = engine.claim_one().completed()
    del result["output"]
    assert engine.work([result]) == []
    assert engine.status(run_id) == ("completed", None)


@pytest.mark.parametrize(
    ("output", "sqlstate"),
    [
        (r'"a\u0000b"', "22P05"),
        ("NaN", "22P02"),
        ("Infinity", "22P02"),
        (r'"\ud800"', "22P02"),
        ("", "22P02"),
        ("{1: 2}", "22P02"),
        ("[" * 1_000_000, "54001"),
    ],
    ids=["NUL", "NaN", "Infinity", "half a surrogate pair", "nothing", "no JSON", "too deep"],
)
def test_output_that_is_no_jsonb_leaves_the_task_as_it_was(
    engine: Engine, output: str, sqlstate: str
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    item = engine.claim_one()
    before = engine.snapshot()
    with refused(sqlstate):
        engine.call("complete_task", worker_id="worker", output=output, **item.key)
    assert engine.snapshot() == before
    engine.complete(item, "well")
    assert engine.output(run_id) == "well"


# Output of the run


def test_output_of_a_run_with_one_leaf_is_the_output_of_that_step(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "a"), step("last", "b", "c"))
    run_id = engine.start("order", {})
    engine.drain({"last": lambda _: {"done": True}})
    assert engine.output(run_id) == {"done": True}


def test_output_of_a_run_with_several_leaves_is_an_object_by_slug(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "a"), step("alone"))
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: "hidden", "b": lambda _: {"x": 1}, "alone": lambda _: 0})
    assert engine.output(run_id) == {"b": {"x": 1}, "c": None, "alone": 0}


def test_output_of_a_map_leaf_is_its_array(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", [1, 2])
    engine.drain({"each": lambda element: element * 10})
    assert engine.output(run_id) == [10, 20]


def test_array_of_an_empty_map_is_an_output_among_others(engine: Engine) -> None:
    engine.define("order", step("each", map=True), step("single"))
    run_id = engine.start("order", [])
    engine.drain({"single": lambda _: []})
    assert engine.output(run_id) == {"each": [], "single": []}


def test_output_is_not_there_before_the_run_is_completed(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.start("order")
    engine.complete(engine.claim(1)[0], "early")
    assert engine.rows("select output from stepgres.runs") == [None]


def test_input_is_kept_as_it_was(engine: Engine) -> None:
    engine.define("order", step("a"))
    for input in OUTPUTS.values():
        run_id = engine.start("order", input)
        query = "select input = %s from stepgres.runs where run_id = %s"
        assert engine.rows(query, Jsonb(input), run_id) == [True]
    assert len(engine.drain()) == len(OUTPUTS)


def test_of_many_object_outputs_the_last_wins(engine: Engine) -> None:
    slugs = [f"s{i:02}" for i in range(20)]
    engine.define("order", *map(step, slugs), step("join", *slugs))
    engine.start("order", {"k": "run", "s": 0})
    items = {item.step_slug: item for item in engine.claim()}
    for place, slug in enumerate(slugs):
        engine.complete(items[slug], {"k": place, slug[-1]: place} if place % 3 else place)
    input = engine.claim_one().input
    engine.drain()
    assert (input["k"], input["s"], input["s00"], input["s19"]) == (19, 0, 0, {"k": 19, "9": 19})
    # whether it is among the first eight or not
    assert {str(i): input.get(str(i)) for i in range(10)} == {
        "0": 10, "1": 11, "2": 2, "3": 13, "4": 14, "5": 5, "6": 16, "7": 17, "8": 8, "9": 19
    }  # fmt: skip
    assert input["s09"] == 9
