"""Steps in processes: their context, their failures, and what is refused at the start."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

import stepgres
from stepgres import Client, DefinitionError, NonRetryable, Worker, WorkflowFailed
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow


class CardRefused(NonRetryable):
    """An exception that cannot be unpickled: its __init__ takes more than its message."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class HoldsALock(Exception):
    """An exception that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("has a lock")
        self.lock = threading.Lock()


def refuse_card(input: Any) -> None:
    raise CardRefused(402, "card declined")


def hold_a_lock(input: Any) -> None:
    raise HoldsALock


def ask_to_wait(input: Any) -> None:
    raise stepgres.RetryAfter(3600, "busy")


def return_a_lock(input: Any) -> Any:
    return {"lines": [threading.Lock()]}


def look_around(input: Any, context: Any) -> Any:
    context.heartbeat()
    context.logger.warning("charging %s", input)
    logging.getLogger("shop").warning("of the shop")
    return [
        str(context.run_id),
        context.step_slug,
        context.attempt,
        context.idempotency_key,
        context.run_input,
        context.cancelled.is_set(),
        context.task,
    ]


def wait_until_cancelled(input: Any, context: Any) -> None:
    context.logger.warning("it has begun")
    assert context.cancelled.wait(60)
    context.logger.warning("it was told")


def beat_once_and_hang(input: Any, context: Any) -> None:
    context.heartbeat()
    threading.Event().wait()


def add_one(input: Any, context: Any) -> Any:
    if context.task["id"] == "plan":
        context.add_tasks([{"id": "added", "description": context.task["description"]}])
    return context.task["path"]


@pytest.fixture(scope="module")
def own() -> Iterator[Executor]:
    with ProcessPool(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def standard() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=["own", "standard"])
def pool(request: pytest.FixtureRequest) -> Executor:
    """Processes of `stepgres worker --processes`, and those of the standard library."""
    pool: Executor = request.getfixturevalue(request.param)
    return pool


def failure_of(
    db: Database, client: Client, pool: Executor, function: Any, **options: Any
) -> WorkflowFailed:
    flow = workflow(("only", function), base_delay=0, **options)
    with running_worker(db.dsn, flow, executor=pool):
        (run_id,) = register_and_start(client, flow)
        with pytest.raises(WorkflowFailed) as failed:
            client.wait_for_run(run_id, timeout=60)
    return failed.value


def attempts(db: Database) -> list[Any]:
    with db.connect() as connection:
        query = "select attempt, error_type, error from stepgres.attempts order by attempt"
        return connection.execute(query).fetchall()


def test_exception_that_does_not_unpickle_keeps_its_message_and_is_not_tried_again(
    db: Database, client: Client, pool: Executor
) -> None:
    failed = failure_of(db, client, pool, refuse_card)
    assert attempts(db) == [(1, "CardRefused", "CardRefused: 402: card declined")]
    assert 'raise CardRefused(402, "card declined")' in str(failed.traceback)
    assert "stepgres/_" not in str(failed.traceback)


def test_exception_that_cannot_be_pickled_keeps_its_message(
    db: Database, client: Client, own: Executor
) -> None:
    failure_of(db, client, own, hold_a_lock, max_attempts=2)
    text = "HoldsALock: has a lock"
    assert attempts(db) == [(1, "HoldsALock", text), (2, "HoldsALock", text)]


def test_output_of_a_process_that_cannot_be_written_names_step_and_key_path(
    db: Database, client: Client, own: Executor
) -> None:
    failed = failure_of(db, client, own, return_a_lock)
    assert 'step "only": output["lines"][0] is of type lock' in failed.error
    assert [row[:2] for row in attempts(db)] == [(1, "UnwritableOutput")]


def test_context_works_in_a_process(
    db: Database, client: Client, pool: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    flow = workflow(("only", look_around))
    with running_worker(db.dsn, flow, executor=pool):
        (run_id,) = register_and_start(client, flow, [{"card": 7}])
        output = client.wait_for_run(run_id, timeout=60).output
    key = f"{run_id}/only/0"
    assert output == [str(run_id), "only", 1, key, {"card": 7}, False, None]
    (record,) = [r for r in caplog.records if "charging" in r.message]
    assert record.message == f"{key}: charging {{'card': 7}}"
    assert vars(record)["run_id"] == str(run_id)
    assert "of the shop" in caplog.text


def test_step_in_a_process_is_told_when_its_run_is_cancelled(
    db: Database, client: Client, pool: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    flow = workflow(("only", wait_until_cancelled))
    with running_worker(db.dsn, flow, executor=pool, lease=0.5):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: "it has begun" in caplog.text)
        client.cancel_workflow_run(run_id)
        wait_until(lambda: "it was told" in caplog.text)


def test_step_that_hangs_in_a_process_shows_where_it_was_when_it_was_killed(
    db: Database, client: Client, own: Executor
) -> None:
    failed = failure_of(db, client, own, beat_once_and_hang, max_attempts=1, timeout=1)
    assert failed.error_type == "TimeoutError"
    assert "in beat_once_and_hang" in str(failed.traceback)
    assert str(failed.traceback).endswith("TimeoutError: took longer than 1 s\n")


def test_task_of_a_goal_in_a_process_has_its_task_and_adds_others(
    db: Database, client: Client, own: Executor
) -> None:
    with stepgres.Client(db.dsn) as other:
        orchestrator = stepgres.Orchestrator(other)
        tasks = [{"id": "plan", "description": "Plan it", "execution": "distributed"}]
        graph = orchestrator.decompose_goal("a goal", lambda _: tasks)
        client.approve_task_graph(graph.id)
        with running_worker(db.dsn, step_functions={"*": add_one}, executor=own):
            run_id = client.start_task_graph(graph.id)
            output = client.wait_for_run(run_id, timeout=60).output
    assert output == "added"


def test_steps_in_the_threads_of_an_executor_have_their_context(
    db: Database, client: Client
) -> None:
    flow = workflow(("only", look_around))
    with ThreadPoolExecutor(1) as pool, running_worker(db.dsn, flow, executor=pool):
        (run_id,) = register_and_start(client, flow, [1])
        assert client.wait_for_run(run_id, timeout=60).output[1:3] == ["only", 1]


def local_class() -> Any:
    class Local(stepgres.Workflow):
        @staticmethod
        @stepgres.step
        def only(input: Any) -> Any:
            return input

    return Local


async def on_the_loop(input: Any, context: Any) -> None: ...


@pytest.mark.parametrize(
    ("flow", "named"),
    [
        (workflow(("fetch", len), ("square", lambda i: i)), 'workflow "demo", step "square"'),
        (local_class(), 'workflow "local", step "only"'),
    ],
)
def test_function_that_no_process_can_be_sent_is_refused_when_the_worker_starts(
    db: Database, client: Client, own: Executor, flow: Any, named: str
) -> None:
    with pytest.raises(DefinitionError, match=f"{named}: its function cannot be sent") as refused:
        Worker(client, [flow], executor=own).run()
    assert "function of a module" in str(refused.value.hint)


def test_function_for_tasks_that_no_process_can_be_sent_is_refused_too(
    db: Database, client: Client, own: Executor
) -> None:
    with pytest.raises(DefinitionError, match=r'goal tasks "design/\*": its function cannot'):
        Worker(client, step_functions={"design/*": lambda i: i}, executor=own).run()


def test_lambda_that_stays_in_the_worker_is_not_refused(
    db: Database, client: Client, own: Executor
) -> None:
    flow = workflow(
        ("a", on_the_loop),
        (
            "b",
            lambda i, c: c.connection.info.transaction_status.name,
            {"depends_on": [], "transactional": True},
        ),
    )
    with running_worker(db.dsn, flow, executor=own):
        (run_id,) = register_and_start(client, flow, [1])
        assert client.wait_for_run(run_id, timeout=60).output == {"a": None, "b": "INTRANS"}


def test_context_without_a_pipe_to_it_is_refused_when_the_worker_starts(
    db: Database, client: Client
) -> None:
    class FarAway(Executor):
        """An executor of which nobody knows where it executes."""

    flow = workflow(("far", look_around))
    message = 'workflow "demo", step "far": its function takes a context, which it cannot have in'
    with pytest.raises(DefinitionError, match=f"{message} FarAway"):
        Worker(client, [flow], executor=FarAway()).run()
