"""Durable steps that the caller executes itself, in threads, on its loop and in processes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

import stepgres
from stepgres import CallFailed, Client, StepContext, Workflow, step
from tests.conftest import Database
from tests.support.waiting import join, wait_until
from tests.support.workers import running_worker
from tests.support.workflows import workflow


def process_id() -> int:
    return os.getpid()


def fail() -> None:
    raise ValueError("no luck")


def write(connection: Any, value: int) -> int:
    connection.execute("insert into public.written values (%s, %s)", [value, os.getpid()])
    return value


class Suspending(Workflow):
    """Bodies that wait for a signal between two calls."""

    base_delay = 0

    @staticmethod
    @step(durable=True)
    def in_process(input: Any, context: StepContext) -> Any:
        pids = [context.run("pid", process_id), os.getpid()]
        try:
            context.run("fail", fail)
        except CallFailed as error:
            pids.append(error.error_type)
        written = context.run("write", write, 5, transactional=True)
        return [*pids, written, context.wait_for_signal("on")]

    @staticmethod
    @step(durable=True, depends_on=[in_process])
    async def on_loop(input: Any, context: StepContext) -> Any:
        await context.sleep(0)
        await context.run("pid", process_id)
        return [input["in_process"], os.getpid(), await context.wait_for_signal("off")]


def append(path: str, line: str) -> None:
    with Path(path).open("a") as file:
        file.write(line)


def die_once(path: str) -> None:
    if "d" not in Path(path).read_text():
        append(path, "d")
        os.kill(os.getpid(), signal.SIGKILL)


class Unstartable(Workflow):
    """A body that starts runs of a workflow that nobody has registered."""

    @staticmethod
    @step(durable=True)
    def body(input: Any, context: StepContext) -> Any:
        errors = []
        for method in (context.start_workflow_run, context.run_workflow):
            try:
                method("nobody")
            except CallFailed as error:
                errors.append(error.error)
        context.sleep(0.01)
        return errors


class Dying(Workflow):
    """A body whose process dies between two calls."""

    base_delay = 0

    @staticmethod
    @step(durable=True)
    def body(path: str, context: StepContext) -> str:
        context.run("before", append, path, "b")
        context.run("die", die_once, path)
        context.run("after", append, path, "a")
        return Path(path).read_text()


def double(input: Any) -> Any:
    return 2 * input


class Doubling(Workflow):
    work = step(double)


class Starting(Workflow):
    """A body that starts runs in each way."""

    @staticmethod
    @step(durable=True)
    def body(input: Any, context: StepContext) -> Any:
        started = context.start_workflow_run(Doubling, 1)
        found = context.gather(*(partial(context.run_workflow, Doubling, n) for n in (2, 3)))
        return [*found, started.result()]


def send(client: Client, name: str, value: Any) -> UUID:
    """Send a signal to the one run that there is, as soon as it waits for the signal."""
    (wait,) = wait_until(
        lambda: [w for w in client.list_waits(kind="signal") if w.signal == name], len
    )
    run_id = UUID(str(wait.run_id))
    client.send_signal(run_id, name, value)
    return run_id


@pytest.mark.parametrize("processes", [None, 2])
def test_durable_steps_of_a_local_run(db: Database, client: Client, processes: int | None) -> None:
    results: list[Any] = []

    def execute() -> None:
        with Client(db.dsn) as own:
            executor = stepgres.Executor(own, processes=processes)
            results.append(executor.execute(Suspending, {}).output)

    with db.connect() as connection:
        connection.execute("create table public.written (value int, pid int)")
        thread = Thread(target=execute)
        thread.start()
        send(client, "on", 1)
        send(client, "off", 2)
        join(thread)
        ((value, pid),) = connection.execute("select value, pid from public.written").fetchall()
    (first, later, error_type, written, on), loop_pid, off = results[0]
    assert (error_type, written, on, off, value) == ("ValueError", 5, 1, 2, 5)
    assert loop_pid == os.getpid()
    assert (first == os.getpid(), later == os.getpid()) == (processes is None,) * 2
    assert pid == first


def test_durable_map_of_a_local_run(client: Client) -> None:
    counts = Counter[int]()

    def body(input: int, context: StepContext) -> int:
        context.run("count", lambda: counts.update([input]))
        context.sleep(0.01)
        return input * input

    squares = workflow(("squares", body, {"depends_on": [], "map": True, "durable": True}))
    output = stepgres.Executor(client).execute(squares, list(range(20))).output
    assert output == [n * n for n in range(20)]
    assert counts == dict.fromkeys(range(20), 1)


@pytest.mark.parametrize("processes", [None, 1])
def test_body_of_a_local_run_starts_runs(client: Client, processes: int | None) -> None:
    executor = stepgres.Executor(client, processes=processes, workflows=[Doubling])
    assert executor.execute(Starting, None).output == [4, 6, 2]


@pytest.mark.parametrize("processes", [None, 1])
def test_run_that_cannot_be_started_raises_in_a_local_run(
    client: Client, processes: int | None
) -> None:
    found = stepgres.Executor(client, processes=processes).execute(Unstartable, None).output
    assert found == ['workflow "nobody" does not exist'] * 2


def test_local_run_of_an_unknown_workflow_fails(client: Client) -> None:
    client.register_workflow(Doubling)
    with pytest.raises(stepgres.WorkflowFailed, match=r'step "work" of "doubling".*workflows='):
        stepgres.Executor(client).execute(Starting, None)


def test_run_that_only_waits_is_handed_over_at_the_timeout(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        return context.wait_for_signal("on")

    flow = workflow(("body", body, {"depends_on": [], "durable": True}))
    with pytest.raises(stepgres.WorkflowTimeout) as raised:
        stepgres.Executor(client).execute(flow, None, timeout=0.5)
    run_id = raised.value.run_id
    client.send_signal(run_id, "on", 7)
    with running_worker(db.dsn, flow):
        assert client.wait_for_run(run_id).output == 7


def test_process_that_dies_repeats_no_call(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "calls"
    assert stepgres.Executor(client, processes=1).execute(Dying, str(path)).output == "bda"
