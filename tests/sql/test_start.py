"""Starting runs: all of a run or nothing of it, and at most once a key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

RUN_ID = UUID("01890000-0000-7000-8000-000000000001")


def test_start_creates_run_steps_and_root_tasks(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("c", "a", "b"), step("d", "c"))
    run_id = engine.start("order", {"x": 1})
    query = "select workflow_slug, version, status, remaining_ends, input from stepgres.runs"
    assert engine.rows(query) == [("order", 1, "started", 1, {"x": 1})]
    assert engine.steps(run_id) == {"a": "started", "b": "started", "c": "created", "d": "created"}
    query = "select step_slug, remaining_deps from stepgres.step_states order by 1"
    assert engine.rows(query) == [("a", 0), ("b", 0), ("c", 2), ("d", 1)]
    assert engine.tasks(run_id) == {("a", 0): "queued", ("b", 0): "queued"}
    assert engine.tickets() == [(run_id, "a", 0), (run_id, "b", 0)]
    progress = {"total_steps": 4, "completed_steps": 0, "percentage": 0.0, "paused": False}
    assert engine.status(run_id) == ("in_progress", progress)


def test_start_in_a_transaction_that_rolls_back_leaves_nothing(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", map=True))
    before = engine.snapshot()
    with engine.connection.transaction(force_rollback=True):
        engine.start("order", [1, 2])
        assert len(engine.tickets()) == 3
    assert engine.snapshot() == before


def test_start_is_seen_by_others_at_commit(engine: Engine) -> None:
    engine.define("order", step("a"))
    with engine.connection.transaction():
        run_id = engine.start("order")
        assert engine.status(run_id)[0] == "in_progress"
    assert engine.claim_one().run_id == run_id


def test_run_ids_are_time_ordered(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_ids = [engine.start("order") for _ in range(3)]
    assert {run_id.bytes[6] >> 4 for run_id in run_ids} == {7}  # UUIDs of version 7
    milliseconds = [int.from_bytes(run_id.bytes[:6], "big") for run_id in run_ids]
    assert milliseconds == sorted(milliseconds)


def test_run_id_may_be_chosen_once(engine: Engine) -> None:
    engine.define("order", step("a"))
    assert engine.start("order", 1, run_id=RUN_ID) == RUN_ID
    before = engine.snapshot()
    with refused("SG009", str(RUN_ID)):
        engine.start("order", 2, run_id=RUN_ID)
    with refused("SG009", str(RUN_ID)):
        engine.start("order", 2, run_id=RUN_ID, idempotency_key="new")
    assert engine.snapshot() == before


# Several at once


def test_runs_are_started_in_the_order_of_their_inputs(engine: Engine) -> None:
    engine.define("order", step("a"))
    inputs = [{"i": 0}, 1, None, [3], "4"]
    run_ids = engine.rows("select stepgres.start_workflow_runs('order', %s)", Jsonb(inputs))
    engine.drain({"a": lambda given: {"got": given}})
    assert [engine.output(run_id) for run_id in run_ids] == [{"got": i} for i in inputs]


def test_runs_are_started_all_or_none(engine: Engine) -> None:
    engine.define("order", step("a", map=True))
    before = engine.snapshot()
    with refused("SG003", '"a"', "number"):
        engine.call("start_workflow_runs", workflow_slug="order", inputs=Jsonb([[1], 2, [3]]))
    assert engine.snapshot() == before


@pytest.mark.parametrize("inputs", [None, Jsonb(None), Jsonb({}), Jsonb("x"), Jsonb(1)])
def test_inputs_that_are_no_array_are_refused(engine: Engine, inputs: Any) -> None:
    engine.define("order", step("a"))
    with refused("SG003", "inputs must be a JSON array"):
        engine.call("start_workflow_runs", workflow_slug="order", inputs=inputs)


def test_no_inputs_start_nothing(engine: Engine) -> None:
    engine.define("order", step("a"))
    assert engine.call("start_workflow_runs", workflow_slug="order", inputs="[]") is None
    assert engine.rows("select * from stepgres.runs") == []


# Idempotency keys


def test_second_start_with_a_key_returns_the_first_run(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", 1, idempotency_key="k")
    before = engine.snapshot()
    assert engine.start("order", 2, idempotency_key="k") == run_id
    assert engine.start("order", 2, idempotency_key="k", run_id=RUN_ID) == run_id
    assert engine.snapshot() == before


def test_second_start_with_a_key_does_not_look_at_its_input(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", [1, 2], idempotency_key="k")
    assert engine.start("order", "no array", idempotency_key="k") == run_id


def test_key_is_kept_when_its_run_is_over(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", idempotency_key="k")
    engine.drain()
    assert engine.start("order", idempotency_key="k") == run_id
    assert engine.claim() == []


def test_another_key_or_workflow_starts_another_run(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.define("invoice", step("a"))
    run_ids = {
        engine.start("order", idempotency_key="k"),
        engine.start("order", idempotency_key="K"),
        engine.start("order", idempotency_key=""),
        engine.start("invoice", idempotency_key="k"),
        engine.start("order"),
        engine.start("order"),
    }
    assert len(run_ids) == 6


def test_key_holds_over_versions(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", idempotency_key="k")
    engine.define("order", step("b"))
    assert engine.start("order", idempotency_key="k") == run_id


def test_key_of_a_start_that_rolled_back_is_free(engine: Engine) -> None:
    engine.define("order", step("a"))
    with engine.connection.transaction(force_rollback=True):
        gone = engine.start("order", idempotency_key="k")
    run_id = engine.start("order", idempotency_key="k")
    assert run_id != gone
    assert engine.claim_one().run_id == run_id


# Root maps


@pytest.mark.parametrize(
    ("input", "words"),
    [("text", "string"), (7, "number"), ({"a": []}, "object"), (None, "null"), (True, "boolean")],
)
def test_root_map_over_something_else_than_an_array_is_refused(
    engine: Engine, input: Any, words: str
) -> None:
    engine.define("order", step("first"), step("each", map=True))
    before = engine.snapshot()
    with refused("SG003", '"each"', '"order"', f"must be an array, not {words}"):
        engine.start("order", input)
    assert engine.snapshot() == before


def test_input_may_not_be_sql_null(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    engine.define("single", step("a"))
    before = engine.snapshot()
    for workflow_slug in ("order", "single"):
        with refused("SG003", f'"{workflow_slug}"', "input"):
            engine.call("start_workflow_run", workflow_slug=workflow_slug, input=None)
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    "elements",
    [
        [],
        ["one"],
        list(range(10_000)),
        [[1, [2]], {"a": {"b": []}}, []],
        ["same"] * 5,
        ["Ünïcødé", "日本", "\U0001f600", ""],
        [None, 0, False, "", [], {}],
    ],
    ids=["none", "one", "10000", "nested", "duplicates", "unicode", "empty values"],
)
def test_root_map_has_a_task_per_element(engine: Engine, elements: list[Any]) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", elements)
    query = "select initial_tasks, remaining_tasks from stepgres.step_states"
    remaining = 0 if elements == [] else len(elements)
    assert engine.rows(query) == [(len(elements), remaining)]
    executed = engine.drain({"each": lambda element: element})
    assert [item.input for item in executed] == elements
    assert engine.output(run_id) == elements


def test_run_of_empty_maps_is_completed_by_its_start(engine: Engine) -> None:
    engine.define("order", step("a", map=True), step("b", "a", map=True), step("c", "b", map=True))
    run_id = engine.start("order", [])
    assert engine.status(run_id) == ("completed", [])
    assert engine.tickets() == []
    assert engine.rows("select run_id from stepgres.active_runs") == []


def test_given_number_of_tasks_needs_no_array(engine: Engine) -> None:
    engine.define("order", step("each", initial_tasks=3))
    run_id = engine.start("order", {"x": 1})
    executed = engine.drain({"each": lambda given: given["x"]})
    assert [item.task_index for item in executed] == [0, 1, 2]
    assert engine.output(run_id) == [1, 1, 1]


# What cannot be started


def test_unknown_workflow_is_refused_with_the_known_ones(engine: Engine) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    with refused("SG002", '"ordre"', "does not exist") as raised:
        engine.start("ordre")
    assert "order" in raised.hint
    assert engine.snapshot() == before


def test_unknown_version_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    with refused("SG002", '"order"', "no version 2"):
        engine.start("order", version=2)


def test_older_version_can_be_started(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.define("order", step("b"))
    engine.start("order", version=1)
    assert engine.claim_one().place == ("a", 0)


def test_workflow_without_steps_is_refused(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    before = engine.snapshot()
    with refused("SG001", '"order"', "no steps"):
        engine.start("order")
    assert engine.snapshot() == before


def test_unknown_executor_is_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    with refused("SG006", '"nobody"'):
        engine.start("order", executor_id="nobody")
    assert engine.snapshot() == before


def test_unknown_run_has_no_status(engine: Engine) -> None:
    with refused("SG005", str(RUN_ID)):
        engine.status(RUN_ID)
