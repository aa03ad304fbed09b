"""Goal tasks that workers execute: started in SQL, found by path, added while they run."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from typing import Any

import pytest

import stepgres
from stepgres._execution.worker_client import WorkerClient
from stepgres._goals import goal_task_functions
from stepgres.errors import ConnectionFailed
from tests.conftest import Database
from tests.support.pages import run_psql
from tests.support.waiting import wait_until
from tests.support.workers import running_worker, worker_process
from tests.support.workflows import workflow

TASKS: list[dict[str, Any]] = [
    {"id": "plan", "description": "Plan it"},
    {"id": "build", "depends_on": ["plan"], "subtasks": [{"id": "code"}, {"id": "test"}]},
]


def start(client: stepgres.Client, tasks: Any = TASKS, **defaults: Any) -> Any:
    """The id of a run of a graph that is decomposed and approved here."""
    graph = stepgres.Orchestrator(client).decompose_goal("x", lambda goal: tasks, defaults=defaults)
    client.approve_task_graph(graph.id)
    return client.start_task_graph(graph.id)


def describe(input: Any, context: Any) -> Any:
    return [context.task["path"], context.task["description"]]


def test_goal_that_was_started_in_psql_is_executed_by_a_worker(
    db: Database, client: stepgres.Client
) -> None:
    run_psql(
        db.dsn,
        """
        select task_graph_id from stepgres.save_task_graph('Build it', '[
            {"id": "plan"}, {"id": "build", "depends_on": ["plan"], "subtasks": [{"id": "code"}]}
        ]') \\gset
        select status from stepgres.approve_task_graph(:'task_graph_id');
        select stepgres.start_task_graph(:'task_graph_id');
        """,
    )
    (run,) = client.list_workflow_runs()
    with worker_process(db.dsn, options=("--goals", "tests.support.steps:tasks")) as worker:
        output = client.wait_for_run(run.run_id).output
        worker.signal(signal.SIGTERM)
        assert worker.end()[0] == 0
    assert output == {"code": ["build/code", "code"]}
    outputs = {step.step_slug: step.output for step in client.get_run(run.run_id).steps}
    assert (outputs["plan"], outputs["added"]) == ("Build it", ["added", "Added by plan"])


@pytest.mark.parametrize("execution", ["local", "distributed"])
def test_functions_are_found_by_path_also_for_tasks_that_are_added(
    db: Database, client: stepgres.Client, execution: str
) -> None:
    def plan(input: Any, context: Any) -> None:
        context.add_tasks([{"id": "more", "description": "More of it"}])

    functions = {"build/code": plan, "plan": lambda given: given["goal"], "build/*": describe}
    with running_worker(db.dsn, step_functions=functions):
        run_id = start(client, execution=execution)
        assert client.wait_for_run(run_id).output == {
            "code": None,
            "test": ["build/test", "test"],
            "more": ["build/more", "More of it"],
        }


def test_one_function_for_all_and_workflows_beside_it(
    db: Database, client: stepgres.Client
) -> None:
    flow = workflow(("plan", lambda given: "of the workflow"), slug="named")
    with running_worker(db.dsn, flow, step_functions=describe):
        run_id = start(client, [{"id": "plan"}])
        assert client.wait_for_run(run_id).output == ["plan", "plan"]
        run_id = client.start_workflow_run("named", None)
        assert client.wait_for_run(run_id).output == "of the workflow"


def test_added_task_without_a_function_waits_for_a_worker_that_has_one(
    db: Database, client: stepgres.Client
) -> None:
    def plan(input: Any, context: Any) -> None:
        context.add_tasks([{"id": "elsewhere"}])

    with running_worker(db.dsn, step_functions={"plan": plan}):
        run_id = start(client, [{"id": "plan"}])
        wait_until(lambda: unknown_steps(client, run_id) == ["elsewhere"])
        with running_worker(db.dsn, step_functions={"else*": describe}):
            assert client.wait_for_run(run_id).output == ["elsewhere", "elsewhere"]
    assert [a for s in client.get_run(run_id).steps for a in s.attempts if a.error] == []


def unknown_steps(client: stepgres.Client, run_id: Any) -> list[str]:
    return [s.step_slug for s in client.why_stuck(run_id) if s.waits_for == "knowledge"]


def test_step_of_another_workflow_is_not_for_a_worker_of_goals(
    db: Database, client: stepgres.Client
) -> None:
    flow = workflow(("a", lambda given: given))
    client.register_workflow(stepgres.describe(flow).document)
    with running_worker(db.dsn, step_functions=describe):
        run_id = client.start_workflow_run("demo", 7)
        assert unknown_steps(client, run_id) == ["a"]
        with running_worker(db.dsn, flow):
            assert client.wait_for_run(run_id).output == 7


def test_worker_finishes_the_goal_of_an_executor_that_gives_up(
    db: Database, client: stepgres.Client
) -> None:
    graph = stepgres.Orchestrator(client).decompose_goal("x", lambda goal: TASKS)
    client.approve_task_graph(graph.id)

    async def hang(input: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(stepgres.WorkflowTimeout) as raised:
        stepgres.Executor(client).execute_task_graph(graph.id, hang, timeout=0.1)
    with running_worker(db.dsn, step_functions=lambda given: "done"):
        output = client.wait_for_run(raised.value.run_id).output
        assert output == {"code": "done", "test": "done"}


def test_each_version_is_read_once(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[Any] = Counter()
    get_flow = WorkerClient.get_flow

    async def counted(self: WorkerClient, workflow_id: str, *, version: Any = None) -> Any:
        reads[workflow_id, version] += 1
        return await get_flow(self, workflow_id, version=version)

    monkeypatch.setattr(WorkerClient, "get_flow", counted)
    with running_worker(db.dsn, step_functions=describe):
        tasks = [{"id": f"t{number}"} for number in range(30)]
        run_ids = [start(client, tasks) for _ in range(3)]
        for run_id in run_ids:
            client.wait_for_run(run_id)
    assert list(reads.values()) == [1, 1, 1]


def test_versions_that_are_read_are_not_all_kept(
    db: Database, client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goal_task_functions, "_KEPT_VERSIONS", 1)
    with running_worker(db.dsn, step_functions=describe):
        run_ids = [start(client, [{"id": "a"}, {"id": "b"}]) for _ in range(3)]
        for run_id in run_ids:
            assert len(client.wait_for_run(run_id).output) == 2


def test_tasks_that_add_tasks_on_several_workers(db: Database, client: stepgres.Client) -> None:
    """Versions that runs had to themselves are gone when somebody asks for them."""

    def work(input: Any, context: Any) -> None:
        if len(context.task["id"]) < 3:
            context.add_tasks([{"id": context.task["id"] + letter} for letter in "xy"])

    with running_worker(db.dsn, step_functions=work), running_worker(db.dsn, step_functions=work):
        run_id = start(client, [{"id": letter} for letter in "abcdefgh"])
        client.wait_for_run(run_id)
    assert len(client.get_run(run_id).steps) == 8 * (1 + 2 + 4)


def test_connection_that_is_lost_while_functions_are_looked_for(
    client: stepgres.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_flow = stepgres.AsyncClient.get_flow
    failures = [ConnectionFailed("no server")]

    async def fail_once(self: Any, workflow_id: str, *, version: Any = None) -> Any:
        if failures:
            raise failures.pop()
        return await get_flow(self, workflow_id, version=version)

    monkeypatch.setattr(stepgres.AsyncClient, "get_flow", fail_once)
    result = stepgres.Orchestrator(client).execute_goal("x", lambda goal: TASKS, describe)
    assert sorted(result.output) == ["code", "test"]
    assert failures == []


@pytest.mark.parametrize(
    ("step_functions", "message"),
    [
        ({"a": 7}, 'for "a" is no function, but of type int'),
        ([describe], "must be a mapping or a function, and is of type list"),
        (stepgres.Workflow, "must be a mapping or a function"),
    ],
)
def test_what_are_no_functions_is_refused(db: Database, step_functions: Any, message: str) -> None:
    with pytest.raises(stepgres.DefinitionError, match=message) as raised:
        stepgres.AsyncWorker(stepgres.AsyncClient(db.dsn), step_functions=step_functions)
    assert raised.value.hint
