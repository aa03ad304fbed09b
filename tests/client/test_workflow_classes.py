"""Workflow classes stand wherever slugs do, and mistakes in them get errors that teach."""

# ruff: noqa: N805 -- steps of a Workflow class have no self
from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

import pytest

import stepgres
from stepgres import Client, DefinitionError, InvalidInput, Workflow, describe, step
from stepgres.errors import WorkflowNotFound
from stepgres.workflow import describe_all
from tests.conftest import Database
from tests.support import ledger, steps
from tests.support.engine import Engine


class OrderLines(Workflow):
    """Two steps."""

    LIMIT = 3
    _cache: dict[str, Any] = {}  # noqa: RUF012

    @staticmethod
    @step
    def fetch(input: Any) -> Any:
        return input

    @staticmethod
    @step(depends_on=[fetch])
    def save(input: Any, context: Any = None) -> Any:
        return [input["fetch"], context.step_slug]


CALLS: dict[str, dict[str, Any]] = {
    "add_step": {"step_name": "more"},
    "add_subscriber": {},
    "cancel_runs": {"dry_run": True},
    "catch_up_events": {},
    "count_runs": {},
    "create_schedule": {"schedule_slug": "nightly", "cron": "@daily"},
    "delete_flow": {"force": True},
    "get_composition_stats": {},
    "get_flow": {},
    "get_search_end": {},
    "list_active_runs": {},
    "list_approvals": {},
    "list_goal_events": {},
    "list_schedules": {},
    "list_waits": {},
    "list_workflow_runs": {},
    "list_workflow_versions": {},
    "optimize_workflow": {},
    "pause_runs": {},
    "prune": {"older_than": 1},
    "recommend": {},
    "resume_runs": {},
    "retry_runs": {},
    "save_task_graph": {"goal": "x", "tasks": [{"id": "a"}]},
    "simulate": {"input": {}},
    "start_workflow_run": {"input": {}},
    "start_workflow_runs": {"inputs": [{}]},
    "step_statistics": {},
}


def methods_that_name_workflows() -> dict[str, str]:
    return {
        name: argument
        for name, method in inspect.getmembers(Client, inspect.isfunction)
        for argument in inspect.signature(method).parameters
        if argument in ("workflow_slug", "workflow_id")
        and name != "subscribe"
        and not name.startswith("_")
    }


def test_every_method_that_names_a_workflow_is_tried() -> None:
    assert methods_that_name_workflows().keys() == CALLS.keys()


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "name",
    [OrderLines, OrderLines(), describe(OrderLines)],
    ids=["class", "instance", "definition"],
)
def test_workflow_class_is_taken_wherever_a_slug_is(client: Client, method: str, name: Any) -> None:
    if method != "save_task_graph":  # which takes no workflow that it has not made
        client.register_workflow(OrderLines)
    if method == "catch_up_events":
        client.add_subscriber(workflow_slug=OrderLines, every_change=True)
    getattr(client, method)(**{methods_that_name_workflows()[method]: name}, **CALLS[method])
    with pytest.raises(InvalidInput, match="5 is neither a workflow nor a slug") as error:
        getattr(client, method)(**{methods_that_name_workflows()[method]: 5}, **CALLS[method])
    assert "Workflow class" in str(error.value.hint)


def test_register_workflow_takes_what_describe_takes_and_returns(client: Client) -> None:
    definition = describe(OrderLines)
    versions = {
        client.register_workflow(given)
        for given in (OrderLines, OrderLines(), definition, definition.document)
    }
    assert versions == {1}


def test_name_of_a_class_is_taken_by_sql_too(client: Client, engine: Engine) -> None:
    client.register_workflow(OrderLines)
    run_id = engine.start("OrderLines")
    assert client.list_workflow_runs(workflow_slug="app.OrderLines")[0].run_id == run_id
    assert client.get_flow("OrderLines")["workflow_slug"] == "order_lines"
    assert client.add_step("OrderLines", "more").workflow_slug == "order_lines"
    assert client.recommend("OrderLines", "none") == client.recommend("order_lines", "none")
    assert client.step_statistics("OrderLines") == client.step_statistics("order_lines")
    client.delete_flow("OrderLines", force=True)
    assert client.list_flows() == []


