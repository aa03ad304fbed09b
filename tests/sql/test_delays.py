"""What waits for a time: delayed starts, delayed steps, deadlines."""

from __future__ import annotations

import pytest
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def test_delayed_run_begins_after_its_delay_and_not_before(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("each", map=True, initial_tasks=2), step("b", "a"))
    run_id = engine.start("order", {}, delay="60 seconds")
    assert set(engine.steps(run_id).values()) == {"created"}
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    assert engine.call("tick") == 1
    assert [item.place for item in engine.claim()] == [("a", 0), ("each", 0), ("each", 1)]


def test_delayed_run_whose_maps_are_empty_begins_later_too(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", [], delay="60 seconds")
    assert engine.status(run_id)[0] == "in_progress"
    clock.advance(60)
    engine.call("tick")
    assert engine.output(run_id) == []


def test_delay_of_a_step_counts_from_its_readiness(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a", start_delay=60))
    run_id = engine.start("order", {})
    clock.advance(1000)
    engine.complete(engine.claim_one())
    assert engine.tasks(run_id)["b", 0] == "waiting"
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert engine.claim_one().attempt == 1


def test_delay_of_a_root_step_counts_from_the_start_of_the_run(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", start_delay=60))
    engine.start("order", {}, delay="60 seconds")
    clock.advance(60)
    engine.call("tick")
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert engine.claim_one().step_slug == "a"


def test_delay_of_a_map_holds_back_all_its_tasks_once(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True, start_delay=60))
    run_id = engine.start("order", list(range(2500)))
    assert engine.claim() == []
    clock.advance(60)
    while engine.call("tick"):
        pass
    engine.drain({"each": lambda item: item})
    assert engine.output(run_id) == list(range(2500))


def test_delayed_step_of_a_local_run_waits_too(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=60))
    run_id = engine.start("order", {}, executor_id=engine.worker_id)
    assert engine.claim(run_ids=[run_id]) == []
    clock.advance(60)
    engine.call("tick")
    assert len(engine.claim(run_ids=[run_id])) == 1
    assert engine.tickets() == []


def test_next_due_knows_delays_and_deadlines(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.start("order", {}, deadline="30 seconds")
    assert engine.rows("select stepgres.next_due() - now from public.test_clock")[0].seconds == 30
    engine.start("order", {}, delay="10 seconds")
    assert engine.rows("select stepgres.next_due() - now from public.test_clock")[0].seconds == 10


def test_run_fails_at_its_deadline(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {}, deadline="60 seconds")
    item = engine.claim(capacity=1)[0]
    clock.advance(60)
    engine.call("tick")
    assert engine.status(run_id) == ("failed", "run did not end within its deadline of 60 s")
    assert engine.tickets() == []
    assert engine.work([item.completed()])[0].is_refused
    assert engine.rows("select cancelled_at, failed_step from stepgres.runs") == [(None, None)]


def test_deadline_of_the_workflow_holds_unless_the_run_has_its_own(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), deadline=60)
    first, second = engine.start("order", {}), engine.start("order", {}, deadline="90 seconds")
    engine.call("start_workflow_runs", workflow_slug="order", inputs="[1]")
    clock.advance(60)
    engine.call("tick")
    assert engine.status(first)[0] == "failed"
    assert engine.rows("select status from stepgres.runs order by status") == [
        "failed",
        "failed",
        "started",
    ]
    assert engine.status(second)[0] == "in_progress"


def test_deadline_counts_from_the_end_of_the_delay(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, delay="60 seconds", deadline="60 seconds")
    clock.advance(119)
    engine.call("tick")
    assert engine.status(run_id)[0] == "in_progress"
    clock.advance(1)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"


def test_deadline_comes_before_what_is_due_at_the_same_time(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=60))
    run_id = engine.start("order", {}, deadline="60 seconds")
    clock.advance(60)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"
    assert engine.tickets() == []


def test_run_that_ends_in_time_has_no_deadline_left(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    engine.start("order", {}, deadline="60 seconds")
    engine.start("order", {}, deadline="60 seconds")
    one, two = engine.claim()
    engine.complete(one)
    engine.fail(two)
    assert engine.rows("select count(*) from stepgres.timers") == [0]


def test_deadline_and_delay_stand_still_in_a_pause(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {}, delay="60 seconds", deadline="60 seconds")
    clock.advance(30)
    engine.call("pause_workflow_run", run_id=run_id)
    clock.advance(1000)
    engine.call("tick")
    engine.call("resume_workflow_run", run_id=run_id)
    assert set(engine.steps(run_id).values()) == {"created"}
    clock.advance(29)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert len(engine.claim()) == 1
    clock.advance(60)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"


@pytest.mark.parametrize(
    "options",
    [
        {"delay": "-1 second"},
        {"delay": "200 years"},
        {"deadline": "0"},
        {"deadline": "-1 second"},
        {"deadline": "200 years"},
        {"tags": ["a", None]},
    ],
)
def test_impossible_times_and_tags_are_refused(engine: Engine, options: dict[str, object]) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    with refused("SG003"):
        engine.start("order", {}, **options)
    with refused("SG003"):
        engine.call("start_workflow_runs", workflow_slug="order", inputs="[1, 2]", **options)
    assert engine.snapshot() == before


def test_delay_of_zero_is_none(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {}, delay="0")
    engine.call("start_workflow_runs", workflow_slug="order", inputs="[1, 2]", delay="0")
    assert len(engine.claim()) == 3


def test_runs_that_are_started_together_begin_together_after_their_delay(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("each", map=True))
    options = {"delay": "60 seconds", "deadline": "60 seconds", "tags": ["x"]}
    engine.call("start_workflow_runs", workflow_slug="order", inputs="[[1], [2, 3]]", **options)
    clock.advance(59)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert len(engine.claim()) == 5
    clock.advance(60)
    engine.call("tick")
    assert engine.rows("select status, tags from stepgres.runs") == [("failed", ["x"])] * 2


def test_day_has_24_hours_when_the_clocks_change_too(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=86_400))
    engine.connection.execute("set timezone = 'Europe/Berlin'")
    engine.connection.execute("update public.test_clock set now = '2026-03-28 12:00+01'")
    engine.call("register_worker", worker_id=engine.worker_id, lease="1 year")
    engine.start("order", {}, delay="1 day", deadline="2 days")
    query: LiteralString = (
        "select (extract(epoch from due_at - now) / 3600)::int"
        " from stepgres.timers, public.test_clock"
    )
    assert sorted(engine.rows(query)) == [24, 72]
    clock.advance(86_400)
    engine.call("tick")
    assert sorted(engine.rows(query)) == [24, 48]
