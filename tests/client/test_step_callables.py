"""What may be a step: anything that can be called with (input) or (input, context)."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from stepgres import Executor
from tests.support.workflows import workflow


def plain(input: Any) -> Any:
    return ["plain", input]


async def coroutine(input: Any) -> Any:
    return ["coroutine", input]


def with_context(input: Any, context: Any) -> Any:
    return [input, context.step_slug]


async def coroutine_with_context(input: Any, context: Any) -> Any:
    return [input, context.step_slug]


def any_name_will_do(this: Any, that: Any, /) -> Any:
    return [this, that.step_slug]


def context_and_more(input: Any, context: Any, more: int = 3) -> Any:
    return [input, context.step_slug, more]


def with_default(input: Any, x: int = 3) -> Any:
    return [input, x]


def with_rest(*args: Any, **kwargs: Any) -> Any:
    return [list(args), kwargs]


def with_keyword(input: Any, *, x: int = 3) -> Any:
    return [input, x]


def coroutine_in_disguise(input: Any) -> Any:
    return coroutine(input)


class Callable:
    step_slug = "no slug"

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, input: Any) -> Any:
        return [self.name, input]

    def method(self, input: Any, context: Any) -> Any:
        return [self.name, input, context.step_slug]

    async def coroutine(self, input: Any) -> Any:
        return [self.name, input]


class AsyncCallable:
    async def __call__(self, input: Any, context: Any) -> Any:
        return [input, context.step_slug]


@pytest.mark.parametrize(
    ("function", "output"),
    [
        (plain, ["plain", "in"]),
        (coroutine, ["coroutine", "in"]),
        (lambda given: given * 2, "inin"),
        (lambda given, context: [given, context.step_slug], ["in", "here"]),
        (with_context, ["in", "here"]),
        (coroutine_with_context, ["in", "here"]),
        (any_name_will_do, ["in", "here"]),
        (context_and_more, ["in", "here", 3]),
        (with_default, ["in", 3]),
        (with_rest, [["in"], {}]),
        (with_keyword, ["in", 3]),
        (coroutine_in_disguise, ["coroutine", "in"]),
        (len, 2),
        (str.upper, "IN"),
        (list, ["i", "n"]),
        (dict.fromkeys, {"i": None, "n": None}),
        (functools.partial(with_default, x=5), ["in", 5]),
        (functools.partial(context_and_more, more=5), ["in", "here", 5]),
        (functools.partial(with_context, context=Callable), ["in", "no slug"]),
        (functools.partial(coroutine_with_context), ["in", "here"]),
        (functools.cache(plain), ["plain", "in"]),
        (Callable("object"), ["object", "in"]),
        (Callable("object").method, ["object", "in", "here"]),
        (Callable("object").coroutine, ["object", "in"]),
        (AsyncCallable(), ["in", "here"]),
    ],
)
def test_callable(executor: Executor, function: Any, output: Any) -> None:
    assert executor.execute(workflow(("here", function)), "in").output == output
