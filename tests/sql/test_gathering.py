"""Steps that gather: the engine completes them with the object of the outputs before them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import Engine, refused, step


def define(engine: Engine, **options: Any) -> None:
    """Two steps, what gathers them, and one step behind that."""
    engine.define(
        "order",
        step("a", **options),
        step("b", **options),
        step("both", "a", "b", gathers=["first", "second"]),
        step("last", "both"),
    )


def test_object_of_the_outputs_is_there_at_once(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order", {"n": 1})
    for item in engine.claim():
        engine.complete(item, item.step_slug)
    item = engine.claim_one()
    assert item.step_slug == "last"
    outputs = {"first": "a", "second": "b"}
    assert item.input == {"n": 1, **outputs, "both": outputs}
    engine.complete(item, "done")
    assert engine.output(run_id) == "done"


def test_gathering_steps_complete_each_other_and_the_run(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("inner", "a", gathers=["x"]),
        step("outer", "inner", gathers=["y"]),
    )
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), None)
    assert engine.output(run_id) == {"y": {"x": None}}


def test_skipped_dependency_is_absent(engine: Engine) -> None:
    define(engine, max_attempts=1, when_exhausted="skip")
    engine.start("order", {})
    a, b = engine.claim()
    engine.fail(a)
    engine.complete(b, 2)
    assert engine.claim_one().input["both"] == {"second": 2}


def test_nothing_but_skipped_dependencies_are_an_empty_object(engine: Engine) -> None:
    define(engine, max_attempts=1, when_exhausted="skip")
    engine.start("order", {})
    for item in engine.claim():
        engine.fail(item)
    assert engine.claim_one().input["both"] == {}


def test_paused_run_gathers_when_it_is_resumed(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order", {})
    items = engine.claim()
    engine.call("pause_workflow_run", run_id=run_id)
    for item in items:
        engine.complete(item, 1)
    statuses = engine.rows(
        "select status from stepgres.step_states where step_slug in ('both', 'last')"
    )
    assert statuses == ["created", "created"]
    engine.call("resume_workflow_run", run_id=run_id)
    assert engine.claim_one().input["both"] == {"first": 1, "second": 1}


def test_retry_keeps_what_was_gathered(engine: Engine) -> None:
    define(engine, max_attempts=1)
    run_id = engine.start("order", {})
    for item in engine.claim():
        engine.complete(item, 1)
    item = engine.claim_one()
    engine.call("cancel_workflow_run", run_id=run_id)
    new_id = engine.call("retry_failed_workflow", run_id=run_id)
    retried = engine.claim_one()
    assert (retried.run_id, retried.input) == (new_id, item.input)


def test_definition_has_it_and_can_be_registered_again(engine: Engine) -> None:
    define(engine)
    flow = engine.call("get_flow", workflow_id="order")
    assert [s["gathers"] for s in flow["steps"]] == [None, None, ["first", "second"], None]


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (step("x", gathers=[]), "gathers has one name for each dependency"),
        (step("x", "a", gathers=["a", "b"]), "gathers has one name for each dependency"),
        (step("x", "a", gathers=[None]), "gathers has one name for each dependency"),
        (step("x", "a", gathers=["a"], map=True), "a step that gathers has no body"),
        (step("x", "a", gathers=["a"], condition="$.a"), "a step that gathers has no body"),
        (step("x", "a", gathers=["a"], start_delay=1), "a step that gathers has no body"),
        (step("x", "a", gathers="a"), "gathers must be a JSON array"),
    ],
)
def test_gathering_is_all_that_such_a_step_does(
    engine: Engine, definition: dict[str, Any], reason: str
) -> None:
    with refused("SG001", reason):
        engine.define("order", step("a"), definition)
