"""Execute runs in this process: start a run, execute its local steps, return its output."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio.from_thread import start_blocking_portal

from stepgres._execution.heartbeat import Heartbeat
from stepgres._execution.local_run import LocalRun
from stepgres._execution.process_pool import process_pool
from stepgres._execution.runner import StepCall
from stepgres._execution.transactions import Transactions
from stepgres._execution.worker_client import WorkerClient, give_back
from stepgres._goals.goal_task_functions import GoalTaskFinder, check_goal_task_functions
from stepgres._postgres.json_text import dumps_input
from stepgres.errors import DefinitionError, InvalidInput, WorkflowFailed, WorkflowTimeout
from stepgres.types import run_result
from stepgres.workflow import describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from uuid import UUID

    from stepgres._client.client import Client
    from stepgres._client.client_async import AsyncClient
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.types import RunResult, WorkItem
    from stepgres.workflow import StepFunction, WorkflowName

logger = logging.getLogger("stepgres")

_LEASE = 15.0  # seconds until a process that has died counts as dead


class AsyncExecutor:
    """Executes workflows in this process, up to `concurrency` steps of a run at the same time.

    `async def` steps run on the event loop, and other steps run in threads. With `processes`, the
    other steps run in this number of processes, for steps that compute. The executor starts these
    processes for each run, and they import the modules of the steps. By default concurrency is the
    number of processors plus 4, at most 32. A workflow with max_parallel has no more than that.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        concurrency: int | None = None,
        processes: int | None = None,
    ) -> None:
        self._client = client
        self._processes = _check_processes(processes)
        self._conninfo = conninfo_of(client)
        self._concurrency = resolve_concurrency(concurrency)

    async def execute(
        self,
        workflow: Any,
        input: Any,
        *,
        timeout: float = 300,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Execute a workflow, as `describe` takes it, and return RunResult(output, run_id).

        Local steps run here, and distributed steps run in the workers of their queues. Raises
        WorkflowFailed when the run fails. Raises DefinitionError or InvalidInput before a run is
        started. Raises WorkflowTimeout after `timeout` seconds, and then the run continues: the
        workers of its queues get its local steps. wait_for_run waits for the end of such a run,
        and cancel_workflow_run ends the run. An interrupted call leaves its run to the workers,
        too.
        """
        definition = describe(workflow)
        run_input = dumps_input(input, "input")
        version = await self._client.register_workflow(definition.document)

        async def start(worker_id: str) -> UUID:
            return await self._client.start_workflow_run(
                definition.document["workflow_slug"],
                input,
                run_id=run_id,
                idempotency_key=idempotency_key,
                version=version,
                executor_id=worker_id,
            )

        return await self._execute(start, run_input, _finder(definition.functions), timeout)

    async def execute_dynamic(
        self,
        workflow_id: WorkflowName,
        input: Any,
        step_functions: Mapping[str, StepFunction],
        *,
        timeout: float = 300,
    ) -> RunResult:
        """Execute a workflow that is in the database, with functions by step slug.

        Returns and raises the same as execute. Raises DefinitionError if a local step has no
        function.
        """
        flow = await self._client.get_flow(workflow_id)
        _check_functions(flow, step_functions)

        async def start(worker_id: str) -> UUID:
            return await self._client.start_workflow_run(
                workflow_id, input, version=flow["version"], executor_id=worker_id
            )

        return await self._execute(
            start, dumps_input(input, "input"), _finder(step_functions), timeout
        )

    async def retry(
        self,
        workflow: Any,
        run_id: UUID,
        *,
        timeout: float = 300,
        skip_completed: bool = True,
        reset_all: bool = False,
    ) -> RunResult:
        """Execute the unfinished steps of a failed run as a new run, by retry_failed_workflow.

        workflow is the workflow of the run, or its functions by step slug. For a run of a task
        graph, workflow is the step_functions of execute_task_graph. Returns and raises the same as
        execute. Raises RunNotFailed if the run has not failed. Raises DefinitionError or
        DecompositionError if a local step has no function.
        """
        run = await self._client.get_run(run_id)
        flow = await self._client.get_flow(run.workflow_slug, version=run.version)
        find = self._find_functions(flow, workflow)

        async def start(worker_id: str) -> UUID:
            return await self._client.retry_failed_workflow(
                run_id, skip_completed, reset_all, worker_id
            )

        return await self._execute(start, dumps_input(run.input), find, timeout)

    def _find_functions(
        self, flow: Mapping[str, Any], workflow: Any
    ) -> Callable[[WorkItem], Awaitable[StepCall | None]]:
        if flow["tasks"] is not None:
            check_goal_task_functions(flow["tasks"], flow["execution"], workflow)
            return GoalTaskFinder(self._client, workflow)
        functions = _functions_for(flow["workflow_slug"], workflow)
        _check_functions(flow, functions)
        return _finder(functions)

    async def execute_task_graph(
        self,
        task_graph_id: str,
        step_functions: GoalTaskFunctions,
        input: Mapping[str, Any] | None = None,
        *,
        timeout: float = 300,
        optimization_level: str | None = None,
    ) -> RunResult:
        """Execute an approved task graph, and return the output of its last goal tasks.

        step_functions maps paths or ids of goal tasks, or patterns such as "design/*", to
        functions. The pattern "*" matches all other goal tasks. A callable instead of the mapping
        executes all goal tasks. A function finds its goal task as `context.task`. The first goal
        tasks get {"goal": the goal} merged with the input. An optimization_level first optimizes
        the workflow of the task graph from its history: see optimize_workflow. Returns and raises
        the same as execute. Raises TaskGraphNotApproved if the task graph is not approved. Raises
        DecompositionError if a goal task has no function.
        """
        graph = await self._client.get_task_graph(task_graph_id)
        check_goal_task_functions(graph.tasks, graph.execution, step_functions)
        find = GoalTaskFinder(self._client, step_functions)

        async def start(worker_id: str) -> UUID:
            return await self._client.start_task_graph(
                task_graph_id,
                input,
                executor_id=worker_id,
                optimization_level=optimization_level,
            )

        return await self._execute(start, None, find, timeout)

    async def _execute(
        self,
        start: Callable[[str], Awaitable[UUID]],
        run_input: str | None,
        find: Callable[[WorkItem], Awaitable[StepCall | None]],
        timeout: float,
    ) -> RunResult:
        async with (
            self._worker_client() as client,
            self._register(client) as (worker_id, heartbeat),
            AsyncExitStack() as stack,
        ):
            run_id = await start(worker_id)
            most = await client.get_max_parallel(run_id)
            concurrency = min(self._concurrency, most or self._concurrency)
            if run_input is None:
                run_input = await client.get_run_input_as_text(run_id)
            async with Transactions(self._conninfo, worker_id, concurrency) as transactions:
                pool = stack.enter_context(process_pool(self._processes))
                run = LocalRun(
                    client,
                    worker_id,
                    run_id,
                    run_input,
                    find,
                    transactions,
                    heartbeat,
                    concurrency,
                    pool,
                )
                with anyio.move_on_after(timeout) as scope:
                    status = await run.finish()
        if scope.cancelled_caught:
            raise WorkflowTimeout(run_id)
        try:
            return run_result(run_id, status)
        except WorkflowFailed as failed:
            raise failed from run.error_of(status)

    @asynccontextmanager
    async def _worker_client(self) -> AsyncIterator[WorkerClient]:
        if isinstance(self._client, WorkerClient):
            yield self._client
        else:
            async with WorkerClient(self._conninfo, _LEASE) as client:
                yield client

    @asynccontextmanager
    async def _register(self, client: WorkerClient) -> AsyncIterator[tuple[str, Heartbeat]]:
        """Register a worker that takes no tasks from queues, for the duration of the block."""
        worker_id = await client.register_worker(queues=[], lease=_LEASE)
        with Heartbeat(self._conninfo, worker_id, _LEASE / 3) as heartbeat:
            try:
                yield worker_id, heartbeat
            finally:
                with anyio.CancelScope(shield=True):
                    await give_back(client, worker_id)


class Executor:
    """Executes workflows in this process, by an AsyncExecutor in a thread."""

    def __init__(
        self,
        client: Client,
        *,
        concurrency: int | None = None,
        processes: int | None = None,
    ) -> None:
        self._conninfo = conninfo_of(client)
        self._concurrency = resolve_concurrency(concurrency)
        self._processes = _check_processes(processes)

    def execute(
        self,
        workflow: Any,
        input: Any,
        *,
        timeout: float = 300,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Execute a workflow and return RunResult(output, run_id); see AsyncExecutor.execute."""

        return self._call(
            lambda executor: executor.execute(
                workflow, input, timeout=timeout, run_id=run_id, idempotency_key=idempotency_key
            )
        )

    def execute_dynamic(
        self,
        workflow_id: WorkflowName,
        input: Any,
        step_functions: Mapping[str, StepFunction],
        *,
        timeout: float = 300,
    ) -> RunResult:
        """Execute a workflow that is in the database; see AsyncExecutor.execute_dynamic."""
        return self._call(
            lambda executor: executor.execute_dynamic(
                workflow_id, input, step_functions, timeout=timeout
            )
        )

    def execute_task_graph(
        self,
        task_graph_id: str,
        step_functions: GoalTaskFunctions,
        input: Mapping[str, Any] | None = None,
        *,
        timeout: float = 300,
        optimization_level: str | None = None,
    ) -> RunResult:
        """Execute an approved task graph; see AsyncExecutor.execute_task_graph."""
        return self._call(
            lambda executor: executor.execute_task_graph(
                task_graph_id,
                step_functions,
                input,
                timeout=timeout,
                optimization_level=optimization_level,
            )
        )

    def retry(
        self,
        workflow: Any,
        run_id: UUID,
        *,
        timeout: float = 300,
        skip_completed: bool = True,
        reset_all: bool = False,
    ) -> RunResult:
        """Execute the unfinished steps of a failed run as a new run; see AsyncExecutor.retry."""
        return self._call(
            lambda executor: executor.retry(
                workflow,
                run_id,
                timeout=timeout,
                skip_completed=skip_completed,
                reset_all=reset_all,
            )
        )

    def _call(self, method: Callable[[AsyncExecutor], Awaitable[RunResult]]) -> RunResult:
        async def call() -> RunResult:
            async with WorkerClient(self._conninfo, _LEASE) as client:
                executor = AsyncExecutor(
                    client, concurrency=self._concurrency, processes=self._processes
                )
                return await method(executor)

        with start_blocking_portal() as portal:
            result: RunResult = portal.call(call)
        return result


def _finder(
    functions: Mapping[str, StepFunction],
) -> Callable[[WorkItem], Awaitable[StepCall | None]]:
    async def find(item: WorkItem) -> StepCall:
        return StepCall(functions[item.step_slug])

    return find


def _functions_for(workflow_slug: str, workflow: Any) -> Mapping[str, StepFunction]:
    """Return the functions of a mapping, or of a workflow, which must have this slug."""
    if isinstance(workflow, Mapping):
        return workflow
    definition = describe(workflow)
    slug = definition.document["workflow_slug"]
    if slug != workflow_slug:
        raise DefinitionError(
            f'the run is one of workflow "{workflow_slug}", not of "{slug}"',
            hint="Pass the workflow that the run was started with.",
        )
    return definition.functions


def _check_functions(flow: Mapping[str, Any], functions: Mapping[str, StepFunction]) -> None:
    local = [
        step["step_slug"]
        for step in flow["steps"]
        if step["execution"] == "local" and step["sql_function"] is None and step["gathers"] is None
    ]
    missing = [slug for slug in local if slug not in functions]
    if missing:
        raise DefinitionError(
            f'workflow "{flow["workflow_slug"]}": no function for step "{missing[0]}"',
            hint="Pass a callable for each local step: " + ", ".join(local),
        )


def conninfo_of(client: Client | AsyncClient) -> str:
    """Return the connection string of a client, or raise InvalidInput if the client has none."""
    if client.conninfo is None:
        raise InvalidInput(
            "an executor or worker needs connections of its own, and this client cannot open any",
            hint="Make the client with a connection string, or with a pool that was made with one.",
        )
    return client.conninfo


def resolve_concurrency(given: int | None) -> int:
    """Return the given concurrency, or by default the number of processors plus 4, at most 32."""
    if given is None:
        return min(32, (os.cpu_count() or 1) + 4)
    if given < 1:
        raise InvalidInput(
            f"concurrency must be at least 1, not {given}",
            hint="Leave it out for a number that suits this machine.",
        )
    return given


def _check_processes(given: int | None) -> int | None:
    if given is not None and given < 1:
        raise InvalidInput(
            f"processes must be at least 1, not {given}",
            hint="os.cpu_count() is as many as compute at a time; leave it out for threads.",
        )
    return given
