"""Ask a decomposer for goal tasks, and for the subtasks of the goal tasks to decompose."""

from __future__ import annotations

import inspect
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from anyio.from_thread import start_blocking_portal

from stepgres.errors import DecompositionError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    GoalTasks = list[dict[str, Any]]
    Answers = dict[str, GoalTasks | None]
    Decomposer = Callable[[str], Any]

_HINT = (
    'It returns a list such as [{"id": "design", "description": "Design it", "depends_on": []}].'
)


def expand(
    goal: str, decomposer: Decomposer, max_depth: int, max_tasks: int, answers: Answers
) -> GoalTasks:
    """Return the goal tasks of a goal. The decomposer is called in this thread, and may be async.

    expand stores the answer to each question in answers, or None for an unreadable answer.
    """
    expansion = _expand(goal, max_depth, max_tasks, answers)
    try:
        question = next(expansion)
        while True:
            question = expansion.send(resolve(decomposer(question)))
    except StopIteration as end:
        goal_tasks: GoalTasks = end.value
        return goal_tasks


async def expand_async(
    goal: str, decomposer: Decomposer, max_depth: int, max_tasks: int, answers: Answers
) -> GoalTasks:
    """Do the same as expand, but call a decomposer that is not async in a thread."""
    expansion = _expand(goal, max_depth, max_tasks, answers)
    try:
        question = next(expansion)
        while True:
            question = expansion.send(await call_async(decomposer, question))
    except StopIteration as end:
        goal_tasks: GoalTasks = end.value
        return goal_tasks


def resolve(value: Any) -> Any:
    """Return the value, after awaiting an awaitable."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    # In another thread, since this thread may have a running loop, as in a notebook.
    with start_blocking_portal() as portal:
        return portal.call(wait)


async def call_async(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the value of a function. A function that is not async runs in a thread."""
    if _is_async(function):
        return await function(*arguments)
    value = await anyio.to_thread.run_sync(function, *arguments, abandon_on_cancel=True)
    return await value if inspect.isawaitable(value) else value


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 -- an object with async def __call__
    )


def _expand(
    goal: str, max_depth: int, max_tasks: int, answers: Answers
) -> Generator[str, Any, GoalTasks]:
    """Yield the questions, and receive the answers, level by level until max_tasks.

    Too many or too deep goal tasks only end the questions here. save_task_graph raises the errors.
    """
    answers[goal] = None
    goal_tasks = read_goal_tasks((yield goal))
    answers[goal] = read_goal_tasks(goal_tasks)  # a copy: the goal tasks get subtasks
    found = list(_walk(goal_tasks, "", 1, max_depth))
    waiting = deque(found)
    count = len(found)
    while waiting and count <= max_tasks:
        path, depth, goal_task = waiting.popleft()
        is_open = goal_task.get("decompose") is True and not goal_task.get("subtasks")
        if is_open and depth < max_depth:
            question = str(goal_task.get("description") or goal_task.get("id"))
            answers[question] = None
            goal_task["subtasks"] = read_goal_tasks((yield question), path)
            answers[question] = read_goal_tasks(goal_task["subtasks"])
            found = list(_walk(goal_task["subtasks"], f"{path}/", depth + 1, max_depth))
            waiting.extend(found)
            count += len(found)
    return goal_tasks


def _walk(
    goal_tasks: Any, prefix: str, depth: int, max_depth: int
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the goal tasks, and skip other values, for which save_task_graph raises an error."""
    if not isinstance(goal_tasks, list) or depth > max_depth:
        return
    for goal_task in goal_tasks:
        if isinstance(goal_task, dict):
            path = f"{prefix}{goal_task.get('id')}"
            yield path, depth, goal_task
            yield from _walk(goal_task.get("subtasks"), f"{path}/", depth + 1, max_depth)


def read_goal_tasks(answer: Any, path: str | None = None) -> GoalTasks:
    """Return the answer of a decomposer as JSON values. path is the goal task of the question."""
    culprit = "the decomposer" if path is None else f'goal task "{path}": the decomposer'
    if isinstance(answer, str | bytes):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise DecompositionError(
                f"{culprit} returned text that is not JSON: {error}", hint=_HINT
            ) from error
    if isinstance(answer, Mapping) and "tasks" in answer:
        answer = answer["tasks"]
    if isinstance(answer, str | Mapping) or not isinstance(answer, Iterable):
        raise DecompositionError(
            f"{culprit} returned {type(answer).__name__}, not a list of goal tasks", hint=_HINT
        )
    try:
        return [_plain(goal_task, culprit) for goal_task in answer]
    except RecursionError as error:
        raise DecompositionError(
            f"{culprit} returned goal tasks that are nested more deeply than Python can read",
            hint=_HINT,
        ) from error


def _plain(value: Any, culprit: str) -> Any:
    """Return a mutable copy of dicts and lists."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise DecompositionError(
                    f"{culprit} returned a goal task with the key {key!r}, which is not a string",
                    hint=_HINT,
                )
        return {key: _plain(item, culprit) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, culprit) for item in value]
    return value
