"""The body of a durable step that is a plain function, in a thread or in a process."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from stepgres._durable.body import Body
from stepgres.errors import DefinitionError, InvalidInput, Suspended

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Protocol

    from stepgres._durable.journal import Key
    from stepgres._durable.operations import Call, Wait

    class Store(Protocol):
        """What saves the operations of a body, and lends connections to its calls."""

        def save(
            self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
        ) -> list[dict[str, Any]]: ...

        def call_in_transaction(
            self, function: Callable[[Any], Any], save: Callable[[Any], dict[str, Any]]
        ) -> Any: ...


class ThreadBody(Body):
    """A body that Suspended ends when it must wait.

    A body that swallows Suspended gets it again at its next operation, and at its end.
    """

    def __init__(self, checkpoints: list[dict[str, Any]], step_slug: str, store: Store) -> None:
        super().__init__(checkpoints, step_slug)
        self.store = store
        self._gathered: list[dict[str, Any]] | None = None  # waits that gather will open
        self._is_direct = False  # whether the branch is a wait and nothing else
        self._has_parked = False  # whether the branch waits

    def gather(self, *branches: Callable[[], Any]) -> list[Any]:
        """Call the branches one after the other, and wait for all their waits together."""
        for branch in branches:
            if not callable(branch):
                raise InvalidInput(
                    f"context.gather: {branch!r} is not callable",
                    hint="In a def step write context.gather(lambda: context.sleep(5), ...).",
                )
        is_outermost = self._gathered is None
        waits = self._gathered = [] if self._gathered is None else self._gathered
        values, is_waiting = [], False
        try:
            for branch in branches:
                self._has_parked, self._is_direct = False, self._is_operation(branch)
                with suppress(Suspended):
                    values.append(branch())
                is_waiting = is_waiting or self._has_parked
        finally:
            self._has_parked, self._is_direct = is_waiting, False
            if is_outermost:
                self._gathered = None
        if is_outermost and waits:
            answers = self.store.save(self._journal.take_unsaved(), waits)
            self._waits_for += [answer["wait_id"] for answer in answers]
        if is_waiting:
            self.is_suspending = is_outermost or self._new_input is not None
            raise Suspended
        return values

    def _is_operation(self, branch: Any) -> bool:
        """Say whether a branch is a method of the context with its arguments."""
        function = branch.func if isinstance(branch, functools.partial) else branch
        return getattr(getattr(function, "__self__", None), "body", None) is self

    def _start(self, operation: Coroutine[Any, Any, Any], wait: Key | None = None) -> Any:
        if self.is_suspending or (self._gathered is not None and self._has_parked):
            operation.close()
            raise Suspended
        try:
            operation.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("an operation of a thread has paused")

    async def _save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return self.store.save(checkpoints, waits)

    async def _call(self, call: Call) -> Any:
        function = functools.partial(call.function, *call.arguments)
        value = function() if call.timeout is None else _within(call.timeout, function)
        return _plain(value)

    async def _call_in_transaction(self, key: Key, call: Call) -> Any:
        def function(connection: Any) -> Any:
            bound = functools.partial(call.function, connection, *call.arguments)
            return _plain(bound() if call.timeout is None else _within(call.timeout, bound))

        return self.store.call_in_transaction(
            function, lambda output: self._journal.complete(key, output)
        )

    async def _pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - in a thread

    async def _open_wait(self, key: Key, wait: Wait) -> None:
        if self._gathered is None:
            await self._open(key, wait)
        else:
            self._gathered.append({**key.fields(), **wait.fields, "is_gathered": self._is_direct})

    async def _park(self, wait_id: int | None) -> Any:
        if wait_id is not None:
            self._waits_for.append(wait_id)
        self._has_parked = True
        if self._gathered is None or self._new_input is not None:
            self.is_suspending = True
        raise Suspended


def _plain(value: Any) -> Any:
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise DefinitionError(
            "a def step has called an async function with context.run",
            hint="Make the step async def, or the function def.",
        )
    return value


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """Call a function in a thread of its own, which is left behind after the timeout."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():
            raise
        raise TimeoutError(f"took longer than {seconds:g} s") from None
