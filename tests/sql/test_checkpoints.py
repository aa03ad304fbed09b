"""Durable steps by SQL: checkpoints, suspension, what wakes a task, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, refused, step


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    """A worker that knows durable steps."""
    with db.connect() as connection:
        engine = Engine(connection, features=["durable"])
        yield engine
        assert engine.stray_tickets() == []


def begin(engine: Engine, **options: Any) -> WorkItem:
    """A claimed task of a durable step."""
    engine.define("agent", step("body", durable=True, **options))
    engine.start("agent", {"n": 1})
    return engine.claim_one()


def save(engine: Engine, *checkpoints: Any, waits: Any = ()) -> list[Any]:
    """(name, number, outcome, output, is_refused) of the answers."""
    rows = engine.connection.execute(
        "select name, number, outcome, output, is_refused, wait_id"
        " from stepgres.save_checkpoints(%s, %s, %s)",
        [engine.worker_id, Jsonb(list(checkpoints)), Jsonb(list(waits))],
    ).fetchall()
    return [row[:5] for row in rows]


def kept(item: WorkItem) -> list[tuple[str, int, str | None, Any]]:
    """What the body has done: (name, number, outcome, output)."""
    return [
        (c["name"], c["number"], c.get("outcome"), c["output"]) for c in item.checkpoints["list"]
    ]


def sleep_of(item: WorkItem, number: int = 1, seconds: float = 60, **more: Any) -> dict[str, Any]:
    return item.operation("sleep", number, kind="sleep", seconds=seconds, **more)


def test_next_claim_has_the_checkpoints_of_the_task(engine: Engine) -> None:
    item = begin(engine)
    assert item.checkpoints == {"list": [], "after": None}
    assert save(engine, item.operation("run charge", output=7)) == []
    assert save(engine, item.operation("run charge", 2, error="no", error_type="ValueError")) == []
    engine.work([item.released()])
    again = engine.claim_one()
    assert kept(again) == [
        ("run charge", 1, "completed", 7),
        ("run charge", 2, "failed", None),
    ]
    assert again.attempt == 1


def test_tasks_of_other_steps_have_no_checkpoints(engine: Engine) -> None:
    engine.define("plain", step("a"), step("b", "a"))
    engine.start("plain")
    a = engine.claim_one()
    (b,) = engine.work([a.completed()], 1)
    assert (a.checkpoints, b.checkpoints) == (None, None)


def test_task_of_a_step_that_is_not_durable_saves_nothing(engine: Engine) -> None:
    engine.define("mixed", step("body", durable=True), step("plain"), step("each", map=True))
    engine.start("mixed", [1])
    body, each, plain = sorted(engine.claim(), key=lambda item: item.step_slug)
    before = engine.snapshot()
    for item, slug in ((plain, "plain"), (each, "each")):
        for checkpoints, waits in (
            ([item.operation("run a", output=1)], []),
            ([], [sleep_of(item)]),
            ([], [item.operation("child", kind="child", workflow="mixed", input=[])]),
            ([body.operation("run b", output=1), item.operation("run a", output=1)], []),
        ):
            with refused("SG003", f'step "{slug}" of "mixed" is not durable'):
                save(engine, *checkpoints, waits=waits)
    assert engine.snapshot() == before
    engine.work([item.completed() for item in (body, each, plain)])


def test_suspended_task_is_queued_when_its_wait_is_over(engine: Engine, clock: Clock) -> None:
    item = begin(engine, max_attempts=1)
    assert save(engine, waits=[sleep_of(item)]) == [("sleep", 1, None, None, False)]
    assert engine.work([item.suspended()], 10) == []
    assert engine.tasks(item.run_id) == {("body", 0): "waiting"}
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    again = engine.claim_one()
    assert kept(again) == [("sleep", 1, "completed", None)]
    assert (again.attempt, again.is_last_attempt) == (1, True)
    engine.complete(again, "done")
    engine.output(item.run_id)


def test_sleep_until_an_instant_ends_then(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    (instant,) = engine.rows("select to_jsonb(now + interval '60 s') #>> '{}' from test_clock")
    suspend(engine, item, item.operation("sleep", kind="sleep", until=instant))
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    again = engine.claim_one()
    past = "2020-01-01T00:00:00Z"
    suspend(engine, again, again.operation("sleep", 2, kind="sleep", until=past))
    engine.call("tick")
    assert [c[2] for c in kept(engine.claim_one())] == ["completed", "completed"]


def wait_for(item: WorkItem, signal: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return item.operation(f"signal {signal}", number, kind="signal", signal=signal, **more)


def wait_ids(engine: Engine) -> list[int]:
    return engine.rows("select wait_id from stepgres.waits order by wait_id")


def send(engine: Engine, item: WorkItem, signal: str, payload: Any = None) -> None:
    engine.call("send_signal", run_id=item.run_id, signal=signal, payload=Jsonb(payload))
    engine.call("tick")


def suspend(engine: Engine, item: WorkItem, *waits: dict[str, Any]) -> None:
    save(engine, waits=waits)
    names = [(wait["name"], wait["number"]) for wait in waits]
    ids = engine.rows(
        "select wait_id from stepgres.waits where run_id = %s"
        " and (name, number) in (select * from unnest(%s::text[], %s::int[]))",
        item.run_id,
        *map(list, zip(*names, strict=True)),
    )
    assert engine.work([item.suspended(*ids)]) == []


def test_results_that_are_sent_twice_are_kept_once(engine: Engine) -> None:
    item = begin(engine)
    for output in (7, 8):
        save(engine, item.operation("run a", output=output), waits=[wait_for(item, "paid")])
    assert engine.work([item.suspended()]) == []
    (refusal,) = engine.work([item.suspended()])
    assert refusal.is_refused
    send(engine, item, "paid", 1)
    assert kept(engine.claim_one()) == [
        ("run a", 1, "completed", 7),
        ("signal paid", 1, "signalled", 1),
    ]


def test_checkpoint_of_a_task_that_was_taken_over_is_refused(engine: Engine) -> None:
    item = begin(engine)
    engine.work([item.released()])
    again = engine.claim_one()
    assert save(engine, item.operation("run a", output=1)) == [(None, None, None, None, True)]
    save(engine, item.operation("run a", output=1), again.operation("run b", output=2))
    engine.work([again.released()])
    assert kept(engine.claim_one()) == [("run b", 1, "completed", 2)]


def test_stale_timeout_does_not_end_the_next_wait_of_the_name(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    suspend(engine, item, wait_for(item, "paid", timeout=60))
    send(engine, item, "paid", 1)
    again = engine.claim_one()
    suspend(engine, again, wait_for(again, "paid", 2, timeout=3600))
    clock.advance(120)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(3600)
    engine.call("tick")
    assert [c[2] for c in kept(engine.claim_one())] == ["signalled", "timed_out"]


def test_wait_that_is_resolved_before_the_suspension_queues_the_task_at_once(
    engine: Engine, clock: Clock
) -> None:
    item = begin(engine)
    save(engine, waits=[wait_for(item, "paid")])
    send(engine, item, "paid", 1)
    engine.work([item.suspended(*wait_ids(engine))])
    assert engine.claim_one().attempt == 1


def test_signal_that_came_early_answers_at_once(engine: Engine) -> None:
    item = begin(engine)
    send(engine, item, "paid", 5)
    assert save(engine, waits=[wait_for(item, "paid")]) == [
        ("signal paid", 1, "signalled", 5, False)
    ]
    engine.complete(item)


def test_waits_resolved_within_a_second_are_taken_together(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    suspend(engine, item, *(wait_for(item, name) for name in ("a", "b", "c")))
    send(engine, item, "a")
    send(engine, item, "b")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    again = engine.claim_one()
    assert [c[2] for c in kept(again)] == ["signalled", "signalled", None]
    engine.work([again.suspended(wait_ids(engine)[2])])
    assert engine.claim() == []
    send(engine, item, "c")
    assert engine.claim_one().claim == 3


def test_gathered_waits_wake_their_task_once(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    suspend(engine, item, *(wait_for(item, f"s{n}", is_gathered=True) for n in range(50)))
    for n in range(49):
        send(engine, item, f"s{n}")
    clock.advance(10)
    engine.call("tick")
    assert engine.claim() == []
    send(engine, item, "s49")
    assert engine.claim_one().claim == 2


def test_gathered_wait_that_fails_wakes_its_task(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    waits = [wait_for(item, "a", is_gathered=True), wait_for(item, "b", is_gathered=True)]
    suspend(engine, item, {**waits[0], "timeout": 5}, waits[1])
    clock.advance(5)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert [c[2] for c in kept(engine.claim_one())] == ["timed_out", None]


def test_attempts_count_since_the_last_new_checkpoint(engine: Engine) -> None:
    item = begin(engine, max_attempts=2, base_delay=0)
    for n in range(1, 5):
        save(engine, item.operation("run a", n, output=n))
        engine.fail(item)
        engine.call("tick")
        item = engine.claim_one()
        assert (item.attempt, item.is_last_attempt) == (n + 1, True)
    save(engine, item.operation("run a", 1, output=1))  # not new
    engine.fail(item)
    assert engine.status(item.run_id)[0] == "failed"


def test_body_that_begins_anew_has_its_input_and_no_checkpoints(engine: Engine) -> None:
    item = begin(engine)
    save(engine, item.operation("run a", output=1), waits=[wait_for(item, "paid")])
    send(engine, item, "paid", 1)
    engine.work([item.restarted({"n": 2})])
    again = engine.claim_one()
    assert (again.input, kept(again), again.attempt) == ({"n": 2}, [], 1)
    assert wait_ids(engine) == []
    engine.complete(again, 3)
    assert engine.output(item.run_id) == 3


def test_body_that_begins_anew_leaves_no_decision_on_its_approvals(engine: Engine) -> None:
    item = begin(engine)
    save(engine, waits=[item.operation("ask", kind="approval", title="Ship it?", quorum=2)])
    engine.call("approve", wait_id=wait_ids(engine)[0], decided_by="ann")
    engine.work([item.restarted({})])
    assert engine.rows("select * from stepgres.decisions") == []
    engine.complete(engine.claim_one())


@pytest.mark.parametrize("is_detached", [True, False])
def test_body_that_begins_anew_leaves_no_child_that_it_waited_for(
    engine: Engine, is_detached: bool
) -> None:
    engine.define("leaf", step("work"))
    item = begin(engine)
    for number in range(2):
        wait = item.operation(
            "child leaf", kind="child", workflow="leaf", input={}, is_detached=is_detached
        )
        save(engine, waits=[wait])
        engine.work([item.restarted({"n": number})])
        engine.call("tick")
        (item,) = [again for again in engine.claim() if again.step_slug == "body"]
        assert engine.rows("select * from stepgres.fsck()") == []
    children = "select status from stepgres.runs where parent_run_id = %s"
    assert engine.rows(children, item.run_id) == ["started" if is_detached else "failed"] * 2
    engine.complete(item)


def test_body_that_lets_go_without_a_wait_has_failed(engine: Engine) -> None:
    item = begin(engine)
    engine.work([item.suspended()])
    assert "waits for nothing" in engine.status(item.run_id)[1]


def test_suspended_step_is_cancelled_with_its_waits(engine: Engine) -> None:
    item = begin(engine)
    suspend(engine, item, wait_for(item, "paid"), sleep_of(item))
    engine.call("cancel_workflow_run", run_id=item.run_id)
    assert engine.tasks(item.run_id) == {("body", 0): "cancelled"}
    assert engine.rows("select distinct outcome from stepgres.waits") == ["cancelled"]


def test_deadline_ends_a_suspended_step(engine: Engine, clock: Clock) -> None:
    engine.define("agent", step("body", durable=True), deadline=30)
    run_id = engine.start("agent")
    item = engine.claim_one()
    suspend(engine, item, wait_for(item, "paid"), sleep_of(item))
    clock.advance(30)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"
    assert engine.tasks(run_id) == {("body", 0): "cancelled"}
    assert engine.rows("select distinct outcome from stepgres.waits") == ["cancelled"]


def test_completed_body_leaves_no_open_wait(engine: Engine) -> None:
    item = begin(engine)
    save(engine, waits=[wait_for(item, "paid", key="k")])
    engine.complete(item)
    assert engine.rows("select outcome from stepgres.waits") == ["cancelled"]


@pytest.mark.parametrize("policy", ["fail", "skip", "skip-cascade"])
def test_exhausted_body_leaves_no_open_wait(engine: Engine, policy: str) -> None:
    item = begin(engine, max_attempts=1, when_exhausted=policy)
    save(engine, waits=[wait_for(item, "paid")])
    # the new wait forgives nothing: this attempt is the first
    engine.fail(item)
    assert engine.rows("select outcome from stepgres.waits") == ["cancelled"]


def test_cascade_of_a_map_ends_its_suspended_tasks(engine: Engine) -> None:
    engine.define(
        "agent",
        step(
            "body",
            durable=True,
            initial_tasks=2,
            max_attempts=1,
            when_exhausted="skip-cascade",
        ),
    )
    engine.start("agent")
    first, second = engine.claim()
    suspend(engine, first, wait_for(first, "paid"))
    engine.fail(second)
    assert engine.rows("select outcome from stepgres.waits") == ["cancelled"]
    assert engine.status(first.run_id)[0] == "completed"


def test_pause_stops_the_time_of_a_suspended_step(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    suspend(engine, item, sleep_of(item), wait_for(item, "a"), wait_for(item, "b"))
    send(engine, item, "a")  # the timer of a second stands still too
    engine.call("pause_workflow_run", run_id=item.run_id)
    clock.advance(1000)
    engine.call("tick")
    assert engine.claim() == []
    assert [s[2] for s in engine.rows("select * from stepgres.why_stuck(%s)", item.run_id)] == [
        "pause"
    ]
    engine.call("resume_workflow_run", run_id=item.run_id)
    clock.advance(1)
    engine.call("tick")
    assert [c[2] for c in kept(engine.claim_one())] == [None, "signalled", None]


def test_why_stuck_names_what_a_suspended_step_waits_for(engine: Engine) -> None:
    item = begin(engine)
    suspend(engine, item, wait_for(item, "paid"), sleep_of(item))
    rows = engine.rows(
        "select waits_for, detail from stepgres.why_stuck(%s) order by 1", item.run_id
    )
    assert rows == [("signal", 'signal "paid"'), ("sleep", "sleep")]


def test_events_tell_suspensions_and_resumptions(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    clock.advance(1)
    suspend(engine, item, sleep_of(item, seconds=5))
    clock.advance(5)
    engine.call("tick")
    clock.advance(1)
    engine.complete(engine.claim_one())
    events = engine.rows(
        "select event_type from stepgres.run_events where run_id = %s and event_type ~ '^task'"
        " order by occurred_at, event_order",
        item.run_id,
    )
    assert sorted(events) == ["task_completed", "task_resumed", "task_started", "task_suspended"]
    assert events[-1] == "task_completed"


def test_retry_goes_on_from_the_checkpoints(engine: Engine) -> None:
    item = begin(engine, max_attempts=1)
    save(engine, item.operation("run a", output=1), waits=[wait_for(item, "paid", key="k")])
    engine.call("send_signal_by_key", signal="paid", key="k", payload=Jsonb(5))
    engine.call("tick")
    save(engine, waits=[wait_for(item, "late")])
    engine.fail(item)
    run_id = engine.call("retry_failed_workflow", run_id=item.run_id)
    again = engine.claim_one()
    assert again.run_id == run_id
    assert kept(again) == [("run a", 1, "completed", 1), ("signal paid", 1, "signalled", 5)]
    assert save(engine, waits=[wait_for(again, "late")]) == [("signal late", 1, None, None, False)]
    engine.complete(again)


def test_retry_keeps_the_input_of_a_body_that_began_anew(engine: Engine) -> None:
    item = begin(engine, max_attempts=1)
    engine.work([item.restarted({"n": 2})])
    engine.fail(engine.claim_one())
    engine.call("retry_failed_workflow", run_id=item.run_id)
    again = engine.claim_one()
    assert again.input == {"n": 2}
    engine.complete(again)


def test_retry_of_everything_has_no_checkpoints(engine: Engine) -> None:
    item = begin(engine, max_attempts=1)
    save(engine, item.operation("run a", output=1))
    engine.fail(item)
    engine.call("retry_failed_workflow", run_id=item.run_id, skip_completed=False)
    assert kept(engine.claim_one()) == []


def test_prune_deletes_what_bodies_have_done(engine: Engine, clock: Clock) -> None:
    item = begin(engine)
    suspend(engine, item, sleep_of(item, seconds=1))
    clock.advance(2)
    engine.call("tick")
    engine.complete(engine.claim_one())
    clock.advance(10)
    engine.call("prune", older_than="5 seconds")
    for table in ("checkpoints", "suspensions", "waits"):
        assert engine.rows(f"select * from stepgres.{table}".encode()) == []  # type: ignore[arg-type]


def test_task_has_at_most_10_000_checkpoints(engine: Engine) -> None:
    item = begin(engine)
    save(engine, *(item.operation("run a", n, output=n) for n in range(1, 10_001)))
    with refused("SG030", "10,000") as refusal:
        save(engine, item.operation("run a", 10_001, output=1))
    assert "restart" in refusal.hint


def test_checkpoint_has_at_most_a_megabyte(engine: Engine) -> None:
    item = begin(engine)
    save(engine, item.operation("run a", output="x" * 1_048_000))
    with refused("SG017", "1 MB"):
        save(engine, item.operation("run b", output="x" * 1_048_600))


def test_claimed_item_has_the_first_checkpoints_and_list_has_the_rest(engine: Engine) -> None:
    item = begin(engine)
    save(engine, *(item.operation("run a", n, output="x" * 10_000) for n in range(1, 1001)))
    engine.work([item.released()])
    again = engine.claim_one()
    found = len(again.checkpoints["list"])
    assert 20 < found < 30
    after = again.checkpoints["after"]
    assert after == found
    while rows := engine.rows(
        "select place from stepgres.list_checkpoints(%s, 'body', 0, %s)", item.run_id, after
    ):
        found, after = found + len(rows), rows[-1]
    assert found == 1000


@pytest.mark.parametrize(
    "operation",
    [
        {"name": "", "number": 1},
        {"name": "run a"},
        {"name": "x", "number": 1, "claim": None},
        {"name": "x", "number": "one"},
    ],
)
def test_malformed_operation_is_refused(engine: Engine, operation: dict[str, Any]) -> None:
    item = begin(engine)
    with refused("SG003"):
        key = {k: v for k, v in item.operation("run a", output=1).items() if k != "number"}
        save(engine, {**key, **operation})


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        ({"kind": "luck"}, "kind"),
        ({"kind": "sleep"}, "seconds"),
        ({"kind": "sleep", "until": "infinity"}, "until"),
        ({"kind": "sleep", "until": "soon"}, "wrong type"),
        ({"kind": "sleep", "seconds": 1, "is_gathered": "maybe"}, "wrong type"),
        ({"kind": "signal", "signal": "no spaces"}, "name of a signal"),
        ({"kind": "signal", "signal": "a", "key": ""}, "key"),
        ({"kind": "signal", "signal": "a", "match": 3}, "match must be a text, not 3"),
        ({"kind": "signal", "signal": "a", "timeout": "1"}, "number of seconds"),
        ({"kind": "approval", "title": "a", "timeout": "1"}, "number of seconds"),
        ({"kind": None}, "kind"),
        ({"kind": "child", "workflow": "agent"}, "a workflow and an input"),
        ({"kind": "child", "input": 1}, "a workflow and an input"),
        ({"kind": "child", "workflow": "agent", "input": 1, "version": "new"}, "wrong type"),
        ({"kind": "child", "workflow": "agent", "input": 1, "is_detached": 7}, "wrong type"),
    ],
)
def test_malformed_wait_is_refused(engine: Engine, wait: dict[str, Any], words: str) -> None:
    item = begin(engine)
    with refused("SG003", words):
        save(engine, waits=[item.operation("wait", **wait)])


def test_worker_without_the_feature_gets_no_durable_step(engine: Engine) -> None:
    old = engine.colleague("old")
    engine.define("agent", step("plain"), step("body", "plain", durable=True))
    run_id = engine.start("agent")
    (plain,) = old.claim()
    assert old.work([plain.completed()], 10) == []
    assert old.claim() == []
    engine.call("unregister_worker", worker_id=engine.worker_id)
    rows = engine.rows("select waits_for, detail from stepgres.why_stuck(%s)", run_id)
    assert rows == [("feature", 'no live worker of queue "default" can execute durable steps')]
    able = engine.colleague("able", features=["durable", "unheard of"])
    assert able.claim_one().step_slug == "body"


def test_executor_without_the_feature_leaves_durable_steps_to_workers(engine: Engine) -> None:
    old = engine.colleague("old", queues=[])
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent", executor_id="old")
    assert old.claim(run_ids=[run_id]) == []
    assert engine.claim_one().run_id == run_id


def test_feature_is_not_shown_among_the_resources(engine: Engine) -> None:
    engine.define("agent", step("body", durable=True, resources={"gpu": True}))
    (document,) = engine.rows("select stepgres.get_flow('agent') -> 'steps' -> 0")
    assert (document["resources"], document["durable"]) == ({"gpu": True}, True)
    assert engine.rows("select resources from stepgres.list_workers()") == [{}]
    engine.define("plain", step("body"))
    (document,) = engine.rows("select stepgres.get_flow('plain') -> 'steps' -> 0")
    assert "durable" not in document


@pytest.mark.parametrize("options", [{"transactional": True}, {"wait_for": "paid"}])
def test_step_that_cannot_be_durable_is_refused(engine: Engine, options: dict[str, Any]) -> None:
    with refused("SG001", "durable step has a body in"):
        engine.define("agent", step("body", durable=True, **options))


def test_suspended_tasks_of_a_large_map_do_not_hold_up_the_others(engine: Engine) -> None:
    engine.define("agent", step("body", durable=True, map=True))
    run_id = engine.start("agent", list(range(2500)))
    suspended = 0
    while items := engine.claim(100):
        save(engine, waits=[wait_for(item, f"s{item.task_index}") for item in items])
        assert engine.work([item.suspended() for item in items]) == []
        suspended += len(items)
    assert suspended == 2500
    engine.call("cancel_workflow_run", run_id=run_id)


@pytest.mark.parametrize("is_gathered", [True, False])
def test_waits_that_a_body_has_left_behind_wake_nobody(
    engine: Engine, clock: Clock, is_gathered: bool
) -> None:
    item = begin(engine)
    left = (wait_for(item, n, is_gathered=is_gathered, timeout=t) for n, t in _LEFT)
    suspend(engine, item, *left)
    clock.advance(6)
    engine.call("tick")
    clock.advance(1)
    engine.call("tick")
    again = engine.claim_one()  # one of the waits has failed, the other is left behind
    suspend(engine, again, *(wait_for(again, n, is_gathered=True) for n in ("c", "d")))
    send(engine, item, "b")
    clock.advance(2)
    engine.call("tick")
    assert engine.claim() == []
    send(engine, item, "c")
    send(engine, item, "d")
    engine.complete(engine.claim_one())


_LEFT = [("a", 5), ("b", 5000)]


def test_fsck_finds_a_suspended_task_that_nothing_would_wake(engine: Engine) -> None:
    item = begin(engine)
    save(engine, waits=[wait_for(item, "left")])
    suspend(engine, item, wait_for(item, "paid"))
    with engine.connection.transaction(force_rollback=True):
        engine.connection.execute(
            "update stepgres.waits set resolved_at = opened_at, outcome = 'timed_out'"
            " where signal = 'paid'"
        )
        (found,) = engine.rows("select invariant from stepgres.fsck()")
        assert found == "a waiting task has a timer or open waits, and a timer a waiting task"
