"""The code of users around steps, and at the start and stop of workers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

import stepgres
from stepgres import Client, DefinitionError, Worker, WorkflowFailed
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import fail, workflow

started: list[Any] = []  # what on_start has noted in this process


def note_start() -> None:
    started.append(os.getpid())


def read_notes(input: Any) -> list[Any]:
    return [os.getpid(), started]


def fail_to_start() -> None:
    raise OSError("no licence")


def inner(context: Any, call_next: Any) -> Any:
    return ["inner", call_next()]


def outer(context: Any, call_next: Any) -> Any:
    return ["outer", context.step_slug, context.run_input, call_next()]


async def outer_async(context: Any, call_next: Any) -> Any:
    return ["async", context.step_slug, await call_next()]


class Counting:
    """A middleware that is an object."""

    async def __call__(self, context: Any, call_next: Any) -> Any:
        return ["object", await call_next()]


def refuse(context: Any, call_next: Any) -> Any:
    raise stepgres.NonRetryable(f"{context.step_slug} is not for us")


def answer(context: Any, call_next: Any) -> Any:
    return "answered"


def double(input: Any) -> Any:
    return [input, input]


async def double_on_the_loop(input: Any) -> Any:
    await asyncio.sleep(0)
    return [input, input]


ALL = [outer, outer_async, inner, Counting()]
THREAD = ["outer", "only", 7, ["inner", [7, 7]]]
LOOP = ["async", "only", ["object", [7, 7]]]


def output(db: Database, client: Client, function: Any, options: Any = (), **more: Any) -> Any:
    """The output of a step with these options, of a worker with more of them."""
    flow = workflow(("only", function, dict(options)), base_delay=0)
    with running_worker(db.dsn, flow, **more):
        (run_id,) = register_and_start(client, flow, [7])
        return client.wait_for_run(run_id, timeout=60).output


@pytest.fixture(scope="module", params=["own", "standard"])
def pool(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "own":
        with ProcessPool(1) as own:
            yield own
    else:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as standard:
            yield standard


# Middleware


def test_middleware_is_around_steps_of_its_kind_the_first_outermost(
    db: Database, client: Client
) -> None:
    assert output(db, client, double, middleware=ALL) == THREAD
    assert output(db, client, double_on_the_loop, middleware=ALL) == LOOP
    assert output(db, client, double, middleware=inner) == ["inner", [7, 7]]


def test_middleware_is_in_the_process_of_the_step(db: Database, client: Client, pool: Any) -> None:
    assert output(db, client, double, middleware=[outer, inner], executor=pool) == THREAD


@pytest.mark.parametrize(("function", "expected"), [(double, THREAD), (double_on_the_loop, LOOP)])
def test_middleware_is_around_transactional_and_durable_steps(
    db: Database, client: Client, function: Any, expected: Any
) -> None:
    for option in ("transactional", "durable"):
        assert output(db, client, function, {option: True}, middleware=ALL) == expected


def test_middleware_of_a_transactional_step_has_its_connection(
    db: Database, client: Client
) -> None:
    def write(context: Any, call_next: Any) -> Any:
        context.connection.execute("create table written as select 1 as one")
        return call_next()

    assert output(db, client, double, {"transactional": True}, middleware=write) == [7, 7]
    with db.connect() as connection:
        assert connection.execute("select one from written").fetchall() == [(1,)]


def test_middleware_is_around_goal_tasks(db: Database, client: Client) -> None:
    with stepgres.Client(db.dsn) as other:
        tasks = [{"id": "plan", "description": "Plan it", "execution": "distributed"}]
        graph = stepgres.Orchestrator(other).decompose_goal("a goal", lambda _: tasks)
    client.approve_task_graph(graph.id)
    functions = {"*": lambda _: "done"}
    with running_worker(db.dsn, step_functions=functions, middleware=inner):
        run_id = client.start_task_graph(graph.id)
        assert client.wait_for_run(run_id, timeout=60).output == ["inner", "done"]


def test_error_of_a_middleware_is_an_error_of_the_step(
    db: Database, client: Client, pool: Any
) -> None:
    for executor in (None, pool):
        with pytest.raises(WorkflowFailed, match="NonRetryable: only is not for us") as failed:
            output(db, client, double, middleware=[inner, refuse], executor=executor)
        assert "in refuse" in str(failed.value.traceback)


def test_middleware_may_answer_for_the_step(db: Database, client: Client) -> None:
    assert output(db, client, fail, middleware=answer) == "answered"


def test_middleware_sees_a_wait_of_a_durable_step_as_neither_result_nor_error(
    db: Database, client: Client
) -> None:
    seen: list[str] = []

    def watch(context: Any, call_next: Any) -> Any:
        try:
            value = call_next()
            seen.append("value")
        except Exception:
            seen.append("error")
            raise
        else:
            return value
        finally:
            seen.append("end")

    def body(input: Any, context: Any) -> Any:
        return context.wait_for_signal("go")

    flow = workflow(("only", body, {"durable": True}))
    with running_worker(db.dsn, flow, middleware=watch):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: seen == ["end"])
        client.send_signal(run_id, "go", 7)
        assert client.wait_for_run(run_id, timeout=60).output == 7
    assert seen == ["end", "value", "end"]


def test_wrong_hooks_are_refused(client: Client) -> None:
    with pytest.raises(DefinitionError, match="middleware must be a function, not 7"):
        Worker(client, middleware=[inner, 7])  # type: ignore[list-item]
    with pytest.raises(DefinitionError, match="on_start must be a function"):
        Worker(client, on_start="now")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="on_stop must be a function"):
        Worker(client, on_stop=7)  # type: ignore[arg-type]


def test_hooks_that_cannot_be_sent_to_a_process_are_refused(client: Client, pool: Any) -> None:
    with pytest.raises(DefinitionError, match="middleware: its function cannot be sent"):
        Worker(client, middleware=lambda _, call_next: call_next(), executor=pool)
    with pytest.raises(DefinitionError, match="on_start: its function cannot be sent"):
        Worker(client, on_start=lambda: None, executor=pool)


# Start and stop


@pytest.mark.parametrize("is_async", [False, True])
def test_hooks_are_called_before_the_worker_registers_and_after_its_end(
    db: Database, client: Client, is_async: bool
) -> None:
    calls: list[Any] = []

    def note(name: str) -> Any:
        def hook() -> None:
            calls.append((name, len(worker_ids(db.dsn))))

        async def async_hook() -> None:
            hook()

        return async_hook if is_async else hook

    def step(input: Any) -> None:
        calls.append(("step", len(worker_ids(db.dsn))))

    output(db, client, step, on_start=note("start"), on_stop=note("stop"))
    assert calls == [("start", 0), ("step", 1), ("stop", 0)]


def test_worker_whose_start_fails_does_not_begin(db: Database, client: Client) -> None:
    stopped: list[str] = []
    worker = Worker(client, on_start=fail_to_start, on_stop=lambda: stopped.append("stop"))
    with pytest.raises(OSError, match="no licence"):
        worker.run()
    assert (stopped, worker_ids(db.dsn)) == ([], set())


def test_stop_is_called_when_the_worker_fails(db: Database, client: Client) -> None:
    stopped: list[str] = []
    worker = Worker(
        client, [workflow(("a", double, {"timeout": -1}))], on_stop=lambda: stopped.append("stop")
    )
    with pytest.raises(DefinitionError):
        worker.run()
    assert stopped == ["stop"]


def test_each_process_calls_on_start_once_before_its_first_step(
    db: Database, client: Client
) -> None:
    started.clear()
    with ProcessPool(1) as pool:
        flow = workflow(("only", read_notes))
        with running_worker(db.dsn, flow, executor=pool, on_start=note_start):
            outputs = []
            for _ in range(2):
                (run_id,) = register_and_start(client, flow)
                outputs.append(client.wait_for_run(run_id, timeout=60).output)
    (pid, notes), again = outputs
    assert notes == [pid]
    assert again == [pid, [pid]]
    assert started == [os.getpid()]


def test_start_that_fails_in_a_process_is_an_error_of_its_step(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARENT", str(os.getpid()))
    with ProcessPool(1) as pool, pytest.raises(WorkflowFailed, match="OSError: not in a process"):
        output(db, client, read_notes, {"max_attempts": 2}, executor=pool, on_start=start_in_parent)


def start_in_parent() -> None:
    if os.environ["PARENT"] != str(os.getpid()):
        raise OSError("not in a process")
