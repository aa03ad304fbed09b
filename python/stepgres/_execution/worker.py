"""Workers: processes that claim tasks from queues and execute the tasks."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import threading
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import psycopg
from anyio.from_thread import start_blocking_portal

from stepgres._durable.checkpoints import Checkpoints
from stepgres._execution.context import RunData
from stepgres._execution.heartbeat import Heartbeat
from stepgres._execution.hooks import call_hook, check_hook, check_middleware
from stepgres._execution.logs import level_of
from stepgres._execution.options import conninfo_of, resolve_concurrency
from stepgres._execution.places import check_hooks, check_steps, place_for
from stepgres._execution.runner import Runner, StepCall, release_result
from stepgres._execution.shared_reads import SharedReads
from stepgres._execution.transactions import Transactions
from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import FEATURES, FULL_TICK, WorkerClient, give_back
from stepgres._goals.goal_task_functions import GoalTaskFinder, check_step_functions, patterns_of
from stepgres._listening.hub import Hub
from stepgres._listening.wakeup import Wakeup
from stepgres._postgres.backoff import Backoff
from stepgres._postgres.conninfo import own_conninfo
from stepgres._postgres.lost_connections import PASSING_ERRORS, Patience
from stepgres._version import __version__
from stepgres.errors import StepgresError, WorkerNotFound
from stepgres.workflow import describe_all, takes_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from stepgres._client.client import Client
    from stepgres._client.client_async import AsyncClient
    from stepgres._execution.hooks import Hook, Middleware
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres._tracing.spans import WorkerTraces
    from stepgres.types import WorkItem
    from stepgres.workflow import StepFunction

logger = logging.getLogger("stepgres")

_PAUSES = (0.01, 0.05, 0.25, 1.0)  # seconds between turns while no task is claimed
_LISTENING_PAUSE = 10.0  # seconds, the longest pause of a listening worker; or half a lease
_LATE_PAUSES = (0.01, 0.05, 0.25, 1.0)  # seconds between ticks while another holds what is due
_TICK_INTERVAL = 1.0  # seconds
_LEAST_LIMIT = 1.0  # seconds that an answer may take, also with a shorter lease
_KEPT_RUNS = 100  # runs whose data is kept

C = TypeVar("C", bound="Client | AsyncClient")


class _Worker(Generic[C]):
    """The work of AsyncWorker and Worker."""

    def __init__(
        self,
        client: C,
        workflows: Sequence[Any] = (),
        queues: Sequence[str] = ("default",),
        *,
        step_functions: GoalTaskFunctions | None = None,
        concurrency: int | None = None,
        make_current: bool = False,
        resources: Mapping[str, Any] | None = None,
        executor: Executor | None = None,
        lease: float = 15.0,
        grace: float = 30.0,
        listen: bool | str = True,
        logs: str = "off",
        on_start: Hook | None = None,
        on_stop: Hook | None = None,
        middleware: Middleware | Sequence[Middleware] = (),
    ) -> None:
        """Make a worker that executes tasks from queues until it is stopped.

        The worker registers the workflows, or all workflows of a module, and executes their steps,
        up to `concurrency` at a time. `async def` steps run on the event loop, and other steps run
        in threads or in the `executor`. The steps in a ProcessPoolExecutor must be functions of
        modules. The steps in another executor, such as a Dask cluster, can have no context.
        DefinitionError names a step that the executor cannot execute. The worker gets only tasks of
        its workflows, in its own or older versions. With `make_current` its definitions become
        current even if newer definitions have replaced them. `resources` are the resources of the
        worker, such as {"gpu": True}.

        `step_functions`, as for Executor.execute_task_graph, execute the goal tasks of all
        task graphs whose workflow the worker does not have. They also execute goal tasks that steps
        add to such runs.

        A worker without a heartbeat for `lease` seconds counts as dead, and other workers take over
        its tasks. The heartbeat has its own thread and connection. Another connection listens for
        new tasks, by the connection string `listen` if it is given. With `listen=False`, or when
        the worker detects a pooler, the worker polls.

        A stopped worker claims no more tasks, and finishes its running tasks within `grace`
        seconds. When `run` is cancelled, the worker releases its tasks at once.

        With `logs="warning"` or `logs="info"`, lines of context.logger from that level on are
        stored with the result of each attempt, at most 64 KB: see list_logs.

        The worker calls `on_start` before it registers, and `on_stop` when it has ended. Both may
        be async. Each process of a pool also calls an `on_start` that is not async, before its
        first step. A `middleware` is called around each step: `def middleware(context, call_next)`
        returns `call_next()`, or another output; an error in it is an error of the step. async
        middleware is for async steps, other middleware for other steps; the first one is outermost.

        With a client that has traces=True, the worker makes spans of its turns, and of the steps
        and ends of traced runs: see Client.

        After its start, the worker waits and retries on errors of the server. Such errors are a
        shutdown, a read-only server, a missing right or a missing function. Only errors of the
        program end the worker.
        """
        self._conninfo = conninfo_of(client)
        self._client = WorkerClient(self._conninfo, max(lease, _LEAST_LIMIT))
        self._tracing = client._tracing
        self._traces: WorkerTraces | None = None
        self._traced_at = -_TICK_INTERVAL
        self._definitions = describe_all(workflows)
        self._functions: dict[tuple[str, str], StepFunction] = {
            (definition.document["workflow_slug"], step_slug): function
            for definition in self._definitions
            for step_slug, function in definition.functions.items()
        }
        self._make_current = make_current
        self._versions: dict[str, int] = {}
        self._find_goal_task: GoalTaskFinder | None = None
        if step_functions is not None:
            check_step_functions(step_functions)
            self._find_goal_task = GoalTaskFinder(self._client, step_functions, is_alone=False)
        self._goals: bool | list[str] = patterns_of(step_functions)
        self._queues = list(queues)
        self._concurrency = resolve_concurrency(concurrency)
        self._resources = dict(resources or {})
        self._place = place_for(executor)
        check_steps(self._place, self._definitions, step_functions)
        self._least_kept = level_of(logs)
        self._on_start = check_hook("on_start", on_start)
        self._on_stop = check_hook("on_stop", on_stop)
        self._middleware = check_middleware(middleware)
        check_hooks(self._place, self._on_start, self._middleware)
        self._lease = lease
        self._grace = grace
        self._listen = self._conninfo if listen is True else listen
        self._wakeup_names: list[str] = []
        self._is_listen_given = isinstance(listen, str)
        self._runs = SharedReads(self._client.read_run, _KEPT_RUNS)
        self._turns: Turns | None = None
        self._stop_at: float | None = None

    def _stop(self) -> None:
        is_second = self._stop_at is not None
        self._stop_at = asyncio.get_running_loop().time() + (0 if is_second else self._grace)
        count = 0 if self._turns is None else self._turns.running
        steps = "1 step" if count == 1 else f"{count} steps"
        if is_second:
            logger.warning("stopping now: %s given up", steps)
        elif count:
            logger.info(
                "finishing %s within %g s; a second signal gives them up", steps, self._grace
            )
        else:
            logger.info("stopping: no step is running")
        if self._turns is not None:
            self._turns.wake()

    async def _run(self) -> int:
        await call_hook(self._on_start)
        try:
            return await self._register_and_serve()
        finally:
            with anyio.CancelScope(shield=True):
                await call_hook(self._on_stop)

    async def _register_and_serve(self) -> int:
        async with self._client:
            for definition in self._definitions:
                slug = definition.document["workflow_slug"]
                self._versions[slug] = await self._client.register_workflow(
                    definition.document, make_current=self._make_current
                )
            worker_id = await self._register()
            while True:
                try:
                    return await self._serve(worker_id)
                except WorkerNotFound:
                    # The process stopped for longer than its lease, as in a debugger or on standby.
                    logger.warning("it was taken for dead and begins again under another id")
                worker_id = await self._register_again()

    async def _register(self) -> str:
        if self._listen:
            self._wakeup_names = [await self._client.wakeup_name(q) for q in self._queues]
        return await self._client.register_worker(
            queues=self._queues,
            lease=self._lease,
            resources=self._resources,
            knows={"workflows": self._versions, "goals": self._goals},
            features=FEATURES,
            slots=self._concurrency,
        )

    async def _register_again(self) -> str:
        """Register, and retry after passing errors, since the worker has already begun."""
        patience = Patience()
        while True:
            try:
                return await self._register()
            except PASSING_ERRORS as error:
                if self._stop_at is not None:
                    raise
                pause = patience.pause_after(error)
            await asyncio.sleep(pause)

    async def _serve(self, worker_id: str) -> int:
        logger.info(
            "worker %s of Stepgres %s executes %s from queues %s in %s",
            worker_id,
            __version__,
            ", ".join(f"{slug} (version {v})" for slug, v in sorted(self._versions.items()))
            or "goals",
            ", ".join(self._queues),
            self._client.database,
        )
        async with AsyncExitStack() as stack:
            transactions = await stack.enter_async_context(
                Transactions(own_conninfo(self._conninfo), worker_id, self._concurrency)
            )
            heartbeat = Heartbeat(
                self._conninfo, worker_id, self._lease / 3, lambda: turns.rested_at
            )
            checkpoints = await stack.enter_async_context(
                Checkpoints(self._conninfo, worker_id, max(self._lease, _LEAST_LIMIT), transactions)
            )
            traces = self._traces = (
                None if self._tracing is None else self._tracing.of_worker(self._client)
            )
            runner = Runner(
                self._place,
                transactions,
                heartbeat,
                checkpoints,
                least_kept=self._least_kept,
                middleware=self._middleware,
                traces=traces,
            )
            turns = self._turns = Turns(
                self._client,
                worker_id,
                self._concurrency,
                lambda item, leave: self._execute(item, leave, runner),
                traces,
            )
            stack.callback(self._place.close)
            stack.enter_context(heartbeat)
            listener = None
            if self._listen:
                listener = Wakeup(
                    Hub(self._listen),
                    self._wakeup_names,
                    turns.wake,
                    trusts_pooler=self._is_listen_given,
                )
                await stack.enter_async_context(listener)
            try:
                await self._take_turns(turns, listener)
                await turns.give_up_late_tasks()
                await self._end_traces(is_idle=True)
            except WorkerNotFound:
                turns.cancel()
                raise
            except BaseException:  # such as a cancellation
                turns.cancel()
                with anyio.CancelScope(shield=True):
                    await give_back(self._client, worker_id)
                raise
            turns.cancel()
            return await self._client.unregister_worker(worker_id)

    async def _take_turns(self, turns: Turns, listener: Wakeup | None) -> None:
        pauses, late_pauses = Backoff(_PAUSES), Backoff(_LATE_PAUSES)
        patience = Patience()
        last_tick = -_TICK_INTERVAL
        has_happened = True
        while not self._is_over(turns):
            is_stopping = self._stop_at is not None
            if is_stopping:
                turns.hand_back()
            try:
                # A busy worker asks for notifications only if the last turn had no tasks.
                is_waiting = turns.is_idle or not has_happened
                has_happened = await turns.turn(0 if is_stopping else None, is_waiting=is_waiting)
                if has_happened:
                    pauses.reset()
                await self._end_traces(is_idle=turns.is_idle)
                is_told = listener is not None and listener.is_listening
                is_resting = pauses.is_spent and turns.is_idle and is_told
                pause = pauses.pause()
                if is_resting:
                    pause = await self._rest(late_pauses)
                elif turns.is_idle or anyio.current_time() - last_tick >= _TICK_INTERVAL:
                    last_tick = anyio.current_time()
                    if await self._client.tick() >= FULL_TICK:
                        # More work is due at once, but a turn sends the results first.
                        last_tick, pause = -_TICK_INTERVAL, 0
                    elif turns.is_idle and 0 < (due := await self._seconds_until_due()) < pause:
                        pause = due  # such as the instant at which a rate lets in a task
                patience.reset()
            except PASSING_ERRORS as error:
                await turns.wait(patience.pause_after(error))
                continue
            await turns.wait(pause if turns.is_idle else min(pause, _TICK_INTERVAL))

    async def _end_traces(self, *, is_idle: bool) -> None:
        """Make the spans of the runs that have ended: about once a second, and before a rest."""
        if self._traces is None:
            return
        if is_idle or anyio.current_time() - self._traced_at >= _TICK_INTERVAL:
            self._traced_at = anyio.current_time()
            await self._traces.end_runs()

    def _is_over(self, turns: Turns) -> bool:
        if self._stop_at is None:
            return False
        return turns.is_idle or anyio.current_time() >= self._stop_at

    async def _rest(self, late_pauses: Backoff) -> float:
        """Do the work that is due, and return the seconds until the next due time.

        The rest lasts at most half a lease, so that the turns of a resting worker renew its lease.
        """
        seconds = await self._seconds_until_due()
        if seconds <= 0:
            moved = await self._client.tick()
            if moved:
                late_pauses.reset()
                return 0 if moved >= FULL_TICK else _PAUSES[0]
            seconds = await self._seconds_until_due()
        if seconds <= -_PAUSES[0]:
            # Another worker does the due work, or another transaction holds its run for a moment.
            return late_pauses.pause()
        late_pauses.reset()
        return max(seconds, _PAUSES[0])  # at least: the clock of the server may be behind

    async def _seconds_until_due(self) -> float:
        due = await self._client.next_due()
        longest = min(_LISTENING_PAUSE, self._lease / 2)
        if due is None:
            return longest
        return min((due - datetime.now(timezone.utc)).total_seconds(), longest)

    async def _execute(
        self, item: WorkItem, leave: Callable[[str], None], runner: Runner
    ) -> str | None:
        run = RunData("null")
        try:
            step = await self._find(item)
            if step is not None and (self._middleware or takes_context(step.function)):
                run = await self._runs(item.run_id)
        except (StepgresError, psycopg.Error) as error:
            logger.warning("the data of run %s cannot be read: %s", item.run_id, error)
            return release_result(item, retry_after=1)
        if step is None and item.sql_function is None:
            # The server sent a task that this worker has not registered.
            logger.warning(
                "step %s of workflow %s is not known here and goes back for other workers",
                item.step_slug,
                item.workflow_slug,
            )
            return release_result(item, retry_after=random.uniform(1, 2))
        return await runner.run(step, item, run, leave)

    async def _find(self, item: WorkItem) -> StepCall | None:
        if item.sql_function is not None:
            return None
        if self._find_goal_task is not None and item.workflow_slug not in self._versions:
            return await self._find_goal_task(item)
        function = self._functions.get((item.workflow_slug, item.step_slug))
        return None if function is None else StepCall(function)


class AsyncWorker(_Worker["AsyncClient"]):
    """Executes tasks from queues, in an event loop, until the worker is stopped."""

    async def run(self) -> int:
        """Work until stopped, and return the number of unfinished tasks that were released."""
        return await self._run()

    def stop(self) -> None:
        """Finish the running tasks, and end. A second call gives up the running tasks."""
        self._stop()


class Worker(_Worker["Client"]):
    """Executes tasks from queues until SIGTERM or SIGINT.

    The first signal ends the worker when its running tasks are finished, or after `grace` seconds.
    The second signal ends the worker at once. Unfinished tasks go back to their queues.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> int:
        """Work until stopped, and return the number of unfinished tasks that were released.

        If an event loop runs already, as in a notebook, the worker runs in its own thread.
        """
        if not _is_in_loop():  # outside of an except block, or all errors of steps had its error
            return asyncio.run(self._run_until_signal())
        with start_blocking_portal() as portal:
            unfinished: int = portal.call(self._run_until_signal)
        return unfinished

    def stop(self) -> None:
        """Stop the worker as a signal does. Any thread may call this."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop)

    async def _run_until_signal(self) -> int:
        self._loop, self._stop_at = asyncio.get_running_loop(), None
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._stop)
        return await self._run()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
