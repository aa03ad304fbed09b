"""Execute runs in this process: start a run, execute its local steps, return its output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stepgres._execution.logs import level_of
from stepgres._execution.options import check_processes, conninfo_of, resolve_concurrency
from stepgres._execution.run_worker import AsyncRunWorker, Execution
from stepgres._execution.step_functions import flow_finder, goal_tasks_finder, steps_finder
from stepgres._postgres.json_text import dumps_input
from stepgres.errors import WorkerNotFound, WorkflowFailed
from stepgres.types import run_result
from stepgres.workflow import describe_all, describe_family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from stepgres._client.client_async import AsyncClient
    from stepgres._execution.step_functions import Finder
    from stepgres._goals.goal_task_functions import GoalTaskFunctions
    from stepgres.types import RunResult
    from stepgres.workflow import StepFunction, WorkflowName

_KEPT_FLOWS = 100


class AsyncExecutor:
    """Executes workflows in this process, up to `concurrency` steps of a run at the same time.

    Steps that are coroutine functions run on an event loop: the loop of the caller, or a loop in a
    thread if the caller has none. Other steps run in threads. With `processes`, the other steps run
    in this number of processes, for steps that compute. The executor starts these processes for
    each run, and they import the modules of the steps. By default concurrency is the number of
    processors plus 4, at most 32. A workflow with max_parallel has no more than that.

    Name as `workflows` those that durable steps start with `context.run_workflow`: their local
    steps are executed here, too.

    With `logs="warning"` or `logs="info"`, lines of context.logger from that level on are stored
    with their attempts: see list_logs. With a client that has traces=True, runs are traced: see
    AsyncClient.

    Each execution has its own worker and its own connection. The client keeps both for some seconds
    for the next execution. Closing the client ends them at once.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        concurrency: int | None = None,
        processes: int | None = None,
        workflows: Iterable[Any] = (),
        logs: str = "off",
    ) -> None:
        self._client = client
        self._others = describe_family(*describe_all(workflows))
        self._conninfo = conninfo_of(client)
        self._concurrency = resolve_concurrency(concurrency)
        self._processes = check_processes(processes)
        self._least_kept = level_of(logs)
        self._flows: dict[str, str] = {}  # the answers of get_flow, by registered definition

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

        Local steps run here, and distributed steps run in the workers of their queues. The same
        holds for the steps of child runs, whose workflows are registered too. Raises
        WorkflowFailed when the run fails. Raises DefinitionError or InvalidInput before a run is
        started. Raises WorkflowTimeout after `timeout` seconds, and then the run continues: the
        workers of its queues get its local steps. wait_for_run waits for the end of such a run,
        and cancel_workflow_run ends the run. An interrupted call leaves its run to the workers,
        too.
        """
        family = describe_family(workflow)
        definition, *children = family.values()
        run_input = dumps_input(input, "input")

        async def start(worker_id: str) -> tuple[UUID, int | None]:
            for child in children:
                await self._client.register_workflow(child)
            started, most = await self._register_and_start(
                definition.document,
                input=input,
                run_id=run_id,
                idempotency_key=idempotency_key,
                executor_id=worker_id,
            )
            if idempotency_key is not None:  # the run may have another version
                most = await self._client.get_max_parallel(started)
            return started, most

        has_children = _has_children(definition.document)
        finder = steps_finder({**self._others, **family})
        return await self._execute(start, run_input, finder, timeout, has_children)

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
        finder = flow_finder({**flow, "tasks": None}, step_functions, self._others)

        async def start(worker_id: str) -> tuple[UUID, int | None]:
            started = await self._client.start_workflow_run(
                workflow_id, input, version=flow["version"], executor_id=worker_id
            )
            return started, flow["max_parallel"]

        return await self._execute(
            start, dumps_input(input, "input"), finder, timeout, _has_children(flow)
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
        finder = flow_finder(flow, workflow, self._others)

        async def start(worker_id: str) -> tuple[UUID, int | None]:
            started = await self._client.retry_failed_workflow(
                run_id, skip_completed, reset_all, worker_id
            )
            return started, await self._client.get_max_parallel(started)

        return await self._execute(
            start, dumps_input(run.input), finder, timeout, _has_children(flow)
        )

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
        finder = goal_tasks_finder(graph.tasks, graph.execution, step_functions, self._others)

        async def start(worker_id: str) -> tuple[UUID, int | None]:
            started = await self._client.start_task_graph(
                task_graph_id,
                input,
                executor_id=worker_id,
                optimization_level=optimization_level,
            )
            return started, await self._client.get_max_parallel(started)

        return await self._execute(start, None, finder, timeout, has_children=True)

    async def _register_and_start(
        self, document: dict[str, Any], **arguments: Any
    ) -> tuple[UUID, int | None]:
        """Start a run of a definition, and return its id and max_parallel.

        A definition is registered at its first run, and after a change of its workflow.
        """
        slug, key = document["workflow_slug"], json.dumps(document)
        run_id = None
        flow = self._flows.get(key)
        if flow is not None:
            version = json.loads(flow)["version"]
            run_id = await self._client._start_unchanged(flow, slug, version=version, **arguments)
        if flow is None or run_id is None:
            version = await self._client.register_workflow(document)
            flow = await self._client._get_flow_as_text(slug, version)
            run_id = await self._client.start_workflow_run(slug, version=version, **arguments)
            if len(self._flows) >= _KEPT_FLOWS:
                self._flows.clear()
            self._flows[key] = flow
        return run_id, json.loads(flow)["max_parallel"]

    async def _execute(
        self,
        start: Callable[[str], Any],
        run_input: str | None,
        finder: Finder,
        timeout: float,
        has_children: bool = False,
    ) -> RunResult:
        for other in self._others.values():
            await self._client.register_workflow(other)
        async with self._take_worker() as worker:
            try:
                run_id, most = await start(worker.worker_id)
            except WorkerNotFound:  # it was taken for dead while it was idle
                run_id, most = await start(await worker.register())
            concurrency = min(self._concurrency, most or self._concurrency)
            status, error = await worker.execute(
                Execution(
                    run_id,
                    run_input,
                    finder,
                    concurrency,
                    self._processes,
                    timeout,
                    has_children,
                    self._least_kept,
                    self._client._tracing,
                )
            )
        try:
            return run_result(run_id, status)
        except WorkflowFailed as failed:
            raise failed from error

    def _take_worker(self) -> AsyncRunWorker:
        self._client._owner.check()  # a worker of another event loop cannot be used here
        idle = self._client._idle_workers
        try:
            return idle.pop()
        except IndexError:
            return AsyncRunWorker(self._conninfo, idle)


def _has_children(document: Mapping[str, Any]) -> bool:
    """Say whether a run may have children: any goal task may add one that is a run."""
    return document.get("tasks") is not None or any(
        step.get("workflow") is not None for step in document["steps"]
    )
