"""The threads of `def` steps: short steps share a thread, and no step waits for a long one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from threading import Barrier, Event, get_ident
from typing import Any

import anyio
import pytest

from stepgres._execution.threads import Call, CallQueue
from tests.support.waiting import PATIENCE

LONG = 3_600.0
WARM_UP = 10  # calls
variable: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture
def all_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls count as short, however busy the machine is."""
    monkeypatch.setattr("stepgres._execution.threads._SHORT", LONG)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits for a thread gets no thread of its own."""
    monkeypatch.setattr("stepgres._execution.threads._PATIENCE", LONG)


def run(test: Callable[[CallQueue], Awaitable[Any]]) -> Any:
    """Run a test with a queue that has executed some calls."""

    async def bounded() -> Any:
        with anyio.fail_after(PATIENCE):
            queue = CallQueue()
            for _ in range(WARM_UP):
                await call(queue, int)
            return await test(queue)

    return asyncio.run(bounded())


async def call(queue: CallQueue, function: Callable[[], Any]) -> Any:
    return await Call(function).wait(queue)


async def call_all(queue: CallQueue, *functions: Callable[[], Any]) -> list[Any]:
    return await asyncio.gather(*(call(queue, function) for function in functions))


@pytest.mark.usefixtures("all_short", "no_patience")
def test_short_calls_share_a_thread() -> None:
    threads = run(lambda queue: call_all(queue, *[get_ident] * 100))
    assert len(set(threads)) == 1
    assert threads[0] != get_ident()


@pytest.mark.usefixtures("no_patience")
def test_calls_that_are_not_short_get_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepgres._execution.threads._SHORT", 0.0)
    meet = Barrier(6, timeout=PATIENCE).wait
    assert sorted(run(lambda queue: call_all(queue, *[meet] * 6))) == list(range(6))


@pytest.mark.usefixtures("no_patience")
def test_first_calls_get_threads_at_once() -> None:
    async def meet() -> list[int]:
        return await call_all(CallQueue(), *[Barrier(6, timeout=PATIENCE).wait] * 6)

    assert sorted(asyncio.run(meet())) == list(range(6))


@pytest.mark.usefixtures("all_short")
def test_call_does_not_wait_for_a_long_one_before_it() -> None:
    has_run = Event()
    waits = run(lambda queue: call_all(queue, lambda: has_run.wait(PATIENCE), has_run.set))
    assert waits == [True, None]


@pytest.mark.usefixtures("all_short")
def test_end_of_a_call_is_told_while_the_next_one_runs() -> None:
    told = Event()

    async def tell(queue: CallQueue) -> bool:
        first = asyncio.ensure_future(call(queue, int))
        first.add_done_callback(lambda _: told.set())
        return bool(await call(queue, lambda: told.wait(PATIENCE)))

    assert run(tell)


@pytest.mark.usefixtures("all_short", "no_patience")
def test_variables_that_a_call_sets_are_unset_in_the_next() -> None:
    set_and_get: list[Callable[[], Any]] = [lambda: variable.set("by a call"), variable.get]
    assert run(lambda queue: call_all(queue, *set_and_get))[1] == "unset"


@pytest.mark.usefixtures("all_short", "no_patience")
def test_call_that_is_cancelled_before_it_begins_does_not_begin() -> None:
    begun, let_go, called = Event(), Event(), Event()

    def stay() -> None:
        begun.set()
        assert let_go.wait(PATIENCE)

    async def cancel(queue: CallQueue) -> bool:
        staying = asyncio.ensure_future(call(queue, stay))
        await asyncio.to_thread(begun.wait, PATIENCE)
        cancelled = Call(called.set)
        waiting = asyncio.ensure_future(cancelled.wait(queue))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        let_go.set()
        await staying
        await call(queue, int)  # of the same thread, after the cancelled call
        return cancelled.done()

    assert run(cancel)
    assert not called.is_set()


def test_closed_queue_leaves_no_task_on_the_loop() -> None:
    begun, let_go = Event(), Event()

    def stay() -> bool:
        begun.set()
        return let_go.wait(PATIENCE)

    async def close(queue: CallQueue) -> set[asyncio.Task[Any]]:
        staying = Call(stay)
        waiting = asyncio.ensure_future(staying.wait(queue))
        await asyncio.to_thread(begun.wait, PATIENCE)
        waiting.cancel()
        queue.close()
        await asyncio.wait([waiting, *queue._threads])
        assert not staying.done()
        let_go.set()
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run(close) == set()


def test_errors_of_calls_reach_their_callers() -> None:
    def leave() -> None:
        raise SystemExit(3)

    async def catch(queue: CallQueue) -> BaseException:
        with pytest.raises(SystemExit) as error:
            await call(queue, leave)
        return error.value

    assert run(catch).code == 3
