"""Runs that an executor executes: what steps get, and what comes out."""

from __future__ import annotations

import json
import uuid
from typing import Any
from uuid import UUID

import pytest

import stepgres
from stepgres import Executor, Workflow, step
from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.waiting import wait_until
from tests.support.workflows import fail, workflow

DEEP: Any = json.loads("[" * 400 + "]" * 400)


class Order(Workflow):
    """The example of the specification."""

    @staticmethod
    @step
    def fetch(input: dict[str, Any]) -> dict[str, Any]:
        return {"data": f"user {input['user_id']}"}

    @staticmethod
    @step(depends_on=["fetch"])
    def process(input: dict[str, Any]) -> dict[str, Any]:
        return {"result": input["data"].upper()}

    @staticmethod
    @step(depends_on=["process"])
    async def save(input: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"saved": input["result"], "by": context.step_slug}


def test_example_of_the_specification(executor: Executor) -> None:
    output, run_id = executor.execute(Order, {"user_id": 123})
    assert output == {"saved": "USER 123", "by": "save"}
    assert isinstance(run_id, UUID)


def test_result_has_names_too(executor: Executor, client: stepgres.Client) -> None:
    result = executor.execute(Order, {"user_id": 123})
    assert client.get_run_status(result.run_id).details == result.output


def test_executing_twice_registers_one_version(executor: Executor, db: Database) -> None:
    assert (
        executor.execute(Order, {"user_id": 1}).run_id
        != executor.execute(Order, {"user_id": 1}).run_id
    )
    with db.connect() as connection:
        assert connection.execute("table stepgres.workflow_versions").rowcount == 1


def test_closed_client_leaves_nothing_of_the_executor_behind(db: Database) -> None:
    with stepgres.Client(db.dsn) as client:
        Executor(client).execute(Order, {"user_id": 1})
    with db.connect() as connection:
        engine = Engine(connection)
        assert engine.rows("select worker_id from stepgres.workers") == ["worker"]
        assert engine.rows("select * from stepgres.active_runs") == []
        assert engine.tickets() == []


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1.5,
        False,
        True,
        "",
        None,
        [],
        {},
        [None, [[]], {"a": {}}],
        2**200,
        'naïve 東京 🎉 \u2028 "quotes" \\u0000 %s',
        {"": "empty key", "step": "'; drop table x"},
        pytest.param("x" * 1_000_000, id="1 MB"),
        pytest.param(DEEP, id="deep"),
    ],
    ids=lambda value: f"{value!a:.20}",
)
def test_value_goes_through_a_run_unchanged(executor: Executor, value: Any) -> None:
    echo = workflow(("first", lambda given: given), ("second", lambda given: given["first"]))
    assert executor.execute(echo, value).output == value


def test_input_of_a_step_has_three_layers(executor: Executor) -> None:
    layers = workflow(
        ("a", lambda _: {"x": "of a", "y": "of a"}, {}),
        ("b", lambda _: {"y": "of b", "a": "of b"}, {}),
        ("join", lambda given: given, {"depends_on": ["a", "b"]}),
    )
    assert executor.execute(layers, {"x": "of the run", "z": "of the run"}).output == {
        "x": "of a",
        "y": "of b",
        "z": "of the run",
        "a": {"x": "of a", "y": "of a"},
        "b": {"y": "of b", "a": "of b"},
    }


def test_output_of_several_leaves_is_an_object(executor: Executor) -> None:
    leaves = workflow(("a", lambda _: 1, {}), ("b", lambda _: None, {}))
    assert executor.execute(leaves, {}).output == {"a": 1, "b": None}


def test_diamond_joins_once(executor: Executor) -> None:
    joined: list[Any] = []
    diamond = workflow(
        ("source", lambda given: given["n"], {}),
        ("left", lambda given: given["source"] + 1, {"depends_on": ["source"]}),
        ("right", lambda given: given["source"] * 2, {"depends_on": ["source"]}),
        ("join", joined.append, {"depends_on": ["left", "right"]}),
    )
    assert executor.execute(diamond, {"n": 5}).output is None
    assert joined == [{"n": 5, "left": 6, "right": 10}]


def test_map_keeps_the_order_of_its_elements(executor: Executor) -> None:
    elements: list[Any] = [3, None, [], {"a": 1}, "x", 3]
    echo = workflow(("each", lambda element: element, {"map": True}))
    assert executor.execute(echo, elements).output == elements


