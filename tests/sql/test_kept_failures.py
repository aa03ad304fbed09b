"""What is kept of failed attempts for people: type, message and traceback, all of bounded size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, step

TRACEBACK = 'Traceback (most recent call last):\n  File "shop.py", line 7, in charge\nKeyError: 1\n'
DETAILS = {"error_type": "KeyError", "traceback": TRACEBACK}
ONCE = {"max_attempts": 1}


def attempts(engine: Engine, run_id: Any) -> list[tuple[Any, ...]]:
    """Type, error and traceback of the attempts of the first step, as get_run lists them."""
    listed = engine.call("get_run", run_id=run_id)["steps"][0]["attempts"]
    return [(a["error_type"], a["error"], a["traceback"]) for a in listed]


@pytest.mark.parametrize("call", ["work", "fail_task"])
def test_failed_attempts_keep_type_message_and_traceback(engine: Engine, call: str) -> None:
    engine.define("order", step("charge", base_delay=0))
    run_id = engine.start("order")
    item = engine.claim_one()
    if call == "work":
        engine.work([item.failed("KeyError: 1", **DETAILS)])
    else:
        engine.fail(item, "KeyError: 1", **DETAILS)
    assert attempts(engine, run_id) == [("KeyError", "KeyError: 1", TRACEBACK)]


def test_failed_run_has_type_and_traceback_of_the_attempt_that_failed_it(engine: Engine) -> None:
    engine.define("order", step("charge", base_delay=0, max_attempts=2))
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), "ValueError: before", error_type="ValueError")
    engine.call("tick")
    engine.fail(engine.claim_one(), "KeyError: 1", **DETAILS)
    status = engine.rows(
        "select details, failed_step, error_type, traceback"
        " from stepgres.get_run_status(%s)", run_id
    )  # fmt: skip
    error = 'step "charge" failed: KeyError: 1'
    assert status == [(error, "charge", "KeyError", TRACEBACK)]
    run = engine.call("get_run", run_id=run_id)
    assert (run["error"], run["error_type"], run["traceback"]) == (error, "KeyError", TRACEBACK)


def test_run_that_no_attempt_has_failed_has_no_type_and_no_traceback(engine: Engine) -> None:
    engine.define("order", step("charge", base_delay=0))
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), "KeyError: 1", **DETAILS)
    engine.call("cancel_workflow_run", run_id=run_id)
    run = engine.call("get_run", run_id=run_id)
    assert (run["error_type"], run["traceback"]) == (None, None)


def test_failures_of_a_map_name_the_task_whose_error_the_run_has(engine: Engine) -> None:
    engine.define("order", step("each", map=True, **ONCE))
    run_id = engine.start("order", [1, 2])
    first, second = engine.claim(2)
    engine.work([
        second.failed("OSError: 2", error_type="OSError"), first.failed("KeyError: 1", **DETAILS)
    ])  # fmt: skip
    run = engine.call("get_run", run_id=run_id)
    assert run["error"] == 'step "each" failed at task 0: KeyError: 1'
    assert run["error_type"] == "KeyError"


def test_texts_of_megabytes_are_cut_in_the_middle(engine: Engine) -> None:
    engine.define("order", step("charge", **ONCE))
    run_id = engine.start("order")
    text = "begin" + "x" * 10_000_000 + "end"
    engine.fail(engine.claim_one(), text, error_type=text, traceback=text)
    for kept in attempts(engine, run_id)[0]:
        assert kept.startswith("beginxxx")
        assert kept.endswith("xxxend")
        assert len(kept) <= 8_000
    assert len(engine.status(run_id)[1]) < 8_100


def test_reason_of_megabytes_for_a_cancellation_is_cut(engine: Engine) -> None:
    engine.define("order", step("charge"))
    run_id = engine.start("order")
    engine.call("cancel_workflow_run", run_id=run_id, reason="x" * 10_000_000)
    assert len(engine.status(run_id)[1]) <= 8_000


@pytest.mark.parametrize("when_exhausted", ["fail", "skip", "skip-cascade"])
def test_error_of_a_step_has_one_form_whether_it_fails_or_is_skipped(
    engine: Engine, when_exhausted: str
) -> None:
    engine.define("order", step("charge", when_exhausted=when_exhausted, **ONCE))
    engine.start("order")
    engine.fail(engine.claim_one(), "no luck")
    errors = engine.rows("select error from stepgres.step_states")
    assert errors == ['step "charge" failed: no luck']


def test_timeout_that_the_database_keeps_has_its_type(engine: Engine, clock: Clock) -> None:
    engine.call("register_worker", worker_id=engine.worker_id, lease="15 s")
    engine.define("order", step("charge"))
    run_id = engine.start("order")
    engine.claim_one()
    clock.advance(316)  # the default timeout, and a lease of 15 s on top of it
    engine.connection.execute("update stepgres.workers set heartbeat_at = stepgres._now()")
    engine.rows("delete from stepgres.sweeps returning 1")  # the next tick looks at every run
    engine.call("tick")
    assert attempts(engine, run_id)[0][:2] == (
        "TimeoutError",
        "TimeoutError: took longer than 300 s",
    )
