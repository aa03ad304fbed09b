"""Claiming tasks: which ones, by whom, and with what input."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step


def send_ticket(engine: Engine, run_id: UUID, step_slug: str, task_index: int = 0) -> None:
    """A ticket more than there should be."""
    ticket = {"run_id": str(run_id), "step_slug": step_slug, "task_index": task_index}
    engine.rows("select pgmq.send('stepgres_default', %s)", Jsonb(ticket))


def completed_run(engine: Engine) -> UUID:
    run_id = engine.start("order")
    engine.drain()
    return run_id


def failed_run(engine: Engine) -> UUID:
    run_id = engine.start("order")
    failing, *_ = engine.claim()
    engine.fail(failing, retryable=False)
    return run_id


# Tickets


@pytest.mark.parametrize("end", [completed_run, failed_run])
def test_ticket_of_a_run_that_is_over_is_dropped(engine: Engine, end: Any) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = end(engine)
    for step_slug in ("a", "b"):
        send_ticket(engine, run_id, step_slug)
    assert engine.claim() == []
    assert engine.tickets() == []


def test_ticket_of_no_task_is_dropped(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order")
    send_ticket(engine, run_id, "b")  # not ready
    send_ticket(engine, run_id, "c")
    send_ticket(engine, run_id, "a", 1)
    send_ticket(engine, UUID(int=1), "a")
    assert engine.claim_one().place == ("a", 0)
    assert engine.tickets() == []


def test_task_with_two_tickets_is_claimed_once(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    send_ticket(engine, run_id, "a")
    assert len(engine.claim()) == 1
    send_ticket(engine, run_id, "a")
    assert engine.claim() == []
    assert engine.tickets() == []


def test_claimed_task_has_no_ticket(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.claim_one()
    assert engine.tickets() == []
    assert engine.rows("select msg_id from stepgres.tasks") == [None]


def test_claim_that_is_rolled_back_did_not_happen(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    before = engine.snapshot()
    with engine.connection.transaction(force_rollback=True):
        assert engine.claim_one().attempt == 1
    assert engine.snapshot() == before


STRANGE = [
    {}, {"hello": "world"}, 7, "text", None, [], {"run_id": None}, {"run_id": 7, "task_index": 0},
    {"run_id": "x", "step_slug": "a", "task_index": 0},
    {"run_id": "-" * 36, "step_slug": "a", "task_index": 0},
    {"run_id": str(UUID(int=1)), "step_slug": "a", "task_index": "0x"},
    {"run_id": str(UUID(int=1)), "step_slug": "a", "task_index": 10**20},
    {"run_id": str(UUID(int=1)), "step_slug": {"a": 1}, "task_index": 0},
]  # fmt: skip


def test_message_of_somebody_else_in_a_queue_is_reported_and_dropped(engine: Engine) -> None:
    engine.define("order", step("a"))
    for message in STRANGE:
        engine.rows("select pgmq.send('stepgres_default', %s)", Jsonb(message))
    engine.rows("select pgmq.send('stepgres_default', null)")
    run_id = engine.start("order")
    found = engine.rows("select invariant, run_id, detail from stepgres.fsck()")
    assert {row[:2] for row in found} == {("a message in a queue is the ticket of a run", None)}
    assert len(found) == len(STRANGE) + 1
    assert [item.run_id for item in engine.claim()] == [run_id]
    assert engine.tickets() == []


def test_messages_of_somebody_else_do_not_stop_claims(engine: Engine) -> None:
    engine.define("order", step("a"))
    for message in STRANGE:
        engine.rows("select pgmq.send('stepgres_default', %s)", Jsonb(message))
    run_id = engine.start("order")
    claimed = [item for _ in range(len(STRANGE) + 1) for item in engine.claim(1)]
    assert [item.run_id for item in claimed] == [run_id]


# What is recorded


def test_claim_records_attempt_worker_and_time(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", timeout=7.5))
    run_id = engine.start("order")
    clock.advance(5)
    item = engine.claim_one()
    assert item.key == {"run_id": run_id, "step_slug": "a", "task_index": 0, "claim": 1}
    assert (item.workflow_slug, item.workflow_version) == ("order", 1)
    assert (item.timeout, item.is_refused) == (timedelta(seconds=7.5), False)
    query = "select status, attempt, worker_id, started_at - queued_at from stepgres.tasks"
    assert engine.rows(query) == [("started", 1, "worker", timedelta(seconds=5))]


def test_claim_says_whether_the_attempt_is_the_last(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=2, base_delay=0), step("b", max_attempts=1))
    engine.start("order")
    a, b = engine.claim()
    assert (a.is_last_attempt, b.is_last_attempt) == (False, True)
    engine.work([a.failed(retry_after=0), b.released()])
    engine.call("tick")
    assert [item.is_last_attempt for item in engine.claim()] == [True, True]


def test_tasks_are_handed_out_once_and_not_beyond_capacity(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    engine.start("order", list(range(5)))
    batches = [len(engine.claim(capacity)) for capacity in (0, -1, 2, 2, 2, 2)]
    assert batches == [0, 0, 2, 2, 1, 0]


def test_older_tickets_come_first(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_ids = [engine.start("order") for _ in range(3)]
    assert [engine.claim(1)[0].run_id for _ in run_ids] == run_ids


def test_batch_spans_workflows_runs_and_steps(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    engine.define("invoice", step("a", initial_tasks=2))
    runs = [engine.start("order"), engine.start("order"), engine.start("invoice")]
    items = engine.claim()
    assert [(runs.index(item.run_id), *item.place) for item in items] == [
        (0, "a", 0), (0, "b", 0), (1, "a", 0), (1, "b", 0), (2, "a", 0), (2, "a", 1),
    ]  # fmt: skip
    assert {item.workflow_slug for item in items} == {"order", "invoice"}
    assert engine.work([item.completed() for item in items]) == []
    assert {engine.status(run_id)[0] for run_id in runs} == {"completed"}


# Inputs


def test_root_step_gets_the_input_of_the_run(engine: Engine) -> None:
    engine.define("order", step("a"))
    for input in ({"x": [1]}, [1, 2], "text", 0, False, None):
        engine.start("order", input)
        item = engine.claim_one()
        assert (item.input, type(item.input)) == (input, type(input))


@pytest.mark.parametrize("last", ["zeta", "alpha"])
def test_input_has_three_layers_and_the_later_wins(engine: Engine, last: str) -> None:
    first = "alpha" if last == "zeta" else "zeta"
    engine.define("order", step("alpha"), step("zeta"), step("join", first, last))
    engine.start("order", {"run": 1, "both": "run", "join": "run", "zeta": "run"})
    outputs: dict[str, Any] = {
        "alpha": {"both": "alpha", "only_alpha": None, "zeta": "from alpha"},
        "zeta": {"both": "zeta", "only_zeta": [1]},
    }
    engine.work([item.completed(outputs[item.step_slug]) for item in engine.claim()])
    assert engine.claim_one().input == {
        "run": 1,
        "join": "run",
        "only_alpha": None,
        "only_zeta": [1],
        "both": last,  # of outputs, the one named last in depends_on
        **outputs,  # and a slug is always the output of that step
    }


@pytest.mark.parametrize("input", [[1, 2], "text", 7, None])
def test_input_of_the_run_that_is_no_object_has_no_layer(engine: Engine, input: Any) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order", input)
    engine.complete(engine.claim_one(), {"x": 1})
    assert engine.claim_one().input == {"x": 1, "a": {"x": 1}}


@pytest.mark.parametrize("output", [0, False, "", None, [], [{"x": 1}], "text"])
def test_output_that_is_no_object_stands_under_its_slug_alone(engine: Engine, output: Any) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order", {"a": "run", "x": "run"})
    engine.complete(engine.claim_one(), output)
    assert engine.claim_one().input == {"a": output, "x": "run"}


def test_output_of_a_dependency_of_a_dependency_is_not_in_the_input(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    engine.start("order", {})
    engine.complete(engine.claim_one(), {"x": 1})
    engine.complete(engine.claim_one(), {"y": 2})
    assert engine.claim_one().input == {"y": 2, "b": {"y": 2}}


def test_map_task_gets_its_element_bare(engine: Engine) -> None:
    elements = [None, {"run": 1}, [1, [2]], 0, False, "", "last"]
    engine.define("order", step("each", map=True))
    engine.start("order", elements)
    assert [(item.task_index, item.input) for item in engine.claim()] == list(enumerate(elements))


def test_tasks_of_a_given_number_get_the_input_of_the_step(engine: Engine) -> None:
    engine.define("order", step("a"), step("b"), step("each", "a", "b", initial_tasks=2))
    engine.start("order", {"x": 1})
    engine.work([item.completed({item.step_slug: 0, "y": 2}) for item in engine.claim()])
    outputs = {"a": {"a": 0, "y": 2}, "b": {"b": 0, "y": 2}}
    assert [item.input for item in engine.claim()] == [{"x": 1, "y": 2, **outputs}] * 2


# Queues and executors


def test_worker_claims_from_its_own_queues_alone(engine: Engine, db: Database) -> None:
    engine.define("order", step("slow", queue="slow"), step("fast", queue="fast"), step("other"))
    engine.start("order")
    with db.connect() as connection:
        both = Engine(connection, "both", queues=["fast", "slow"])
        assert [item.step_slug for item in both.claim()] == ["fast", "slow"]
    assert [item.step_slug for item in engine.claim()] == ["other"]


def test_worker_fills_its_capacity_from_all_its_queues(engine: Engine, db: Database) -> None:
    engine.define("order", step("a", queue="a", initial_tasks=3), step("b", queue="b"))
    engine.start("order")
    with db.connect() as connection:
        worker = Engine(connection, "both", queues=["a", "b"])
        assert [len(worker.claim(2)) for _ in range(3)] == [2, 2, 0]


def test_unregistered_worker_can_do_nothing(engine: Engine) -> None:
    before = engine.snapshot()
    for function, arguments in (
        ("heartbeat", {}), ("claim_tasks", {}), ("work", {}), ("unregister_worker", {}),
        ("complete_task", {"run_id": UUID(int=1), "step_slug": "a", "output": Jsonb(1)}),
        ("fail_task", {"run_id": UUID(int=1), "step_slug": "a", "error": "x"}),
    ):  # fmt: skip
        with refused("SG006", '"nobody"'):
            engine.call(function, worker_id="nobody", **arguments)
    assert engine.snapshot() == before


def test_local_run_is_claimed_by_its_executor_and_run_id_alone(
    engine: Engine, db: Database
) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b", initial_tasks=3))
    run_id = engine.start("order", executor_id=engine.worker_id)
    assert engine.tickets() == []
    with db.connect() as connection:
        assert Engine(connection, "other").claim(run_ids=[run_id]) == []
    assert engine.claim() == []
    executed = engine.drain(run_ids=[run_id])
    assert [item.step_slug for item in executed] == ["a", "b", "c", "c", "c"]
    assert engine.status(run_id) == ("completed", [None] * 3)


def test_distributed_step_of_a_local_run_goes_through_its_queue(
    engine: Engine, db: Database
) -> None:
    engine.define("order", step("here"), step("there", execution="distributed", queue="far"))
    run_id = engine.start("order", executor_id=engine.worker_id)
    assert engine.tickets() == [(run_id, "there", 0)]
    with db.connect() as connection:
        assert Engine(connection, "far", queues=["far"]).claim_one().step_slug == "there"
    (item,) = engine.claim(run_ids=[run_id])
    assert item.step_slug == "here"


def test_local_tasks_come_before_those_of_the_queue(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    local = engine.start("order", executor_id=engine.worker_id)
    (item,) = engine.claim(1, run_ids=[local])
    assert item.run_id == local
    (item,) = engine.claim(5, run_ids=[local])
    assert item.run_id != local


def test_local_map_hands_out_again_what_was_released(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(25)), executor_id=engine.worker_id)
    first = engine.claim(10, run_ids=[run_id])
    second = engine.claim(10, run_ids=[run_id])
    engine.work([first[3].released(), second[0].released()])
    third = engine.claim(10, run_ids=[run_id])
    assert [item.task_index for item in third] == [3, 10, *range(20, 25)]
    assert engine.claim(run_ids=[run_id]) == []


def test_local_tasks_of_the_highest_priority_are_claimed_first(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", priority=2), step("c", priority=1), step("d"))
    run_id = engine.start("order", executor_id="worker")
    claimed = [engine.claim(1, run_ids=[run_id])[0] for _ in range(4)]
    assert [(item.step_slug, item.priority) for item in claimed] == [
        ("b", 2), ("c", 1), ("a", 0), ("d", 0)
    ]  # fmt: skip
    engine.work([item.completed() for item in claimed])