def test_map_of_more_elements_than_are_claimed_at_a_time(executor: Executor) -> None:
    squares = workflow(("each", lambda n: n * n, {"map": True}))
    assert executor.execute(squares, list(range(2500))).output == [n * n for n in range(2500)]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_map_of_a_map_and_a_reducer(executor: Executor, count: int) -> None:
    totals = workflow(
        ("numbers", lambda given: list(range(given["count"]))),
        ("double", lambda n: n * 2, {"map": True, "depends_on": ["numbers"]}),
        ("text", str, {"map": True, "depends_on": ["double"]}),
        ("total", lambda given: "+".join(given["text"])),
    )
    output = executor.execute(totals, {"count": count}).output
    assert output == "+".join(str(n * 2) for n in range(count))


def test_map_over_an_empty_input_runs_nothing(executor: Executor) -> None:
    assert executor.execute(workflow(("each", fail, {"map": True})), []).output == []


def test_initial_tasks_run_a_step_so_many_times(executor: Executor) -> None:
    def copy(input: Any, context: Any) -> Any:
        return [input, context.task_index]

    assert executor.execute(workflow(("copy", copy, {"initial_tasks": 3})), "x").output == [
        ["x", 0],
        ["x", 1],
        ["x", 2],
    ]


def test_context_tells_a_step_what_it_executes(executor: Executor) -> None:
    contexts: list[Any] = []

    def look(element: Any, context: Any) -> None:
        assert not context.cancelled.is_set()
        contexts.append(context)

    run_id = executor.execute(workflow(("each", look, {"map": True})), ["a", "b"]).run_id
    for index, context in enumerate(sorted(contexts, key=lambda context: context.task_index)):
        assert (context.run_id, context.workflow_slug) == (run_id, "demo")
        assert (context.step_slug, context.task_index, context.attempt) == ("each", index, 1)
        assert context.run_input == ["a", "b"]
        assert str(run_id) in context.idempotency_key
    assert len({context.idempotency_key for context in contexts}) == 2


def test_logger_of_the_context_says_where_a_line_is_from(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    def log(input: Any, context: Any) -> None:
        context.logger.warning("the bridge is out")

    run_id = executor.execute(workflow(("scout", log)), {}).run_id
    (record,) = [record for record in caplog.records if "bridge" in record.message]
    assert vars(record)["run_id"] == str(run_id)
    assert (vars(record)["step_slug"], vars(record)["attempt"]) == ("scout", 1)


def test_run_input_is_json_and_each_step_has_its_own(executor: Executor) -> None:
    def spoil(input: Any, context: Any) -> Any:
        assert context.run_input == {"1": ["a", "b"]}
        context.run_input.clear()

    given = {1: ("a", "b")}
    executor.execute(workflow(("one", spoil), ("two", spoil)), given)
    assert given == {1: ("a", "b")}


def test_idempotency_key_executes_once(executor: Executor) -> None:
    calls = []

    def call(input: Any) -> int:
        calls.append(input)
        return len(calls)

    once = workflow(("once", call))
    first = executor.execute(once, "first", idempotency_key="key")
    assert executor.execute(once, "second", idempotency_key="key") == first
    assert executor.execute(once, "third", idempotency_key="other").output == 2
    assert calls == ["first", "third"]


def test_run_id_can_be_given(executor: Executor) -> None:
    run_id = uuid.uuid4()
    calls: list[Any] = []
    once = workflow(("once", calls.append))
    assert executor.execute(once, 1, run_id=run_id).run_id == run_id
    with pytest.raises(stepgres.RunAlreadyExists, match=str(run_id)):
        executor.execute(once, 2, run_id=run_id)
    assert calls == [1]


def test_distributed_step_is_left_to_a_worker(executor: Executor, db: Database) -> None:
    def play_the_worker(_: Any) -> str:
        with db.connect() as connection:
            engine = Engine(connection, queues=["far"])
            engine.complete(wait_until(engine.claim)[0], "from afar")
        return "here"

    mixed = workflow(
        ("near", play_the_worker, {}),
        ("far", fail, {"execution": "distributed", "queue": "far"}),
        ("both", lambda given: [given["near"], given["far"]], {"depends_on": ["near", "far"]}),
    )
    assert executor.execute(mixed, {}).output == ["here", "from afar"]
