"""Execute `def` steps in threads, in processes, or on other machines."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio

from stepgres._execution.attempts import Outcome, attempt
from stepgres._execution.channels import Channels
from stepgres._execution.hooks import is_coroutine_function
from stepgres._execution.process_pool import ProcessPool
from stepgres._execution.step_process import execute, execute_without_context
from stepgres._execution.threads import Call, CallQueue
from stepgres.errors import DefinitionError
from stepgres.workflow import takes_context

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor, Future

    from stepgres._execution.hooks import Hook, Middleware
    from stepgres._execution.runner import Execution
    from stepgres._execution.threads import Running
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.workflow import Definition, StepFunction

_STACK_LIMIT = 0.5  # seconds for a process to send the stack of a late step, before it is killed


class Threads:
    """Executes steps in threads."""

    _calls: CallQueue | None = None
    on_start: Hook | None = None  # a hook that each process of a pool calls first

    def check(self, name: str, function: StepFunction, *, is_durable: bool = False) -> None:
        """Raise DefinitionError if this place cannot execute the step of that name."""

    async def execute(self, function: StepFunction, execution: Execution) -> Outcome:
        """Execute the function of a step. execution.call is done when the function has ended."""
        if self._calls is None:
            self._calls = CallQueue()
        call = Call(attempt, function, execution)
        execution.call = call
        return await call.wait(self._calls)

    def close(self) -> None:
        """Let go of the threads or channels of the worker. The maker of a pool closes the pool."""
        if self._calls is not None:
            self._calls.close()
            self._calls = None


class ThreadPool(Threads):
    """Executes steps in the threads of a concurrent.futures.ThreadPoolExecutor."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    async def execute(self, function: StepFunction, execution: Execution) -> Outcome:
        future = self._executor.submit(attempt, function, execution)
        execution.call = future
        return await asyncio.wrap_future(future)


class Processes(Threads):
    """Executes steps in the processes of a pool on this machine, with channels to the worker."""

    def __init__(self, executor: ProcessPool | ProcessPoolExecutor) -> None:
        self._executor = executor
        self._channels: Channels | None = None

    def check(self, name: str, function: StepFunction, *, is_durable: bool = False) -> None:
        try:
            pickle.dumps(function)
        except Exception as error:  # pickle may raise an error of any class
            raise DefinitionError(
                f"{name}: its function cannot be sent to a process: {error}",
                hint="Make it a function of a module, or of a class there: no lambda, and nothing"
                " that is defined in a function. Or execute it in a thread, without processes.",
            ) from error

    async def execute(self, function: StepFunction, execution: Execution) -> Outcome:
        if self._channels is None:
            self._channels = Channels(self.on_start)
        channels = self._channels
        number = channels.add(execution)
        call = pickle.dumps((function, execution.data, channels.link(), number))
        future: Future[Outcome] = self._executor.submit(execute, call)
        execution.call = future
        execution.on_cancel = lambda: channels.cancel(number)
        future.add_done_callback(lambda _: channels.remove(number))
        try:
            await ended(future)
        except asyncio.CancelledError:
            if execution.is_late:
                with anyio.CancelScope(shield=True):
                    execution.stack = await _stack(channels.ask_for_stack(number))
            future.cancel()
            if isinstance(self._executor, ProcessPool):  # its process is killed, and ends at once
                with anyio.CancelScope(shield=True):
                    await ended(future)
            raise
        return future.result()

    def close(self) -> None:
        if self._channels is not None:
            self._channels.close()
            self._channels = None


class Elsewhere(Threads):
    """Executes steps in any other executor, such as a Dask cluster, without a channel."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def check(self, name: str, function: StepFunction, *, is_durable: bool = False) -> None:
        if is_durable or takes_context(function):
            kind = type(self._executor).__name__
            need = "the step is durable and needs" if is_durable else "its function takes"
            raise DefinitionError(
                f"{name}: {need} a context, which it cannot have in {kind}",
                hint="Leave out its second parameter, make it async def, which is executed in the"
                " worker, or use threads or processes of this machine.",
            )

    async def execute(self, function: StepFunction, execution: Execution) -> Outcome:
        self.check(f'step "{execution.step_slug}"', function, is_durable=execution.body is not None)
        data = execution.data._replace(
            least_kept=None,  # there is no channel for lines
            traceparent=None,  # another machine need not have OpenTelemetry
        )
        future = self._executor.submit(execute_without_context, function, data)
        execution.call = future
        return await asyncio.wrap_future(future)


def place_for(executor: Executor | None) -> Threads:
    """Return the place for an executor, by default threads."""
    if executor is None:
        return Threads()
    if isinstance(executor, ThreadPoolExecutor):
        return ThreadPool(executor)
    if isinstance(executor, (ProcessPool, ProcessPoolExecutor)):
        return Processes(executor)
    return Elsewhere(executor)


def check_steps(
    place: Threads, definitions: Iterable[Definition], step_functions: GoalTaskFunctions | None
) -> None:
    """Raise DefinitionError if the place cannot execute a step, or a function for goal tasks."""
    for definition in definitions:
        for step in definition.document["steps"]:
            function = definition.functions.get(step["step_slug"])
            if function is not None and not step.get("transactional"):
                slug = definition.document["workflow_slug"]
                name = f'workflow "{slug}", step "{step["step_slug"]}"'
                _check(place, name, function, is_durable=bool(step.get("durable")))
    if isinstance(step_functions, Mapping):
        for name, function in step_functions.items():
            _check(place, f'goal tasks "{name}"', function)
    elif step_functions is not None:
        _check(place, "step_functions", step_functions)


def check_hooks(place: Threads, on_start: Hook | None, middleware: Iterable[Middleware]) -> None:
    """Give the place the hook of its processes. Raise DefinitionError if it cannot go there."""
    if not isinstance(place, Processes):
        return
    if on_start is not None and not is_coroutine_function(on_start):
        place.check("on_start", on_start)
        place.on_start = on_start
    for each in middleware:
        if not is_coroutine_function(each):
            place.check("middleware", each)


def _check(place: Threads, name: str, function: StepFunction, *, is_durable: bool = False) -> None:
    if not inspect.iscoroutinefunction(function):  # the worker executes coroutines
        place.check(name, function, is_durable=is_durable)


async def ended(call: Running) -> None:
    """Wait until a call has ended, in whatever way the call ends."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Any) -> None:
        with suppress(RuntimeError):  # the loop ended before an abandoned thread
            loop.call_soon_threadsafe(event.set)

    call.add_done_callback(tell)
    await event.wait()


async def _stack(answer: Future[str]) -> str | None:
    with anyio.move_on_after(_STACK_LIMIT):
        return await asyncio.wrap_future(answer)
    return None
