"""The body of a durable step that is a coroutine, on the event loop of its worker."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import anyio

from stepgres._durable.body import Body
from stepgres._execution.threads import in_thread
from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from stepgres._durable.checkpoints import Saver
    from stepgres._durable.journal import Key
    from stepgres._durable.operations import Call, Wait

_PATIENCE = 10  # turns of the loop in which other branches of a body may begin


class LoopBody(Body):
    """A body whose waits park: when it has only parked waits, its task is cancelled.

    A raised exception would leave orphans in gather and break TaskGroups. Cancelling ends all
    branches, with their finally blocks.
    """

    def __init__(self, checkpoints: list[dict[str, Any]], step_slug: str, saver: Saver) -> None:
        super().__init__(checkpoints, step_slug)
        self._saver = saver
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._error: BaseException | None = None
        self._operations: WeakKeyDictionary[Any, Key] = WeakKeyDictionary()  # coroutines of waits
        self._gathered: set[Key] = set()
        self._branches: dict[asyncio.Task[Any], int] = {}  # tasks that are in an operation
        self._parked = 0
        self._busy = 0
        self._patience = 0
        self._is_looking = False

    async def execute(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Execute the body. Return its value; a body that lets go has is_suspending then."""
        task = self._task = self._loop.create_task(self._contain(coroutine))
        try:
            await asyncio.wait([task])
        finally:
            with anyio.CancelScope(shield=True):
                if not task.done():
                    task.cancel()
                    await asyncio.wait([task])
                await self._end_branches()
        if self._error is not None:
            raise self._error
        if self.is_suspending:
            return None
        return task.result()  # raises CancelledError if the body has raised it

    async def _contain(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await the body, and keep its error: SystemExit in a task would end the loop."""
        try:
            return await coroutine
        except asyncio.CancelledError as error:
            self.interrupted = error
            raise
        except BaseException as error:
            self._error = error

    async def _end_branches(self) -> None:
        """Cancel the tasks that the body has left behind in operations, and wait for them."""
        while branches := [branch for branch in self._branches if not branch.done()]:
            for branch in branches:
                branch.cancel()
            await asyncio.wait(branches)

    def gather(self, *branches: Any) -> Any:
        """Return a future of all values, as asyncio.gather does."""
        for branch in branches:
            if not inspect.isawaitable(branch):
                raise InvalidInput(
                    f"context.gather: {branch!r} is not awaitable",
                    hint="In an async def step write context.gather(context.sleep(5), ...).",
                )
            if inspect.iscoroutine(branch) and branch in self._operations:
                self._gathered.add(self._operations[branch])
        return asyncio.gather(*branches)

    def _start(self, operation: Coroutine[Any, Any, Any], wait: Key | None = None) -> Any:
        coroutine = self._follow(operation)
        if wait is not None:
            self._operations[coroutine] = wait
        return coroutine

    async def _follow(self, operation: Coroutine[Any, Any, Any]) -> Any:
        """Await an operation in the branch that awaits it."""
        branch = asyncio.current_task()
        assert branch is not None
        self._patience = _PATIENCE
        self._branches[branch] = self._branches.get(branch, 0) + 1
        self._busy += 1
        try:
            if self.is_suspending or self._has_ended():
                operation.close()
                raise asyncio.CancelledError
            return await operation
        finally:
            self._busy -= 1
            self._branches[branch] -= 1
            if not self._branches[branch]:
                del self._branches[branch]
            self._look()

    def _has_ended(self) -> bool:
        return self._task is None or self._task.done()

    async def _save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return await self._saver.save(checkpoints, waits)

    async def _call(self, call: Call) -> Any:
        with _limit(call.timeout):
            if not inspect.iscoroutinefunction(call.function):
                value = await in_thread(call.function, *call.arguments)
            else:
                value = call.function(*call.arguments)
            return await value if inspect.isawaitable(value) else value

    async def _call_in_transaction(self, key: Key, call: Call) -> Any:
        with _limit(call.timeout):
            return await self._saver.call_in_transaction(
                call.function, call.arguments, lambda output: self._journal.complete(key, output)
            )

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _open_wait(self, key: Key, wait: Wait) -> None:
        await self._open(key, wait, is_gathered=key in self._gathered)

    async def _park(self, wait_id: int | None) -> Any:
        if wait_id is not None:
            self._waits_for.append(wait_id)
        self._busy -= 1
        self._parked += 1
        self._look()
        try:
            return await self._loop.create_future()
        finally:
            self._parked -= 1
            self._busy += 1
            if wait_id is not None and not self.is_suspending:  # the body no longer waits for it
                self._waits_for.remove(wait_id)

    def _look(self) -> None:
        """Cancel the body soon if it has only parked waits."""
        if self._parked and not self._busy and not self._is_looking and not self.is_suspending:
            self._is_looking = True
            self._patience = _PATIENCE
            self._loop.call_soon(self._count_down)

    def _count_down(self) -> None:
        if self._busy or not self._parked or self._has_ended():
            self._is_looking = False
        elif self._patience:
            self._patience -= 1
            self._loop.call_soon(self._count_down)
        else:
            self._is_looking = False
            self.is_suspending = True
            assert self._task is not None
            self._task.cancel()


@contextmanager
def _limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer than this."""
    if seconds is None:
        yield
        return
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"took longer than {seconds:g} s") from error
