"""Workers that keep what steps log, in threads, on the loop and in processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

import stepgres
from stepgres import Client, InvalidInput, Worker, WorkflowFailed
from stepgres import Executor as RunExecutor
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Database
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow


class Order:
    """An argument of a message whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def talk(input: Any, context: Any) -> None:
    context.logger.debug("a detail")
    context.logger.info("charging %s", 7)
    context.logger.warning("it takes long")
    try:
        dict[str, int]().pop("order_id")
    except KeyError:
        context.logger.exception("no order")


async def talk_on_the_loop(input: Any, context: Any) -> None:
    talk(input, context)


def talk_and_fail(input: Any, context: Any) -> None:
    context.logger.info("attempt %s", context.attempt)
    raise ValueError("no luck")


def talk_and_hang(input: Any, context: Any) -> None:
    context.logger.info("it begins")
    threading.Event().wait()


def talk_oddly(input: Any, context: Any) -> None:
    context.logger.info("nul \0 and half of a pair \ud800")
    context.logger.info("%s", Order())
    context.logger.info("%d", "text")
    context.logger.log(25, "between")
    context.logger.info("x" * 10_000_000)


def talk_much(input: Any, context: Any) -> None:
    for number in range(2_000):
        context.logger.info("line %s %s", number, "é" * 100)


