"""Decomposers that ask a language model, whichever: they need a function from text to text."""

from __future__ import annotations

import inspect
import json
import re
from copy import copy
from typing import TYPE_CHECKING, Any

from stepgres.errors import DecompositionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from stepgres._decompose import Tasks

_PROMPT = """\
Break this goal down into tasks that a program can execute.

Goal: {goal}

Answer with a JSON array of tasks and nothing else. A task is an object:
- "id": its name, of letters, digits and underscores; not "run", and only once in each list
- "description": what is to be done, so that whoever does it needs to know no more
- "depends_on": the ids of the tasks whose results it needs; [] if it needs none
- "subtasks": optional, a list of smaller tasks that it consists of. From outside they are named by
  their path, such as "design/api"; a task cannot depend on the task that it is part of.
Tasks that do not depend on each other are executed at the same time. No cycles.

Example:
[
  {{"id": "analyze", "description": "Analyze the requirements", "depends_on": []}},
  {{"id": "design", "description": "Design the solution", "depends_on": ["analyze"], "subtasks": [
    {{"id": "api", "description": "Design the API", "depends_on": []}},
    {{"id": "schema", "description": "Design the tables", "depends_on": ["api"]}}
  ]}},
  {{"id": "implement", "description": "Implement it", "depends_on": ["design"]}}
]
"""
_REFUSED = """
Your last answer was:

{answer}

It was refused: {error}
{hint}
Answer again, with the whole JSON array and nothing else.
"""


class LLMDecomposer:
    """A decomposer that asks a language model.

    complete is any function, async or not, that takes a prompt and returns the text of the model.
    Orchestrator.decompose_goal sends back an answer that is no list of tasks, or whose tasks break
    a rule, with the error, until it has tried `attempts` times; then it raises DecompositionError.
    instructions are added to the prompt: which tasks there are functions for, how many there
    should be, what is known about the goal.
    """

    def __init__(
        self,
        complete: Callable[[str], str | Awaitable[str]],
        *,
        attempts: int = 3,
        instructions: str = "",
    ) -> None:
        self._complete = complete
        self._attempts = attempts
        self._instructions = instructions
        self._answers: Mapping[str, Tasks | None] = {}
        self._error = DecompositionError("")

    def __call__(self, goal: str) -> Any:
        """The tasks of a goal; to be awaited if complete is."""
        known = self._answers.get(goal)
        if known is not None and None in self._answers.values():
            return known  # another answer was at fault, which could not even be read
        answer = self._complete(self._question(goal))
        return find_json(answer) if isinstance(answer, str) else self._read(answer)

    def prompt(self, goal: str) -> str:
        """What the model is asked first; override it to ask in other words."""
        prompt = _PROMPT.format(goal=goal)
        return f"{prompt}\n{self._instructions}\n" if self._instructions else prompt

    def revise(
        self, error: DecompositionError, answers: Mapping[str, Tasks | None]
    ) -> LLMDecomposer | None:
        """The decomposer that tells the model what is wrong with its answers; None at the end.

        answers are those to each question; None is one that could not be read.
        """
        if self._attempts <= 1:
            return None
        revised = copy(self)
        revised._attempts -= 1
        revised._answers = answers
        revised._error = error
        return revised

    def _question(self, goal: str) -> str:
        prompt = self.prompt(goal)
        if goal not in self._answers:
            return prompt
        answer, error = self._answers[goal], self._error
        return prompt + _REFUSED.format(
            answer=error.detail if answer is None else json.dumps(answer, default=repr),
            error=error,
            hint=error.hint or "",
        )

    async def _read(self, answer: Awaitable[str]) -> Any:
        return find_json(await answer if inspect.isawaitable(answer) else answer)


def find_json(text: Any) -> Any:
    """The JSON array or object in the answer of a model, with whatever prose or fence around it."""
    if not isinstance(text, str):
        raise DecompositionError(
            f"the model returned {type(text).__name__}, not text",
            hint="complete takes a prompt and returns a string.",
        )
    decoder = json.JSONDecoder()
    fences = re.findall(r"```[\w-]*\s*\n(.*?)```", text, re.DOTALL)
    for part in [*fences, text]:
        for start in re.finditer(r"[\[{]", part):
            try:
                value, _ = decoder.raw_decode(part, start.start())
            except (ValueError, RecursionError):
                continue
            if _looks_like_tasks(value):
                return value
    raise DecompositionError(
        "the answer of the model has no JSON array of tasks in it",
        hint='It should be one such as [{"id": "a", "description": "Do it", "depends_on": []}].',
        detail=text,
    )


def _looks_like_tasks(value: Any) -> bool:
    """Whether this can be what is meant, and is not a list or an object in the prose."""
    if isinstance(value, dict):
        return isinstance(value.get("tasks"), list)
    return isinstance(value, list) and value != [] and all(isinstance(i, dict) for i in value)
