"""Asks a decomposer for the tasks of a goal, and again for those that are to be decomposed."""

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
    """The tasks of a goal; the decomposer is called here, and may be async.

    answers is filled with what each question was answered with: None, if that could not be read.
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
    """What expand does; a decomposer that is not async is called in a thread."""
    expansion = _expand(goal, max_depth, max_tasks, answers)
    try:
        question = next(expansion)
        while True:
            question = expansion.send(await call_async(decomposer, question))
    except StopIteration as end:
        tasks: Tasks = end.value
        return tasks


def resolve(value: Any) -> Any:
    """The value, awaited if it is to be."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    # in a thread of its own: this one may have a running loop, as in a notebook
    with start_blocking_portal() as portal:
        return portal.call(wait)


async def call_async(function: Callable[..., Any], *arguments: Any) -> Any:
    """The value of a function, async or not; one that is not runs in a thread."""
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
    """Yields what to ask and is sent the answers. Level by level, so that max_tasks ends it.

    Whether tasks are too many or too deep is for save_task_graph to say: here questions end.
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
    """What there is of tasks; whatever is none is left to save_task_graph, which names it."""
    if not isinstance(tasks, list) or depth > max_depth:
        return
    for task in tasks:
        if isinstance(task, dict):
            path = f"{prefix}{task.get('id')}"
            yield path, depth, task
            yield from _walk(task.get("subtasks"), f"{path}/", depth + 1, max_depth)


def read_tasks(answer: Any, path: str | None = None) -> Tasks:
    """The tasks that a decomposer returned, as JSON has them; path is what it was asked for."""
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
    """A copy of dicts and lists alone, which can be changed."""
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
