"""The code of users around the steps of a worker, and at its start and stop."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from stepgres.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from stepgres._execution.context import StepContext

    Hook: TypeAlias = Callable[[], Any]
    Middleware: TypeAlias = Callable[[StepContext, Callable[[], Any]], Any]


def check_hook(name: str, hook: Any) -> Any:
    """Return a hook, or raise DefinitionError if it cannot be called."""
    if hook is not None and not callable(hook):
        raise DefinitionError(f"{name} must be a function without parameters, not {hook!r:.100}")
    return hook


def check_middleware(given: Any) -> tuple[Middleware, ...]:
    """Return one middleware or several as a tuple, or raise DefinitionError."""
    several = (given,) if callable(given) else tuple(given)
    for middleware in several:
        if not callable(middleware):
            raise DefinitionError(
                f"middleware must be a function, not {middleware!r:.100}",
                hint="def middleware(context, call_next): return call_next()",
            )
    return several


async def call_hook(hook: Hook | None) -> None:
    """Call a hook of the worker, which may be async."""
    if hook is not None:
        value = hook()
        if inspect.isawaitable(value):
            await value


def around(
    middleware: Sequence[Middleware],
    context: StepContext,
    call: Callable[[], Any],
    *,
    is_async: bool,
) -> Any:
    """Call a step inside of its middleware, the first one outermost.

    async middleware is for async steps, and other middleware is for other steps.
    """
    for each in reversed(middleware):
        if is_coroutine_function(each) == is_async:
            call = partial(each, context, call)
    return call()


def is_coroutine_function(function: Any) -> bool:
    """Say whether a function, or the method __call__ of an object, is async."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )
