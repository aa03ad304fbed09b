"""Ask a decomposer for the tasks of a goal, and for the subtasks of tasks to decompose."""

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

    Tasks = list[dict[str, Any]]
    Answers = dict[str, Tasks | None]
    Decomposer = Callable[[str], Any]

_HINT = (
    'It returns a list such as [{"id": "design", "description": "Design it", "depends_on": []}].'
)


def expand(
    goal: str, decomposer: Decomposer, max_depth: int, max_tasks: int, answers: Answers
) -> Tasks:
    """Return the tasks of a goal. The decomposer is called in this thread, and may be async.

    expand stores the answer to each question in answers, or None for an unreadable answer.
    """
    expansion = _expand(goal, max_depth, max_tasks, answers)
    try:
        question = next(expansion)
        while True:
            question = expansion.send(resolve(decomposer(question)))
    except StopIteration as end:
        tasks: Tasks = end.value
        return tasks


async def expand_async(
    goal: str, decomposer: Decomposer, max_depth: int, max_tasks: int, answers: Answers
) -> Tasks:
    """Do the same as expand, but call a decomposer that is not async in a thread."""
    expansion = _expand(goal, max_depth, max_tasks, answers)
    try:
        question = next(expansion)
        while True:
            question = expansion.send(await call_async(decomposer, question))
    except StopIteration as end:
        tasks: Tasks = end.value
        return tasks


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
) -> Generator[str, Any, Tasks]:
    """Yield the questions, and receive the answers, level by level until max_tasks.

    Too many or too deep tasks only end the questions here. save_task_graph raises their errors.
    """
    answers[goal] = None
    tasks = read_tasks((yield goal))
    answers[goal] = read_tasks(tasks)  # a copy: the tasks get subtasks
    found = list(_walk(tasks, "", 1, max_depth))
    waiting = deque(found)
    count = len(found)
    while waiting and count <= max_tasks:
        path, depth, task = waiting.popleft()
        if task.get("decompose") is True and not task.get("subtasks") and depth < max_depth:
            question = str(task.get("description") or task.get("id"))
            answers[question] = None
            task["subtasks"] = read_tasks((yield question), path)
            answers[question] = read_tasks(task["subtasks"])
            found = list(_walk(task["subtasks"], f"{path}/", depth + 1, max_depth))
            waiting.extend(found)
            count += len(found)
    return tasks


def _walk(
    tasks: Any, prefix: str, depth: int, max_depth: int
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the tasks, and skip other values. save_task_graph raises an error for such values."""
    if not isinstance(tasks, list) or depth > max_depth:
        return
    for task in tasks:
        if isinstance(task, dict):
            path = f"{prefix}{task.get('id')}"
            yield path, depth, task
            yield from _walk(task.get("subtasks"), f"{path}/", depth + 1, max_depth)


def read_tasks(answer: Any, path: str | None = None) -> Tasks:
    """Return the answer of a decomposer as JSON values. path is the task of the question."""
    culprit = "the decomposer" if path is None else f'task "{path}": the decomposer'
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
            f"{culprit} returned {type(answer).__name__}, not a list of tasks", hint=_HINT
        )
    try:
        return [_plain(task, culprit) for task in answer]
    except RecursionError as error:
        raise DecompositionError(
            f"{culprit} returned tasks that are nested more deeply than Python can read", hint=_HINT
        ) from error


def _plain(value: Any, culprit: str) -> Any:
    """Return a mutable copy of dicts and lists."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise DecompositionError(
                    f"{culprit} returned a task with the key {key!r}, which is not a string",
                    hint=_HINT,
                )
        return {key: _plain(item, culprit) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, culprit) for item in value]
    return value
