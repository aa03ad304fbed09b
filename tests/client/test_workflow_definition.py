"""Workflows written in Python, and the document that they become."""

# ruff: noqa: N805 -- steps of a Workflow class have no self
from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest

from stepgres import DefinitionError, Workflow, describe, step
from tests.support.workflows import workflow


def name_of(value: Any) -> str:
    """The id of a parameter, the same in every process."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def slugs(workflow: Any) -> list[str]:
    return [step["step_slug"] for step in describe(workflow).document["steps"]]


class Order(Workflow):
    max_attempts = 5
    timeout = 30

    @step
    def fetch(input: Any) -> Any:
        return input

    @step(depends_on=["fetch"], timeout=2.5)
    def process(input: Any, context: Any) -> Any:
        return [input, context]

    @step(depends_on=["process"])
    async def save(input: Any) -> Any:
        return input

    def helper(input: Any) -> Any:
        return input


def test_class_becomes_the_document_of_register_workflow() -> None:
    definition = describe(Order)
    assert definition.document == {
        "workflow_slug": "order",
        "max_attempts": 5,
        "timeout": 30,
        "steps": [
            {"step_slug": "fetch", "depends_on": []},
            {"step_slug": "process", "depends_on": ["fetch"], "timeout": 2.5},
            {"step_slug": "save", "depends_on": ["process"]},
        ],
    }
    assert definition.functions == {
        "fetch": Order.fetch,
        "process": Order.process,
        "save": Order.save,
    }


def test_instance_is_as_good_as_its_class() -> None:
    assert describe(Order()) == describe(Order)


def test_marked_function_can_still_be_called() -> None:
    assert Order.fetch(5) == 5


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Order", "order"),
        ("OrderLines", "order_lines"),
        ("HTTPFetch", "http_fetch"),
        ("FetchHTTP", "fetch_http"),
        ("Order2Lines", "order2_lines"),
        ("order_lines", "order_lines"),
    ],
)
def test_slug_is_the_name_in_snake_case(name: str, slug: str) -> None:
    cls = type(name, (Order,), {})
    assert describe(cls).document["workflow_slug"] == slug


def test_slug_can_be_chosen() -> None:
    cls = type("Order", (Order,), {"slug": "Purchase"})
    assert describe(cls).document["workflow_slug"] == "Purchase"


def test_subclass_has_the_steps_of_its_base_first() -> None:
    class Gift(Order):
        @step(depends_on=["save"])
        def wrap(input: Any) -> Any:
            return input

    assert slugs(Gift) == ["fetch", "process", "save", "wrap"]
    assert describe(Gift).document["max_attempts"] == 5


def test_step_of_a_subclass_takes_the_place_of_its_base_s() -> None:
    class Gift(Order):
        timeout = 60

        @step(queue="gifts")
        def fetch(input: Any) -> Any:
            return "gift"

    definition = describe(Gift)
    first = {"step_slug": "fetch", "depends_on": [], "queue": "gifts"}
    assert definition.document["steps"][0] == first
    assert definition.functions["fetch"](1) == "gift"
    assert definition.document["timeout"] == 60


def test_subclass_can_drop_a_step() -> None:
    assert slugs(type("Short", (Order,), {"save": None})) == ["fetch", "process"]


def test_steps_of_two_bases() -> None:
    class Audit(Workflow):
        @step
        def log(input: Any) -> Any:
            return input

    assert slugs(type("Both", (Order, Audit), {})) == ["log", "fetch", "process", "save"]


def test_static_and_class_methods_are_marked_in_either_order() -> None:
    class Methods(Workflow):
        @step
        @staticmethod
        def one(input: Any) -> Any:
            return ["one", input]

        @staticmethod
        @step
        def two(input: Any) -> Any:
            return ["two", input]

        @step(depends_on=["one"])
        @classmethod
        def three(cls, input: Any) -> Any:
            return [cls.__name__, input]

    functions = describe(Methods).functions
    outputs = [function(1) for function in functions.values()]
    assert outputs == [["one", 1], ["two", 1], ["Methods", 1]]


def test_step_may_have_the_name_of_an_option() -> None:
    class Odd(Workflow):
        @step(depends_on=["timeout"])
        def queue(input: Any) -> Any:
            return input

        @step
        def timeout(input: Any) -> Any:
            return input

    document = describe(Odd).document
    assert set(document) == {"workflow_slug", "steps"}


def test_pairs_depend_on_the_step_before() -> None:
    steps = [("a", len), ("b", len), ("c", len, {}), ("d", len), ["e", len, {"timeout": 1}]]
    assert describe(workflow(*steps)).document["steps"] == [
        {"step_slug": "a", "depends_on": []},
        {"step_slug": "b", "depends_on": ["a"]},
        {"step_slug": "c"},
        {"step_slug": "d", "depends_on": ["c"]},
        {"step_slug": "e", "timeout": 1},
    ]


def test_module_is_a_workflow() -> None:
    module = ModuleType("shop.order_lines")
    vars(module)["workflow_steps"] = lambda: [("fetch", len)]
    vars(module)["queue"] = "shop"
    document = describe(module).document
    assert (document["workflow_slug"], document["queue"]) == ("order_lines", "shop")


def test_object_is_a_workflow() -> None:
    class Copies:
        def __init__(self, count: int) -> None:
            self.count = count

        def workflow_steps(self) -> Any:
            return ((f"copy_{n}", len) for n in range(self.count))

    assert slugs(Copies(3)) == ["copy_0", "copy_1", "copy_2"]
    assert describe(Copies(3)).document["workflow_slug"] == "copies"


def without_parameters() -> None: ...
def with_three(input: Any, context: Any, more: Any) -> None: ...
def with_keyword(input: Any, *, context: Any) -> None: ...
def method(self: Any, input: Any) -> None: ...


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (5, ["5 is not a step"]),
        ("ab", ["'ab' is not a step"]),
        (len, ["len", "is not a step"]),
        (("a",), ["('a',) is not a step"]),
        (("a", len, {}, 1), ["is not a step"]),
        ((5, len), ["(5, ", "is not a step"]),
        (("a", len, 5), ["is not a step"]),
        (("a", 5), ['step "a"', "5 is not callable"]),
        (("a", without_parameters), ['step "a"', "does not take (input)"]),
        (("a", with_three), ['step "a"', "does not take (input)"]),
        (("a", with_keyword), ['step "a"', "does not take (input)"]),
        (("a", method), ['step "a"', "does not take (input)"]),
        (("a", len, {"timeout": object()}), ['step "a"', "option 'timeout'", "type object"]),
        (("a", len, {"timeout": float("nan")}), ['step "a"', "option 'timeout'"]),
        (("a", len, {(1, 2): 3}), ['step "a"', "option (1, 2)"]),
    ],
    ids=name_of,
)
def test_wrong_step_is_named(entry: Any, words: list[str]) -> None:
    with pytest.raises(DefinitionError) as error:
        describe(workflow(("good", len), entry))
    assert str(error.value).startswith('workflow "demo"')
    assert [word for word in words if word not in str(error.value)] == []
    assert error.value.hint


@pytest.mark.parametrize(
    "thing", [None, 5, "order", object(), print, [("fetch", len)]], ids=name_of
)
def test_thing_that_is_no_workflow(thing: Any) -> None:
    with pytest.raises(DefinitionError, match="is not a workflow") as error:
        describe(thing)
    assert "stepgres.Workflow" in str(error.value.hint)


def test_class_whose_workflow_steps_needs_an_instance() -> None:
    class Needy:
        def workflow_steps(self) -> Any:
            return [("fetch", len)]

    with pytest.raises(DefinitionError, match=r"Needy.* is not a workflow"):
        describe(Needy)
    assert slugs(Needy()) == ["fetch"]


@pytest.mark.parametrize("steps", [None, 5, len], ids=name_of)
def test_workflow_steps_that_returns_no_steps(steps: Any) -> None:
    cls = type("Odd", (), {"workflow_steps": staticmethod(lambda: steps)})
    with pytest.raises(DefinitionError, match=r'workflow "odd": workflow_steps\(\) returned'):
        describe(cls)


def test_error_in_workflow_steps_is_the_caller_s() -> None:
    def workflow_steps() -> Any:
        raise KeyError("config")

    with pytest.raises(KeyError, match="config"):
        describe(type("Odd", (), {"workflow_steps": staticmethod(workflow_steps)}))


def test_default_that_is_no_json_is_named() -> None:
    with pytest.raises(DefinitionError, match="workflow \"order\": option 'timeout'"):
        describe(type("Order", (Order,), {"timeout": object()}))


@pytest.mark.parametrize("thing", [["fetch"], "fetch", 5, len], ids=name_of)
def test_mark_on_what_is_no_function(thing: Any) -> None:
    with pytest.raises(DefinitionError, match="cannot be made a step") as error:
        step(thing)
    assert "@step(timeout=30)" in str(error.value.hint)
