"""Tasks without attempts left: what their step does then."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine, step

RIGOROUS = {"max_attempts": 1}


def skip_reasons(engine: Engine) -> dict[str, str]:
    query = "select step_slug, skip_reason from stepgres.step_states where status = 'skipped'"
    return dict(engine.rows(query))


def test_exhausted_with_skip_lets_dependents_run_without_it(engine: Engine) -> None:
    engine.define("order", step("a", when_exhausted="skip", **RIGOROUS), step("b", "a"))
    run_id = engine.start("order", {"x": 1})
    engine.fail(engine.claim_one(), "ValueError: no luck")
    assert engine.tasks(run_id)["a", 0] == "skipped"
    query = "select status, skip_reason, error from stepgres.step_states where step_slug = 'a'"
    assert engine.rows(query) == [
        ("skipped", "attempts_exhausted", 'step "a" failed: ValueError: no luck')
    ]
    assert engine.claim_one().input == {"x": 1}


def test_attempts_are_used_up_before_a_step_is_skipped(engine: Engine) -> None:
    engine.define("order", step("a", when_exhausted="skip", max_attempts=2, base_delay=0))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert engine.steps(run_id) == {"a": "started"}
    engine.fail(engine.claim_one())
    assert engine.output(run_id) is None


def test_failure_that_is_not_retryable_skips_at_once(engine: Engine) -> None:
    engine.define("order", step("a", when_exhausted="skip", max_attempts=9))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), retryable=False)
    assert engine.steps(run_id) == {"a": "skipped"}


def test_exhausted_with_skip_cascade_skips_dependents_and_no_other_branch(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", when_exhausted="skip-cascade", **RIGOROUS),
        step("b", "a"),
        step("c", "b", "other"),
        step("other"),
    )
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim()}
    engine.fail(items["a"])
    assert skip_reasons(engine) == {
        "a": "attempts_exhausted",
        "b": "dependency_skipped",
        "c": "dependency_skipped",
    }
    engine.complete(items["other"], 1)
    assert engine.output(run_id) is None


def test_skip_that_feeds_a_map_makes_it_empty(engine: Engine) -> None:
    engine.define(
        "order",
        step("list", when_exhausted="skip", **RIGOROUS),
        step("each", "list", map=True),
        step("sum", "each"),
    )
    engine.start("order", {})
    engine.fail(engine.claim_one())
    assert engine.claim_one().input == {"each": []}


def test_skip_that_feeds_a_join_lets_it_wait_for_the_others(engine: Engine) -> None:
    engine.define(
        "order", step("a", when_exhausted="skip", **RIGOROUS), step("b"), step("join", "a", "b")
    )
    run_id = engine.start("order", {})
    a, b = engine.claim()
    engine.fail(a)
    assert engine.steps(run_id)["join"] == "created"
    engine.complete(b, 2)
    assert engine.claim_one().input == {"b": 2}


def test_replayed_failure_and_a_second_sibling_count_once(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", when_exhausted="skip", **RIGOROUS),
        step("b", when_exhausted="skip", **RIGOROUS),
        step("join", "a", "b"),
    )
    run_id = engine.start("order", {})
    a, b = engine.claim()
    engine.fail(a)
    assert engine.work([a.failed(), a.completed()]) != []
    assert engine.steps(run_id)["join"] == "created"
    assert [item.is_refused for item in engine.work([a.failed(), b.failed()])] == [True]
    assert engine.claim_one().step_slug == "join"


def test_exhausted_item_leaves_null_at_its_place(engine: Engine) -> None:
    engine.define(
        "order", step("each", map=True, when_exhausted="skip", **RIGOROUS), step("sum", "each")
    )
    run_id = engine.start("order", ["a", "b", "c"])
    a, b, c = engine.claim()
    engine.work([c.completed("C"), b.failed("no b")])
    engine.complete(a, "A")
    assert engine.claim_one().input == {"each": ["A", None, "C"]}
    assert engine.tasks(run_id)["each", 1] == "skipped"
    assert engine.steps(run_id)["each"] == "completed"


def test_last_item_to_fail_completes_its_map(engine: Engine) -> None:
    engine.define("order", step("each", map=True, when_exhausted="skip", **RIGOROUS))
    run_id = engine.start("order", [1, 2])
    one, two = engine.claim()
    engine.work([one.completed(1), two.failed()])
    assert engine.output(run_id) == [1, None]


def test_map_whose_items_are_all_exhausted_is_all_nulls(engine: Engine) -> None:
    engine.define("order", step("each", map=True, when_exhausted="skip", **RIGOROUS))
    run_id = engine.start("order", [1, 2])
    engine.work([item.failed() for item in engine.claim()])
    assert engine.output(run_id) == [None, None]


def test_large_map_expands_over_failing_items(engine: Engine) -> None:
    engine.define("order", step("each", map=True, when_exhausted="skip", **RIGOROUS))
    run_id = engine.start("order", list(range(2500)))
    while items := engine.claim():
        engine.work([item.failed() for item in items])
    assert engine.output(run_id) == [None] * 2500


@pytest.mark.parametrize(
    ("max_failed", "tolerated"),
    [("0", 0), ("1", 1), ("3", 3), ("0%", 0), ("49%", 1), ("50%", 2), ("100%", 4)],
)
def test_max_failed_bounds_what_a_map_tolerates(
    engine: Engine, max_failed: str, tolerated: int
) -> None:
    engine.define(
        "order", step("each", map=True, when_exhausted="skip", max_failed=max_failed, **RIGOROUS)
    )
    run_id = engine.start("order", [1, 2, 3, 4])
    items = engine.claim()
    engine.work([item.failed() for item in items[:tolerated]])
    assert engine.status(run_id)[0] != "failed"
    if tolerated < 4:
        engine.work([items[tolerated].failed("one too many")])
        status, error = engine.status(run_id)
        assert status == "failed"
        assert 'step "each"' in error
        assert "max_failed" in error
        assert "one too many" in error


def test_map_with_skip_cascade_ends_with_its_first_exhausted_item(engine: Engine) -> None:
    engine.define(
        "order",
        step("each", map=True, when_exhausted="skip-cascade", **RIGOROUS),
        step("sum", "each"),
    )
    run_id = engine.start("order", list(range(1500)))
    one, *others = engine.claim(capacity=3)
    engine.work([one.failed()])
    assert engine.steps(run_id) == {"each": "skipped", "sum": "skipped"}
    assert set(engine.tasks(run_id).values()) == {"skipped", "cancelled"}
    assert engine.tickets() == []
    assert len(engine.work([item.completed() for item in others])) == len(others)
    assert engine.output(run_id) is None


def test_first_of_several_exhausted_items_says_why_the_map_was_skipped(engine: Engine) -> None:
    engine.define("order", step("each", map=True, max_attempts=1, when_exhausted="skip-cascade"))
    for _ in range(2):
        engine.start("order", list(range(30)))
    engine.work([item.failed(f"not {item.input}") for item in engine.claim()])
    errors = engine.rows("select error from stepgres.step_states")
    assert errors == ['step "each" failed at task 0: not 0'] * 2


def test_waiting_items_of_a_skipped_map_have_no_timer_left(engine: Engine) -> None:
    engine.define(
        "order",
        step("each", map=True, when_exhausted="skip-cascade", max_attempts=3),
        step("other"),
    )
    engine.start("order", [1, 2])
    items = [item for item in engine.claim() if item.step_slug == "each"]
    engine.fail(items[0])
    assert engine.rows("select count(*) from stepgres.timers") == [1]
    engine.fail(items[1], retryable=False)
    assert engine.rows("select count(*) from stepgres.timers") == [0]


def test_output_that_a_map_cannot_take_fails_the_run_whatever_the_policy(engine: Engine) -> None:
    engine.define(
        "order", step("list", when_exhausted="skip", **RIGOROUS), step("each", "list", map=True)
    )
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), "no array")
    status, error = engine.status(run_id)
    assert status == "failed"
    assert '"list"' in error
    assert '"each"' in error


def test_crash_of_a_worker_on_the_last_attempt_skips(engine: Engine) -> None:
    engine.define("order", step("a", when_exhausted="skip", **RIGOROUS), step("b", "a"))
    engine.start("order", {})
    engine.claim_one()
    engine.call("register_worker", worker_id=engine.worker_id)
    assert engine.claim_one().step_slug == "b"
    assert skip_reasons(engine) == {"a": "attempts_exhausted"}


def test_dependent_of_two_branches_that_skip_one_after_the_other_is_counted_once(
    engine: Engine,
) -> None:
    engine.define(
        "order",
        step("left", max_attempts=1, when_exhausted="skip-cascade"),
        step("right", max_attempts=1, when_exhausted="skip-cascade"),
        step("join", "left", "right"),
        step("open"),
        step("last", "open"),
    )
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim()}
    engine.fail(items["left"], "first")
    engine.fail(items["right"], "second")
    assert engine.rows("select remaining_ends from stepgres.runs") == [1]
    engine.complete(items["open"], 1)
    assert engine.status(run_id)[0] == "in_progress"
    engine.drain()
    assert engine.output(run_id) == {"last": None}


def test_run_waits_for_steps_whose_dependents_were_all_skipped_before_them(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", max_attempts=1, when_exhausted="skip-cascade"),
        step("b"), step("c", "b"), step("join", "a", "c"), step("last", "join"),
    )  # fmt: skip
    run_id = engine.start("order", {})
    a, b = engine.claim()
    engine.fail(a)
    assert engine.steps(run_id)["last"] == "skipped"
    ends = "select step_slug from stepgres.step_states where is_end and finished_at is null"
    assert engine.rows(ends) == ["c"]
    engine.complete(b, 1)
    assert engine.status(run_id)[0] == "in_progress"
    engine.complete(engine.claim_one(), 2)
    assert engine.status(run_id) == ("completed", None)


def test_retry_counts_the_ends_that_a_cascade_has_left(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", max_attempts=1, when_exhausted="skip-cascade"),
        step("b", max_attempts=1), step("join", "a", "b"), step("other"),
    )  # fmt: skip
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim()}
    engine.fail(items["a"])
    engine.complete(items["other"], 1)
    engine.fail(items["b"])
    assert engine.status(run_id)[0] == "failed"
    new_id = engine.call("retry_failed_workflow", run_id=run_id)
    assert engine.rows("select remaining_ends from stepgres.runs where run_id = %s", new_id) == [1]
    engine.complete(engine.claim_one(), 2)
    assert engine.status(new_id) == ("completed", {"other": 1})
