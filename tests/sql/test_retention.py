"""The option keep of workflows: which ended runs tick deletes, and when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step

DAY = 86400


def define(engine: Engine, keep: Any, **more: Any) -> Any:
    return engine.define("order", step("a", max_attempts=1), keep=keep, **more)


def end_runs(engine: Engine) -> dict[str, UUID]:
    """A run of each outcome, and one that is active."""
    runs = {name: engine.start("order", {"name": name}) for name in ("done", "failed", "gone")}
    for item in engine.claim():
        if item.run_id == runs["done"]:
            engine.complete(item, "parcel")
        elif item.run_id == runs["failed"]:
            engine.fail(item)
    engine.call("cancel_workflow_run", run_id=runs["gone"])
    return {**runs, "active": engine.start("order")}


def left(engine: Engine, runs: dict[str, UUID]) -> set[str]:
    found = engine.rows("select run_id from stepgres.runs")
    return {name for name, run_id in runs.items() if run_id in found}


def shown(engine: Engine) -> Any:
    return engine.call("get_flow", workflow_id="order").get("keep")


def test_runs_are_deleted_by_their_outcome(engine: Engine, clock: Clock) -> None:
    define(engine, {"completed": "7 days", "failed": 90 * DAY})
    runs = end_runs(engine)
    clock.advance(7 * DAY - 1)
    assert engine.call("tick") == 0
    assert left(engine, runs) == {"done", "failed", "gone", "active"}
    clock.advance(61)
    engine.call("tick")
    assert left(engine, runs) == {"failed", "gone", "active"}
    clock.advance(83 * DAY)
    engine.call("tick")
    assert left(engine, runs) == {"active"}
    query = "select distinct run_id from stepgres.{}"
    for table in ("step_states", "tasks", "attempts", "failed_runs"):
        assert set(engine.rows(query.format(table).encode())) <= {runs["active"]}  # type: ignore


def test_cancelled_runs_may_have_an_age_of_their_own(engine: Engine, clock: Clock) -> None:
    define(engine, {"failed": DAY, "cancelled": 60})
    runs = end_runs(engine)
    clock.advance(120)
    engine.call("tick")
    assert left(engine, runs) == {"done", "failed", "active"}
    clock.advance(2 * DAY)
    engine.call("tick")
    assert left(engine, runs) == {"done", "active"}


def test_run_that_was_active_for_long_is_deleted_later(engine: Engine, clock: Clock) -> None:
    define(engine, {"completed": 3600})
    long = engine.start("order")
    clock.advance(10 * 3600)
    engine.call("tick")
    engine.drain()
    clock.advance(3600 + 60)
    engine.call("tick")
    clock.advance(3600 / 8)
    engine.call("tick")
    clock.advance(60)
    engine.call("tick")
    assert long not in engine.rows("select run_id from stepgres.runs")


def test_more_runs_than_a_batch_are_deleted(engine: Engine, clock: Clock) -> None:
    define(engine, {"completed": 60, "failed": DAY})
    for _ in range(3):
        inputs = Jsonb([None] * 150)
        engine.call("start_workflow_runs", workflow_slug="order", inputs=inputs)
        clock.advance(1)
    items = engine.claim()
    engine.work([i.failed() if n % 3 == 0 else i.completed() for n, i in enumerate(items)])
    clock.advance(100)
    for _ in range(20):  # a tick deletes for 30 ms, and then the processor has a rest
        engine.call("tick")
        clock.advance(60)
    assert engine.rows("select status, count(*) from stepgres.runs group by 1") == [("failed", 150)]


def test_locked_run_is_not_waited_for(engine: Engine, clock: Clock, db: Database) -> None:
    define(engine, {"completed": 3600})
    runs = end_runs(engine)
    clock.advance(3700)
    with db.connect() as other, other.transaction():
        other.execute("select from stepgres.runs where run_id = %s for update", [runs["done"]])
        engine.call("tick")
        assert left(engine, runs) == set(runs)
    clock.advance(60)
    engine.call("tick")
    assert left(engine, runs) == {"failed", "gone", "active"}


def test_next_due_knows_that_old_runs_are_left(engine: Engine, clock: Clock) -> None:
    query = "select stepgres.next_due() - stepgres._now() < interval '8 s'"
    define(engine, {"completed": DAY})
    engine.define("bill", step("a"), keep={"completed": DAY})
    engine.call("tick")  # looks at one of the workflows
    assert engine.rows(query) == [True]
    clock.advance(8)
    engine.call("tick")
    assert engine.rows(query) == [False]


def test_child_is_kept_as_long_as_its_parent_is_active(engine: Engine, clock: Clock) -> None:
    engine.define("ship", step("pack"), keep={"completed": 60, "payloads": 60})
    engine.define("order", step("ship", workflow="ship"), step("bill", "ship"))
    parent = engine.start("order")
    engine.complete(engine.claim_one(), {"parcel": 1})
    clock.advance(3600)
    engine.call("tick")
    query = "select workflow_slug, payloads_deleted_at is null from stepgres.runs order by 1"
    assert engine.rows(query) == [("order", True), ("ship", True)]
    assert engine.claim_one().input["parcel"] == 1
    engine.call("cancel_workflow_run", run_id=parent)
    clock.advance(3600)
    for _ in range(3):
        engine.call("tick")
        clock.advance(60)
    assert engine.rows("select workflow_slug from stepgres.runs") == ["order"]


# The option


@pytest.mark.parametrize(
    ("keep", "canonical"),
    [
        (None, None),
        ({}, None),
        ({"completed": "7 days"}, {"completed": 7 * DAY}),
        ({"failed": "1 month", "cancelled": None}, {"failed": 30 * DAY}),
        ({"failed": 5, "cancelled": 5}, {"failed": 5}),
        ({"failed": 5, "cancelled": 1.5}, {"failed": 5, "cancelled": 1.5}),
        ({"payloads": "1 day"}, {"payloads": DAY}),
    ],
)
def test_get_flow_shows_keep_in_seconds(engine: Engine, keep: Any, canonical: Any) -> None:
    define(engine, keep)
    assert shown(engine) == canonical
    assert (
        engine.call(
            "register_workflow", definition=Jsonb(engine.call("get_flow", workflow_id="order"))
        )
        == 1
    )
    assert shown(engine) == canonical


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        ([], ["keep"]),
        ({"completed": "soon"}, ["completed", "soon"]),
        ({"completed": "1000000 years"}, ["completed"]),
        ({"completed": "99999999999999999999 days"}, ["completed"]),
        ({"failed": 0}, ["failed"]),
        ({"failed": -1}, ["failed"]),
        ({"failed": "infinity"}, ["failed"]),
        ({"payloads": True}, ["payloads"]),
        ({"started": 1}, ["started"]),
    ],
)
def test_bad_keep_is_refused(engine: Engine, keep: Any, words: list[str]) -> None:
    with refused("SG001", 'workflow "order"', "keep", *words):
        define(engine, keep)
    assert engine.rows("select count(*) from stepgres.workflows") == [0]


def test_keep_is_no_new_version(engine: Engine) -> None:
    assert define(engine, {"completed": 60}) == 1
    end_runs(engine)
    assert define(engine, {"completed": 70}) == 1
    assert shown(engine) == {"completed": 70}
    assert define(engine, None) == 1
    assert shown(engine) is None


def test_old_version_that_is_registered_again_changes_no_keep(engine: Engine) -> None:
    define(engine, {"completed": 60})
    engine.define("order", step("b"), keep={"completed": 70})
    assert define(engine, {"completed": 60}) == 1
    assert shown(engine) == {"completed": 70}
    document = {
        "workflow_slug": "order",
        "steps": [step("a", max_attempts=1)],
        "keep": {"failed": 5},
    }
    engine.call("register_workflow", definition=Jsonb(document), make_current=True)
    assert shown(engine) == {"failed": 5}


def test_same_keep_again_changes_nothing(engine: Engine) -> None:
    define(engine, {"completed": 60, "payloads": 30})
    before = engine.snapshot()
    define(engine, {"completed": "1 minute", "payloads": "30 s"})
    assert engine.snapshot() == before


def test_create_flow_takes_keep(engine: Engine) -> None:
    engine.call("create_flow", name="order", keep=Jsonb({"completed": "7 days"}))
    assert shown(engine) == {"completed": 7 * DAY}
    with refused("SG001", 'workflow "bill", keep', "failed"):
        engine.call("create_flow", name="bill", keep=Jsonb({"failed": "x"}))


def test_deletion_of_a_workflow_takes_along_its_keep(engine: Engine) -> None:
    define(engine, {"completed": 60, "payloads": 30})
    engine.call("delete_flow", workflow_id="order")
    assert engine.rows("select count(*) from stepgres.retentions") == [0]


# Payloads


def without_payloads(engine: Engine, clock: Clock) -> dict[str, UUID]:
    define(engine, {"payloads": "1 day"})
    runs = end_runs(engine)
    clock.advance(DAY + 1)
    engine.call("tick")
    return runs


def test_payloads_go_before_their_run(engine: Engine, clock: Clock) -> None:
    runs = without_payloads(engine, clock)
    assert left(engine, runs) == {"done", "failed", "gone", "active"}
    for name in ("done", "failed", "gone"):
        run = engine.call("get_run", run_id=runs[name])
        assert (run["input"], run["output"], run["steps"][0]["output"]) == (None, None, None)
        assert run["payloads_deleted_at"]
    assert engine.status(runs["failed"])[1] == 'step "a" failed: no luck'
    assert engine.call("get_run", run_id=runs["active"])["payloads_deleted_at"] is None
    query = "select run_id, payloads_deleted_at is null from stepgres.list_workflow_runs()"
    assert dict(engine.rows(query))[runs["done"]] is False


def test_payloads_of_all_kinds_go(db: Database, clock: Clock) -> None:
    with db.connect() as connection:
        engine = Engine(connection, features=["durable"])
        engine.define(
            "order",
            step("body", durable=True),
            step("paid", wait_for="paid"),
            step("ask", approval={"title": "Ship it?"}),
            step("each", "paid", map=True),
            keep={"payloads": "1 day"},
        )
        run_id = engine.start("order", {"secret": 1})
        engine.call("send_signal", run_id=run_id, signal="paid", payload=Jsonb(["secret"]))
        engine.call("send_signal", run_id=run_id, signal="more", payload=Jsonb(["secret"]))
        (wait_id,) = engine.rows("select wait_id from stepgres.waits where kind = 'approval'")
        engine.call("approve", wait_id=wait_id, payload=Jsonb("secret"), decided_by="Ann")
        item = engine.claim_one()
        engine.call(
            "save_checkpoints",
            worker_id=engine.worker_id,
            checkpoints=Jsonb([item.operation("run charge", output="secret")]),
        )
        engine.complete(item, "secret")
        engine.call("tick")
        engine.drain({"each": lambda element: element})
        assert engine.output(run_id)["each"] == ["secret"]
        clock.advance(DAY + 1)
        engine.call("tick")
        rows = [row for rows in engine.snapshot().values() for row in rows]
        assert [row for row in rows if "secret" in row] == []
        (decision,) = engine.rows("select decided_by from stepgres.decisions")
        assert decision == "Ann"


def test_run_without_payloads_is_not_retried(engine: Engine, clock: Clock) -> None:
    runs = without_payloads(engine, clock)
    failed = str(runs["failed"])
    with refused("SG040", failed, "deleted"):
        engine.call("retry_failed_workflow", run_id=runs["failed"])
    with refused("SG040", failed, "deleted"):
        engine.call("retry_failed_workflow", run_id=runs["failed"], reset_all=True)
    with refused("SG040", str(runs["done"]), "deleted"):
        engine.call("fork_run", run_id=runs["done"], from_steps=["a"])
    (batch,) = engine.rows("select run_ids from stepgres.retry_runs()")
    assert batch == []


def test_retry_of_a_parent_begins_a_child_without_payloads_anew(
    engine: Engine, clock: Clock
) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1), keep={"payloads": 60})
    engine.define("order", step("ship", workflow="ship"))
    parent = engine.start("order", {"id": 7})
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert engine.status(parent)[0] == "failed"
    clock.advance(120)
    engine.call("tick")
    engine.call("retry_failed_workflow", run_id=parent)
    item = engine.claim_one()
    assert (item.step_slug, item.input) == ("pack", {"id": 7})


def test_runs_that_cannot_be_deleted_stop_no_tick(engine: Engine, clock: Clock) -> None:
    define(engine, {"completed": 60})
    runs = end_runs(engine)
    engine.connection.execute("""
        create function public.refuse() returns trigger language plpgsql
        as 'begin raise exception ''not this one''; end';
        create trigger refuse before delete on stepgres.runs
        for each row execute function public.refuse();
    """)
    clock.advance(120)
    engine.start("order", delay="1 minute")
    clock.advance(60)
    assert engine.call("tick") == 1
    assert left(engine, runs) == {"done", "failed", "gone", "active"}
    engine.connection.execute("drop trigger refuse on stepgres.runs")
    clock.advance(3601)
    engine.call("tick")
    assert left(engine, runs) == {"failed", "gone", "active"}