@pytest.mark.parametrize("name", ["order_line", "OrderLine", "ordr_lines", "orders_lines"])
def test_hint_about_an_unknown_workflow_names_the_closest_name(
    client: Client, engine: Engine, name: str
) -> None:
    client.register_workflow(OrderLines)
    for number in range(12):
        client.create_flow(f"billing_{number}")
    with pytest.raises(WorkflowNotFound, match=name) as error:
        client.start_workflow_run(name, {})
    assert str(error.value.hint).startswith('Did you mean "order_lines"? Known workflows: order_')
    with pytest.raises(WorkflowNotFound) as error:
        client.start_workflow_run("zzz", {})
    assert "Did you mean" not in str(error.value.hint)


def test_workflows_of_goals_are_in_lists_and_hints_only_when_asked(client: Client) -> None:
    graph = client.save_task_graph("Build it", [{"id": "a"}])
    client.approve_task_graph(graph.id)
    client.start_task_graph(graph.id)
    assert client.list_flows() == []
    assert [flow.workflow_slug for flow in client.list_flows(goals=True)] == [graph.id]
    with pytest.raises(WorkflowNotFound) as error:
        client.start_workflow_run(graph.id + "0", {})
    assert "There are no workflows yet" in str(error.value.hint)


def test_context_with_a_default_is_passed(db: Database, client: Client) -> None:
    assert stepgres.Executor(client).execute(OrderLines, 5).output == [5, "save"]


@pytest.mark.parametrize(
    "function",
    [
        lambda item, *, context=None: None,
        lambda item, other=1, context=None: None,
    ],
)
def test_context_that_would_not_be_passed_is_refused(function: Any) -> None:
    cls = type("Odd", (Workflow,), {"fetch": staticmethod(step(function))})
    with pytest.raises(DefinitionError, match="context is not the second parameter") as error:
        describe(cls)
    assert "def fetch(input, context)" in str(error.value.hint)


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("max_attempt", 3, "max_attempts"),
        ("time_out", 3.5, "timeout"),
        ("Timeout", 3, "timeout"),
        ("ressources", {"gpu": True}, "resources"),
        ("depends_on", [], None),
        ("transactional", True, None),
        ("retries", 3, None),
        ("slugg", "x", "slug"),
    ],
)
def test_unknown_option_of_a_class_is_refused_with_the_closest_one(
    name: str, value: Any, guess: str | None
) -> None:
    with pytest.raises(DefinitionError, match=f'unknown option "{name}"') as error:
        describe(type("Odd", (OrderLines,), {name: value}))
    assert ("Did you mean" in str(error.value.hint)) == (guess is not None)
    assert guess is None or f'Did you mean "{guess}"?' in str(error.value.hint)
    assert "max_attempts, base_delay, timeout" in str(error.value.hint)


def test_dependencies_may_be_functions() -> None:
    class Base(Workflow):
        @step
        def fetch(input: Any) -> Any:
            return 1

        book = stepgres.sql_step("app.book", depends_on=[fetch])

        @step(depends_on=[fetch, book, "fetch"])
        def save(input: Any) -> Any:
            return 2

    class Derived(Base):
        @step
        def fetch(input: Any) -> Any:
            return 3

    for cls in (Base, Derived):
        steps = {s["step_slug"]: s["depends_on"] for s in describe(cls).document["steps"]}
        assert steps == {"fetch": [], "book": ["fetch"], "save": ["fetch", "book", "fetch"]}


@pytest.mark.parametrize(
    ("depends_on", "words", "hint"),
    [
        ([len], "len>, which is no step of this workflow", "@step"),
        (OrderLines.fetch, "not a list", "depends_on=[fetch]"),
    ],
)
def test_wrong_dependency_is_refused(depends_on: Any, words: str, hint: str) -> None:
    def save(item: Any) -> None: ...

    cls = type("Odd", (Workflow,), {"save": staticmethod(step(depends_on=depends_on)(save))})
    with pytest.raises(DefinitionError) as error:
        describe(cls)
    assert words in str(error.value)
    assert hint in str(error.value.hint)


