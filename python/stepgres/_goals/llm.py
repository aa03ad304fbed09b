"""Decomposers that ask any language model, by a function from text to text."""

from __future__ import annotations

import inspect
import json
import re
from copy import copy
from typing import TYPE_CHECKING, Any

from stepgres.errors import DecompositionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from stepgres._goals.decompose import GoalTasks

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


_DECODER = json.JSONDecoder(strict=False)  # models write line breaks and tabs into strings
_THOUGHT = re.compile(r"<(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_MARK = re.compile(rf"{_THOUGHT.pattern}|```|[\[{{]", re.IGNORECASE)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|[\[{\]}]', re.DOTALL)
_MOST_UNCLOSED = 100  # unclosed brackets, as each is searched to the end of the text
_SPACE = r"(?:\s|(?://|\#)[^\n]*(?:\n|\Z)|/\*(?:(?!\*/).)*\*/)*"  # with comments
# The beginning of a value of JSON or almost JSON, in contrast to a bracket in prose.
_BEGINS_VALUE = re.compile(
    rf"""\[{_SPACE}[\[{{"'] | \{{{_SPACE}(?:["'] | \w+\s*:)""", re.DOTALL | re.VERBOSE
)


class LLMDecomposer:
    """A decomposer that asks a language model.

    complete is any function, async or not, that takes a prompt and returns the text of the model.
    Orchestrator.decompose_goal sends the model the error of an answer that is not a list of goal
    tasks, or whose goal tasks break a rule. After `attempts` attempts it raises DecompositionError.
    instructions are added to the prompt, such as the goal tasks that have functions, the number of
    goal tasks, or facts about the goal.
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
        self._answers: Mapping[str, GoalTasks | None] = {}
        self._error = DecompositionError("")

    def __call__(self, goal: str) -> Any:
        """Return the goal tasks of a goal, or an awaitable of them if complete is async."""
        known = self._answers.get(goal)
        if known is not None and None in self._answers.values():
            return known  # the error is of another, unreadable answer
        answer = self._complete(self._question(goal))
        return find_json(answer) if isinstance(answer, str) else self._read(answer)

    def prompt(self, goal: str) -> str:
        """Return the first prompt for the model. A subclass may override this prompt."""
        prompt = _PROMPT.format(goal=goal)
        return f"{prompt}\n{self._instructions}\n" if self._instructions else prompt

    def revise(
        self, error: DecompositionError, answers: Mapping[str, GoalTasks | None]
    ) -> LLMDecomposer | None:
        """Return a decomposer that tells the model the error, or None after the last attempt.

        answers has the answer to each question, or None for an unreadable answer.
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
    """Return the last JSON array or object of goal tasks in the answer of a model.

    Prose, fences and thoughts are skipped. Raises DecompositionError if the answer has no goal
    tasks, or if a JSON value behind the goal tasks cannot be read. So a part of a broken plan never
    becomes the plan.
    """
    if not isinstance(text, str):
        raise DecompositionError(
            f"the model returned {type(text).__name__}, not text",
            hint="complete takes a prompt and returns a string.",
        )
    found: Any = None
    reason = "the answer of the model has no JSON array of goal tasks in it"
    for value in _outermost_values(_without_thoughts(text)):
        if isinstance(value, ValueError | RecursionError):
            found, reason = None, f"the JSON in the answer of the model cannot be read: {value}"
        elif _looks_like_goal_tasks(value) and (found is None or '"id"' in json.dumps(value)):
            found = value
    if found is None:
        raise DecompositionError(
            reason,
            hint="It should be one complete array such as"
            ' [{"id": "a", "description": "Do it", "depends_on": []}].',
            detail=text,
        )
    return found


def _without_thoughts(text: str) -> str:
    """Return the text behind thoughts that began in the prompt."""
    end = _THOUGHT_END.search(text)
    if end is None or _THOUGHT.search(text, 0, end.start()):
        return text
    return text[end.end() :]


def _outermost_values(text: str) -> Iterator[Any]:
    """Yield each outermost JSON value, or an error for an unreadable value.

    A value in a fence ends with the fence. Thoughts and the inside of values are not searched.
    """
    position, is_fenced, unclosed = 0, False, 0
    while mark := _MARK.search(text, position):
        position = mark.end()
        if mark[0] == "```":
            is_fenced = not is_fenced
        elif mark[0] not in "[{":
            end = _THOUGHT_END.search(text, position)
            position = end.end() if end else len(text)
        else:
            try:
                value, position = _DECODER.raw_decode(text, mark.start())
                yield value
            except (ValueError, RecursionError) as error:
                fence = text.find("```", position) if is_fenced else -1
                span = _span(text[mark.start() : fence if fence >= 0 else None])
                position += max(len(span) - 1, 0)
                unclosed += not span
                if _BEGINS_VALUE.search(span):
                    yield error
                elif unclosed > _MOST_UNCLOSED:
                    yield ValueError("too many brackets are not closed")
                    return


def _span(text: str) -> str:
    """Return the text up to the bracket that closes the first bracket.

    Without a closing bracket, return all of the text of a value, and no text if the bracket is
    prose.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth == 0:
            return text[: token.end()]
    return text if _BEGINS_VALUE.match(text) else ""


def _looks_like_goal_tasks(value: Any) -> bool:
    """Return whether a value can be the goal tasks, and not another list or object in the prose."""
    if isinstance(value, dict):
        return isinstance(value.get("tasks"), list)
    return isinstance(value, list) and value != [] and all(isinstance(i, dict) for i in value)
