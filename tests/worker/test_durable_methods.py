"""Each method of a durable step, on the loop, in threads and in processes, in turn and together."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import psycopg
import pytest

from stepgres import Client, StepContext, WorkflowFailed
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Clock, Database
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)
OUTPUT = [2, 4, None, None, "signal", "approval", 10, 12]

Branch = Callable[[], Any]


def double(input: Any) -> Any:
    return 2 * input


def write(connection: Any, name: str, value: Any) -> Any:
    connection.execute("insert into public.effects values (%s, %s)", [name, os.getpid()])
    return 2 * value


def write_alone(dsn: str, name: str, value: Any) -> Any:
    with psycopg.connect(dsn) as connection:
        return write(connection, name, value)


def branches(dsn: str, context: StepContext, result_of_started: Branch) -> list[Branch]:
    """Each method that a body waits with."""
    return [
        partial(context.run, "call", write_alone, dsn, "call", 1),
        partial(context.run, "write", write, "write", 2, transactional=True),
        partial(context.sleep, 0.01),
        partial(context.sleep_until, PAST),
        partial(context.wait_for_signal, "on"),
        lambda: context.approval("ask"),
        partial(context.run_workflow, "child", 5),
        result_of_started,
    ]


def plain(input: dict[str, Any], context: StepContext) -> Any:
    def in_turn(branches: Sequence[Branch]) -> list[Any]:
        return [branch() for branch in branches]

    def together(branches: Sequence[Branch]) -> list[Any]:
        return context.gather(*branches)  # type: ignore[no-any-return]

    def result_of_started() -> Any:
        return context.start_workflow_run("child", 6).result()

    collect = in_turn if input["how"] == "in turn" else together
    if "is_restarted" not in input:
        restart = partial(context.restart, {**input, "is_restarted": True})
        collect([restart, partial(context.wait_for_signal, "never")])
    found = collect(branches(input["dsn"], context, result_of_started))
    return [value["payload"] if type(value) is dict else value for value in found]


async def on_loop(input: dict[str, Any], context: StepContext) -> Any:
    async def in_turn(branches: Sequence[Branch]) -> Any:
        return [await branch() for branch in branches]

    async def gather(branches: Sequence[Branch]) -> Any:
        return await asyncio.gather(*(branch() for branch in branches))

    async def gather_waits(branches: Sequence[Branch]) -> Any:
        return await context.gather(*(branch() for branch in branches))

    async def group(branches: Sequence[Branch]) -> Any:
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
            tasks = [group.create_task(branch()) for branch in branches]
        return [task.result() for task in tasks]

    async def result_of_started() -> Any:
        started = await context.start_workflow_run("child", 6)
        return await started.result()

    ways: dict[str, Callable[[Sequence[Branch]], Awaitable[list[Any]]]] = {
        "in turn": in_turn,
        "gather": gather,
        "context.gather": gather_waits,
        "group": group,
    }
    collect = ways[input["how"]]
    if "is_restarted" not in input:
        restart = partial(context.restart, {**input, "is_restarted": True})
        await collect([restart, partial(context.wait_for_signal, "never")])
    found = await collect(branches(input["dsn"], context, result_of_started))
    return [value["payload"] if type(value) is dict else value for value in found]


def swallow(dsn: str, context: StepContext) -> Any:
    """Go on after the end of the execution, as a bare except does."""
    try:
        return context.wait_for_signal("on")
    except BaseException:
        context.run("late", write_alone, dsn, "late", 1)
    return "swallowed"


LOOP = ["in turn", "gather", "context.gather"]
if hasattr(asyncio, "TaskGroup"):  # since Python 3.11
    LOOP.append("group")
PLACES: dict[str, tuple[Any, list[str]]] = {
    "loop": (on_loop, LOOP),
    "thread": (plain, ["in turn", "gather"]),
    "process": (plain, ["in turn", "gather"]),
}


def durable(body: Any) -> Any:
    return workflow(("body", body, {"depends_on": [], "durable": True, "base_delay": 0}))


@contextmanager
def worker_in(place: str, dsn: str, *workflows: Any) -> Iterator[None]:
    if place != "process":
        with running_worker(dsn, *workflows):
            yield
    else:
        with ProcessPool(2) as pool, running_worker(dsn, *workflows, executor=pool):
            yield


def names(client: Client, run_id: Any) -> set[str]:
    """The names of the operations that the body has done or waits for."""
    return {checkpoint.name for checkpoint in client.list_checkpoints(run_id, "body")}


def answer(client: Client, run_id: Any) -> None:
    """Send the signal, and approve, when the body has begun anew."""
    wait_until(lambda: "run call" in names(client, run_id))
    client.send_signal(run_id, "on", "signal")
    (asked,) = wait_until(lambda: client.list_approvals(run_id=run_id))
    client.approve(asked.wait_id, "approval")


def error_of(client: Client, run_id: Any) -> WorkflowFailed:
    with pytest.raises(WorkflowFailed) as failed:
        client.wait_for_run(run_id, PATIENCE)
    return failed.value


@pytest.mark.parametrize("place", PLACES)
def test_each_method_works_in_each_place(db: Database, client: Client, place: str) -> None:
    body, ways = PLACES[place]
    flow, child = durable(body), workflow(("work", double, {"depends_on": []}), slug="child")
    client.register_workflow(child)
    with db.connect() as connection:
        connection.execute("create table public.effects (name text, pid int)")
        with worker_in(place, db.dsn, flow, child):
            inputs = [{"how": how, "dsn": db.dsn} for how in ways]
            run_ids = register_and_start(client, flow, inputs)
            for run_id in run_ids:
                answer(client, run_id)
            found = [client.wait_for_run(run_id, PATIENCE).output for run_id in run_ids]
        effects = connection.execute("select name, count(*) from public.effects group by name")
        assert sorted(effects) == [("call", len(ways)), ("write", len(ways))]
        pids = connection.execute("select distinct pid from public.effects").fetchall()
    assert found == [OUTPUT] * len(ways)
    assert ((os.getpid(),) in pids) == (place != "process")
    for run_id in run_ids:
        assert names(client, run_id) == {
            *("run call", "run write", "sleep", "signal on", "approval ask"),
            *("workflow child", "start child"),
        }


def test_suspension_that_a_process_swallows_comes_again(db: Database, client: Client) -> None:
    flow = durable(swallow)
    with db.connect() as connection:
        connection.execute("create table public.effects (name text, pid int)")
        with worker_in("process", db.dsn, flow):
            (run_id,) = register_and_start(client, flow, [db.dsn])
            wait_until(lambda: [s for s in client.why_stuck(run_id) if s.waits_for == "signal"])
            client.send_signal(run_id, "on", 7)
            assert client.wait_for_run(run_id, PATIENCE).output == 7
        assert connection.execute("select * from public.effects").fetchall() == []


def test_sleep_until_ends_at_its_instant(db: Database, client: Client, clock: Clock) -> None:
    ((now,),) = clock.connection.execute("select now from test_clock").fetchall()
    instant = now + timedelta(days=1)

    async def body(input: Any, context: StepContext) -> str:
        # A time that is computed anew counts no more.
        await context.sleep_until(instant if not ended else instant + timedelta(days=9))
        return "slept"

    ended: list[bool] = []
    flow = durable(body)
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: [s for s in client.why_stuck(run_id) if s.waits_for == "sleep"])
        (wait,) = client.list_waits(run_id)
        assert (wait.kind, wait.due_at) == ("sleep", instant)
        ended.append(True)
        clock.advance(86_399)
        assert client.tick() == 0
        clock.advance(1)
        assert client.wait_for_run(run_id, PATIENCE).output == "slept"


@pytest.mark.parametrize("instant", [PAST.replace(tzinfo=None), "2030-01-01", None, 5])
def test_sleep_until_needs_an_instant(db: Database, client: Client, instant: Any) -> None:
    def body(input: Any, context: StepContext) -> None:
        context.sleep_until(instant)

    flow = durable(body)
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        assert "is no datetime with a time zone" in str(error_of(client, run_id))


def test_branches_that_cannot_be_awaited_are_named(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> None:
        await context.gather(lambda: context.sleep(5))

    flow = durable(body)
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        failed = error_of(client, run_id)
    assert "is not awaitable" in str(failed)
    if sys.version_info >= (3, 11):  # the traceback has the hint
        assert "Hint: In an async def step write" in str(failed.traceback)


def test_function_of_run_cannot_begin_its_body_anew(db: Database, client: Client) -> None:
    def in_thread(input: Any, context: StepContext) -> None:
        context.run("outer", context.restart, 1)

    async def on_loop(input: Any, context: StepContext) -> None:
        await context.run("outer", context.restart, 1)

    for body in (in_thread, on_loop):
        flow = durable(body)
        with running_worker(db.dsn, flow):
            (run_id,) = register_and_start(client, flow)
            assert "context.run cannot wait or restart" in str(error_of(client, run_id))


def test_nested_branches_do_nothing_after_a_restart(db: Database, client: Client) -> None:
    calls: list[str] = []

    def body(input: Any, context: StepContext) -> Any:
        if input is None:
            context.gather(
                partial(context.gather, partial(context.restart, 1)),
                partial(context.run, "late", calls.append, "late"),
            )
        return input

    flow = durable(body)
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id, PATIENCE).output == 1
    assert calls == []