def test_second_step_of_a_name_is_refused() -> None:
    with pytest.raises(DefinitionError, match='Twice has two definitions of the step "fetch"'):

        class Twice(Workflow):
            @step
            def fetch(input: Any) -> Any:
                return 1

            @step  # type: ignore[no-redef]
            def fetch(input: Any) -> Any:  # noqa: F811
                return 2

    with pytest.raises(DefinitionError, match='Hidden has two definitions of the step "fetch"'):

        class Hidden(Workflow):
            @step
            def fetch(input: Any) -> Any:
                return 1

            fetch = 5  # type: ignore[assignment]  # noqa: F811


def test_same_step_may_be_wrapped_and_abstract_classes_are_workflows() -> None:
    class Wrapped(Workflow, ABC):
        @step
        def fetch(input: Any) -> Any:
            return 1

        fetch = staticmethod(fetch)

        @classmethod
        @abstractmethod
        def source(cls) -> str: ...

    assert list(describe(Wrapped).functions) == ["fetch"]
    with pytest.raises(TypeError, match="abstract"):
        Wrapped()  # type: ignore[abstract]


def test_step_without_parentheses_and_with_self_is_explained() -> None:
    class Bare(Workflow):
        @step
        def fetch(self: Any, input: Any) -> Any:
            return input

    with pytest.raises(DefinitionError, match="does not take") as error:
        describe(Bare)
    assert "a step has no self" in str(error.value.hint)


def test_module_stands_for_all_workflows_in_it() -> None:
    found = {d.document["workflow_slug"] for d in describe_all([steps, OrderLines])}
    assert {"separate", "hanging", "order_lines"} <= found
    with pytest.raises(DefinitionError, match=r"module tests\.support\.ledger has no workflow"):
        describe_all([ledger])


def test_worker_has_the_arguments_of_the_async_worker() -> None:
    one, other = (
        str(inspect.signature(cls)).replace("Async", "")
        for cls in (stepgres.Worker, stepgres.AsyncWorker)
    )
    assert one == other
    assert "options" not in one


def test_class_says_how_long_its_runs_are_kept(client: Client) -> None:
    class Kept(OrderLines):
        keep = {"completed": "7 days", "failed": 60}  # noqa: RUF012

    client.register_workflow(describe(Kept).document)
    assert client.get_flow("kept")["keep"] == {"completed": 7 * 86400, "failed": 60}
    client.create_flow("shop", keep={"payloads": "1 day"})
    assert client.get_flow("shop")["keep"] == {"payloads": 86400}
    with pytest.raises(DefinitionError, match="keep: failed"):
        client.create_flow("bill", keep={"failed": "soon"})


def test_class_names_the_workflow_for_its_failures(client: Client) -> None:
    class Alert(Workflow):
        @step()
        def tell(facts: Any) -> None: ...

    class Sold(OrderLines):
        on_failure = Alert

    class Bought(Sold):
        on_failure = "alert"  # type: ignore[assignment]

    for found in (Sold, Bought):
        client.register_workflow(found)
        assert client.get_flow(found)["on_failure"] == "alert"
    client.create_flow("shop", on_failure=Alert)
    assert client.get_flow("shop")["on_failure"] == "alert"
    stepgres.FlowBuilder(client).create_flow("bill", on_failure="alert")
    assert client.get_flow("bill")["on_failure"] == "alert"


def test_on_failure_that_is_no_workflow_is_refused(client: Client) -> None:
    class Sold(OrderLines):
        def on_failure(self) -> None: ...

    with pytest.raises(DefinitionError, match='workflow "sold": on_failure must be a workflow'):
        describe(Sold)
    with pytest.raises(InvalidInput, match="neither a workflow nor a slug"):
        client.create_flow("bill", on_failure=7)  # type: ignore[arg-type]


def test_step_may_have_the_name_on_failure() -> None:
    class Sold(Workflow):
        @step()
        def on_failure(input: Any) -> None: ...

    document = describe(Sold).document
    assert "on_failure" not in document
    assert [found["step_slug"] for found in document["steps"]] == ["on_failure"]
