"""The part of the client that starts, lists, cancels, pauses and retries runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import scalar_row, tuple_row

from stepgres._client.waiting_async import wait_for_run
from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import array, interval, json_argument, json_value
from stepgres._postgres.caller_async import AsyncCaller, call
from stepgres._postgres.rows import row_of
from stepgres.errors import WorkflowNotFound
from stepgres.types import (
    CriticalStep,
    RunCount,
    RunNode,
    RunStatus,
    RunTrace,
    StuckStep,
    Subscription,
    WorkflowRun,
    run_details,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from stepgres.types import RunDetails, RunResult
    from stepgres.workflow import WorkflowName


class AsyncRuns(AsyncCaller):
    """The functions for runs."""

    async def start_workflow_run(
        self,
        workflow_slug: WorkflowName,
        input: Any,
        *,
        run_id: UUID | None = None,
        idempotency_key: str | None = None,
        version: int | None = None,
        executor_id: str | None = None,
        priority: int | None = None,
        delay: float | None = None,
        deadline: float | None = None,
        tags: Sequence[str] | None = None,
        parent_run_id: UUID | None = None,
        unique_key: str | None = None,
        if_running: str | None = None,
        debounce: float | None = None,
        debounce_max: float | None = None,
        traceparent: str | None = None,
    ) -> UUID:
        """Start a run and return its id; a used idempotency_key returns the id of the first run.

        The steps start after `delay` seconds. The run fails if it has not ended `deadline` seconds
        after the delay. Cancelling the run parent_run_id, such as context.run_id, also cancels the
        new run.

        If an active run of the workflow has the unique_key, if_running says what happens: "return"
        (the default) returns the id of that run, "reject" raises AlreadyRunning, "cancel" cancels
        that run. With debounce, the run begins after so many seconds, and each further start before
        then replaces its input and moves its start, at most to debounce_max seconds after the first
        start. Behind an active run one run waits.

        traceparent is the span under which the run is traced; by default a client with traces=True
        makes one.
        """
        with self._starting(workflow_slug, traceparent) as start:
            started = await self._scalar(
                UUID,
                "start_workflow_run",
                workflow_slug=workflow_slug,
                input=json_value(input, "input"),
                run_id=run_id,
                idempotency_key=idempotency_key,
                version=version,
                executor_id=executor_id,
                priority=priority,
                delay=interval(delay),
                deadline=interval(deadline),
                tags=array(tags),
                parent_run_id=parent_run_id,
                unique_key=unique_key,
                if_running=if_running,
                debounce=interval(debounce),
                debounce_max=interval(debounce_max),
                traceparent=start.traceparent,
            )
            start.run_ids = [started]
        return started

    async def _start_unchanged(
        self, flow: str, workflow_slug: str, input: Any, **arguments: Any
    ) -> UUID | None:
        """Start a run of a version if the version is current; otherwise return None.

        flow is the JSON text that get_flow returned for the version. The workflow may be gone since
        then, or another version may be current, or another workflow may have the same name and
        number. One statement compares and starts.
        """
        compared = {"workflow_id": workflow_slug}
        arguments |= {"workflow_slug": workflow_slug, "input": json_value(input, "input")}
        with self._starting(workflow_slug, None) as start:
            arguments["traceparent"] = start.traceparent
            started = self._given("start_workflow_run", arguments)
            query = (
                f"select run_id from {call('get_flow', compared)} as flow, lateral"
                f" {call('start_workflow_run', started)} as run_id where flow = %(flow)s::jsonb"
            )
            given = {**compared, **started, "flow": flow}
            try:
                start.run_ids = await self._query("start_workflow_run", query, given, scalar_row)
            except WorkflowNotFound:
                return None
        return next(iter(start.run_ids), None)

    async def start_workflow_runs(
        self,
        workflow_slug: WorkflowName,
        inputs: Sequence[Any],
        *,
        version: int | None = None,
        executor_id: str | None = None,
        priority: int | None = None,
        delay: float | None = None,
        deadline: float | None = None,
        tags: Sequence[str] | None = None,
        parent_run_id: UUID | None = None,
        traceparent: str | None = None,
    ) -> list[UUID]:
        """Start one run per input, all or none, and return their ids in the same order.

        The other arguments are the arguments of `start_workflow_run`, and apply to all the runs.
        """
        with self._starting(workflow_slug, traceparent) as start:
            started: list[UUID] = await self._all(
                "start_workflow_runs",
                scalar_row,
                workflow_slug=workflow_slug,
                inputs=json_argument(inputs and list(inputs), "inputs"),
                version=version,
                executor_id=executor_id,
                priority=priority,
                delay=interval(delay),
                deadline=interval(deadline),
                tags=array(tags),
                parent_run_id=parent_run_id,
                traceparent=start.traceparent,
            )
            start.run_ids = started
        return started

    async def get_max_parallel(self, run_id: UUID) -> int | None:
        """Return the limit of local tasks of a run at a time; None: as many as possible."""
        most: int | None = await self._scalar(int, "get_max_parallel", run_id=run_id)
        return most

    async def get_run_input(self, run_id: UUID) -> Any:
        """Return the input of a run."""
        (run_input,) = await self._all("get_run_input", scalar_row, run_id=run_id)
        return run_input

    async def get_run_status(self, run_id: UUID) -> RunStatus:
        """Return the status of a run; RunNotFound if no run has this id."""
        return await self._one("get_run_status", row_of(RunStatus), run_id=run_id)

    async def get_run(
        self, run_id: UUID, payloads: bool | None = None, most: int | None = None
    ) -> RunDetails:
        """Return all the data of a run: its steps, with their tasks and attempts.

        A step has at most `most` attempts and as many waits, by default 1,000. With payloads=False
        input and outputs are None. Raises RunNotFound and InvalidFilter.
        """
        return run_details(
            await self._scalar(
                dict,
                "get_run",
                adapters=TOLERANT_ADAPTERS,
                run_id=run_id,
                payloads=payloads,
                most=most,
            )
        )

    async def get_payload(
        self,
        run_id: UUID,
        kind: str | None = None,
        step_slug: str | None = None,
        task_index: int | None = None,
        most: int | None = None,
    ) -> str | None:
        """Return the input or output of a run, or the output of a step or task, as indented JSON.

        kind is "output", the default, or "input" of the run. The text is cut to `most` characters.
        Returns None if there is no such value. Raises RunNotFound and InvalidFilter.
        """
        text: str | None = await self._scalar(
            str,
            "get_payload",
            run_id=run_id,
            kind=kind,
            step_slug=step_slug,
            task_index=task_index,
            most=most,
        )
        return text

    async def list_workflow_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        limit: int | None = None,
        offset: int | None = None,
        order_by: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
        search: str | None = None,
        payloads: bool | None = None,
    ) -> list[WorkflowRun]:
        """List runs, the newest first: by default 100 runs of any status and workflow.

        order_by is a pair such as ("asc", "finished_at"). A listed run has all of tags and also
        tag, and started between since and until. For the next page pass the last run of a page as
        after. search is a text in the input or error of a run; it looks at the newest 10,000 runs
        that pass the other filters: see get_search_end. With payloads=False input and output are
        None, which is faster for large values. Raises InvalidFilter, and RunNotFound for after.
        """
        return await self._all(
            "list_workflow_runs",
            row_of(WorkflowRun),
            adapters=TOLERANT_ADAPTERS,
            status=status,
            workflow_slug=workflow_slug,
            limit=limit,
            offset=offset,
            order_by=array(order_by),
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
            search=search,
            payloads=payloads,
        )

    async def get_search_end(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
    ) -> UUID | None:
        """Return the last run that a search with these filters looks at; None if it sees all runs.

        Pass the result as after to search on. Raises InvalidFilter, and RunNotFound for after.
        """
        end: UUID | None = await self._scalar(
            UUID,
            "get_search_end",
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
        )
        return end

    async def count_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        most: int | None = None,
    ) -> list[RunCount]:
        """Count runs by workflow and status. The filters are those of list_workflow_runs.

        With most, at most so many runs of each status are counted.
        """
        return await self._all(
            "count_runs",
            row_of(RunCount),
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            most=most,
        )

    async def why_stuck(self, run_id: UUID) -> list[StuckStep]:
        """Return the unfinished steps of a run, and the reason why each step waits."""
        return await self._all("why_stuck", row_of(StuckStep), run_id=run_id)

    async def critical_path(self, run_id: UUID) -> list[CriticalStep]:
        """Return the chain of steps that the time of a run went to. Raises RunNotFound."""
        return await self._all("critical_path", row_of(CriticalStep), run_id=run_id)

    async def list_step_times(self, run_id: UUID, limit: int | None = None) -> list[CriticalStep]:
        """List when the steps of a run started and ended, and where the time between went.

        By default the first 200 steps that started. Raises RunNotFound and InvalidFilter.
        """
        return await self._all("list_step_times", row_of(CriticalStep), run_id=run_id, limit=limit)

    async def get_run_tree(self, run_id: UUID) -> list[RunNode]:
        """Return a run and all runs under it, each behind its parent. Raises RunNotFound."""
        return await self._all("get_run_tree", row_of(RunNode), run_id=run_id)

    async def list_local_runs(self, run_id: UUID) -> list[UUID]:
        """List up to 100 runs, of a run and its children, with queued tasks for their executor."""
        return await self._all("list_local_runs", scalar_row, run_id=run_id)

    async def get_traceparents(
        self, run_ids: Sequence[UUID], step_slugs: Sequence[str]
    ) -> list[list[str] | None]:
        """Return for each step the traceparents of its run and of up to 10 tasks before the step.

        run_ids and step_slugs are as long as each other. A step gets None if its run is not traced,
        or does not exist.
        """
        return await self._all(
            "get_traceparents", scalar_row, run_ids=run_ids, step_slugs=step_slugs
        )

    async def take_ended_traces(self, limit: int | None = None) -> list[RunTrace]:
        """Return up to `limit` traced runs that have ended, each once, by default 100.

        Workers and executors of clients with traces=True make the spans of these runs.
        """
        return await self._all("take_ended_traces", row_of(RunTrace), limit=limit)

    async def cancel_workflow_run(
        self, run_id: UUID, reason: str | None = None, force: bool | None = None
    ) -> None:
        """Cancel a run and its child runs: the runs fail with this reason.

        A run that has failed does not change. Raises RunAlreadyFinished if the run is completed;
        with force its child runs are still cancelled.
        """
        await self._all(
            "cancel_workflow_run", scalar_row, run_id=run_id, reason=reason, force=force
        )

    async def pause_workflow_run(self, run_id: UUID) -> None:
        """Pause a run, and the child runs that its steps wait for.

        No more tasks start; tasks that are executed finish, and count.

        A run that is paused does not change. Raises RunAlreadyFinished if the run has ended.
        """
        await self._all("pause_workflow_run", scalar_row, run_id=run_id)

    async def resume_workflow_run(self, run_id: UUID) -> None:
        """Resume a paused run, and the child runs that were paused together with it.

        Raises RunNotPaused, or RunAlreadyFinished if the run has ended.
        """
        await self._all("resume_workflow_run", scalar_row, run_id=run_id)

    async def wake_workflow_run(self, run_id: UUID) -> int:
        """Make the delays, retries and sleeps of a run due now, and return their number.

        The run waits for signals, approvals, child runs and limits as before. Raises
        IllegalTransition if the run is paused, or RunAlreadyFinished if the run has ended.
        """
        return await self._scalar(int, "wake_workflow_run", run_id=run_id)

    async def retry_failed_workflow(
        self,
        run_id: UUID,
        skip_completed: bool | None = None,
        reset_all: bool | None = None,
        executor_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> UUID:
        """Start the rest of a failed run as a new run, and return the id of the new run.

        With reset_all, or skip_completed=False, the new run starts from the beginning. A used
        idempotency_key returns the id of the first retry. Raises RunNotFailed, unless reset_all,
        and AlreadyRunning if an active run has the unique_key of the run. `Executor.retry` executes
        local steps in this process.
        """
        return await self._scalar(
            UUID,
            "retry_failed_workflow",
            run_id=run_id,
            skip_completed=skip_completed,
            reset_all=reset_all,
            executor_id=executor_id,
            idempotency_key=idempotency_key,
        )

    async def cancel_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
        dry_run: bool | None = None,
        batch_size: int | None = None,
        reason: str | None = None,
    ) -> list[UUID]:
        """Cancel all active runs that pass the filters of list_workflow_runs; return the runs.

        Child runs of these runs are cancelled too, and returned. Each batch of 1,000 runs is
        committed by itself, unless the connection is the caller's. With dry_run the method only
        returns the runs. pause_runs, resume_runs and retry_runs do the same.
        """
        return await self._change_runs(
            "cancel_runs",
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
            dry_run=dry_run,
            batch_size=batch_size,
            reason=reason,
        )

    async def pause_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
        dry_run: bool | None = None,
        batch_size: int | None = None,
    ) -> list[UUID]:
        """Pause all active runs that pass the filters of list_workflow_runs.

        Returns the runs that were not paused before. Batches and dry_run are as in cancel_runs.
        """
        return await self._change_runs(
            "pause_runs",
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
            dry_run=dry_run,
            batch_size=batch_size,
        )

    async def resume_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
        dry_run: bool | None = None,
        batch_size: int | None = None,
    ) -> list[UUID]:
        """Resume all paused runs that pass the filters of list_workflow_runs; return the runs.

        Batches and dry_run are as in cancel_runs.
        """
        return await self._change_runs(
            "resume_runs",
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
            dry_run=dry_run,
            batch_size=batch_size,
        )

    async def retry_runs(
        self,
        status: str | None = None,
        workflow_slug: WorkflowName | None = None,
        tags: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        tag: str | None = None,
        after: UUID | None = None,
        dry_run: bool | None = None,
        batch_size: int | None = None,
        skip_completed: bool | None = None,
    ) -> list[UUID]:
        """Retry all failed runs that pass the filters of list_workflow_runs; return these runs.

        Cancelled runs have failed, too. Runs that were retried before are left out. retried_from of
        a new run is the id of its failed run. Batches and dry_run are as in cancel_runs.
        """
        return await self._change_runs(
            "retry_runs",
            status=status,
            workflow_slug=workflow_slug,
            tags=array(tags),
            since=since,
            until=until,
            tag=tag,
            after=after,
            dry_run=dry_run,
            batch_size=batch_size,
            skip_completed=skip_completed,
        )

    async def _change_runs(self, function: str, **arguments: Any) -> list[UUID]:
        run_ids: dict[UUID, None] = {}  # a dry run finds a child run with each of its parents
        more = True
        while more:
            batch, more, after, until = await self._one(function, tuple_row, **arguments)
            run_ids.update(dict.fromkeys(batch))
            arguments |= {"after": after, "until": until}
        return list(run_ids)

    async def fork_run(
        self,
        run_id: UUID,
        from_steps: Sequence[str],
        input: Any = None,
        outputs: Mapping[str, Any] | None = None,
        version: int | None = None,
        keep_checkpoints: bool | None = None,
    ) -> UUID:
        """Start a new run that begins anew at some steps of any run, and return its run_id.

        The steps in from_steps and all steps behind them execute again; other steps keep their
        outputs. input and outputs, a dict of outputs of kept steps, replace those of the old run,
        and version its version. With keep_checkpoints, durable steps in from_steps go on from their
        checkpoints. Raises RunNotFound, WorkflowNotFound (of a version) and InvalidInput.
        """
        return await self._scalar(
            UUID,
            "fork_run",
            run_id=run_id,
            from_steps=array(from_steps),
            input=json_argument(input, "input"),
            outputs=json_argument(outputs, "outputs"),
            version=version,
            keep_checkpoints=keep_checkpoints,
        )

    async def prune(
        self,
        older_than: float,
        batch_size: int | None = None,
        workflow_slug: WorkflowName | None = None,
    ) -> int:
        """Delete runs that ended more than older_than seconds ago, and return their number.

        Deletes at most batch_size runs, by default 1,000: call prune again until prune returns 0.
        """
        return await self._scalar(
            int,
            "prune",
            older_than=interval(older_than),
            batch_size=batch_size,
            workflow_slug=workflow_slug,
        )

    async def wait_for_run(self, run_id: UUID, timeout: float | None = None) -> RunResult:
        """Wait until a run has ended, and return RunResult(output, run_id).

        Raises WorkflowFailed if the run failed, WorkflowTimeout after timeout seconds. The method
        listens for the end of the run on a connection of its own.
        """
        return await wait_for_run(self, run_id, timeout)

    async def add_subscriber(
        self,
        run_id: UUID | None = None,
        *,
        subscriber_id: str | None = None,
        lease: float | None = None,
        workflow_slug: WorkflowName | None = None,
        every_change: bool | None = None,
        after: str | None = None,
    ) -> Subscription:
        """Subscribe to the end of a run, or to its changes. The lease is in seconds.

        Returns the subscriber_id, and the name to listen on. `after` is the last position that
        `catch_up_events` returned.
        """
        return await self._one(
            "add_subscriber",
            row_of(Subscription),
            run_id=run_id,
            subscriber_id=subscriber_id,
            lease=interval(lease),
            workflow_slug=workflow_slug,
            every_change=every_change,
            after=after,
        )

    async def remove_subscriber(self, subscriber_id: str) -> None:
        """Remove a subscriber that add_subscriber made."""
        await self._all("remove_subscriber", scalar_row, subscriber_id=subscriber_id)
