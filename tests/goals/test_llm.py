"""LLMDecomposer with models that follow a script, and answer badly first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import stepgres
from stepgres import DecompositionError
from stepgres.llm import find_json
from tests.conftest import Database

GOOD = json.dumps([{"id": "a", "depends_on": []}, {"id": "b", "depends_on": ["a"]}])
CYCLE = json.dumps([{"id": "a", "depends_on": ["b"]}, {"id": "b", "depends_on": ["a"]}])


class Model:
    """Gives the answers one after the other, and keeps the prompts."""

    def __init__(self, *answers: Any) -> None:
        self.prompts: list[str] = []
        self._answers: Iterator[Any] = iter(answers)

    def __call__(self, prompt: str) -> Any:
        self.prompts.append(prompt)
        return next(self._answers)

    async def answer(self, prompt: str) -> Any:
        return self(prompt)


@pytest.fixture
def orchestrator(client: stepgres.Client) -> stepgres.Orchestrator:
    return stepgres.Orchestrator(client)


def ids(graph: stepgres.TaskGraph) -> list[str]:
    return [task["id"] for task in graph.tasks]


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"Sure [as asked], here it is:\n```json\n{GOOD}\n```\nThat is {{all}}.",
        f"```\n{GOOD}\n```",
        f"Tasks: {GOOD} Good luck with [1]!",
        f'{{"tasks": {GOOD}, "note": "done"}}',
        f"First thought: ```json\n[oops\n``` but then {GOOD}",
    ],
)
def test_tasks_are_found_in_prose_and_fences(
    orchestrator: stepgres.Orchestrator, answer: str
) -> None:
    decomposer = stepgres.LLMDecomposer(Model(answer))
    assert ids(orchestrator.decompose_goal("x", decomposer)) == ["a", "b"]


def test_prompt_has_the_goal_and_the_instructions(orchestrator: stepgres.Orchestrator) -> None:
    model = Model(GOOD)
    decomposer = stepgres.LLMDecomposer(model, instructions="Use three tasks at most.")
    orchestrator.decompose_goal("Build {it}", decomposer)
    (prompt,) = model.prompts
    assert "Goal: Build {it}\n" in prompt
    assert "Use three tasks at most." in prompt
    assert find_json(prompt)[0]["id"] == "analyze"


def test_bad_answers_are_sent_back_with_the_error(orchestrator: stepgres.Orchestrator) -> None:
    model = Model("I cannot do that", CYCLE, GOOD)
    graph = orchestrator.decompose_goal("x", stepgres.LLMDecomposer(model))
    assert ids(graph) == ["a", "b"]
    first, second, third = model.prompts
    assert "refused" not in first
    assert "I cannot do that" in second
    assert "no JSON array of tasks" in second
    assert CYCLE.replace(" ", "") in third.replace(" ", "")
    assert "in a cycle: a -> b -> a" in third


def test_answers_that_stay_bad_are_an_error(
    client: stepgres.Client, orchestrator: stepgres.Orchestrator
) -> None:
    model = Model(CYCLE, CYCLE)
    decomposer = stepgres.LLMDecomposer(model, attempts=2)
    with pytest.raises(DecompositionError, match="in a cycle"):
        orchestrator.decompose_goal("x", decomposer)
    assert len(model.prompts) == 2
    assert client.list_task_graphs() == []


def test_decomposer_can_be_used_for_the_next_goal(orchestrator: stepgres.Orchestrator) -> None:
    model = Model("no", GOOD, "no", GOOD)
    decomposer = stepgres.LLMDecomposer(model, attempts=2)
    for goal in ("x", "y"):
        assert ids(orchestrator.decompose_goal(goal, decomposer)) == ["a", "b"]
    assert "refused" not in model.prompts[2]


def test_only_the_question_whose_answer_cannot_be_read_is_asked_again(
    orchestrator: stepgres.Orchestrator,
) -> None:
    outer = json.dumps([{"id": "o", "description": "the inner", "decompose": True}])
    model = Model(outer, "no", GOOD)
    graph = orchestrator.decompose_goal("the outer", stepgres.LLMDecomposer(model))
    assert [path for path, _ in graph.walk()] == ["o", "o/a", "o/b"]
    assert ["Goal: the inner" in prompt for prompt in model.prompts] == [False, True, True]


@pytest.mark.parametrize("answer", [None, {"tasks": []}, 3])
def test_model_that_returns_no_text_is_named(
    orchestrator: stepgres.Orchestrator, answer: Any
) -> None:
    decomposer = stepgres.LLMDecomposer(Model(answer), attempts=1)
    with pytest.raises(DecompositionError, match="not text"):
        orchestrator.decompose_goal("x", decomposer)


def test_async_model_in_a_synchronous_program(orchestrator: stepgres.Orchestrator) -> None:
    decomposer = stepgres.LLMDecomposer(Model("no", GOOD).answer)
    assert ids(orchestrator.decompose_goal("x", decomposer)) == ["a", "b"]


@pytest.mark.anyio
async def test_async_model(db: Database) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        orchestrator = stepgres.AsyncOrchestrator(client)
        for model in (Model("no", GOOD), Model("no", GOOD).answer):
            graph = await orchestrator.decompose_goal("x", stepgres.LLMDecomposer(model))
            assert ids(graph) == ["a", "b"]
