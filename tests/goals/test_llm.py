"""LLMDecomposer with models that follow a script, and answer badly first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import stepgres
from stepgres import DecompositionError
from stepgres._goals.llm import find_json
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


PART = '[{"id": "design", "subtasks": [{"id": "api"}, {"id": "tables"}]}, {"id": "build"'
DRAFT = '[{"id": "draft"}]'


@pytest.mark.parametrize(
    "broken",
    [
        f'{PART}, "descr',  # cut off by the limit of tokens
        f"{PART}}},]",  # a trailing comma
        f"```json\n{PART}}},]\n```",
        f"```json\n{PART}, ",
        f'{{"tasks": {PART}}}',
        f"{{tasks: {PART}}}]}}",  # keys without quotes
        f"[ // the plan\n{PART[1:]}}},]",
        f"[1, {PART[1:]}}},]",
        "[{'id': 'design', 'subtasks': [{\"id\": \"api\"}]}]",
        f"First {DRAFT}, then {PART}",
        "[" * 100_000,
    ],
)
def test_part_of_an_unreadable_plan_is_not_the_plan_but_sent_back(
    orchestrator: stepgres.Orchestrator, broken: str
) -> None:
    model = Model(broken, GOOD)
    assert ids(orchestrator.decompose_goal("x", stepgres.LLMDecomposer(model))) == ["a", "b"]
    assert "cannot be read" in model.prompts[1]
    assert broken in model.prompts[1]


@pytest.mark.parametrize(
    "answer",
    [
        '{"files": [{"id": "x"}]}',
        '{"tasks": 5, "plan": [{"id": "x"}]}',
        '[[{"id": "x"}]]',
        f"<think>{GOOD}</think> I do not know.",
        f"<think>What about {GOOD}",
    ],
)
def test_lists_inside_of_something_else_are_no_plans(answer: str) -> None:
    with pytest.raises(DecompositionError, match="no JSON array of goal tasks"):
        find_json(answer)


@pytest.mark.parametrize(
    "answer",
    [
        f"<think>maybe {DRAFT}</think>{GOOD}",
        f"<THINKING>maybe [{{</THINKING> {GOOD}",
        f"maybe {DRAFT}, no [{{ </think> {GOOD}",  # the prompt had begun the thought
        f"```\n{DRAFT}\n```\nBetter:\n```\n{GOOD}\n```",
        f"{DRAFT} or rather {GOOD}",
        f"```\n{PART},]\n``` Sorry: {GOOD}",
        f'{GOOD}\nSources: [{{"url": "https://example.org"}}], as in {{{{name}}}} :-[',
        f'{{"files": [{{"id": "x"}}]}} {GOOD}',
        f"In the interval [0, 1): {GOOD}",
    ],
)
def test_last_plan_outside_of_thoughts_wins(answer: str) -> None:
    assert find_json(answer) == json.loads(GOOD)


def test_line_breaks_and_tags_in_strings_of_a_plan_are_text() -> None:
    text = "a\n\tb <think> ```\n[{ ``` </think>"
    assert find_json(f'[{{"id": "a", "description": "{text}"}}]')[0]["description"] == text


@pytest.mark.parametrize("text", ["[#", "[//", "[/**/", "{x", "[x] "])
def test_many_brackets_of_prose_are_not_read_again_and_again(text: str) -> None:
    with pytest.raises(DecompositionError):
        find_json(text * 100_000)


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
    assert "no JSON array of goal tasks" in second
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
