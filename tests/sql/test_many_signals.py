"""Many signals and many waits of one run: a call compares some, and later calls the others."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, step

FULL_TICK = 1_000
NEW: LiteralString = "select count(*) from stepgres.signals where is_new"
PAST: LiteralString = "select stepgres.next_due() < stepgres._now()"


def send(engine: Engine, run_id: UUID, payloads: list[Any], signal: str = "go") -> list[int]:
    """The ids of the signals."""
    return engine.rows(
        "select (stepgres.send_signal(%s, %s, p.payload)).signal_id"
        " from jsonb_array_elements(%s) with ordinality as p (payload, n)",
        run_id,
        signal,
        Jsonb(payloads),
    )


def count_ticks(engine: Engine) -> int:
    """The number of ticks until no signal is new; each tick but the last asks for another one."""
    for ticks in range(1, 100):
        returned = engine.call("tick")
        if engine.rows(NEW) == [0]:
            return ticks
        assert returned >= FULL_TICK
        assert engine.rows(PAST) == [True]
    raise AssertionError(f"{engine.rows(NEW)} signals are still new")


def taken(engine: Engine, run_id: UUID) -> dict[str, Any]:
    """The payload that each step has got."""
    return dict(
        engine.rows(
            "select step_slug, payload from stepgres.waits"
            " where run_id = %s and outcome = 'signalled'",
            run_id,
        )
    )


def unmet(count: int) -> list[dict[str, Any]]:
    """Steps whose waits ask different things of a signal, and get none."""
    return [step(f"s{i}", wait_for="go", match=f"$.n == {-1 - i}") for i in range(count)]


def end(engine: Engine, run_id: UUID) -> None:
    engine.call("cancel_workflow_run", run_id=run_id)


def test_signals_beyond_the_budget_of_a_tick_stay_new_for_later_ticks(engine: Engine) -> None:
    engine.define("order", *unmet(120))
    run_id = engine.start("order")
    send(engine, run_id, [{"n": i} for i in range(120)])
    assert count_ticks(engine) == 3  # 14,400 comparisons, and 5,000 a tick
    assert taken(engine, run_id) == {}
    assert engine.call("tick") == 0
    end(engine, run_id)


@pytest.mark.parametrize("match", ["$.n == -1", "$.n == $input.n", None])
def test_waits_that_ask_the_same_are_compared_once(engine: Engine, match: str | None) -> None:
    options = {} if match is None else {"match": match}
    engine.define(
        "order", step("a"), *(step(f"s{i:03}", "a", wait_for="go", **options) for i in range(120))
    )
    run_id = engine.start("order", {"n": 1})
    engine.complete(engine.claim_one())
    send(engine, run_id, [{"n": 0 if match else i} for i in range(120)])
    expected = {} if match else {f"s{i:03}": {"n": i} for i in range(120)}
    # The input is the input of a step: 120 inputs are 120 questions.
    assert count_ticks(engine) == (3 if match and "input" in match else 1)
    assert taken(engine, run_id) == expected
    if match:
        end(engine, run_id)


@pytest.mark.parametrize("seed", range(3))
def test_oldest_wait_gets_the_oldest_signal_across_ticks(engine: Engine, seed: int) -> None:
    random = Random(seed)
    rests = [random.sample(range(7), random.choice((1, 1, 2))) for _ in range(110)]
    matches = [" || ".join(f"$.n % 7 == {rest}" for rest in found) for found in rests]
    # half of the questions are asked by several waits
    for i in random.sample(range(110), 55):
        matches[i] += f" && $.n != {-1 - i}"
    steps = [step(f"s{i:03}", wait_for="go", match=f"({match})") for i, match in enumerate(matches)]
    engine.define("order", *steps, step("never", wait_for="stop"))
    run_id = engine.start("order")
    numbers = [random.choice((0, 0, 0, 1, 2, 3)) for _ in range(220)]
    send(engine, run_id, [{"n": n} for n in numbers])
    count_ticks(engine)
    expected: dict[str, Any] = {}
    for number in numbers:
        for i, found in enumerate(rests):
            if number % 7 in found and f"s{i:03}" not in expected:
                expected[f"s{i:03}"] = {"n": number}
                break
    assert taken(engine, run_id) == expected
    end(engine, run_id)


def test_wait_that_opens_meanwhile_gets_the_oldest_of_the_signals_that_are_left(
    engine: Engine,
) -> None:
    engine.define("order", *unmet(150), step("a"), step("late", "a", wait_for="go", match="$.late"))
    run_id = engine.start("order")
    send(engine, run_id, [{"n": i} for i in range(148)])
    send(engine, run_id, [{"late": "first"}, {"late": "second"}])
    engine.call("tick")
    engine.complete(engine.claim_one())
    assert taken(engine, run_id) == {}
    send(engine, run_id, [{"late": "third"}])
    count_ticks(engine)
    assert taken(engine, run_id) == {"late": {"late": "first"}}
    end(engine, run_id)


def test_waits_that_open_among_many_unread_signals_get_theirs_by_ticks(engine: Engine) -> None:
    waits = [step(f"s{i}", "a", wait_for="go", match=f"$.n == {i}") for i in range(100)]
    engine.define("order", step("a"), *waits)
    run_id = engine.start("order")
    send(engine, run_id, [{"n": -1}] * 98 + [{"n": 99, "by": 1}, {"n": 99, "by": 2}])
    assert count_ticks(engine) == 1  # nobody waits yet
    engine.complete(engine.claim_one())
    assert taken(engine, run_id) == {}
    assert engine.rows(PAST) == [True]
    count_ticks(engine)
    assert taken(engine, run_id) == {"s99": {"n": 99, "by": 1}}
    end(engine, run_id)


def test_wait_does_not_time_out_before_it_was_compared(engine: Engine, clock: Clock) -> None:
    waits = [step(f"s{i}", wait_for="go", match=f"$.n == {i}", timeout=60) for i in range(160)]
    engine.define("order", *waits, step("due", wait_for="go", match="$.never", timeout=60))
    run_id = engine.start("order")
    send(engine, run_id, [{"n": i} for i in reversed(range(160))])
    clock.advance(60)
    engine.call("tick")
    assert 0 < len(taken(engine, run_id)) < 160
    count_ticks(engine)
    assert taken(engine, run_id) == {f"s{i}": {"n": i} for i in range(160)}
    assert engine.status(run_id)[0] == "failed"  # since one wait is due


def test_signals_by_key_beyond_the_budget_go_to_later_ticks(engine: Engine) -> None:
    keys = range(80)
    waits = [
        step(f"s{i}", wait_for="go", match="$.n > 78", key=f"$.k{i}", timeout=60) for i in keys
    ]
    engine.define("order", *waits)
    run_id = engine.start("order", {f"k{i}": f"key {i}" for i in keys})
    engine.connection.execute(
        "select stepgres.send_signal_by_key('go', 'key ' || k, jsonb_build_object('n', n))"
        " from generate_series(1, 80) as n cross join generate_series(0, 79) as k order by n"
    )
    ticks = 0
    while engine.status(run_id)[0] != "completed":
        engine.call("tick")
        ticks += 1
        assert ticks < 20
    assert ticks > 1
    assert taken(engine, run_id) == {f"s{i}": {"n": 79} for i in keys}


def test_pause_and_resume_lose_no_signal_that_is_left(engine: Engine) -> None:
    engine.define("order", *unmet(120), step("last", wait_for="go", match="$.n == 119"))
    run_id = engine.start("order")
    send(engine, run_id, [{"n": i} for i in range(120)])
    engine.call("tick")
    engine.call("pause_workflow_run", run_id=run_id)
    assert count_ticks(engine) == 1
    engine.call("resume_workflow_run", run_id=run_id)
    count_ticks(engine)
    assert taken(engine, run_id) == {"last": {"n": 119}}
    end(engine, run_id)


def test_run_with_many_signals_keeps_no_other_run_from_an_older_one(engine: Engine) -> None:
    engine.define("order", *unmet(120))
    engine.define("small", step("ask", wait_for="go"))
    small, run_id = engine.start("small"), engine.start("order")
    send(engine, small, [{"n": 0}])
    send(engine, run_id, [{"n": i} for i in range(120)])
    engine.call("tick")
    assert engine.status(small)[0] == "completed"
    assert engine.rows(NEW) != [0]
    end(engine, run_id)
