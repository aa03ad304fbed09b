"""Workers without queues, each of which executes one run at a time in this process."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, Queue
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import anyio

from stepgres._durable.checkpoints import Checkpoints
from stepgres._execution.context import RunData
from stepgres._execution.heartbeat import Heartbeat
from stepgres._execution.local_run import LocalRun
from stepgres._execution.process_pool import process_pool
from stepgres._execution.transactions import Transactions
from stepgres._execution.worker_client import FEATURES, WorkerClient, give_back
from stepgres._listening.background import cancel_others, result_of
from stepgres._postgres.conninfo import own_conninfo
from stepgres.errors import WorkflowTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from uuid import UUID

    from typing_extensions import Self

    from stepgres._execution.step_functions import Finder
    from stepgres._tracing.spans import Tracing
    from stepgres.types import RunStatus

T = TypeVar("T")

_LEASE = 15.0  # seconds until a process that has died counts as dead
_KEPT = 5.0  # seconds that a worker waits for its next run, less than its lease


class Execution(NamedTuple):
    """A run to execute. Without run_input, the worker reads the input of the run."""

    run_id: UUID
    run_input: str | None
    finder: Finder
    concurrency: int
    processes: int | None
    timeout: float
    has_children: bool
    least_kept: int | None
    tracing: Tracing | None


class Ended(NamedTuple):
    """The end of a run, and the exception that failed the run, if this process raised it."""

    status: RunStatus
    error: BaseException | None


class AsyncRunWorker:
    """A worker with its own connection. Enter it for each run that it executes.

    When the block has ended without an error, the worker waits in `idle` for its next run. After
    some seconds, and after an error, the worker is unregistered. Then the workers of the queues get
    a run that it has not finished.
    """

    def __init__(self, conninfo: str, idle: list[AsyncRunWorker]) -> None:
        self._conninfo = own_conninfo(conninfo)
        self._client = WorkerClient(conninfo, _LEASE)
        self._idle = idle
        self._waiting: asyncio.Task[None] | None = None
        self.worker_id = ""  # until it is registered
        self._beating = ExitStack()
        self._rested_at = monotonic()

    async def __aenter__(self) -> Self:
        self._end_wait()
        try:
            if not self.worker_id:
                await self.register()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, exc_type: object, *_: object) -> None:
        if exc_type is not None:
            await self.aclose()
            return
        self._idle.append(self)
        self._waiting = asyncio.create_task(self._wait())
        await asyncio.sleep(0)  # a task that is cancelled before it begins closes nothing

    async def register(self) -> str:
        """Register a worker that takes no tasks from queues."""
        self._beating.close()
        self.worker_id = await self._client.register_worker(
            queues=[], lease=_LEASE, features=FEATURES
        )
        self._heartbeat = self._beating.enter_context(
            Heartbeat(self._conninfo, self.worker_id, _LEASE / 3, lambda: self._rested_at)
        )
        return self.worker_id

    async def execute(self, execution: Execution) -> Ended:
        """Execute the local steps of a run until its end. Raises WorkflowTimeout."""
        client, run_id = self._client, execution.run_id
        # the start of the run has renewed the lease, so a short run needs no heartbeat
        self._rested_at = monotonic() - _LEASE / 3
        # a run whose input is known was started by the caller, and not by a schedule
        run_data = (
            await client.read_run(run_id)
            if execution.run_input is None
            else RunData(execution.run_input)
        )
        async with (
            Transactions(self._conninfo, self.worker_id, execution.concurrency) as transactions,
            Checkpoints(self._conninfo, self.worker_id, _LEASE, transactions) as checkpoints,
        ):
            with ExitStack() as stack:
                stack.callback(self._rest)
                run = LocalRun(
                    client,
                    self.worker_id,
                    run_id,
                    run_data,
                    execution.finder(client),
                    transactions,
                    checkpoints,
                    self._heartbeat,
                    execution.concurrency,
                    stack.enter_context(process_pool(execution.processes)),
                    has_children=execution.has_children,
                    least_kept=execution.least_kept,
                    traces=(
                        None if execution.tracing is None else execution.tracing.of_worker(client)
                    ),
                )
                with anyio.move_on_after(execution.timeout):
                    status = await run.finish()
                    return Ended(status, run.error_of(status))
        raise WorkflowTimeout(run_id)

    def _rest(self) -> None:
        self._rested_at = monotonic()

    async def aclose(self) -> None:
        """Unregister the worker and close its connection."""
        self._end_wait()
        self._beating.close()
        with anyio.CancelScope(shield=True):
            if self.worker_id:
                await give_back(self._client, self.worker_id)
            await self._client.aclose()

    def _end_wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def _wait(self) -> None:
        try:
            await asyncio.sleep(_KEPT)
        finally:  # also when asyncio.run ends
            if self in self._idle:
                self._idle.remove(self)
                self._waiting = None
                await self.aclose()


class RunWorker:
    """An AsyncRunWorker for threads: its own thread runs its own event loop.

    The loop only runs during calls. So the code of a step, which may block the loop, delays no
    other run.
    """

    def __init__(self, conninfo: str, idle: list[RunWorker]) -> None:
        self._worker = AsyncRunWorker(conninfo, [])
        self._idle = idle
        self._calls: Queue[_Call[Any] | None] = Queue()  # no SimpleQueue: see CallQueue
        # A daemon, so that a client that is not closed lets the process end.
        self._thread = threading.Thread(target=self._run, name="stepgres-executor", daemon=True)
        self._thread.start()

    @property
    def worker_id(self) -> str:
        """Return the id of the worker, or "" if it is not registered yet."""
        return self._worker.worker_id

    def __enter__(self) -> Self:
        try:
            if not self.worker_id:
                self.register()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, exc_type: object, *_: object) -> None:
        if exc_type is None:
            self._idle.append(self)
        else:
            self.close()

    def register(self) -> str:
        """Register a worker that takes no tasks from queues."""
        return self._call(self._worker.register)

    def execute(self, execution: Execution) -> Ended:
        """Execute the local steps of a run until its end. Raises WorkflowTimeout."""
        return self._call(partial(self._worker.execute, execution))

    def close(self) -> None:
        """Unregister the worker and close its connection."""
        self._calls.put(None)
        self._thread.join()

    def _call(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return _Call(function).wait(self._calls)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        while True:
            try:
                call = self._calls.get(timeout=_KEPT)
            except Empty:
                if not self._leave():
                    continue  # a thread has taken the worker
                call = None
            if call is None:
                break
            call.run(loop)
        loop.run_until_complete(self._worker.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    def _leave(self) -> bool:
        with suppress(ValueError):
            self._idle.remove(self)
            return True
        return False


class _Call(Generic[T]):
    """A call of an async function in the thread of a RunWorker."""

    def __init__(self, function: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._function = function
        self._context = copy_context()
        self._future: Future[T] = Future()
        self._task: asyncio.Task[T] | None = None

    def wait(self, calls: Queue[_Call[Any] | None]) -> T:
        """Queue the call, and return its result. Cancel the call if this thread is interrupted."""
        try:
            calls.put(self)
            return result_of(self._future)
        except BaseException:
            if not self._future.cancel() and self._task is not None:
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)
            raise

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Execute the call, and end the tasks that the call leaves behind."""
        task = self._task = self._context.run(loop.create_task, self._function())
        if not self._future.set_running_or_notify_cancel():
            task.cancel()
        with suppress(BaseException):  # the task keeps its error for the caller
            loop.run_until_complete(task)
        loop.run_until_complete(cancel_others())
        if self._future.cancelled():
            return
        if task.cancelled():
            self._future.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._future.set_exception(error)
        else:
            self._future.set_result(task.result())
