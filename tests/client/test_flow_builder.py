"""Workflows that a program builds at run time, and executes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import stepgres
from tests.conftest import Database


@pytest.fixture
def builder(client: stepgres.Client) -> stepgres.FlowBuilder:
    return stepgres.FlowBuilder(client)


def test_built_workflow_is_executed(
    builder: stepgres.FlowBuilder, executor: stepgres.Executor
) -> None:
    workflow_id = builder.create_flow("report", max_attempts=1, timeout=10)
    builder.add_step(workflow_id, "fetch")
    for source in ("mails", "files"):
        builder.add_step(workflow_id, f"read_{source}", ["fetch"])
    builder.add_step(workflow_id, "join", ["read_mails", "read_files"])
    result = executor.execute_dynamic(
        workflow_id,
        {"day": 3},
        {
            "fetch": lambda given: {"n": given["day"]},
            "read_mails": lambda given: given["n"] + 1,
            "read_files": lambda given: given["n"] + 2,
            "join": lambda given: [given["read_mails"], given["read_files"]],
        },
    )
    assert result.output == [4, 5]


def test_step_is_returned_with_all_its_options(builder: stepgres.FlowBuilder) -> None:
    builder.create_flow("report", when_exhausted="skip", base_delay=2.5, deadline=60)
    builder.add_step("report", "fetch")
    step = builder.add_step(
        "report", "each", ["fetch"], map=True, start_delay=1.5, condition="$.n > 3",
        unless="$.dry_run", when_unmet="fail", max_failed=3, resources={"gpu": True},
    )  # fmt: skip
    assert step == stepgres.Step(
        workflow_slug="report",
        version=1,
        step_slug="each",
        step_index=1,
        dependency_count=1,
        map=True,
        initial_tasks=None,
        feeds_map=None,
        is_direct=False,
        max_attempts=3,
        base_delay=timedelta(seconds=2.5),
        timeout=timedelta(minutes=5),
        execution="local",
        queue="default",
        priority=0,
        resources={"gpu": True},
        start_delay=timedelta(seconds=1.5),
        condition='($."n" > 3)',
        unless='$."dry_run"',
        when_unmet="fail",
        when_exhausted="skip",
        max_failed="3",
        transactional=False,
        sticky=False,
        sql_function=None,
        gathers=None,
    )
    assert builder.get_flow("report")["deadline"] == 60


def test_options_of_a_class_are_those_of_add_step(
    client: stepgres.Client, builder: stepgres.FlowBuilder
) -> None:
    options: dict[str, Any] = {
        "max_attempts": 2, "base_delay": 0.5, "timeout": 5, "queue": "slow", "priority": 3,
        "resources": {"gpu": True}, "execution": "distributed", "transactional": True,
        "start_delay": 7, "condition": "$.a", "unless": "$.b", "map": True,
        "when_unmet": "skip-cascade", "when_exhausted": "skip", "max_failed": "5%",
    }  # fmt: skip

    class Written(stepgres.Workflow):
        deadline = 60

        @stepgres.step(**options)
        def a(input: Any) -> Any:  # noqa: N805 -- steps have no self
            return input

    client.register_workflow(stepgres.describe(Written).document)
    builder.create_flow("built", deadline=60)
    builder.add_step("built", "a", **options)
    written, built = builder.get_flow("written"), builder.get_flow("built")
    assert {**written, "workflow_slug": "built"} == built


def test_duplicate_name(builder: stepgres.FlowBuilder) -> None:
    builder.create_flow("report")
    with pytest.raises(stepgres.WorkflowAlreadyExists, match='"report"'):
        builder.create_flow("report")


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("a-b",), {}, "a slug starts with"),
        (("b", ["c"]), {}, '"c"'),
        (("b", "a"), {}, "malformed array"),
        (("b", ["b"]), {}, "itself"),
        (("b",), {"timeout": 0}, "timeout must be more than 0 seconds"),
        (("b",), {"timeout": 1e300}, "timeout must be more than 0 seconds, and at most 100 years"),
        (("b",), {"base_delay": -1e300}, "base_delay must be at least 0"),
        (("b",), {"base_delay": float("inf")}, "at most 100 years"),
        (("b",), {"condition": "n > 3"}, "condition"),
        (("b",), {"max_failed": "many"}, "max_failed"),
    ],
)
def test_refused_step_leaves_the_workflow_as_it_was(
    builder: stepgres.FlowBuilder, arguments: Any, options: dict[str, Any], words: str
) -> None:
    builder.create_flow("report")
    builder.add_step("report", "a")
    before = builder.get_flow("report")
    with pytest.raises((stepgres.DefinitionError, stepgres.InvalidInput), match=words) as error:
        builder.add_step("report", *arguments, **options)
    assert error.value.hint
    assert builder.get_flow("report") == before


def test_seconds_that_are_no_number_are_refused(builder: stepgres.FlowBuilder) -> None:
    for seconds in (float("nan"), "5"):
        with pytest.raises(stepgres.InvalidInput, match="no number of seconds"):
            builder.create_flow("report", timeout=seconds)  # type: ignore[arg-type]


def test_step_added_to_a_workflow_with_runs_makes_a_version(
    client: stepgres.Client, builder: stepgres.FlowBuilder, executor: stepgres.Executor
) -> None:
    builder.create_flow("report")
    builder.add_step("report", "a")
    executor.execute_dynamic("report", 1, {"a": lambda given: given})
    assert builder.add_step("report", "b", ["a"]).version == 2
    assert [(v.version, v.is_used) for v in client.list_workflow_versions("report")] == [
        (2, False),
        (1, True),
    ]
    functions = {"a": lambda given: given, "b": lambda given: given["a"] + 1}
    assert executor.execute_dynamic("report", 1, functions).output == 2


def test_flows_are_listed_and_deleted(
    client: stepgres.Client, builder: stepgres.FlowBuilder
) -> None:
    builder.create_flow("report")
    builder.add_step("report", "a")
    (flow,) = builder.list_flows()
    assert flow[:3] == ("report", 1, 1)
    client.start_workflow_run("report", 1)
    with pytest.raises(stepgres.WorkflowInUse, match='"report"'):
        builder.delete_flow("report")
    builder.delete_flow("report", force=True)
    assert builder.list_flows() == []
    with pytest.raises(stepgres.WorkflowNotFound):
        builder.delete_flow("report")


@pytest.mark.anyio
async def test_workflow_is_built_and_executed_by_async_code(db: Database) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        builder = stepgres.AsyncFlowBuilder(client)
        workflow_id = await builder.create_flow("report")
        await builder.add_step(workflow_id, "a")
        await builder.add_step(workflow_id, "b", ["a"])
        functions = {"a": lambda given: given + 1, "b": lambda given: given["a"] + 1}
        result = await stepgres.AsyncExecutor(client).execute_dynamic(workflow_id, 1, functions)
        assert result.output == 3
        await builder.delete_flow(workflow_id)
        assert await builder.list_flows() == []
