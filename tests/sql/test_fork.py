"""Runs that are forked: a new run begins anew at some steps of another one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

DIAMOND = [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")]


def fork(engine: Engine, run_id: UUID, *from_steps: str, **options: Any) -> UUID:
    for name in ("input", "outputs"):
        if name in options:
            options[name] = Jsonb(options[name])
    new_id: UUID = engine.call("fork_run", run_id=run_id, from_steps=list(from_steps), **options)
    return new_id


def completed(engine: Engine, *steps: Any, input: Any = None) -> UUID:
    """A run that is completed; the output of a step is its slug, with its input after it."""
    engine.define("order", *steps)
    run_id = engine.start("order", input or {"x": 1})
    engine.drain()
    return run_id


def executed(engine: Engine) -> list[str]:
    return sorted(item.step_slug for item in engine.drain())


def test_steps_behind_the_fork_execute_again(engine: Engine) -> None:
    old = completed(engine, *DIAMOND)
    new = fork(engine, old, "b")
    assert engine.steps(new) == {
        "a": "completed",
        "b": "started",
        "c": "completed",
        "d": "created",
    }
    assert executed(engine) == ["b", "d"]
    assert engine.rows("select forked_from from stepgres.list_workflow_runs()") == [old, None]
    assert engine.rows("select retried_from from stepgres.list_workflow_runs()") == [None, None]


def test_input_and_outputs_are_replaced(engine: Engine) -> None:
    old = completed(engine, *DIAMOND)
    fork(engine, old, "d", input={"x": 2}, outputs={"b": "edited", "c": None})
    last = engine.claim_one()
    assert last.input == {"x": 2, "b": "edited", "c": None}


def test_output_of_a_map_is_replaced_element_by_element(engine: Engine) -> None:
    each = step("each", map=True)
    engine.define("order", each, step("sum", "each"))
    old = engine.start("order", [1, 2, 3])
    engine.drain({"each": lambda element: element})
    new = fork(engine, old, "sum", outputs={"each": [4, 5, 6]})
    assert engine.claim_one().input["each"] == [4, 5, 6]
    rows = engine.rows(
        "select output from stepgres.tasks where run_id = %s and step_slug = 'each'"
        " order by task_index",
        new,
    )
    assert rows == [4, 5, 6]


def test_failed_step_may_begin_anew_with_what_came_before_it(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a", max_attempts=1))
    old = engine.start("order")
    engine.complete(engine.claim_one(), 1)
    engine.fail(engine.claim_one())
    fork(engine, old, "b", outputs={"a": 2})
    assert engine.claim_one().input["a"] == 2


def test_active_run_is_forked_and_goes_on(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    old = engine.start("order")
    engine.complete(engine.claim_one(), 1)
    new = fork(engine, old, "b")
    assert {item.run_id for item in engine.drain()} == {old, new}
    assert engine.status(old)[0] == engine.status(new)[0] == "completed"


def test_unfinished_steps_beside_the_fork_go_on(engine: Engine) -> None:
    engine.define("order", step("list"), step("each", "list", map=True), step("other"))
    old = engine.start("order")
    items = {item.step_slug: item for item in engine.claim()}
    engine.complete(items["list"], [1, 2])
    engine.complete(items["other"], 1)
    first, _ = engine.claim()
    engine.complete(first, "kept")
    engine.call("cancel_workflow_run", run_id=old)
    fork(engine, old, "other")
    assert executed(engine) == ["each", "other"]


def test_fork_moves_a_run_to_another_version(engine: Engine) -> None:
    old = completed(engine, step("a"), step("b", "a"), step("gone", "a"))
    version = engine.define("order", step("a"), step("b", "a"), step("new", "a"), step("d", "b"))
    new = fork(engine, old, "b", version=version)
    assert set(engine.steps(new)) == {"a", "b", "new", "d"}
    assert executed(engine) == ["b", "d", "new"]
    assert engine.status(new)[0] == "completed"


def test_step_that_has_become_a_map_is_not_copied(engine: Engine) -> None:
    old = completed(engine, step("a"), step("b"))
    version = engine.define("order", step("a", initial_tasks=2, map=True), step("b"))
    fork(engine, old, "b", version=version)
    assert executed(engine) == ["a", "a", "b"]


def test_skipped_steps_are_kept(engine: Engine) -> None:
    engine.define("order", step("a", condition="$.y", when_unmet="skip"), step("b"))
    old = engine.start("order", {})
    engine.drain()
    new = fork(engine, old, "b", input={"y": 1})
    assert engine.steps(new)["a"] == "skipped"
    assert executed(engine) == ["b"]


def test_fork_of_a_wait_waits_anew(engine: Engine) -> None:
    engine.define("order", step("paid", wait_for="paid"), step("ship", "paid"))
    old = engine.start("order")
    engine.call("send_signal", run_id=old, signal="paid", payload=Jsonb(1))
    engine.call("tick")
    engine.drain()
    kept, anew = fork(engine, old, "ship"), fork(engine, old, "paid")
    assert engine.claim_one().run_id == kept
    assert engine.steps(anew) == {"paid": "started", "ship": "created"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"from_steps": []}, "begins at one step"),
        ({"from_steps": None}, "begins at one step"),
        ({"from_steps": ["a", None]}, "begins at one step"),
        ({"from_steps": ["nothing"]}, 'has no step "nothing"'),
        ({"outputs": [1]}, "outputs are an object"),
        ({"outputs": {"b": 1}}, '"b" begins anew'),
        ({"outputs": {"c": 1}}, '"c" begins anew'),
        ({"outputs": {"nothing": 1}}, '"nothing" has no output'),
        ({"outputs": {"each": 1}}, 'map step "each" is an array of 2 elements'),
        ({"outputs": {"each": [1]}}, 'map step "each" is an array of 2 elements'),
        ({"outputs": {"list": 1}}, '"list", which must be an array'),
    ],
)
def test_fork_that_cannot_be_is_refused(
    engine: Engine, options: dict[str, Any], words: str
) -> None:
    engine.define(
        "order",
        step("list"),
        step("each", "list", map=True),
        step("b"),
        step("c", "b"),
    )
    old = engine.start("order")
    engine.drain({"list": lambda _: [1, 2]})
    arguments = {"from_steps": ["b"], **options}
    if "outputs" in arguments:
        arguments["outputs"] = Jsonb(arguments["outputs"])
    with refused("SG003", words):
        engine.call("fork_run", run_id=old, **arguments)
    assert engine.rows("select count(*) from stepgres.runs") == [1]


def test_fork_of_what_is_not_there_is_refused(engine: Engine) -> None:
    old = completed(engine, step("a"))
    with refused("SG005"):
        fork(engine, UUID(int=1), "a")
    with refused("SG002"):
        fork(engine, old, "a", version=7)


def test_checkpoints_are_kept_if_asked_for(engine: Engine) -> None:
    able = engine.colleague("able", features=["durable"])
    engine.define("order", step("body", durable=True, max_attempts=1))
    old = engine.start("order")
    item = able.claim_one()
    able.rows(
        "select count(*) from stepgres.save_checkpoints('able', %s)",
        Jsonb([item.operation("run charge", output=7)]),
    )
    able.fail(item)
    fork(engine, old, "body")
    anew = able.claim_one()
    assert anew.checkpoints["list"] == []
    fork(engine, old, "body", keep_checkpoints=True)
    kept = able.claim_one()
    assert [c["output"] for c in kept.checkpoints["list"]] == [7]
