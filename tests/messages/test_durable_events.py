"""Events of suspensions: what the view shows, and what subscribers are told."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.messages.test_catch_up_events import Follower, by_run, listed, names
from tests.support.engine import Engine, step


def test_events_of_suspensions_are_told_as_the_view_has_them(engine: Engine, clock: Clock) -> None:
    durable = engine.colleague("durable", features=["durable"])
    everything = Follower(engine)
    assert everything.told() == []
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = durable.claim_one()
    for number in (1, 2):
        clock.advance(1)
        sleep = item.operation("sleep", number, kind="sleep", seconds=5)
        engine.call("save_checkpoints", worker_id="durable", waits=Jsonb([sleep]))
        clock.advance(1)
        durable.work([item.suspended(number)])
        clock.advance(5)
        engine.call("tick")
        clock.advance(1)
        item = durable.claim_one()
    clock.advance(1)
    durable.complete(item)
    events, shown = everything.told(), listed(engine, run_id)
    assert by_run(events) == by_run(shown)
    assert [name for name in names(shown) if name.startswith(("task", "wait"))] == [
        "task_started body",
        *["wait_opened body", "task_suspended body", "wait_resolved body", "task_resumed body"] * 2,
        "task_completed body",
    ]
