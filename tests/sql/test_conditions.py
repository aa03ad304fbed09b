"""Steps that start, are skipped or fail as their conditions say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.engine import Engine, refused, step
from tests.support.limits import limit_inputs


@pytest.mark.parametrize(
    ("options", "input", "status"),
    [
        ({"condition": "$.n > 3"}, {"n": 4}, "started"),
        ({"condition": "$.n > 3"}, {"n": 3}, "skipped"),
        ({"condition": "$ ? (@.n > 3)"}, {"n": 4}, "started"),
        ({"condition": "$ ? (@.n > 3)"}, {"n": 3}, "skipped"),
        ({"unless": "$.n > 3"}, {"n": 4}, "skipped"),
        ({"unless": "$.n > 3"}, {"n": 3}, "started"),
        ({"condition": "$.n > 3", "unless": "$.off"}, {"n": 4}, "started"),
        ({"condition": "$.n > 3", "unless": "$.off"}, {"n": 4, "off": True}, "skipped"),
        ({"condition": "$.n > 3", "unless": "$.off"}, {"n": 4, "off": False}, "started"),
        ({"condition": "$.flag"}, {"flag": True}, "started"),
        ({"condition": "$.flag"}, {"flag": False}, "skipped"),
        ({"condition": "$.flag"}, {"flag": None}, "skipped"),
        ({"condition": "$.flag"}, {"flag": 0}, "started"),
        ({"condition": "$.flag"}, {"flag": ""}, "started"),
        ({"condition": "exists($.x.y)"}, {"x": {"y": None}}, "started"),
        ({"condition": "$.x.y"}, {}, "skipped"),
        ({"condition": "strict $.x.y == 1"}, {}, "skipped"),
        ({"condition": "$.n > 3"}, {"n": "four"}, "skipped"),
        ({"condition": "$[*] > 3"}, [1, 4], "started"),
        ({"condition": "$[*] > 3"}, [1, 2], "skipped"),
        ({"condition": "$ == 5"}, 5, "started"),
        ({"condition": "$ == 5"}, None, "skipped"),
        (
            {"condition": '$.day.datetime() < "2026-02-01".datetime()'},
            {"day": "2026-01-31"},
            "started",
        ),
    ],
)
def test_condition_of_a_root_step_looks_at_the_input_of_the_run(
    engine: Engine, options: dict[str, Any], input: Any, status: str
) -> None:
    engine.define("order", step("a"), step("b", **options))
    assert engine.steps(engine.start("order", input)) == {"a": "started", "b": status}


@pytest.mark.parametrize("path", ["$.items[*].urgent", "strict $.items[*].urgent"])
@pytest.mark.parametrize(
    ("values", "is_met"),
    [
        ([False, True], True),
        ([True, False], True),
        ([None, False, 0], True),
        ([False, [], False], True),
        ([False, [False]], True),
        ([False, {}], True),
        ([False, ""], True),
        ([False, None], False),
        ([], False),
    ],
)
def test_any_value_that_the_path_finds_counts(
    engine: Engine, path: str, values: list[Any], is_met: bool
) -> None:
    engine.define("order", step("a"), step("b", condition=path), step("c", unless=path))
    run_id = engine.start("order", {"items": [{"urgent": value} for value in values]})
    started, skipped = ("b", "c") if is_met else ("c", "b")
    assert engine.steps(run_id) == {"a": "started", started: "started", skipped: "skipped"}


def test_error_in_strict_mode_is_not_met_whatever_was_found_before(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", condition="strict $[*].urgent"))
    run_id = engine.start("order", [{"urgent": True}, {}])
    assert engine.steps(run_id)["b"] == "skipped"


NUMBERS = list(range(8_000))
TOO_MUCH = "would look at more than 5,000,000 pairs of values"


@pytest.mark.parametrize(
    ("path", "input"),
    [
        ("$.** ? (@ == $[*])", NUMBERS),
        ("$[*] ? (@ < 0 || @ == -$[*])", NUMBERS),
        ("$[*] == -$[*]", NUMBERS),
        ("strict $[*] == -$[*]", NUMBERS),
        ("$.a == $.b", {"a": NUMBERS, "b": NUMBERS}),
        ("$.a.b == $.c.b", {"a": [{"b": i} for i in NUMBERS], "c": {"b": NUMBERS}}),
        ("$.x ? (@.a == @.b)", {"x": {"a": NUMBERS, "b": NUMBERS}}),
        ("$.x ? (@.c == 1).y ? (@.a == @.b)", {"x": {"c": 1, "y": {"a": NUMBERS, "b": NUMBERS}}}),
        ("$ ? (exists(@.x ? (@.a == @.b)))", {"x": {"a": NUMBERS, "b": NUMBERS}}),
        ("exists($[*] ? (exists($[*] ? (@ == -$[*]))))", list(range(300))),
        ("$.n.* ? (@ != 0) == $.n.*", {"n": {str(i): i for i in NUMBERS}}),
        ('$."a\\" && $b" == $.b', {'a" && $b': NUMBERS, "b": NUMBERS}),
        ("$[*] ? (@ * @ == 0)", [10**4_000 - 1] * 1_000),
    ],
)
def test_condition_that_would_take_long_fails_its_step_instead(
    engine: Engine, path: str, input: Any
) -> None:
    """The time is that of a fraction of the pairs; when_unmet has no say in it."""
    engine.define("order", step("a"), step("b", condition=path), step("c"))
    run_id = engine.start("order", input)
    status, error = engine.status(run_id)
    assert (status, engine.steps(run_id)["b"]) == ("failed", "failed")
    assert 'step "b" failed: its condition cannot be evaluated' in error
    assert TOO_MUCH in error


MANY_ITEMS = [{"price": i, "limit": i + 1, "note": f"item {i}"} for i in range(50_000)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("$.total > $.limit", "started"),
        ("$.items[*].price > 3", "started"),
        ("$.items[*] ? (@.price == 49999)", "started"),
        ("$.items[*] ? (@.price > $.limit)", "started"),
        ("$.items[*] ? (@.price > @.limit)", "skipped"),
        ("exists($.items[*].no) || $.items[*].price == -1", "skipped"),
        ("$.** ? (@.price == 49999)", "started"),
        ("$.items.size() > 10 && $.total > 3 && $.limit < 3", "started"),
        ('$.items[*] ? (@.note starts with "item 4999").price > $.limit', "started"),
    ],
)
def test_large_input_may_be_looked_at_once(engine: Engine, path: str, status: str) -> None:
    engine.define("order", step("a"), step("b", condition=path))
    run_id = engine.start("order", {"items": MANY_ITEMS, "total": 5, "limit": 2})
    assert engine.steps(run_id)["b"] == status


@pytest.mark.parametrize(
    ("path", "excess"),
    [
        ("$.**.**", "more than one .**"),
        ("$.** ? (@ == $.**)", "more than one .**"),
        ("$[0, 0][0, 0]", "more than one list of subscripts"),
        ("$.keyvalue().keyvalue()", "more than one .keyvalue()"),
        ("||".join(["($.a == 1)"] * 100), "more than 1,000 characters"),
    ],
)
def test_condition_that_takes_long_whatever_the_input_is_refused(
    engine: Engine, path: str, excess: str
) -> None:
    for option in ("condition", "unless"):
        with refused("SG001", f"{option} ", "can take too long: it has " + excess):
            engine.define("order", step("a", **{option: path}))


def test_regular_expression_that_is_too_large_is_refused(engine: Engine) -> None:
    with refused("SG001", "is not a JSON path"):
        engine.define("order", step("a", condition='$ like_regex "(x{1,200}){1,200}y"'))


def test_condition_over_an_input_that_is_too_large_fails_its_step(engine: Engine) -> None:
    """The result of the step before it counts, and so do those of other runs."""
    limit_inputs(engine.connection)
    engine.define("order", step("a"), step("b", "a", condition="$.a"))
    large, small = engine.start("order", {}), engine.start("order", {})
    items = {item.run_id: item for item in engine.claim()}
    results = [items[large].completed({"large": 1}), items[small].completed(1)]
    assert engine.work(results) == []
    error = 'step "b" failed: its condition cannot be evaluated: too large'
    assert engine.status(large) == ("failed", error)
    assert engine.steps(large) == {"a": "completed", "b": "failed"}
    assert engine.steps(small) == {"a": "completed", "b": "started"}


def test_condition_of_a_dependent_step_looks_at_all_three_layers(engine: Engine) -> None:
    engine.define(
        "order",
        step("fetch"),
        step("by_run", "fetch", condition="$.customer == 7"),
        step("by_merged_output", "fetch", condition="$.total > 10"),
        step("by_named_output", "fetch", condition="$.fetch.total > 10"),
    )
    run_id = engine.start("order", {"customer": 7})
    engine.complete(engine.claim_one(), {"total": 11})
    assert set(engine.steps(run_id).values()) == {"completed", "started"}


@pytest.mark.parametrize(("total", "branch"), [(5, "small"), (50, "large")])
def test_opposite_conditions_run_exactly_one_branch(
    engine: Engine, total: int, branch: str
) -> None:
    engine.define(
        "order",
        step("fetch"),
        step("small", "fetch", unless="$.fetch > 10"),
        step("large", "fetch", condition="$.fetch > 10"),
        step("join", "small", "large"),
    )
    run_id = engine.start("order", {})
    executed = engine.drain({"fetch": lambda _: total, branch: lambda _: branch})
    assert [item.step_slug for item in executed] == ["fetch", branch, "join"]
    assert executed[2].input == {branch: branch}
    assert engine.status(run_id)[0] == "completed"


def test_unmet_with_fail_fails_the_run_and_cancels_the_rest(engine: Engine) -> None:
    engine.define(
        "order", step("a"), step("b", "a", condition="$.a", when_unmet="fail"), step("c", "a")
    )
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), False)
    assert engine.status(run_id) == ("failed", 'step "b" failed: its condition is not met')
    assert engine.steps(run_id) == {"a": "completed", "b": "failed", "c": "cancelled"}
    assert engine.tickets() == []


def test_unmet_with_skip_lets_dependents_run(engine: Engine) -> None:
    engine.define("order", step("a", condition="$.no"), step("b", "a"))
    run_id = engine.start("order", {"x": 1})
    assert engine.claim_one().input == {"x": 1}
    assert engine.steps(run_id) == {"a": "skipped", "b": "started"}
    assert engine.rows("select skip_reason from stepgres.step_states where step_slug = 'a'") == [
        "condition_unmet"
    ]


def test_unmet_with_skip_cascade_skips_all_dependents_and_no_other_branch(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", condition="$.no", when_unmet="skip-cascade"),
        step("b", "a"),
        step("c", "b", "other"),
        step("other"),
        step("last", "other"),
    )
    run_id = engine.start("order", {})
    assert [item.step_slug for item in engine.drain()] == ["other", "last"]
    statuses = {"a": "skipped", "b": "skipped", "c": "skipped"}
    assert engine.steps(run_id) == {**statuses, "other": "completed", "last": "completed"}
    reasons = "select step_slug, skip_reason from stepgres.step_states where status = 'skipped'"
    assert dict(engine.rows(reasons)) == {
        "a": "condition_unmet",
        "b": "dependency_skipped",
        "c": "dependency_skipped",
    }
    assert engine.output(run_id) == {"last": None}


def test_default_of_the_workflow_is_inherited(engine: Engine) -> None:
    engine.define("order", step("a", condition="$.no"), step("b", "a"), when_unmet="skip-cascade")
    run_id = engine.start("order", {})
    assert engine.steps(run_id) == {"a": "skipped", "b": "skipped"}


def test_condition_over_a_skipped_dependency_finds_it_absent(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", condition="$.no"),
        step("b", "a", condition="exists($.a)"),
        step("c", "a", unless="exists($.a)"),
    )
    assert engine.steps(engine.start("order", {})) == {
        "a": "skipped",
        "b": "skipped",
        "c": "started",
    }


def test_two_parents_skipped_at_once_count_down_their_join_twice(engine: Engine) -> None:
    engine.define(
        "order", step("a", condition="$.no"), step("b", condition="$.no"), step("c", "a", "b")
    )
    run_id = engine.start("order", {})
    assert engine.steps(run_id) == {"a": "skipped", "b": "skipped", "c": "started"}


def test_run_whose_steps_are_all_skipped_completes_at_once(engine: Engine) -> None:
    engine.define("one", step("a", condition="$.no"))
    engine.define("two", step("a", condition="$.no"), step("b", condition="$.no"))
    assert engine.output(engine.start("one", {})) is None
    assert engine.output(engine.start("two", {})) == {}


def test_skipped_leaf_is_absent_from_the_output(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", condition="$.no"), step("c"))
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: 1, "c": lambda _: None})
    assert engine.output(run_id) == {"a": 1, "c": None}


@pytest.mark.parametrize(("wanted", "status"), [(True, "started"), (False, "skipped")])
def test_condition_behind_an_empty_map_is_evaluated(
    engine: Engine, wanted: bool, status: str
) -> None:
    engine.define(
        "order",
        step("list"),
        step("each", "list", map=True),
        step("c", "each", condition="$.wanted"),
    )
    run_id = engine.start("order", {"wanted": wanted})
    engine.complete(engine.claim_one(), [])
    assert engine.steps(run_id) == {"list": "completed", "each": "completed", "c": status}


def test_condition_of_a_map_looks_at_the_input_of_the_step(engine: Engine) -> None:
    engine.define(
        "order", step("list"), step("each", "list", map=True, condition="$.list.size() > 1")
    )
    short, long = engine.start("order", {}), engine.start("order", {})
    engine.drain({"list": lambda _: [1]}, run_ids=None)
    assert engine.steps(short)["each"] == engine.steps(long)["each"] == "skipped"
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), [1, 2])
    assert [item.input for item in engine.claim()] == [1, 2]
    assert engine.steps(run_id)["each"] == "started"


def test_200_skips_in_a_row(engine: Engine) -> None:
    chain = [step("s0", condition="$.no")]
    chain += [step(f"s{i}", f"s{i - 1}", condition="$.no") for i in range(1, 200)]
    engine.define("order", *chain, step("last", "s199"))
    run_id = engine.start("order", {})
    assert engine.claim_one().step_slug == "last"
    assert list(engine.steps(run_id).values()).count("skipped") == 200


@pytest.mark.parametrize("when_unmet", ["skip", "skip-cascade"])
def test_30_fully_linked_layers_of_skips(engine: Engine, when_unmet: str) -> None:
    layers = [[f"s{layer}_{i}" for i in range(5)] for layer in range(30)]
    steps = [step(slug, condition="$.no", when_unmet=when_unmet) for slug in layers[0]]
    for above, layer in itertools.pairwise(layers):
        steps += [step(slug, *above, condition="$.no", when_unmet=when_unmet) for slug in layer]
    engine.define("order", *steps)
    run_id = engine.start("order", {})
    assert set(engine.steps(run_id).values()) == {"skipped"}
    assert engine.status(run_id)[0] == "completed"
