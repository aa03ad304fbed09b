"""Defining workflows: versions, order, and what a definition may be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

A_THEN_B = (step("a"), step("b", "a"))


def step_order(engine: Engine, workflow_slug: str) -> list[str]:
    """The steps of the current version by step_index."""
    slugs: list[str] = engine.rows(
        """
        select s.step_slug from stepgres.steps as s
        join stepgres.workflows as w
            on w.workflow_slug = s.workflow_slug and w.current_version = s.version
        where w.workflow_slug = %s order by s.step_index
        """,
        workflow_slug,
    )
    return slugs


def current_version(engine: Engine, workflow_slug: str) -> int:
    (version,) = engine.rows(
        "select current_version from stepgres.workflows where workflow_slug = %s", workflow_slug
    )
    return int(version)


# Versions


def test_same_definition_twice_is_one_version(engine: Engine) -> None:
    assert engine.define("order", *A_THEN_B) == 1
    before = engine.snapshot()
    assert engine.define("order", *A_THEN_B) == 1
    assert engine.snapshot() == before


def test_order_of_keys_makes_no_new_version(engine: Engine) -> None:
    documents = (
        '{"workflow_slug": "order", "steps": [{"step_slug": "a", "map": true}]}',
        '{"steps": [{"map": true, "step_slug": "a"}], "workflow_slug": "order"}',
    )
    assert [engine.call("register_workflow", definition=d) for d in documents] == [1, 1]


@pytest.mark.parametrize(
    ("steps", "defaults"),
    [
        ((*A_THEN_B, step("c")), {}),
        ((step("a"), step("b")), {}),
        ((step("b"), step("a", "b")), {}),
        ((step("a", timeout=5), step("b", "a")), {}),
        (A_THEN_B, {"max_attempts": 5}),
        (A_THEN_B, {"queue": "slow"}),
    ],
    ids=["step", "dependency", "direction", "step option", "default", "queue"],
)
def test_any_change_makes_a_new_version(
    engine: Engine, steps: tuple[dict[str, Any], ...], defaults: dict[str, Any]
) -> None:
    engine.define("order", *A_THEN_B)
    assert engine.define("order", *steps, **defaults) == 2
    assert current_version(engine, "order") == 2


def test_runs_keep_the_version_that_they_started_with(engine: Engine) -> None:
    engine.define("order", *A_THEN_B)
    run_id = engine.start("order")
    engine.define("order", step("a", max_attempts=1), step("c", "a"), step("d", "c"))
    later = engine.start("order")
    executed = engine.drain()
    assert {item.place for item in executed if item.run_id == run_id} == {("a", 0), ("b", 0)}
    assert engine.steps(run_id) == {"a": "completed", "b": "completed"}
    assert set(engine.steps(later)) == {"a", "c", "d"}


def test_step_added_to_a_used_version_makes_a_new_one(engine: Engine) -> None:
    engine.define("order", step("a", timeout=7), step("b"), step("c", "b", "a"))
    run_id = engine.start("order")
    engine.call("add_step", workflow_id="order", step_name="d", depends_on=["c"])
    assert current_version(engine, "order") == 2
    engine.drain()
    assert set(engine.steps(run_id)) == {"a", "b", "c"}
    engine.start("order")
    assert [item.step_slug for item in engine.drain()] == ["a", "b", "c", "d"]


def test_new_version_with_an_added_step_keeps_the_others_as_they_were(engine: Engine) -> None:
    steps = (step("z", timeout=7), step("a"), step("c", "z", "a"), step("each", "a", map=True))
    engine.define("order", *steps)
    engine.start("order")
    engine.drain({"a": lambda _: []})
    engine.call("add_step", workflow_id="order", step_name="d")
    steps_of = """
        select to_jsonb(s) - 'version' from stepgres.steps as s
        where version = %s and step_slug <> 'd' order by step_index
    """
    dependencies_of = """
        select to_jsonb(d) - 'version' from stepgres.dependencies as d
        where version = %s order by step_slug, dependency_index
    """
    assert engine.rows(steps_of, 2) == engine.rows(steps_of, 1)
    assert engine.rows(dependencies_of, 2) == engine.rows(dependencies_of, 1)


def test_step_added_to_an_unused_version_changes_it(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.call("add_step", workflow_id="order", step_name="b")
    assert current_version(engine, "order") == 1
    assert engine.define("order", step("a")) == 2  # the first one is not that any more


def test_added_steps_inherit_the_defaults_of_the_flow(engine: Engine) -> None:
    engine.call("create_flow", name="order", max_attempts=7, queue="slow", timeout="9 s")
    engine.call("add_step", workflow_id="order", step_name="a")
    engine.call("add_step", workflow_id="order", step_name="b", max_attempts=2, queue="fast")
    query = "select max_attempts, queue, timeout::text from stepgres.steps order by step_slug"
    assert engine.rows(query) == [(7, "slow", "00:00:09"), (2, "fast", "00:00:09")]


def test_options_have_their_documented_defaults(engine: Engine) -> None:
    engine.define("registered", step("a"))
    engine.call("create_flow", name="built")
    engine.call("add_step", workflow_id="built", step_name="a")
    query = """
        select max_attempts, base_delay::text, timeout::text, execution, queue from stepgres.steps
    """
    assert engine.rows(query) == [(3, "00:00:01", "00:05:00", "local", "default")] * 2


# References


def test_flow_cannot_be_created_twice(engine: Engine) -> None:
    engine.define("order", *A_THEN_B)
    before = engine.snapshot()
    with refused("SG007", '"order"'):
        engine.call("create_flow", name="order")
    assert engine.snapshot() == before


def test_step_of_an_unknown_workflow_is_refused(engine: Engine) -> None:
    before = engine.snapshot()
    with refused("SG002", '"nowhere"'):
        engine.call("add_step", workflow_id="nowhere", step_name="a")
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("a", "missing")], ['"a"', '"missing"']),
        ([step("a", "a")], ["a -> a"]),
        ([step("a", "b"), step("b", "a")], ["a -> b -> a"]),
        ([step("x"), step("a", "c", "x"), step("b", "a"), step("c", "b")], ["a -> c -> b -> a"]),
        ([step("a"), step("b", "a", "a")], ['"b"', "twice"]),
        ([step("a"), step("a")], ['"a"', "already"]),
        ([], ["steps"]),
    ],
    ids=["unknown", "itself", "cycle", "longer cycle", "named twice", "same slug", "no steps"],
)
def test_impossible_graph_is_refused(
    engine: Engine, steps: list[dict[str, Any]], words: list[str]
) -> None:
    before = engine.snapshot()
    with refused("SG001", *words):
        engine.define("order", *steps)
    assert engine.snapshot() == before


def test_refused_definition_leaves_the_last_one_current(engine: Engine) -> None:
    engine.define("order", *A_THEN_B)
    before = engine.snapshot()
    with refused("SG001", "cycle"):
        engine.define("order", step("a", "b"), step("b", "a"))
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"step_name": "c", "depends_on": ["d"]}, ['"c"', '"d"']),  # so no cycle can be closed
        ({"step_name": "c", "depends_on": ["c"]}, ['"c"', "itself"]),
        ({"step_name": "c", "depends_on": ["a", "a"]}, ['"c"', "twice"]),
        ({"step_name": "c", "depends_on": ["a", None]}, ['"c"', "depends_on"]),
        ({"step_name": "a"}, ['"a"', "already"]),
        ({"step_name": "c", "depends_on": ["a", "b"], "map": True}, ['"c"', "one dependency"]),
        ({"step_name": None}, ["step_slug"]),
    ],
    ids=["later step", "itself", "named twice", "null", "same slug", "map of two", "no name"],
)
@pytest.mark.parametrize("is_used", [False, True])
def test_refused_step_leaves_the_workflow_as_it_was(
    engine: Engine, arguments: dict[str, Any], words: list[str], is_used: bool
) -> None:
    engine.define("order", *A_THEN_B)
    if is_used:
        engine.start("order")
        engine.drain()
    before = engine.snapshot()
    with refused("SG001", '"order"', *words):
        engine.call("add_step", workflow_id="order", **arguments)
    assert engine.snapshot() == before


def test_same_step_slug_in_another_workflow_is_fine(engine: Engine) -> None:
    assert engine.define("order", *A_THEN_B) == 1
    assert engine.define("invoice", *A_THEN_B) == 1
    run_id = engine.start("invoice")
    engine.drain()
    assert engine.status(run_id) == ("completed", None)


# Order


def test_steps_may_come_in_any_order(engine: Engine) -> None:
    engine.define("order", step("c", "a", "b"), step("b", "a"), step("d"), step("a"))
    order = step_order(engine, "order")
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("a") < order.index("b") < order.index("c")


def test_order_that_is_topological_is_kept(engine: Engine) -> None:
    steps = [step("b"), step("a", "b"), step("c"), step("z", "c", "a"), step("d", "b")]
    engine.define("order", *steps)
    assert step_order(engine, "order") == ["b", "a", "c", "z", "d"]


def test_step_given_too_early_is_preceded_by_what_it_needs(engine: Engine) -> None:
    engine.define("order", step("x"), step("c", "b"), step("d"), step("b", "a"), step("a"))
    assert step_order(engine, "order") == ["x", "a", "b", "c", "d"]


def test_steps_that_are_free_keep_the_given_order(engine: Engine) -> None:
    slugs = ["m", "z", "b", "a", "y"]
    engine.define("order", *map(step, slugs))
    assert step_order(engine, "order") == slugs


def test_added_steps_come_last_and_see_the_earlier(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    engine.call("add_step", workflow_id="order", step_name="z")
    engine.call("add_step", workflow_id="order", step_name="a", depends_on=["z"])
    engine.call("add_step", workflow_id="order", step_name="m", depends_on=["a", "z"])
    assert step_order(engine, "order") == ["z", "a", "m"]


# Maps


def test_map_over_two_dependencies_is_refused(engine: Engine) -> None:
    with refused("SG001", '"c"', "one dependency"):
        engine.define("order", step("a"), step("b"), step("c", "a", "b", map=True))


def test_number_of_tasks_makes_a_map_of_a_step_with_two_dependencies(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c", "a", "b", initial_tasks=2))
    assert engine.rows("select step_slug from stepgres.steps where map") == ["c"]


def test_number_of_tasks_is_for_maps_alone(engine: Engine) -> None:
    with refused("SG001", '"a"', "initial_tasks"):
        engine.define("order", step("a", map=False, initial_tasks=2))


# Size


def test_chain_of_1000_steps_is_executed_in_order(engine: Engine) -> None:
    slugs = [f"s{i}" for i in range(1_000)]
    chain = [step(slug, *slugs[max(0, i - 1) : i]) for i, slug in enumerate(slugs)]
    engine.define("chain", *reversed(chain))
    run_id = engine.start("chain", {})
    assert step_order(engine, "chain") == slugs
    assert [item.step_slug for item in engine.drain()] == slugs
    assert engine.status(run_id) == ("completed", None)


def test_1000_steps_side_by_side_are_ready_at_once(engine: Engine) -> None:
    engine.define("wide", *(step(f"s{i}") for i in range(1_000)))
    run_id = engine.start("wide")
    assert len(engine.drain()) == 1_000
    assert len(engine.output(run_id)) == 1_000


def test_step_waits_for_20_dependencies(engine: Engine) -> None:
    slugs = [f"s{i}" for i in range(20)]
    engine.define("fan_in", *map(step, slugs), step("join", *slugs))
    engine.start("fan_in")
    items = engine.claim()
    engine.work([item.completed(1) for item in items[:19]])
    assert engine.claim() == []
    engine.complete(items[19], 1)
    assert engine.claim_one().input == dict.fromkeys(slugs, 1)


def test_dense_layers_are_executed_layer_by_layer(engine: Engine) -> None:
    layers = [[f"s{layer}_{i}" for i in range(20)] for layer in range(30)]  # 20^30 paths
    steps = list(map(step, layers[0]))
    for above, layer in pairwise(layers):
        steps += [step(slug, *above) for slug in layer]
    engine.define("dense", *steps)
    run_id = engine.start("dense", {})
    executed = [item.step_slug for item in engine.drain()]
    assert executed == [slug for layer in layers for slug in sorted(layer)]
    assert engine.status(run_id)[0] == "completed"


def test_definition_may_not_be_null(engine: Engine) -> None:
    with refused("SG001", "null"):
        engine.call("register_workflow", definition=None)
    with refused("SG001", "workflow_slug"):
        engine.call("register_workflow", definition=Jsonb({"steps": [step("a")]}))
