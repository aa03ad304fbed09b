"""Goals, decomposed and executed from Python: the examples of the specification, and more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import stepgres
from stepgres import DecompositionError
from tests.conftest import Database

GOAL = "Build user authentication system"

TASKS: list[dict[str, Any]] = [
    {"id": "analyze", "description": "Analyze requirements", "depends_on": []},
    {"id": "design", "description": "Design solution", "depends_on": ["analyze"]},
    {"id": "implement", "description": "Implement", "depends_on": ["design"]},
]

STEP_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "analyze": lambda given: {"requirements": f"of {given['goal']}"},
    "design": lambda given: {"architecture": given["analyze"]["requirements"]},
    "implement": lambda given: {"code": given["architecture"]},
}


def decompose(goal: str) -> list[dict[str, Any]]:
    return TASKS


@pytest.fixture
def orchestrator(client: stepgres.Client) -> stepgres.Orchestrator:
    return stepgres.Orchestrator(client)


# The examples of the specification


def test_goal_is_decomposed_and_executed(orchestrator: stepgres.Orchestrator) -> None:
    output, _ = orchestrator.execute_goal(GOAL, decompose, STEP_FUNCTIONS)
    assert output == {"code": f"of {GOAL}"}


def test_task_graph_can_be_looked_at_before_anything_is_executed(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    graph = orchestrator.decompose_goal("Deploy microservice to production", decompose)
    assert graph.id.startswith("htdag_")
    assert graph.tasks == TASKS
    assert graph.decomposed_at.tzinfo is not None
    assert graph == client.get_task_graph(graph.id)
    assert client.list_workflow_runs() == []


def test_task_graph_is_approved_and_executed_by_other_processes(
    db: Database, client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    graph = orchestrator.decompose_goal(GOAL, decompose)
    approve = "import stepgres, sys; stepgres.Client(sys.argv[1]).approve_task_graph(sys.argv[2])"
    execute = (
        "import stepgres, sys; client = stepgres.Client(sys.argv[1]); print(stepgres.Executor("
        "client).execute_task_graph(sys.argv[2], lambda given: sorted(given)).output)"
    )
    with pytest.raises(stepgres.TaskGraphNotApproved, match="is decomposed"):
        stepgres.Executor(client).execute_task_graph(graph.id, STEP_FUNCTIONS)
    printed = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, db.dsn, graph.id],
            check=True, capture_output=True, text=True,
        ).stdout
        for code in (approve, execute)
    ]  # fmt: skip
    assert printed == ["", "['design', 'goal']\n"]


# What decomposers return


@dataclass
class Task:
    id: str
    depends_on: tuple[str, ...] = ()
    subtasks: list[Task] = field(default_factory=list)


@pytest.mark.parametrize(
    "answer",
    [
        [{"id": "a"}, {"id": "b", "depends_on": ["a"]}],
        ({"id": "a"}, {"id": "b", "depends_on": ("a",)}),
        [Task("a"), Task("b", ("a",))],
        '[{"id": "a"}, {"id": "b", "depends_on": ["a"]}]',
        '{"tasks": [{"id": "a"}, {"id": "b", "depends_on": ["a"]}]}',
    ],
)
def test_tasks_are_dicts_dataclasses_or_json(
    orchestrator: stepgres.Orchestrator, answer: Any
) -> None:
    graph = orchestrator.decompose_goal("x", lambda goal: answer)
    assert [(task["id"], task["depends_on"]) for task in graph.tasks] == [("a", []), ("b", ["a"])]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Sure! Here are the tasks", "text that is not JSON"),
        ("[" * 100_000, "text that is not JSON"),
        (None, "returned NoneType, not a list of goal tasks"),
        ({"id": "a"}, "returned dict, not a list of goal tasks"),
        ([], "there are no goal tasks"),
        ([{1: "a"}], "key 1, which is not a string"),
        ([{"id": "a", "cost": float("nan")}], "not a JSON value"),
        ([{"id": "a", "cost": object()}], "not a JSON value"),
        ([{"id": "a", "depends_on": ["b"]}], 'goal task "a": it depends on "b"'),
    ],
)
def test_other_answers_are_refused(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator, answer: Any, message: str
) -> None:
    with pytest.raises(DecompositionError, match=message) as raised:
        orchestrator.decompose_goal("x", lambda goal: answer)
    assert raised.value.hint
    assert client.list_task_graphs() == []


def test_tasks_that_contain_themselves_are_refused(orchestrator: stepgres.Orchestrator) -> None:
    task: dict[str, Any] = {"id": "a"}
    task["subtasks"] = [task]
    with pytest.raises(DecompositionError, match="nested more deeply"):
        orchestrator.decompose_goal("x", lambda goal: [task])


def test_error_of_a_decomposer_comes_as_it_is(orchestrator: stepgres.Orchestrator) -> None:
    def decompose(goal: str) -> Any:
        raise ConnectionError("no model")

    with pytest.raises(ConnectionError, match="no model"):
        orchestrator.decompose_goal("x", decompose)


# Goal tasks that are to be decomposed


def test_decomposer_is_asked_again_for_tasks_that_say_so(
    orchestrator: stepgres.Orchestrator,
) -> None:
    questions = []
    answers: dict[str, Any] = {
        "build": [
            {"id": "design", "description": "design it", "decompose": True},
            {"id": "code", "depends_on": ["design/api"]},
        ],
        "design it": [{"id": "api", "decompose": True}, {"id": "db", "depends_on": ["api"]}],
        "api": [{"id": "paths"}],
    }

    def decompose(question: str) -> Any:
        questions.append(question)
        return answers[question]

    graph = orchestrator.decompose_goal("build", decompose)
    assert questions == ["build", "design it", "api"]
    assert [path for path, _ in graph.walk()] == [
        "design", "design/api", "design/api/paths", "design/db", "code"
    ]  # fmt: skip
    assert answers["build"][0] == {"id": "design", "description": "design it", "decompose": True}


@pytest.mark.parametrize(
    ("width", "message"),
    [(1, 'goal task "a/a/a": is to be .* more than 3 deep'), (9, "one too many: max_tasks is 20")],
)
def test_decomposer_that_never_ends_is_ended(
    orchestrator: stepgres.Orchestrator, width: int, message: str
) -> None:
    questions = []

    def decompose(question: str) -> Any:
        questions.append(question)
        return [{"id": "abcdefghi"[i], "decompose": True} for i in range(width)]

    with pytest.raises(DecompositionError, match=message):
        orchestrator.decompose_goal("x", decompose, max_depth=3, max_tasks=20)
    assert len(questions) == 3


def test_answer_without_tasks_is_refused_by_path(orchestrator: stepgres.Orchestrator) -> None:
    answers = iter([[{"id": "a", "decompose": True}], []])
    with pytest.raises(DecompositionError, match='goal task "a": is to be decomposed, and has no'):
        orchestrator.decompose_goal("x", lambda goal: next(answers))


# Functions


def execute(orchestrator: stepgres.Orchestrator, tasks: Any, functions: Any, **more: Any) -> Any:
    return orchestrator.execute_goal("x", lambda goal: tasks, functions, **more).output


def test_functions_are_found_by_path_then_id_then_pattern(
    orchestrator: stepgres.Orchestrator,
) -> None:
    inner = [{"id": name} for name in ("api", "db", "test_api", "docs")]
    tasks = [{"id": "design", "subtasks": inner}, {"id": "api"}]
    functions = {
        "*": lambda given: "other",
        "design/api": lambda given: "path",
        "api": lambda given: "id",
        "test_*": lambda given: "pattern of ids",
        "design/d?": lambda given: "pattern of paths",
    }
    assert execute(orchestrator, tasks, functions) == {
        "api": "id",
        "design": {
            "api": "path",
            "db": "pattern of paths",
            "test_api": "pattern of ids",
            "docs": "other",
        },
    }


def test_one_function_for_all_sees_which_task_it_executes(
    orchestrator: stepgres.Orchestrator,
) -> None:
    def work(input: Any, context: Any) -> Any:
        return [context.task["path"], context.task["description"], context.task["colour"]]

    async def work_async(input: Any, context: Any) -> Any:
        return work(input, context)

    tasks = [{"id": "a", "subtasks": [{"id": "b", "description": "do it", "colour": "red"}]}]
    for function in (work, work_async):
        assert execute(orchestrator, tasks, function) == {"b": ["a/b", "do it", "red"]}


def test_task_without_a_function_is_an_error_before_anything_runs(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    tasks = [{"id": "a"}, {"id": "b", "subtasks": [{"id": "c"}]}]
    with pytest.raises(DecompositionError, match='no function for goal task "b/c"'):
        execute(orchestrator, tasks, {"a": print, "b": print})
    assert client.list_workflow_runs() == []
    (graph,) = client.list_task_graphs()
    assert graph.status == "decomposed"


def test_task_in_sql_needs_no_function(
    db: Database, client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    with db.connect() as connection:
        connection.execute(
            "create function public.echo(input jsonb) returns jsonb language sql return input"
        )
    client.register_sql_function("public.echo")
    tasks = [{"id": "a", "options": {"sql_function": "public.echo"}}]
    assert execute(orchestrator, tasks, {}, input={"n": 1}) == {"goal": "x", "n": 1}


# Execution


def test_goal_that_needs_approval_is_stored_and_told(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    with pytest.raises(stepgres.TaskGraphNotApproved, match="waits for approval") as raised:
        orchestrator.execute_goal(GOAL, decompose, STEP_FUNCTIONS, require_approval=True)
    graph = raised.value.task_graph
    assert graph is not None
    assert client.approve_task_graph(graph.id).status == "approved"
    result = stepgres.Executor(client).execute_task_graph(graph.id, STEP_FUNCTIONS, {"goal": "G"})
    assert result.output == {"code": "of G"}


def test_failure_names_the_task(orchestrator: stepgres.Orchestrator) -> None:
    def fail(input: Any) -> None:
        raise stepgres.NonRetryable("no luck")

    tasks = [{"id": "a", "subtasks": [{"id": "b"}]}]
    with pytest.raises(stepgres.WorkflowFailed, match="no luck") as raised:
        execute(orchestrator, tasks, fail)
    assert raised.value.step_slug == "a__b"


@pytest.mark.anyio
async def test_async_decomposer_and_functions(db: Database) -> None:
    async def decompose(goal: str) -> Any:
        await asyncio.sleep(0)
        return TASKS

    async def work(input: Any) -> Any:
        return sorted(input)

    async with stepgres.AsyncClient(db.dsn) as client:
        orchestrator = stepgres.AsyncOrchestrator(client)
        result = await orchestrator.execute_goal(GOAL, decompose, {"*": work})
        assert result.output == ["design", "goal"]
        result = await orchestrator.execute_goal(GOAL, lambda goal: TASKS, {"*": work})
        assert result.output == ["design", "goal"]


def test_async_decomposer_in_a_thread_without_a_loop(orchestrator: stepgres.Orchestrator) -> None:
    async def decompose(goal: str) -> Any:
        await asyncio.sleep(0)
        return TASKS

    assert orchestrator.decompose_goal(GOAL, decompose).tasks == TASKS
