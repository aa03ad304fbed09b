"""Checkpoints on their way to the database: lost answers, lost leases, refusals, places."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from stepgres import Client, ConnectionFailed, DefinitionError, StepContext
from stepgres._durable.body import Body
from stepgres._durable.checkpoints import Checkpoints
from stepgres._execution.transactions import Transactions
from stepgres._execution.worker_client import WorkerClient
from stepgres.errors import LeaseLost, TooManyCheckpoints
from tests.conftest import Database
from tests.support.databases import KEEPER
from tests.support.engine import Engine, step
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

DURABLE = {"depends_on": [], "durable": True, "base_delay": 0}


def test_call_whose_answer_was_lost_is_sent_again(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = WorkerClient.save_checkpoints
    lost: list[int] = []
    effects = Counter[str]()

    async def save_and_lose(self: WorkerClient, *arguments: Any) -> Any:
        answer = await save(self, *arguments)
        if len(lost) < 3:
            lost.append(1)
            raise ConnectionFailed("the answer was lost")
        return answer

    monkeypatch.setattr(WorkerClient, "save_checkpoints", save_and_lose)

    async def body(input: Any, context: StepContext) -> Any:
        await context.run("effect", lambda: effects.update(["effect"]))
        await context.sleep(0)
        return await context.run("again", lambda: 7)

    flow = workflow(("body", body, DURABLE))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id).output == 7
    assert effects == {"effect": 1}
    names = [c.name for c in client.list_checkpoints(run_id, "body")]
    assert names == ["run effect", "sleep", "run again"]


def test_body_whose_task_is_gone_cannot_save(db: Database, client: Client) -> None:
    seen: list[Any] = []

    def cancel(run_id: UUID) -> None:
        with Client(db.dsn) as other:
            other.cancel_workflow_run(run_id)

    async def body(input: Any, context: StepContext) -> Any:
        try:
            await context.run("cancel", cancel, context.run_id)
        except LeaseLost as error:
            seen.append(error)
            raise

    flow = workflow(("body", body, DURABLE))
    with running_worker(db.dsn, flow):
        register_and_start(client, flow)
        wait_until(lambda: seen)


def test_refused_checkpoint_fails_its_own_body_alone(db: Database, client: Client) -> None:
    """Bodies whose operations go in one call: one has too many checkpoints."""
    with db.connect() as connection:
        engine = Engine(connection, features=["durable"])
        engine.define("agent", step("body", durable=True, initial_tasks=3))
        engine.start("agent", {})
        items = [item for item in engine.claim() if item]
        connection.execute(
            "insert into stepgres.checkpoints (run_id, step_slug, task_index, place, name, number,"
            " output, saved_at) select %s, 'body', 1, n, 'run a', n, 'null', now()"
            " from generate_series(1, 10000) as n",
            [items[0].run_id],
        )
        connection.execute("update stepgres.tasks set counted_from = 0")

        async def save_all() -> list[Any]:
            async with (
                Transactions(db.dsn, engine.worker_id, 1) as transactions,
                Checkpoints(db.dsn, engine.worker_id, 15, transactions) as checkpoints,
            ):
                bodies = [
                    await checkpoints.body_of(_with_text(item), is_on_loop=True) for item in items
                ]

                async def run(body: Any) -> Any:
                    return await body.execute(body.run("new", int, (), **_OPTIONS))

                return await asyncio.gather(*map(run, bodies), return_exceptions=True)

        found = asyncio.run(save_all())
        assert [found[0], type(found[1]), found[2]] == [0, TooManyCheckpoints, 0]
        engine.work([item.released() for item in items])


_OPTIONS = {
    "attempts": 1,
    "base_delay": 0.0,
    "timeout": None,
    "transactional": False,
}


def _with_text(item: Any) -> Any:
    """A claimed item as a worker has it: with JSON as text."""

    class Item:
        run_id, step_slug, claim = item.run_id, item.step_slug, item.claim
        task_index, checkpoints = item.task_index, '{"list": [], "after": null}'

    return Item()


def test_long_history_is_read_in_pages(db: Database, client: Client) -> None:
    counts = Counter[str]()

    async def body(input: Any, context: StepContext) -> Any:
        counts["body"] += 1
        for n in range(12):
            await context.run(f"n{n}", lambda: counts.update(["effect"]) or "x" * 900_000)
        return await context.wait_for_signal("on")

    flow = workflow(("body", body, DURABLE))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: client.list_waits(run_id))
        client.send_signal(run_id, "on", 7)
        assert client.wait_for_run(run_id).output == 7
    assert counts == {"body": 2, "effect": 12}


@contextmanager
def tracing_memory() -> Iterator[None]:
    """Counts what Python allocates, and not what the system has given: that never shrinks."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def test_10_000_suspended_tasks_hold_nothing_in_their_worker(db: Database, client: Client) -> None:

    async def on_loop(input: Any, context: StepContext) -> None:
        await context.wait_for_signal("on")

    def in_thread(input: Any, context: StepContext) -> None:
        context.wait_for_signal("on")

    options = {**DURABLE, "initial_tasks": 50}
    flow = workflow(("on_loop", on_loop, options), ("in_thread", in_thread, options))
    backends = (
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend'"
        f" and application_name <> '{KEEPER}'"
    )
    with (
        tracing_memory(),
        running_worker(db.dsn, flow, concurrency=8),
        db.connect() as connection,
    ):

        def suspend(count: int) -> tuple[int, int]:
            """The memory and the threads of the process when so many tasks are suspended."""
            run_ids.extend(register_and_start(client, flow, [None] * (count // 100 - len(run_ids))))
            suspended = "select count(*) from stepgres.suspensions"
            wait_until(lambda: connection.execute(suspended).fetchall() == [(count,)])
            wait_until(lambda: _count_bodies() == 0)
            return tracemalloc.get_traced_memory()[0], threading.active_count()

        run_ids: list[UUID] = []
        before, _ = suspend(100)
        after, threads = suspend(10_000)
        assert after < before + 20_000_000
        assert threads < 100
        # turns, checkpoints, heartbeats, notifications; the client, and this one
        assert connection.execute(backends).fetchall()[0][0] <= 6
        for run_id in run_ids:
            client.cancel_workflow_run(run_id)


def _count_bodies() -> int:
    gc.collect()
    # not isinstance, which asks lazy objects of other libraries for their class
    return sum(issubclass(type(found), Body) for found in gc.get_objects())


class _Elsewhere(Executor):
    """An executor of another kind, which executes at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_executor_without_a_context_cannot_have_durable_steps(db: Database) -> None:
    def body(input: Any) -> None:
        """Need no context."""

    flow = workflow(("body", body, DURABLE))
    with (
        pytest.raises(DefinitionError, match="durable and needs a context"),
        running_worker(db.dsn, flow, executor=_Elsewhere()),
    ):
        pass


def test_step_that_is_cancelled_while_suspended_runs_no_code(db: Database, client: Client) -> None:
    counts = Counter[str]()

    async def body(input: Any, context: StepContext) -> None:
        counts["body"] += 1
        try:
            await context.wait_for_signal("on")
        finally:
            counts["finally"] += 1

    flow = workflow(("body", body, DURABLE))
    sane = workflow(("only", lambda i: i), slug="sane")
    with running_worker(db.dsn, flow, sane):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: counts["finally"] == 1 and client.list_waits(run_id))
        client.cancel_workflow_run(run_id)
        (other,) = register_and_start(client, sane)
        client.wait_for_run(other)
    assert counts == {"body": 1, "finally": 1}
