"""Runs of 10,000 steps, maps of 10,000 tasks, long rows of skips: nothing is read over and over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from tests.support.engine import Engine, step

MANY = 10_000
ROWS_A_TASK = 40  # read by a call, at most, whatever else there is


def chain(length: int, **options: Any) -> list[dict[str, Any]]:
    first = step("s0", **options)
    return [first, *(step(f"s{i}", f"s{i - 1}", **options) for i in range(1, length))]


SHAPES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "chain": lambda: chain(MANY),
    "wide": lambda: [step(f"s{i}") for i in range(MANY)],
    "map": lambda: [step("each", map=True), step("sum", "each")],
}


def define(engine: Engine, shape: str, *steps: dict[str, Any]) -> None:
    """A small workflow first: no plan of this session is made for a large one."""
    engine.define("small", step("a"), step("b", "a"), step("each", "a", initial_tasks=2))
    run_id = engine.start("small")
    engine.claim()
    for call in ("pause_workflow_run", "resume_workflow_run", "cancel_workflow_run"):
        engine.call(call, run_id=run_id)
    engine.call("retry_failed_workflow", run_id=run_id)
    engine.drain()
    engine.define(shape, *(steps or SHAPES[shape]()))


def rows_read(engine: Engine) -> int:
    """By this transaction, from tables and indexes."""
    query = (
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint"
        " from pg_stat_xact_user_tables where schemaname in ('stepgres', 'pgmq')"
    )
    (count,) = engine.rows(query)
    return int(count)


@contextmanager
def linear(engine: Engine, tasks: int = MANY) -> Iterator[None]:
    """What happens in the block reads no more than so many rows for each of these tasks."""
    with engine.connection.transaction():
        before = rows_read(engine)
        yield
        assert rows_read(engine) - before < ROWS_A_TASK * tasks


def counts(engine: Engine, run_id: UUID) -> dict[str, int]:
    """How many tasks have each status."""
    return Counter(engine.tasks(run_id).values())


def start(engine: Engine, shape: str) -> UUID:
    with linear(engine):
        return engine.start(shape, list(range(MANY)) if shape == "map" else {})


def work_on_some(engine: Engine, most: int) -> None:
    """Claims and completes so many tasks, or as many as there are."""
    with linear(engine, 2 * most):
        items = engine.claim(most)
        assert engine.work([item.completed(item.input) for item in items]) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_large_run_is_paused_resumed_cancelled_and_retried(engine: Engine, shape: str) -> None:
    define(engine, shape)
    run_id = start(engine, shape)
    work_on_some(engine, 100)
    with linear(engine):
        engine.call("pause_workflow_run", run_id=run_id)
    assert engine.tickets() == []
    with linear(engine):
        engine.call("resume_workflow_run", run_id=run_id)
    queued = counts(engine, run_id)["queued"]
    assert len(engine.tickets()) == queued
    with linear(engine):
        engine.call("cancel_workflow_run", run_id=run_id)
    assert engine.tickets() == []
    assert set(counts(engine, run_id)) == {"completed", "cancelled"}
    done = counts(engine, run_id)["completed"]
    with linear(engine):
        retried = engine.call("retry_failed_workflow", run_id=run_id)
    assert counts(engine, retried)["completed"] == done
    with linear(engine):
        engine.call("cancel_workflow_run", run_id=retried)
    with linear(engine):
        assert engine.call("prune", older_than="0 s") == 4


@pytest.mark.parametrize("shape", SHAPES)
def test_large_run_is_shown_with_statistics_from_before(engine: Engine, shape: str) -> None:
    engine.define("small", step("a"), step("b", "a"))
    for _ in range(300):
        engine.start("small")
    engine.drain()
    engine.connection.execute("analyze")
    engine.define(shape, *SHAPES[shape]())
    run_id = start(engine, shape)
    for function in ("get_run", "why_stuck", "list_step_times", "critical_path"):
        with linear(engine):
            engine.rows(f"select stepgres.{function}(%s)", run_id)


def test_large_map_is_finished_by_its_retry(engine: Engine) -> None:
    define(engine, "map")
    run_id = start(engine, "map")
    for _ in range(5):
        work_on_some(engine, 500)
    engine.call("cancel_workflow_run", run_id=run_id)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    executed = engine.drain(
        {"each": lambda element: element, "sum": lambda sources: sources["each"]}
    )
    assert len(executed) == MANY - 5 * 500 + 1
    assert engine.output(retried) == list(range(MANY))


def test_large_run_is_completed(engine: Engine) -> None:
    define(engine, "wide")
    run_id = start(engine, "wide")
    with linear(engine):
        items = engine.claim(MANY)
    with linear(engine):
        assert engine.work([item.completed(item.task_index) for item in items]) == []
    assert engine.output(run_id) == {f"s{i}": 0 for i in range(MANY)}


def test_long_chain_is_skipped_at_once(engine: Engine) -> None:
    define(engine, "chain", *chain(MANY, when_exhausted="skip-cascade", max_attempts=1))
    run_id = start(engine, "chain")
    item = engine.claim_one()
    with linear(engine):
        engine.fail(item)
    assert engine.output(run_id) is None
    assert Counter(engine.steps(run_id).values()) == {"skipped": MANY}


def test_200_conditions_in_a_row_are_unmet(engine: Engine) -> None:
    engine.define("order", *chain(200, condition="$.go"), step("end", "s199"))
    with linear(engine, 200):
        run_id = engine.start("order", {})
    assert Counter(engine.steps(run_id).values()) == {"skipped": 200, "started": 1}
    assert engine.claim_one().input == {}


@pytest.mark.parametrize("policy", ["condition", "cascade"])
def test_30_linked_layers_are_skipped(engine: Engine, policy: str) -> None:
    layers = [[f"s{layer}_{i}" for i in range(10)] for layer in range(30)]
    options = {"condition": "$.go"} if policy == "condition" else {}
    engine.define(
        "order",
        step("first", when_exhausted="skip-cascade"),
        *(step(slug, "first", **options) for slug in layers[0]),
        *(step(slug, *above, **options) for above, layer in pairwise(layers) for slug in layer),
    )
    run_id = engine.start("order", {})
    item = engine.claim_one()
    with linear(engine, 30 * 10 * 10):  # one for each edge
        engine.work([item.completed() if policy == "condition" else item.failed(retryable=False)])
    assert engine.output(run_id) == {}


def test_10_000_delayed_steps_are_woken_and_start_together(engine: Engine) -> None:
    engine.define("order", *(step(f"s{i}", start_delay=60) for i in range(MANY)))
    with linear(engine):
        run_id = engine.start("order")
    assert counts(engine, run_id) == {"waiting": MANY}
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=run_id)
    with linear(engine):
        assert engine.call("wake_workflow_run", run_id=run_id) == MANY
    with linear(engine):
        assert engine.call("tick") == MANY
    assert len(engine.tickets()) == MANY
    engine.call("cancel_workflow_run", run_id=run_id)


def test_map_over_a_large_output_reads_its_array_a_limited_number_of_times(engine: Engine) -> None:
    """Each window of tasks reads the whole array: a fixed number of windows keeps that linear."""
    define(engine, "order", step("list"), step("each", "list", map=True))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), list(range(4 * MANY)))
    left = "select initial_tasks - expanded_tasks from stepgres.step_states where run_id = %s"
    windows = 1
    while max(engine.rows(left + " and map", run_id)):
        engine.rows("select stepgres._expand_map(%s, 'each')", run_id)
        windows += 1
    assert windows == 32
    wrong = "select task_index from stepgres.tasks where input <> to_jsonb(task_index)"
    assert engine.rows(wrong) == []
    engine.call("cancel_workflow_run", run_id=run_id)


def test_map_over_an_output_reads_no_more_than_one_over_the_input(engine: Engine) -> None:
    """No task of it makes the input that a step in the place of the map would get."""
    define(engine, "root", step("each", map=True))
    engine.define("order", step("list"), step("each", "list", map=True))
    reads = []
    for slug, input in (("root", list(range(500))), ("order", {})):
        engine.start(slug, input)
        if slug == "order":
            engine.complete(engine.claim_one(), list(range(500)))
        with engine.connection.transaction():
            before = rows_read(engine)
            items = engine.claim(500)
            reads.append(rows_read(engine) - before)
        assert len(items) == 500
        engine.work([item.completed() for item in items])
    assert reads[0] == reads[1]
