"""What happened in a run: the view of its events, and those that are sent as messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def events(engine: Engine, run_id: UUID) -> list[str]:
    """The events of a run in order, each as its type, step, task and attempt."""
    query = (
        "select event_type, step_slug, task_index, attempt from stepgres.run_events"
        " where run_id = %s order by occurred_at, event_order"
    )
    rows: list[tuple[Any, ...]] = engine.rows(query, run_id)
    return [" ".join(str(value) for value in row if value is not None) for row in rows]


def sent(engine: Engine) -> list[dict[str, Any]]:
    return engine.rows("select message from stepgres.message_history('workflow_events')")


def test_events_of_a_run_in_order(engine: Engine) -> None:
    engine.define("order", step("a", base_delay=0), step("b", "a"))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one())
    engine.call("tick")
    engine.drain()
    assert events(engine, run_id) == [
        "workflow_started",
        "step_started a",
        "task_started a 0 1",
        "task_failed a 0 1",
        "task_started a 0 2",
        "task_completed a 0 2",
        "step_completed a",
        "step_started b",
        "task_started b 0 1",
        "task_completed b 0 1",
        "step_completed b",
        "workflow_completed",
    ]


def test_events_at_the_same_time_have_an_order_too(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("a"),
        step("each", "a", map=True),
        step("no", "a", condition="$.no"),
        step("z", "each"),
    )
    run_id = engine.start("order", {})
    engine.drain({"a": lambda _: []})
    assert events(engine, run_id) == [
        "workflow_started",
        "step_started a",
        "task_started a 0 1",
        "task_completed a 0 1",
        "step_completed a",
        "step_started each",
        "step_completed each",
        "step_skipped no",
        "step_started z",
        "task_started z 0 1",
        "task_completed z 0 1",
        "step_completed z",
        "workflow_completed",
    ]


def test_every_pause_is_an_event(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    for _ in range(2):
        clock.advance(1)
        engine.call("pause_workflow_run", run_id=run_id)
        clock.advance(1)
        engine.call("resume_workflow_run", run_id=run_id)
    clock.advance(1)
    engine.call("cancel_workflow_run", run_id=run_id)
    assert events(engine, run_id) == [
        "workflow_started",
        "step_started a",
        "workflow_paused",
        "workflow_resumed",
        "workflow_paused",
        "workflow_resumed",
        "step_cancelled a",
        "workflow_cancelled",
    ]


def test_waking_is_an_event_if_something_was_due_later(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=60))
    run_id = engine.start("order", {})
    clock.advance(1)
    for _ in range(2):
        engine.call("wake_workflow_run", run_id=run_id)
        engine.call("tick")
    engine.claim()
    story = events(engine, run_id)
    assert story == ["workflow_started", "step_started a", "workflow_woken", "task_started a 0 1"]


def test_failed_run_ends_with_its_failure(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b"))
    run_id = engine.start("order", {})
    a, b = engine.claim()
    engine.fail(a)
    assert events(engine, run_id)[-3:] == ["step_failed a", "step_cancelled b", "workflow_failed"]
    assert f"task_started {b.step_slug} 0 1" in events(engine, run_id)


def test_no_task_starts_before_its_step(engine: Engine) -> None:
    engine.define("order", *[step(f"s{i}", *([f"s{i - 1}"] if i else [])) for i in range(20)])
    run_ids = [engine.start("order", {}) for _ in range(20)]
    engine.drain()
    for run_id in run_ids:
        names = events(engine, run_id)
        assert names == sorted(names, key=order_of)


def order_of(name: str) -> tuple[int, int]:
    """Where an event belongs in a run of a chain of steps."""
    kind, *rest = name.split(" ")
    if kind.startswith("workflow"):
        return (-1 if kind == "workflow_started" else 1000, 0)
    rank = ["step_started", "task_started", "task_completed", "step_completed"].index(kind)
    return (int(rest[0][1:]), rank)


def test_by_default_nothing_is_sent(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.drain()
    assert engine.rows("select channel from stepgres.channels") == []


def test_events_of_runs_are_sent(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), events="run")
    completed, failed, cancelled = [engine.start("order", {}) for _ in range(3)]
    engine.call("pause_workflow_run", run_id=cancelled)
    engine.call("resume_workflow_run", run_id=cancelled)
    engine.call("cancel_workflow_run", run_id=cancelled, reason="enough")
    items = {item.run_id: item for item in engine.claim()}
    engine.complete(items[completed])
    engine.fail(items[failed], "broken")
    messages = sent(engine)
    assert [(m["type"], UUID(m["run_id"])) for m in messages] == [
        ("workflow_started", completed),
        ("workflow_started", failed),
        ("workflow_started", cancelled),
        ("workflow_paused", cancelled),
        ("workflow_resumed", cancelled),
        ("workflow_cancelled", cancelled),
        ("workflow_completed", completed),
        ("workflow_failed", failed),
    ]
    assert {m["workflow_slug"] for m in messages} == {"order"}
    assert messages[5]["error"] == "enough"
    assert (messages[7]["step_slug"], messages[7]["error"]) == ("a", 'step "a" failed: broken')


def test_events_of_tasks_are_sent_too_where_they_are_wanted(engine: Engine) -> None:
    engine.define("order", step("a", base_delay=0), step("each", "a", map=True), events="task")
    engine.define("quiet", step("a"))
    engine.start("quiet", {})
    engine.start("order", {})
    first = next(item for item in engine.claim() if item.workflow_slug == "order")
    engine.fail(first, "no luck")
    engine.call("tick")
    engine.drain({"a": lambda _: [1, 2]})
    assert [
        (m["type"], m.get("step_slug"), m.get("task_index"), m.get("attempt"), m.get("error"))
        for m in sent(engine)
    ] == [
        ("workflow_started", None, None, None, None),
        ("task_started", "a", 0, 1, None),
        ("task_failed", "a", 0, 1, "no luck"),
        ("task_started", "a", 0, 2, None),
        ("task_completed", "a", 0, 2, None),
        ("task_started", "each", 0, 1, None),
        ("task_started", "each", 1, 1, None),
        ("task_completed", "each", 0, 1, None),
        ("task_completed", "each", 1, 1, None),
        ("workflow_completed", None, None, None, None),
    ]


def test_refused_results_send_nothing(engine: Engine) -> None:
    engine.define("order", step("a"), events="task")
    engine.start("order", {})
    item = engine.claim_one()
    engine.work([item.completed(), item.completed()])
    engine.work([item.completed(), item.failed()])
    types = [message["type"] for message in sent(engine)]
    assert types == ["workflow_started", "task_started", "task_completed", "workflow_completed"]


def test_events_are_sent_in_the_transaction_of_what_they_report(engine: Engine) -> None:
    engine.define("order", step("a"), events="run")
    with engine.connection.transaction(force_rollback=True):
        engine.start("order", {})
        assert len(sent(engine)) == 1
    assert sent(engine) == []


def test_workflow_that_sends_events_may_be_younger_than_the_transaction(engine: Engine) -> None:
    with engine.connection.transaction():
        for slug, events in (("silent", "none"), ("order", "run"), ("goods", "none")):
            engine.define(slug, step("a"), events=events)
            engine.start(slug, {})
    assert [event["workflow_slug"] for event in sent(engine)] == ["order"]


@pytest.mark.parametrize("events", ["all", "", "TASK"])
def test_unknown_setting_is_refused(engine: Engine, events: str) -> None:
    with refused("SG001", "events"):
        engine.define("order", step("a"), events=events)


def test_run_without_subscribers_notifies_nobody(engine: Engine) -> None:
    with engine.connection.cursor() as cursor:
        for name in ("stepgres_queue_default", "stepgres_runs"):
            cursor.execute(f"listen {name}".encode())
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    engine.connection.execute(f"listen stepgres_run_{run_id.hex}".encode())
    engine.drain()
    assert list(engine.connection.notifies(timeout=0)) == []


def test_subscribers_are_told_of_each_change(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    channel = f"stepgres_run_{run_id.hex}"
    engine.connection.execute(f"listen {channel}".encode())
    engine.call("add_subscriber", run_id=run_id, every_change=True)

    def hints() -> list[str]:
        return [notify.channel for notify in engine.connection.notifies(timeout=0)]

    item = engine.claim_one()
    assert hints() == [channel]
    engine.complete(item)
    assert hints() == [channel]
    engine.call("pause_workflow_run", run_id=run_id)
    assert hints() == [channel]
    engine.call("resume_workflow_run", run_id=run_id)
    assert hints() == [channel]
    engine.drain()
    assert hints() == [channel, channel]


def test_subscribers_of_a_workflow_and_of_all_runs_are_told_which(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.define("bill", step("a"))
    (name,) = engine.rows("select 'stepgres_workflow_' || md5('order')")
    for channel in (name, "stepgres_runs"):
        engine.connection.execute(f"listen {channel}".encode())
    engine.call("add_subscriber", workflow_slug="order", every_change=True)
    engine.call("add_subscriber", every_change=False)
    order, bill = engine.start("order", {}), engine.start("bill", {})
    engine.drain()
    hints = {(n.channel, UUID(n.payload)) for n in engine.connection.notifies(timeout=0)}
    assert hints == {(name, order), ("stepgres_runs", order), ("stepgres_runs", bill)}


def test_channel_is_there_before_the_first_event(engine: Engine) -> None:
    channels: LiteralString = "select channel from stepgres.channels"
    engine.define("quiet", step("a"))
    assert engine.rows(channels) == []
    engine.define("loud", step("a"), events="run")
    assert engine.rows(channels) == ["workflow_events"]
    assert sent(engine) == []