def talk_in_threads(input: Any, context: Any) -> None:
    threads = [threading.Thread(target=context.logger.info, args=("one",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lines_of(client: Client, run_id: UUID) -> list[Any]:
    return [(line.attempt, line.level, line.message) for line in client.list_logs(run_id)]


def run_and_list(
    db: Database, client: Client, function: Any, *, fails: bool = False, **options: Any
) -> list[Any]:
    """The kept lines of a step that a worker with these options has executed."""
    step_options = options.pop("step_options", {})
    flow = workflow(("only", function, step_options), base_delay=0)
    with running_worker(db.dsn, flow, **{"logs": "info", **options}):
        (run_id,) = register_and_start(client, flow)
        if fails:
            with pytest.raises(WorkflowFailed):
                client.wait_for_run(run_id, timeout=60)
        else:
            client.wait_for_run(run_id, timeout=60)
    return lines_of(client, run_id)


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "threads":
        yield None
        return
    with ProcessPool(1) as pool:
        yield pool


def check_talk(lines: list[Any]) -> None:
    *plain, (attempt, level, message) = lines
    assert plain == [(1, "info", "charging 7"), (1, "warning", "it takes long")]
    assert (attempt, level) == (1, "error")
    assert message.startswith("no order\nTraceback (most recent call last):\n")
    assert message.endswith("KeyError: 'order_id'")


def test_lines_are_kept_in_threads_and_processes(
    db: Database, client: Client, pool: Executor | None
) -> None:
    check_talk(run_and_list(db, client, talk, executor=pool))


def test_lines_are_kept_on_the_loop(db: Database, client: Client) -> None:
    check_talk(run_and_list(db, client, talk_on_the_loop))


def test_lines_have_the_time_at_which_they_were_logged(db: Database, client: Client) -> None:
    begun = datetime.now(timezone.utc)
    flow = workflow(("only", talk))
    with running_worker(db.dsn, flow, logs="warning"):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id, timeout=60)
    times = [line.at for line in client.list_logs(run_id)]
    assert len(times) == 2
    for time in times:
        assert time is not None
        assert begun - timedelta(seconds=1) <= time <= datetime.now(timezone.utc)


def test_worker_that_keeps_warnings_keeps_nothing_less(db: Database, client: Client) -> None:
    lines = run_and_list(db, client, talk, logs="warning")
    assert [level for _, level, _ in lines] == ["warning", "error"]


def test_worker_keeps_nothing_unless_it_is_told_to(db: Database, client: Client) -> None:
    assert run_and_list(db, client, talk, logs="off") == []
    assert stepgres.Worker(client).__dict__["_least_kept"] is None


def test_each_failed_attempt_keeps_its_lines(
    db: Database, client: Client, pool: Executor | None
) -> None:
    lines = run_and_list(
        db, client, talk_and_fail, fails=True, executor=pool, step_options={"max_attempts": 2}
    )
    assert lines == [(1, "info", "attempt 1"), (2, "info", "attempt 2")]


def test_step_that_exceeds_its_timeout_keeps_its_lines(db: Database, client: Client) -> None:
    with ProcessPool(1) as pool:
        lines = run_and_list(
            db,
            client,
            talk_and_hang,
            fails=True,
            executor=pool,
            step_options={"max_attempts": 1, "timeout": 2},
        )
    assert lines == [(1, "info", "it begins")]


def test_odd_messages_lose_no_result(db: Database, client: Client, pool: Executor | None) -> None:
    lines = [message for _, _, message in run_and_list(db, client, talk_oddly, executor=pool)]
    assert lines[0] == r"nul \x00 and half of a pair \ud800"
    assert "reading it raised RuntimeError" in lines[1]
    assert "reading it raised TypeError" in lines[2]
    assert lines[3] == "between"
    assert len(lines[4]) < 8_000
    assert "[... 9992100 characters ...]" in lines[4]


def test_long_log_loses_its_middle(db: Database, client: Client) -> None:
    flow = workflow(("only", talk_much))
    with running_worker(db.dsn, flow, logs="info"):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id, timeout=60)
    lines = [line.message.split(" é")[0] for line in client.list_logs(run_id)]
    assert lines[:2] == ["line 0", "line 1"]
    assert lines[-1] == "line 1999"
    assert f"[... {2_000 - (len(lines) - 1)} lines were left out ...]" in lines
    with db.connect() as connection:
        query = "select octet_length(lines::text) from stepgres.logs"
        ((size,),) = connection.execute(query).fetchall()
    assert 60_000 < size <= 65_536


def test_threads_of_a_step_may_log(db: Database, client: Client) -> None:
    assert run_and_list(db, client, talk_in_threads) == [(1, "info", "one")] * 8


@pytest.mark.parametrize("is_async", [False, True])
def test_transactional_step_keeps_its_lines(db: Database, client: Client, is_async: bool) -> None:
    function = talk_on_the_loop if is_async else talk
    check_talk(run_and_list(db, client, function, step_options={"transactional": True}))


@pytest.mark.parametrize("is_async", [False, True])
def test_durable_step_keeps_the_lines_of_all_its_executions(
    db: Database, client: Client, is_async: bool
) -> None:
    def body(input: Any, context: Any) -> None:
        context.logger.info("it begins")
        context.wait_for_signal("go")
        context.logger.info("it goes on")

    async def async_body(input: Any, context: Any) -> None:
        context.logger.info("it begins")
        await context.wait_for_signal("go")
        context.logger.info("it goes on")

    flow = workflow(("only", async_body if is_async else body, {"durable": True}))
    with running_worker(db.dsn, flow, logs="info"):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: lines_of(client, run_id) == [(1, "info", "it begins")])
        client.send_signal(run_id, "go")
        client.wait_for_run(run_id, timeout=60)
    assert [message for _, _, message in lines_of(client, run_id)] == [
        "it begins",
        "it begins",
        "it goes on",
    ]


def test_lines_also_go_where_logging_sends_them(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stepgres")
    lines = run_and_list(db, client, talk)
    assert [message for _, _, message in lines][:2] == ["charging 7", "it takes long"]
    records = [record for record in caplog.records if "takes long" in record.getMessage()]
    assert [(record.funcName, record.levelname) for record in records] == [("talk", "WARNING")]
    assert "charging" not in caplog.text


def test_executor_keeps_lines(db: Database) -> None:
    flow = workflow(("only", talk))
    with stepgres.Client(db.dsn) as client:
        run_id = RunExecutor(client, logs="info").execute(flow, None).run_id
        check_talk(lines_of(client, run_id))


def test_unknown_level_is_refused(client: Client) -> None:
    for make in (Worker, RunExecutor):
        with pytest.raises(InvalidInput, match="off, warning, info, not 'loud'"):
            make(client, logs="loud")
