"""Map steps: a task per element, an array of their outputs, and windows over large arrays."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.engine import Engine, step


def same(value: Any) -> Any:
    return value


def unfinished_tasks(engine: Engine) -> int:
    (count,) = engine.rows("select count(*) from stepgres.tasks where finished_at is null")
    return int(count)


# Order and nulls


def test_outputs_are_in_the_order_of_the_elements(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(30)))
    items = engine.claim()
    random.Random(7).shuffle(items)
    for item in items:
        engine.complete(item, {"was": item.input})
    assert engine.output(run_id) == [{"was": i} for i in range(30)]


def test_nulls_keep_their_places(engine: Engine) -> None:
    engine.define("order", step("each", map=True), step("again", "each", map=True))
    elements = [None, 1, None, 2, None]
    run_id = engine.start("order", elements)
    executed = engine.drain({"each": same, "again": same})
    assert [item.input for item in executed if item.step_slug == "again"] == elements
    assert engine.output(run_id) == elements


# Composition


def test_map_over_the_output_of_a_step(engine: Engine) -> None:
    engine.define("order", step("list"), step("each", "list", map=True), step("sum", "each"))
    run_id = engine.start("order", {"n": 4})
    engine.drain({
        "list": lambda given: list(range(given["n"])),
        "each": lambda element: element * element,
        "sum": lambda given: sum(given["each"]),
    })  # fmt: skip
    assert engine.output(run_id) == 14


def test_map_over_a_map_keeps_the_size(engine: Engine) -> None:
    engine.define("order", step("a", map=True), step("b", "a", map=True))
    run_id = engine.start("order", [1, 2, 3])
    executed = engine.drain({"a": lambda i: [i, i], "b": len})
    assert [item.place for item in executed] == [
        ("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("b", 2),
    ]  # fmt: skip
    assert engine.output(run_id) == [2, 2, 2]


def test_ten_maps_in_a_chain(engine: Engine) -> None:
    chain = [step("m0", map=True)]
    chain += [step(f"m{i}", f"m{i - 1}", map=True) for i in range(1, 10)]
    engine.define("order", *chain)
    run_id = engine.start("order", [0, 100])
    engine.drain({f"m{i}": lambda element: element + 1 for i in range(10)})
    assert engine.output(run_id) == [10, 110]


def test_map_starts_when_the_whole_map_before_it_is_done(engine: Engine) -> None:
    engine.define("order", step("a", map=True), step("b", "a", map=True))
    run_id = engine.start("order", [1, 2])
    one, two = engine.claim()
    engine.complete(two)
    assert engine.claim() == []
    assert engine.steps(run_id) == {"a": "started", "b": "created"}
    engine.complete(one)
    assert len(engine.claim()) == 2


def test_several_maps_and_a_single_step_meet_in_one_step(engine: Engine) -> None:
    engine.define(
        "order", step("a", map=True), step("b", map=True), step("c"), step("join", "a", "b", "c")
    )
    engine.start("order", [1, 2])
    items = engine.claim()
    engine.work([item.completed([item.step_slug, item.task_index]) for item in items])
    assert engine.claim_one().input == {
        "a": [["a", 0], ["a", 1]], "b": [["b", 0], ["b", 1]], "c": ["c", 0],
    }  # fmt: skip


def test_two_maps_over_one_step(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a", map=True), step("c", "a", map=True))
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: [1, 2], "b": same, "c": lambda i: -i})
    assert engine.output(run_id) == {"b": [1, 2], "c": [-1, -2]}


# Empty arrays


def test_empty_map_is_completed_at_once_and_the_next_step_starts(engine: Engine) -> None:
    engine.define("order", step("list"), step("each", "list", map=True), step("sum", "each"))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), [])
    assert engine.steps(run_id) == {"list": "completed", "each": "completed", "sum": "started"}
    assert engine.claim_one().input == {"each": []}
    assert engine.tasks(run_id) == {("list", 0): "completed", ("sum", 0): "started"}


def test_empty_array_runs_through_a_chain_of_maps(engine: Engine) -> None:
    chain = [step("m0", "list", map=True)]
    chain += [step(f"m{i}", f"m{i - 1}", map=True) for i in range(1, 200)]
    engine.define("order", step("list"), *chain)
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), [])
    assert engine.status(run_id) == ("completed", [])
    query = """
        select bool_and(t.started_at >= o.finished_at) from stepgres.step_states as t
        join stepgres.dependencies as d on d.step_slug = t.step_slug
        join stepgres.step_states as o on o.step_slug = d.depends_on
    """
    assert engine.rows(query) == [True]


def test_join_behind_empty_maps_starts_once(engine: Engine) -> None:
    engine.define("order", step("a", map=True), step("b", map=True), step("join", "a", "b"))
    run_id = engine.start("order", [])
    assert engine.tickets() == [(run_id, "join", 0)]
    assert engine.claim_one().input == {"a": [], "b": []}


def test_join_of_an_empty_map_waits_for_the_other_parent(engine: Engine) -> None:
    engine.define("order", step("a", map=True), step("b"), step("join", "a", "b"))
    engine.start("order", [])
    engine.complete(engine.claim_one(), 1)
    assert engine.claim_one().input == {"a": [], "b": 1}


# What is no array


@pytest.mark.parametrize(
    ("output", "words"),
    [({"x": [1]}, "object"), ("text", "string"), (0, "number"), (False, "boolean"), (None, "null")],
)
def test_output_that_is_no_array_fails_the_step_that_a_map_needs(
    engine: Engine, output: Any, words: str
) -> None:
    engine.define("order", step("list"), step("each", "list", map=True), step("other"))
    run_id = engine.start("order", {})
    other, item = sorted(engine.claim(), key=lambda item: item.step_slug, reverse=True)
    engine.complete(item, output)
    error = f'step "each" maps over the output of step "list", which must be an array, not {words}'
    assert engine.status(run_id) == ("failed", f'step "list" failed: {error}')
    assert engine.steps(run_id) == {"list": "failed", "each": "cancelled", "other": "cancelled"}
    assert engine.tasks(run_id) == {("list", 0): "failed", ("other", 0): "cancelled"}
    query = "select error, output from stepgres.tasks where step_slug = 'list'"
    assert engine.rows(query) == [(error, output)]
    assert [answer.is_refused for answer in engine.work([other.completed()])] == [True]


def test_tickets_are_gone_when_a_map_gets_no_array(engine: Engine) -> None:
    engine.define("order", step("a"), step("each", "a", map=True), step("b", initial_tasks=50))
    engine.start("order", {})
    engine.complete(engine.claim(1)[0], "no array")
    assert engine.tickets() == []
    assert unfinished_tasks(engine) == 0


def test_output_that_is_no_array_is_not_tried_again(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=9), step("each", "a", map=True))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), 1)
    assert engine.status(run_id)[0] == "failed"
    assert engine.rows("select attempt from stepgres.attempts") == [1]
    assert engine.rows("select * from stepgres.timers") == []


def test_step_before_a_given_number_of_tasks_may_return_anything(engine: Engine) -> None:
    engine.define("order", step("a"), step("each", "a", initial_tasks=2))
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: "no array"})
    assert engine.output(run_id) == [None, None]


# Windows


def in_order(count: int) -> list[int]:
    return list(range(count))


def backwards(count: int) -> list[int]:
    return list(reversed(range(count)))


@pytest.mark.parametrize("arrange", [in_order, backwards])
@pytest.mark.parametrize("is_local", [False, True])
def test_large_map_is_expanded_in_windows(
    engine: Engine, arrange: Callable[[int], list[int]], is_local: bool
) -> None:
    engine.define("order", step("each", map=True))
    options = {"executor_id": engine.worker_id} if is_local else {}
    run_id = engine.start("order", [f"e{i}" for i in range(2_500)], **options)
    most = unfinished_tasks(engine)
    assert most == 1_000
    while items := engine.claim(400, run_ids=[run_id]):
        results = [items[i].completed([items[i].input]) for i in arrange(len(items))]
        assert engine.work(results) == []
        most = max(most, unfinished_tasks(engine))
    assert 1_000 < most <= 1_500
    assert engine.output(run_id) == [[f"e{i}"] for i in range(2_500)]


@pytest.mark.parametrize("size", [499, 500, 999, 1_000, 1_001, 1_500, 1_501, 2_000, 2_001])
def test_map_is_complete_at_every_edge_of_a_window(engine: Engine, size: int) -> None:
    engine.define("order", step("list"), step("each", "list", map=True))
    run_id = engine.start("order", {})
    executed = engine.drain({"list": lambda _: list(range(size)), "each": same})
    assert len(executed) == 1 + size
    assert engine.output(run_id) == list(range(size))


def test_slow_task_does_not_hold_up_the_window(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(3_000)))
    slow, *items = engine.claim(1_000)
    while items:
        items = engine.work([item.completed(item.input) for item in items], capacity=1_000)
    assert engine.tasks(run_id)[("each", 0)] == "started"
    engine.complete(slow, slow.input)
    assert engine.output(run_id) == list(range(3_000))


def test_failure_in_a_large_map_leaves_nothing_unfinished(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1), step("sum", "each"))
    run_id = engine.start("order", list(range(2_500)))
    items = engine.claim(10)
    engine.work([items[0].failed("bad"), *(item.completed() for item in items[1:])])
    assert engine.status(run_id) == ("failed", 'step "each" failed at task 0: bad')
    assert engine.steps(run_id) == {"each": "failed", "sum": "cancelled"}
    assert engine.tickets() == []
    assert unfinished_tasks(engine) == 0
