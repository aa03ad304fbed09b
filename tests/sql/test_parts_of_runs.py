"""Runs without their payloads, payloads by themselves, times of steps, and counts that end."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.conftest import Clock
from tests.support.engine import Engine, step


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    """A run with a completed step, and a map that is half done."""
    engine.define("order", step("a"), step("each", "a", map=True), step("b", "each"))
    run_id: UUID = engine.start("order", {"x": 1})
    engine.complete(engine.claim_one(), [10, 20])
    engine.complete(engine.claim(1)[0], {"y": 2})
    return run_id


def rows_of(engine: Engine, function: str, **arguments: Any) -> list[Any]:
    """The rows that a function returns, as dicts."""
    return engine._execute(function, arguments, dict_row).fetchall()


def payload(engine: Engine, run_id: UUID, **arguments: Any) -> Any:
    text = engine.call("get_payload", run_id=run_id, **arguments)
    return None if text is None else json.loads(text)


def test_payload_of_run_step_and_task(engine: Engine, run_id: UUID) -> None:
    assert payload(engine, run_id, kind="input") == {"x": 1}
    assert payload(engine, run_id) is None
    assert payload(engine, run_id, step_slug="a") == [10, 20]
    assert payload(engine, run_id, step_slug="each") is None
    assert payload(engine, run_id, step_slug="each", task_index=0) == {"y": 2}
    assert payload(engine, run_id, step_slug="each", task_index=1) is None
    assert payload(engine, run_id, step_slug="unknown") is None


def test_payload_is_indented_and_cut(engine: Engine, run_id: UUID) -> None:
    assert engine.call("get_payload", run_id=run_id, kind="input") == '{\n    "x": 1\n}'
    assert engine.call("get_payload", run_id=run_id, kind="input", most=9) == '{\n    "x"'
    assert engine.call("get_payload", run_id=run_id, kind="input", most=0) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "odd"},
        {"kind": "input", "step_slug": "a"},
        {"task_index": 0},
        {"most": -1},
        {"kind": None},
    ],
)
def test_payload_of_another_kind_is_refused(
    engine: Engine, run_id: UUID, arguments: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        engine.call("get_payload", run_id=run_id, **arguments)
    assert refusal.value.sqlstate == "SG014"


def test_run_is_shown_without_payloads_and_with_few_attempts(engine: Engine, run_id: UUID) -> None:
    whole = engine.call("get_run", run_id=run_id)
    part = engine.call("get_run", run_id=run_id, payloads=False, most=1)
    assert whole["input"] == {"x": 1}
    assert "input" not in part
    assert "output" not in part
    assert [len(s["attempts"]) for s in part["steps"]] == [1, 1, 0]
    for shown in (*whole["steps"], *part["steps"]):
        shown.pop("output", None)
        shown.pop("attempts")
    assert part["steps"] == whole["steps"]
    with pytest.raises(psycopg.Error, match="with -1 attempts"):
        engine.call("get_run", run_id=run_id, most=-1)


def test_list_without_payloads_is_the_same_list(engine: Engine, run_id: UUID) -> None:
    engine.start("order", {"x": 2})
    for filters in ({}, {"status": "started"}, {"search": "x"}):
        whole = rows_of(engine, "list_workflow_runs", **filters)
        part = rows_of(engine, "list_workflow_runs", payloads=False, **filters)
        assert len(part) == 2
        assert {row["input"] for row in part} == {None}
        assert [{**row, "input": None, "output": None} for row in whole] == part


def test_count_ends_at_its_limit(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    engine.define("other", step("a"))
    runs = engine.rows("select stepgres.start_workflow_runs('order', '[1, 2, 3, 4, 5, 6]')")
    engine.start("other", 1)
    for run in runs[:2]:
        engine.call("cancel_workflow_run", run_id=run)
    engine.call("pause_workflow_run", run_id=runs[2])
    whole = rows_of(engine, "count_runs")
    for most in (7, 1_000):
        assert rows_of(engine, "count_runs", most=most) == whole
        assert rows_of(engine, "count_runs", most=most, status="failed") == rows_of(
            engine, "count_runs", status="failed"
        )
        assert rows_of(engine, "count_runs", most=most, workflow_slug="other") == rows_of(
            engine, "count_runs", workflow_slug="other"
        )
    few = rows_of(engine, "count_runs", most=1)
    assert {(row["status"], row["runs"]) for row in few} == {("failed", 1), ("started", 1)}
    assert rows_of(engine, "count_runs", most=0) == []
    with pytest.raises(psycopg.Error, match="most -1 is negative"):
        engine.call("count_runs", most=-1)


def test_times_of_steps_are_divided(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    run_id = engine.start("order", {})
    clock.advance(2)
    item = engine.claim_one()
    clock.advance(3)
    engine.complete(item)
    clock.advance(4)
    times = rows_of(engine, "list_step_times", run_id=run_id)
    assert [row["step_slug"] for row in times] == ["a", "b"]
    assert [row["queued"].total_seconds() for row in times] == [2, 4]
    assert [row["running"].total_seconds() for row in times] == [3, 0]
    assert times[1]["finished_at"] is None
    assert rows_of(engine, "list_step_times", run_id=run_id, limit=1) == times[:1]
    assert rows_of(engine, "list_step_times", run_id=run_id, limit=None) == times
    path = rows_of(engine, "critical_path", run_id=run_id)
    assert [row["running"] for row in path] == [row["running"] for row in times]
    with pytest.raises(psycopg.Error) as refusal:
        engine.call("list_step_times", run_id=run_id, limit=-1)
    assert refusal.value.sqlstate == "SG014"


def test_retry_has_no_times_of_copied_steps(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a", max_attempts=1))
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    clock.advance(60)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    times = rows_of(engine, "list_step_times", run_id=retried)
    assert [row["step_slug"] for row in times] == ["b"]
