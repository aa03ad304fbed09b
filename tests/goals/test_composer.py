"""Goals composed into workflows in one call, alone and side by side."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

import stepgres
from tests.conftest import Database
from tests.support.waiting import PATIENCE

TASKS = [{"id": "a"}, {"id": "b", "depends_on": ["a"]}]


@pytest.fixture
def composer(client: stepgres.Client) -> stepgres.WorkflowComposer:
    return stepgres.WorkflowComposer(client)


def decompose(goal: str) -> Any:
    return TASKS


def say(input: Any, context: Any) -> Any:
    return f"{input['goal']} {context.task['id']}"


def fail(input: Any, context: Any) -> Any:
    if input["goal"] in {"two", "four"}:
        raise stepgres.NonRetryable("no luck")
    return say(input, context)


def test_goal_is_composed_and_executed(composer: stepgres.WorkflowComposer) -> None:
    assert composer.compose_from_goal("one", decompose, say).output == "one b"


def test_options_are_those_of_the_workflow(
    client: stepgres.Client, composer: stepgres.WorkflowComposer
) -> None:
    running = []
    most = []

    def count(input: Any) -> None:
        running.append(1)
        most.append(len(running))
        running.pop()

    tasks = [{"id": name} for name in "abcd"]
    run_id = composer.compose_from_goal(
        "one", lambda goal: tasks, count, workflow_name="counting", max_parallel=1,
        retry_attempts=7, monitoring=True, input={"n": 1},
    ).run_id  # fmt: skip
    flow = client.get_flow("counting")
    assert (flow["max_attempts"], flow["events"]) == (7, "task")
    run = client.get_run(run_id)
    assert (run.workflow_slug, run.input) == ("counting", {"goal": "one", "n": 1})
    assert max(most) == 1


def test_task_graph_is_executed_when_it_is_approved(
    client: stepgres.Client, composer: stepgres.WorkflowComposer
) -> None:
    graph = stepgres.Orchestrator(client).decompose_goal("one", decompose)
    with pytest.raises(stepgres.TaskGraphNotApproved):
        composer.compose_from_task_graph(graph, say)
    graph = client.approve_task_graph(graph.id)
    for given in (graph, graph.id):
        assert composer.compose_from_task_graph(given, say).output == "one b"


def test_goals_are_executed_side_by_side(composer: stepgres.WorkflowComposer) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def meet(input: Any) -> Any:
        both.wait()
        return input["goal"]

    results = composer.compose_multiple_workflows(["one", "two"], decompose, {"*": meet})
    assert {goal: result.output for goal, result in results.items()} == {"one": "one", "two": "two"}


@pytest.mark.parametrize("parallel", [True, False])
def test_failures_are_raised_together_with_the_successes(
    composer: stepgres.WorkflowComposer, parallel: bool
) -> None:
    with pytest.raises(stepgres.GoalsFailed, match='2 of 4 goals failed, "two"') as raised:
        composer.compose_multiple_workflows(
            ["one", "two", "three", "four", "one"], decompose, fail, parallel=parallel
        )
    error = pickle.loads(pickle.dumps(raised.value))
    assert {goal: result.output for goal, result in error.results.items()} == {
        "one": "one b",
        "three": "three b",
    }
    assert list(error.failures) == ["two", "four"]
    assert all(isinstance(e, stepgres.WorkflowFailed) for e in error.failures.values())


def test_no_goals_have_no_results(composer: stepgres.WorkflowComposer) -> None:
    assert composer.compose_multiple_workflows([], decompose, say) == {}


@pytest.mark.anyio
async def test_async_composer(db: Database) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        composer = stepgres.AsyncWorkflowComposer(client)
        with pytest.raises(stepgres.GoalsFailed) as raised:
            await composer.compose_multiple_workflows(["one", "two"], decompose, fail)
    assert (list(raised.value.results), list(raised.value.failures)) == (["one"], ["two"])


def test_statistics_count_graphs_and_runs(
    client: stepgres.Client, composer: stepgres.WorkflowComposer
) -> None:
    assert composer.get_composition_stats().task_graphs == 0
    with pytest.raises(stepgres.GoalsFailed):
        composer.compose_multiple_workflows(["one", "two"], decompose, fail, workflow_name="named")
    graph = stepgres.Orchestrator(client).decompose_goal("three", decompose)
    client.reject_task_graph(graph.id, "no need")
    stats = composer.get_composition_stats()
    assert (stats.task_graphs, stats.approved, stats.rejected) == (3, 2, 1)
    assert (stats.runs, stats.completed, stats.failed, stats.in_progress) == (2, 1, 1, 0)
    assert stats.mean_duration == stats.longest_duration
    assert composer.get_composition_stats("named").task_graphs == 2
    assert composer.get_composition_stats("other").runs == 0


def test_goals_of_a_name_are_optimized_from_those_before(
    client: stepgres.Client, composer: stepgres.WorkflowComposer
) -> None:
    options: dict[str, Any] = {"workflow_name": "shop", "optimization_level": "aggressive"}
    for _ in range(20):
        composer.compose_from_goal("one", decompose, say, **options)
    assert [step["timeout"] for step in client.get_flow("shop")["steps"]] == [300, 300]
    result = composer.compose_from_goal("one", decompose, say, **options)
    assert (result.output, client.get_run(result.run_id).version) == ("one b", 2)
    assert [step["timeout"] for step in client.get_flow("shop")["steps"]] == [5, 5]
    graph = stepgres.Orchestrator(client).decompose_goal("two", decompose, workflow_slug="shop")
    client.approve_task_graph(graph.id)
    result = composer.compose_from_task_graph(graph, say, optimization_level="none")
    assert client.get_run(result.run_id).version == 1


def test_unknown_level_is_an_error_and_starts_nothing(
    client: stepgres.Client, composer: stepgres.WorkflowComposer
) -> None:
    with pytest.raises(stepgres.InvalidInput, match='"most" is not a level'):
        composer.compose_from_goal("one", decompose, say, optimization_level="most")
    assert client.list_workflow_runs() == []
