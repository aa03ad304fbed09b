"""How steps have done in recorded runs, and what that recommends."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.history import (
    chain_beside_short_steps,
    optimize,
    recommend,
    record,
    record_failures,
)


def reasons(engine: Engine, level: str = "basic") -> list[str]:
    return engine.rows("select reason from stepgres.recommend('order', %s)", level)


# Statistics


def test_statistics_say_how_steps_have_done(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"))
    record(engine, clock, "order", {"a": 2, "b": 4}, runs=3)
    record(engine, clock, "order", {"a": 6, "b": 4})
    rows = engine.rows(
        """
        select step_slug, runs, tasks, failures, retries,
            p50_duration, p99_duration, p50_wait, p50_elapsed
        from stepgres.step_statistics('order')
        """
    )
    assert rows[1] == (
        "b",
        4,
        4,
        0,
        0,
        *[timedelta(seconds=4)] * 2,
        timedelta(0),
        timedelta(seconds=4),
    )
    assert rows[0][:6] == ("a", 4, 4, 0, 0, timedelta(seconds=2))
    assert timedelta(seconds=5.8) < rows[0][6] <= timedelta(seconds=6)


def test_statistics_count_failures_and_what_became_of_them(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), max_attempts=2, timeout=60)
    record_failures(engine, clock, "order", 0)
    record_failures(engine, clock, "order", 1, seconds=61)
    record_failures(engine, clock, "order", 2)
    rows = engine.rows(
        """
        select runs, tasks, failures, retries, recovered, exhausted, timeouts, longest_timeout
        from stepgres.step_statistics('order')
        """
    )
    assert rows == [(3, 3, 3, 2, 1, 1, 1, timedelta(seconds=60))]


def test_statistics_of_a_map_are_those_of_its_tasks(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True))
    record(engine, clock, "order", {"each": 3}, input=[1, 2, 3, 4], parallel=2)
    rows = engine.rows(
        "select runs, tasks, p50_duration, p50_elapsed from stepgres.step_statistics('order')"
    )
    assert rows == [(1, 4, timedelta(seconds=3), timedelta(seconds=6))]


def test_what_a_retried_run_has_taken_over_is_counted_once(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"), max_attempts=1)
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    clock.advance(1)
    engine.call("retry_failed_workflow", run_id=run_id)
    engine.drain()
    rows = engine.rows("select step_slug, runs, tasks from stepgres.step_statistics('order')")
    assert rows == [("a", 1, 1), ("b", 2, 2)]


def test_statistics_are_those_of_the_last_runs(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    record(engine, clock, "order", {"a": 9}, runs=5)
    record(engine, clock, "order", {"a": 1}, runs=5)
    query: LiteralString = "select runs, p99_duration from stepgres.step_statistics('order', 5)"
    assert engine.rows(query) == [(5, timedelta(seconds=1))]


def test_active_runs_do_not_count_yet(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order")
    engine.complete(engine.claim_one())
    assert engine.rows("select from stepgres.step_statistics('order')") == []
    engine.drain()


def test_ended_runs_beside_active_runs_count_once(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a", start_delay=60))
    for _ in range(3):
        engine.start("order")
        engine.complete(engine.claim_one())
        clock.advance(1)
        engine.call("cancel_workflow_run", run_id=engine.start("order"))
        clock.advance(1)
    found = {last: statistics_of_a(engine, last) for last in (1, 2, 3, 100, 2**31 - 1, None)}
    assert found == {1: 0, 2: 0, 3: 0, 100: 0, 2**31 - 1: 0, None: 0}
    clock.advance(60)
    engine.call("tick")
    engine.drain()
    found = {last: statistics_of_a(engine, last) for last in (1, 2, 3, 100, 2**31 - 1, None)}
    assert found == {1: 0, 2: 1, 3: 1, 100: 3, 2**31 - 1: 3, None: 3}


def test_ended_runs_behind_a_backlog_count(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    record(engine, clock, "order", {"a": 1}, runs=4)
    clock.advance(1)
    start = {"workflow_slug": "order", "inputs": Jsonb([None] * 10_100)}
    engine.call("start_workflow_runs", **start)
    assert [statistics_of_a(engine, last) for last in (3, 50, 200)] == [3, 4, 4]


def statistics_of_a(engine: Engine, last_runs: int | None) -> int:
    """The number of runs in the statistics of step a."""
    query: LiteralString = """
        select coalesce(max(runs), 0)::int from stepgres.step_statistics('order', %s)
        where step_slug = 'a'
    """
    (runs,) = engine.rows(query, last_runs)
    return int(runs)


# Timeouts


def test_timeout_is_lowered_to_what_leaves_room_after_20_runs(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=600)
    record(engine, clock, "order", {"a": 4}, runs=19)
    assert recommend(engine) == {}
    record(engine, clock, "order", {"a": 4})
    assert recommend(engine) == {("a", "timeout"): 12}
    (reason,) = reasons(engine)
    assert reason == "99 of 100 of 20 tasks in 20 runs took at most 4 s"


def test_timeout_of_short_steps_stays_above_5_seconds(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    record(engine, clock, "order", {"a": 0.01}, runs=20)
    assert recommend(engine) == {("a", "timeout"): 5}


def test_timeout_with_too_little_room_is_raised_with_few_runs(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=60)
    record(engine, clock, "order", {"a": 50}, runs=5)
    assert recommend(engine) == {("a", "timeout"): 150}


def test_timeout_that_fits_stays(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=60)
    record(engine, clock, "order", {"a": 21}, runs=20)
    assert recommend(engine, "aggressive") == {}


def test_timeout_that_tasks_ran_into_is_doubled(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=60, max_attempts=2)
    record(engine, clock, "order", {"a": 40}, runs=4)
    record_failures(engine, clock, "order", 1, seconds=60)
    assert recommend(engine)[("a", "timeout")] == 120
    assert "1 attempts ran into a timeout of 60 s" in reasons(engine)[1]


def test_timeout_of_a_step_that_hangs_now_and_then_is_not_raised(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), timeout=60)
    record(engine, clock, "order", {"a": 1}, runs=30)
    record_failures(engine, clock, "order", 1, seconds=60)
    assert recommend(engine)[("a", "timeout")] == 5


# Attempts


def test_attempts_are_raised_where_retries_help(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), max_attempts=2)
    for _ in range(5):
        record_failures(engine, clock, "order", 0)
        record_failures(engine, clock, "order", 1)
    record_failures(engine, clock, "order", 2)
    # 6 of 11 fail at first, 1 of 6 retries: 6/11 * (1/6)^4 is the first below 1/1000
    assert recommend(engine) == {("a", "max_attempts"): 5}
    assert reasons(engine)[1] == (
        "of 11 tasks 6 failed at first, and 5 of 6 retries helped; 1 tasks were exhausted"
    )


def test_attempts_stay_where_retries_never_help(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), max_attempts=2)
    for _ in range(10):
        record_failures(engine, clock, "order", 2)
    assert recommend(engine) == {}


def test_attempts_that_are_enough_stay(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), max_attempts=10)
    for _ in range(6):
        record_failures(engine, clock, "order", 1)
    assert recommend(engine) == {}


# Priorities


def test_longest_path_goes_first(engine: Engine, clock: Clock) -> None:
    chain_beside_short_steps(engine, timeout=5)
    record(engine, clock, "order", dict.fromkeys([f"link_{i}" for i in range(4)], 1), runs=5)
    changes = recommend(engine, "advanced")
    assert changes == {(f"link_{i}", "priority"): 2 for i in range(4)}
    assert (
        "the longest path from its start to the end takes 4 s, and from the start of"
        ' "short_0", which can run at the same time, 0 s' in reasons(engine, "advanced")
    )


def test_priorities_begin_at_those_that_were_defined(engine: Engine, clock: Clock) -> None:
    chain_beside_short_steps(engine, timeout=5, priority=7)
    record(engine, clock, "order", {"link_0": 1, "link_3": 2}, runs=5)
    assert recommend(engine, "advanced")[("link_0", "priority")] == 9


def test_chain_that_competes_with_nothing_keeps_its_priorities(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"), timeout=5)
    record(engine, clock, "order", {"a": 1, "b": 1, "c": 1}, runs=5)
    assert recommend(engine, "advanced") == {}


def test_differences_below_a_tenth_of_a_second_are_no_reason(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b"), timeout=5)
    record(engine, clock, "order", {"a": 0.001, "b": 0.1}, runs=5)
    assert recommend(engine, "advanced") == {}


def test_groups_are_on_paths_and_have_no_priority(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("a"), step("b"), step("g", "a", "b", gathers=["a", "b"]), step("end", "g"),
        step("aside"), timeout=5,
    )  # fmt: skip
    record(engine, clock, "order", {"a": 1, "b": 1, "end": 1, "aside": 1}, runs=5)
    assert recommend(engine, "advanced") == {
        (slug, "priority"): value for slug, value in [("a", 1), ("b", 1), ("end", 1)]
    }


def test_graph_of_many_steps_is_looked_through(engine: Engine, clock: Clock) -> None:
    layers = [[f"s{layer}_{i}" for i in range(20)] for layer in range(20)]
    steps = [step(slug) for slug in layers[0]]
    for above, layer in pairwise(layers):
        steps += [step(slug, *above) for slug in layer]
    engine.define("order", *steps, timeout=5)
    record(engine, clock, "order", {f"s{i}_0": 1 for i in range(20)}, runs=5, parallel=500)
    assert recommend(engine, "advanced") == {}


# How many at a time


def test_more_tasks_at_a_time_than_help_are_not_recommended(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True), timeout=12)
    record(engine, clock, "order", {"each": 1}, runs=5, input=list(range(20)), parallel=2)
    record(engine, clock, "order", {"each": 4}, runs=5, input=list(range(24)), parallel=8)
    assert recommend(engine, "advanced") == {(None, "max_parallel"): 2}
    assert (
        "5 runs with up to 2 tasks at a time got as much done in a second"
        " as 5 runs with up to 8 (1.00 times as much)" in reasons(engine, "advanced")
    )


def test_tasks_that_do_not_slow_each_other_down_are_not_limited(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("each", map=True), timeout=5)
    for parallel in (2, 4, 8):
        record(
            engine, clock, "order", {"each": 1}, runs=5, input=list(range(24)), parallel=parallel
        )
    assert recommend(engine, "advanced") == {}


def test_limit_that_was_never_exceeded_is_no_knowledge(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True), timeout=5)
    record(engine, clock, "order", {"each": 1}, runs=9, input=list(range(24)), parallel=8)
    assert recommend(engine, "advanced") == {}


def test_tasks_that_workers_share_are_not_limited(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("each", map=True), timeout=12, execution="distributed")
    record(engine, clock, "order", {"each": 1}, runs=5, input=list(range(20)), parallel=2)
    record(engine, clock, "order", {"each": 4}, runs=5, input=list(range(24)), parallel=8)
    assert recommend(engine, "advanced") == {}


# Chains


def test_chains_of_short_steps_stick_to_a_worker(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("a"), step("b", "a"), step("c", "b"), step("d", "c"), step("e", "c"),
        step("long", "e"), step("after", "long"), timeout=5, execution="distributed",
    )  # fmt: skip
    record(engine, clock, "order", {"a": 0.01, "long": 0.2}, runs=5)
    assert {key for key in recommend(engine, "aggressive") if key[1] == "sticky"} == {
        ("b", "sticky"),
        ("c", "sticky"),
    }
    assert not [key for key in recommend(engine, "advanced") if key[1] == "sticky"]


def test_local_steps_need_not_stick(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b", "a"), timeout=5)
    record(engine, clock, "order", {}, runs=5)
    assert recommend(engine, "aggressive") == {}


# Too little history, bad arguments


def test_too_little_history_is_said_and_changes_nothing(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), timeout=600)
    record(engine, clock, "order", {"a": 500}, runs=4)
    (reason,) = reasons(engine)
    assert reason.startswith('too little history: 4 runs of workflow "order" have ended')
    assert optimize(engine) == 1
    assert engine.rows("select count(*) from stepgres.workflow_versions") == [1]


@pytest.mark.parametrize("function", ["recommend", "optimize_workflow"])
@pytest.mark.parametrize("level", ["extreme", "", None])
def test_unknown_level_is_refused_and_the_others_are_named(
    engine: Engine, function: str, level: str | None
) -> None:
    engine.define("order", step("a"))
    with refused("SG003", f'"{level}"' if level is not None else "level") as refusal:
        engine.call(function, workflow_slug="order", level=level)
    assert "basic, advanced and aggressive" in refusal.hint


@pytest.mark.parametrize("function", ["recommend", "optimize_workflow", "step_statistics"])
def test_unknown_workflow_is_refused(engine: Engine, function: str) -> None:
    with refused("SG002", '"order"'):
        engine.call(function, workflow_slug="order")
