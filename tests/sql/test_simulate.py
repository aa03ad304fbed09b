"""simulate: whole runs with their timers, waits, limits and children, of which nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Database
from tests.support.engine import Engine, refused, step

DAY = 86_400
Event = tuple[Any, ...]


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        yield Engine(connection, features=["durable", "limits"])


def simulate(
    engine: Engine, workflow_slug: str, input: Any = None, **arguments: Any
) -> list[Event]:
    """(seconds after the start, event, step, task, output or error) of each event."""
    for name in ("outcomes", "signals"):
        if name in arguments:
            arguments[name] = Jsonb(arguments[name])
    rows = engine._execute(
        "simulate", {"workflow_slug": workflow_slug, "input": Jsonb(input), **arguments}
    ).fetchall()
    return [
        (row[0].total_seconds(), row[1], row[4], row[5], row[8] if row[7] is None else row[7])
        for row in rows
    ]


def ends(events: list[Event]) -> dict[str | None, float]:
    """When each step, and under None the run, was completed."""
    return {
        event[2]: round(event[0], 3)
        for event in events
        if event[1] in ("step_completed", "workflow_completed")
    }


def test_three_days_of_a_run_pass_at_once(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("b", "a", start_delay=3600),
        step("paid", "b", wait_for="paid", timeout=5 * DAY),
        step("ship", "paid", start_delay=DAY),
    )
    before = engine.snapshot()
    events = simulate(
        engine,
        "order",
        {"id": 7},
        outcomes={"a": {"output": 1, "seconds": 2.5}, "ship": {"output": "sent"}},
        signals=[{"after": 2 * DAY, "signal": "paid", "payload": {"by": "card"}}],
    )
    assert ends(events) == {
        "a": 2.5, "b": 3602.5, "paid": 2 * DAY, "ship": 3 * DAY, None: 3 * DAY,
    }  # fmt: skip
    assert (2 * DAY, "step_completed", "paid", None, {"by": "card"}) in events
    assert events[-1] == (3 * DAY, "workflow_completed", None, None, "sent")
    assert engine.snapshot() == before


def test_attempts_have_their_outcomes_and_wait_for_their_retries(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=4, base_delay=60, timeout=30), step("b", "a"))
    outcomes = {"a": [{"error": "busy", "retry_after": 10}, {"seconds": 31}, {"output": 5}]}
    events = simulate(engine, "order", outcomes=outcomes)
    failed = [event for event in events if event[1] == "task_failed"]
    assert failed[0] == (0.0, "task_failed", "a", 0, "busy")
    assert failed[1] == (40.0, "task_failed", "a", 0, "TimeoutError: took longer than 30 s")
    assert events[-1][1] == "workflow_completed"
    events = simulate(engine, "order", outcomes={"a": {"error": "bad", "retryable": False}})
    assert events[-1][1] == "workflow_failed"
    assert "bad" in events[-1][4]


def test_tasks_of_a_map_have_outcomes_of_their_own(engine: Engine) -> None:
    engine.define("order", step("list"), step("each", "list", map=True), step("sum", "each"))
    outcomes = {
        "list": {"output": [1, 2, 3]},
        "each": {"output": "x"},
        "each/1": {"output": "y", "seconds": 9},
    }
    events = simulate(engine, "order", outcomes=outcomes)
    assert (9.0, "step_completed", "each", None, ["x", "y", "x"]) in events
    events = simulate(engine, "order")
    assert (0.0, "step_completed", "each", None, []) in events, "a map of an empty array"


def test_child_runs_and_approvals_are_simulated(engine: Engine) -> None:
    engine.define("child", step("work"))
    engine.define(
        "parent",
        step("kids", map=True, workflow="child"),
        step("ok", "kids", approval={"title": "?"}),
        step("end", "ok"),
    )
    events = simulate(
        engine,
        "parent",
        [1, 2],
        outcomes={"work": {"output": 3, "seconds": 60}},
        signals=[{"after": 90, "approve": "ok", "payload": "fine", "decided_by": "ann"}],
    )
    assert ends(events) == {"work": 60, "kids": 60, "ok": 90, "end": 90, None: 90}
    (output,) = (event[4] for event in events if event[1:3] == ("step_completed", "ok"))
    assert (output["approved"], output["payload"]) == (True, "fine")
    events = simulate(engine, "parent", [1], signals=[{"after": 5, "reject": "ok"}])
    assert events[-1][1] == "workflow_failed"


def test_a_wait_without_a_signal_times_out_or_is_where_the_simulation_ends(engine: Engine) -> None:
    engine.define("timed", step("a", wait_for="x", timeout=DAY))
    engine.define("open", step("a", wait_for="x"))
    assert simulate(engine, "timed")[-1][:2] == (DAY, "workflow_failed")
    assert simulate(engine, "open")[-1][1] == "wait_opened"
    engine.define("late", step("a", start_delay=100 * DAY))
    assert simulate(engine, "late", until="50 days")[-1][1] == "step_started"


def test_limits_hold_in_a_simulation_and_hold_up_nobody_else(engine: Engine, db: Database) -> None:
    engine.call("create_limit", limit_slug="two", max_running=2)
    engine.call("create_limit", limit_slug="rate", rate=1, per="10 seconds")
    engine.call("create_limit", limit_slug="one", max_running=1)
    engine.define("places", step("each", map=True, limits=[{"limit": "two"}]))
    engine.define("rated", step("each", map=True, limits=[{"limit": "rate"}]))
    engine.define("child", step("a"), limits=[{"limit": "one"}])
    engine.define("whole", step("kids", map=True, workflow="child"), limits=[{"limit": "one"}])
    for number in range(3):
        engine.start("places", [number])
    assert len(engine.claim()) == 2, "the places of real runs are taken"
    seconds = {"outcomes": {"each": {"seconds": 60}}}
    before = engine.snapshot()
    with db.connect() as connection, connection.transaction():
        other = engine.on(connection)
        assert ends(simulate(other, "places", list(range(5)), **seconds))[None] == 180
        assert ends(simulate(other, "rated", list(range(5))))[None] == 40
        kids = {"outcomes": {"a": {"seconds": 7}}}
        assert ends(simulate(other, "whole", [1, 2, 3], **kids))[None] == 21
        # the simulations are not committed yet, and hold no lock that work waits for
        engine.start("places", [9])
        engine.call("tick")
        assert engine.claim() == []
    after = engine.snapshot()
    assert after["stepgres.places"] == before["stepgres.places"]
    assert len(after["stepgres.runs"]) == len(before["stepgres.runs"]) + 1


def test_nobody_else_is_moved_or_told(engine: Engine, db: Database) -> None:
    engine.define("order", step("a", execution="distributed", timeout=30 * DAY), events="task")
    engine.define("later", step("b", start_delay=60))
    engine.start("later")
    engine.start("order")
    with db.connect() as listener:
        (name,) = engine.rows("select stepgres.wakeup_name('default')")
        for channel in (name, "workflow_events"):
            listener.execute(f'listen "{channel}"'.encode())
        before = engine.snapshot()
        events = simulate(engine, "order", outcomes={"a": {"seconds": 7 * DAY}})
        assert ends(events)[None] == 7 * DAY
        assert engine.snapshot() == before
        assert list(listener.notifies(timeout=0)) == []


def test_the_setting_of_the_clock_alone_moves_no_clock(engine: Engine) -> None:
    query: LiteralString = "select abs(extract(epoch from stepgres._now() - clock_timestamp())) < 1"
    for setting in ("", "x", "secret 4102444800000000 simulator:x", "  ", "null 1 2 3"):
        engine.rows("select set_config('stepgres.clock', %s, false)", setting)
        assert engine.rows(query) == [True], setting
        assert engine.rows("select stepgres._simulator()") == [None]


@pytest.mark.parametrize(
    ("arguments", "sqlstate", "words"),
    [
        ({"outcomes": []}, "SG001", "outcomes must be a JSON object"),
        ({"outcomes": {"nobody": {}}}, "SG001", '"nobody", which is no step of the run'),
        ({"outcomes": {"a": 5}}, "SG001", 'outcome of step "a"'),
        ({"outcomes": {"a": {"result": 5}}}, "SG001", 'unknown option "result"'),
        ({"outcomes": {"a": {"seconds": "long"}}}, "SG001", "seconds must be a JSON number"),
        ({"signals": {}}, "SG001", "signals must be a JSON array"),
        ({"signals": [{}]}, "SG001", "needs one of signal, approve and reject"),
        ({"signals": [{"signal": "x", "approve": "a"}]}, "SG001", "needs one of"),
        ({"signals": [{"approve": "a"}]}, "SG003", 'step "a" waits for no approval'),
        ({"version": 9}, "SG002", "version 9"),
    ],
)
def test_bad_arguments_are_named_and_leave_nothing(
    engine: Engine, arguments: dict[str, Any], sqlstate: str, words: str
) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    with refused(sqlstate, words):
        simulate(engine, "order", **arguments)
    assert engine.snapshot() == before
    assert engine.rows("select stepgres._simulator()") == [None]


def test_a_simulation_within_a_transaction_leaves_the_clock_as_it_was(engine: Engine) -> None:
    engine.define("order", step("a", start_delay=DAY))
    with engine.connection.transaction():
        simulate(engine, "order")
        (is_now,) = engine.rows(
            "select abs(extract(epoch from stepgres._now() - clock_timestamp())) < 1"
        )
        assert is_now
