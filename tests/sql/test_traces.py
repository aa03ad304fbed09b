"""The traceparents of runs and tasks, and the runs whose spans can be made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, refused, step

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def span(number: int) -> str:
    return f"00-{'a' * 32}-{number:016x}-01"


def start(engine: Engine, slug: str = "order", **options: Any) -> UUID:
    return engine.start(slug, **{"traceparent": PARENT, **options})


def complete(engine: Engine, item: WorkItem, number: Any, output: Any = 1) -> None:
    traceparent = span(number) if isinstance(number, int) else number
    assert engine.work([{**item.completed(output), "traceparent": traceparent}]) == []


def parents(engine: Engine, run_id: UUID, step_slug: str) -> Any:
    (found,) = engine.rows("select stepgres.get_traceparents(%s, %s)", [run_id], [step_slug])
    return found


def ended(engine: Engine, limit: int = 100) -> list[Any]:
    return engine.rows(
        'select run_id, status, is_cancelled from stepgres.take_ended_traces("limit" => %s)', limit
    )


def count(engine: Engine, table: LiteralString) -> int:
    (number,) = engine.rows(f"select count(*) from stepgres.{table}")
    return int(number)


def test_step_is_under_its_run_and_linked_to_completed_tasks_before_it(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c", "a", "b"))
    run_id = start(engine)
    a, b = engine.claim()
    assert parents(engine, run_id, "a") == [PARENT]
    complete(engine, a, 1)
    complete(engine, b, 2)
    assert parents(engine, run_id, "c") == [PARENT, span(1), span(2)]
    assert parents(engine, run_id, "a") == [PARENT]


def test_links_are_ten_the_first_tasks_of_each_step(engine: Engine) -> None:
    engine.define("wide", step("many", map=True), step("single"), step("after", "many", "single"))
    run_id = start(engine, "wide", input=[0] * 30)
    for item in engine.claim(40):
        complete(engine, item, 1_000 if item.step_slug == "single" else item.task_index + 1)
    found = parents(engine, run_id, "after")
    assert found == [PARENT, span(1), span(1_000), *map(span, range(2, 10))]


def test_steps_of_several_runs_are_answered_in_their_order(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    first, silent, last = start(engine), engine.start("order"), start(engine)
    items = {item.run_id: item for item in engine.claim(3)}
    complete(engine, items[last], 3)
    found = engine.rows(
        "select stepgres.get_traceparents(%s, %s)",
        [last, silent, first, UUID(int=7)],
        ["b", "b", "a", "a"],
    )
    assert found == [[PARENT, span(3)], None, [PARENT], None]
    assert engine.rows("select stepgres.get_traceparents('{}', '{}')") == []


def test_run_that_is_not_traced_stores_nothing(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order")
    complete(engine, engine.claim_one(), 1)
    complete(engine, engine.claim_one(), 2)
    assert parents(engine, run_id, "b") is None
    assert count(engine, "task_traces") == count(engine, "ended_traces") == 0


@pytest.mark.parametrize(
    "bad", ["", "x", span(0), 7.5, {"a": 1}, span(1) + "-", "ff" + span(1)[2:]]
)
def test_bad_traceparent_refuses_no_result(engine: Engine, bad: Any) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = start(engine)
    complete(engine, engine.claim_one(), bad)
    assert engine.claim_one().step_slug == "b"
    assert parents(engine, run_id, "b") == [PARENT]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        PARENT.upper(),
        PARENT + "\n",
        PARENT[:-1],
        f"ff{PARENT[2:]}",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
    ],
)
def test_start_refuses_a_malformed_traceparent(engine: Engine, bad: str) -> None:
    engine.define("order", step("a"))
    for options in ({}, {"unique_key": "one"}):
        with refused("SG003", "traceparent"):
            start(engine, traceparent=bad, **options)
    with refused("SG003", "traceparent"):
        engine.call(
            "start_workflow_runs", workflow_slug="order", inputs=Jsonb([1]), traceparent=bad
        )


def test_every_start_takes_a_traceparent(engine: Engine) -> None:
    engine.define("order", step("a"))
    start(engine)
    start(engine, unique_key="one")
    engine.rows("select stepgres.start_workflow_runs('order', '[1, 2]', traceparent => %s)", PARENT)
    rows = engine.rows("select traceparent, count(*) from stepgres.runs group by 1")
    assert rows == [(PARENT, 4)]


def test_single_result_takes_a_traceparent(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = start(engine)
    item = engine.claim_one()
    engine.call(
        "complete_task", worker_id="worker", output=Jsonb(1), traceparent=span(5), **item.key
    )
    assert parents(engine, run_id, "b") == [PARENT, span(5)]


def test_ended_runs_are_handed_out_once(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    done, failed, cancelled = [start(engine) for _ in range(3)]
    engine.start("order")
    assert ended(engine) == []
    for item in engine.claim(4):
        if item.run_id != cancelled:
            engine.work([item.failed() if item.run_id == failed else item.completed(1)])
    engine.call("cancel_workflow_run", run_id=cancelled)
    assert sorted(ended(engine)) == sorted(
        [(done, "completed", False), (failed, "failed", False), (cancelled, "failed", True)]
    )
    assert ended(engine) == []


def test_ended_runs_are_handed_out_in_pages(engine: Engine) -> None:
    engine.define("order", step("a"))
    runs = {start(engine) for _ in range(3)}
    for item in engine.claim(3):
        engine.work([item.completed(1)])
    pages = [ended(engine, 2), ended(engine, 2)]
    assert [len(page) for page in pages] == [2, 1]
    assert {run_id for page in pages for run_id, _, _ in page} == runs
    with refused("SG003"):
        ended(engine, 0)


def test_callers_at_the_same_time_get_different_runs(engine: Engine) -> None:
    engine.define("order", step("a"))
    start(engine)
    engine.work([engine.claim_one().completed(1)])
    with engine.connection.transaction():
        assert len(ended(engine)) == 1
        with psycopg.connect(engine.connection.info.dsn) as other:
            query = b"select run_id from stepgres.take_ended_traces()"
            assert other.execute(query).fetchall() == []


def test_child_retry_and_fork_are_in_the_trace_of_their_run(engine: Engine) -> None:
    engine.define("child", step("inner"))
    engine.define("order", step("a", max_attempts=1), step("b", "a", workflow="child"))
    run_id = start(engine)
    engine.work([engine.claim_one().failed()])
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    forked = engine.call("fork_run", run_id=run_id, from_steps=["a"])
    for item in engine.claim(2):
        assert item.run_id in (retried, forked)
        complete(engine, item, 1)
    rows = engine.rows("select workflow_slug, traceparent from stepgres.runs order by 1")
    assert rows == [("child", PARENT)] * 2 + [("order", PARENT)] * 3


def test_retry_of_many_runs_keeps_each_trace(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    for number in range(1, 4):
        start(engine, traceparent=span(number))
    engine.start("order")
    engine.work([item.failed() for item in engine.claim(4)])
    engine.rows("select * from stepgres.retry_runs()")
    rows = engine.rows(
        "select n.traceparent is not distinct from o.traceparent from stepgres.runs as n"
        " join stepgres.runs as o on o.run_id = n.retried_from"
    )
    assert rows == [True] * 4


def test_run_of_on_failure_is_in_the_trace_of_the_failed_run(engine: Engine) -> None:
    engine.define("alert", step("tell"))
    engine.define("order", step("a", max_attempts=1), on_failure="alert")
    traced, untraced = start(engine), engine.start("order")
    engine.work([item.failed() for item in engine.claim(2)])
    engine.call("tick")
    rows = engine.rows(
        "select failure_of, traceparent from stepgres.runs where workflow_slug = 'alert'"
    )
    assert sorted(rows, key=str) == sorted([(traced, PARENT), (untraced, None)], key=str)


def test_prune_deletes_traces(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    start(engine)
    complete(engine, engine.claim_one(), 1)
    assert (count(engine, "task_traces"), count(engine, "ended_traces")) == (1, 1)
    clock.advance(2 * 86_400)
    engine.rows("select stepgres.prune('1 day')")
    assert count(engine, "task_traces") == count(engine, "ended_traces") == 0
