"""Steps that wait for signals: what opens, resolves and ends a wait."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def send(engine: Engine, run_id: UUID, signal: str = "approved", payload: Any = None) -> Any:
    return engine.call("send_signal", run_id=run_id, signal=signal, payload=Jsonb(payload))


def send_by_key(engine: Engine, key: str, payload: Any = None, signal: str = "approved") -> Any:
    return engine.call("send_signal_by_key", signal=signal, key=key, payload=Jsonb(payload))


def outcomes(engine: Engine, run_id: UUID) -> dict[str, str | None]:
    """The outcome of the wait of each step."""
    query: LiteralString = "select step_slug, outcome from stepgres.waits where run_id = %s"
    return dict(engine.rows(query, run_id))


def error(engine: Engine, run_id: UUID) -> str:
    status, details = engine.status(run_id)
    assert status == "failed"
    return str(details)


# A signal resolves a wait


def test_step_waits_for_a_signal_and_its_output_is_the_payload(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("ship", "ask"))
    run_id = engine.start("order", {"id": 7})
    assert engine.steps(run_id) == {"ask": "started", "ship": "created"}
    assert (engine.claim(), engine.tasks(run_id)) == ([], {})
    send(engine, run_id, payload={"by": "Ann"})
    assert engine.call("tick") > 0
    item = engine.claim_one()
    assert item.input["ask"] == {"by": "Ann"}
    engine.complete(item, "done")
    assert engine.output(run_id) == "done"


def test_wait_opens_when_its_dependencies_have_finished(engine: Engine) -> None:
    engine.define("order", step("a"), step("ask", "a", wait_for="approved"))
    run_id = engine.start("order")
    assert outcomes(engine, run_id) == {}
    engine.drain()
    assert outcomes(engine, run_id) == {"ask": None}
    send(engine, run_id, payload=5)
    engine.call("tick")
    assert engine.output(run_id) == 5


def test_early_signal_is_kept_and_resolves_the_wait_as_it_opens(engine: Engine) -> None:
    engine.define("order", step("a"), step("ask", "a", wait_for="approved"), step("b", "ask"))
    run_id = engine.start("order")
    send(engine, run_id, payload=1)
    engine.call("tick")
    engine.complete(engine.claim_one())
    assert engine.steps(run_id)["ask"] == "completed"
    assert engine.claim_one().step_slug == "b"


def test_root_that_waits_takes_a_signal_that_was_sent_in_the_transaction_of_the_start(
    engine: Engine,
) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    with engine.connection.transaction():
        run_id = engine.start("order")
        send(engine, run_id, payload=1)
    engine.call("tick")
    assert engine.output(run_id) == 1


def test_late_signal_is_refused(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    run_id = engine.start("order")
    send(engine, run_id)
    engine.call("tick")
    with refused("SG011", "has completed"):
        send(engine, run_id)


def test_signals_go_in_their_order_to_the_waits_in_theirs(engine: Engine) -> None:
    engine.define("order", step("a", wait_for="go"), step("b", wait_for="go"))
    run_id = engine.start("order")
    for payload in (1, 2, 3):
        send(engine, run_id, "go", payload)
    engine.call("tick")
    assert engine.output(run_id) == {"a": 1, "b": 2}
    unread = engine.rows("select wait_id is null from stepgres.list_signals(%s)", run_id)
    assert unread == [False, False, True]


def test_one_signal_resolves_one_of_two_waits_on_its_name(engine: Engine) -> None:
    engine.define("order", step("a", wait_for="go"), step("b", wait_for="go"))
    run_id = engine.start("order")
    send(engine, run_id, "go")
    engine.call("tick")
    assert outcomes(engine, run_id) == {"a": "signalled", "b": None}
    send(engine, run_id, "go")
    engine.call("tick")
    assert engine.status(run_id)[0] == "completed"


def test_chain_of_waits_on_one_name_takes_a_signal_each(engine: Engine) -> None:
    engine.define("order", step("a", wait_for="go"), step("b", "a", wait_for="go"))
    run_id = engine.start("order")
    send(engine, run_id, "go", 1)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"a": "signalled", "b": None}
    send(engine, run_id, "go", 2)
    engine.call("tick")
    assert engine.output(run_id) == 2


def test_signal_of_another_name_stays_unread(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    run_id = engine.start("order")
    send(engine, run_id, "rejected")
    engine.call("tick")
    assert outcomes(engine, run_id) == {"ask": None}
    engine.call("cancel_workflow_run", run_id=run_id)


def test_hundred_signals_and_waits_meet_in_one_tick(engine: Engine) -> None:
    engine.define("order", *(step(f"s{i:03}", wait_for="go") for i in range(100)))
    run_id = engine.start("order")
    for i in range(100):
        send(engine, run_id, "go", i)
    engine.call("tick")
    assert engine.output(run_id) == {f"s{i:03}": i for i in range(100)}


def test_payload_null_is_an_output(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("b", "ask"))
    run_id = engine.start("order")
    send(engine, run_id, payload=None)
    engine.call("tick")
    assert engine.claim_one().input == {"ask": None}


def test_payload_that_a_map_is_made_of_must_be_an_array(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="items"), step("each", "ask", map=True))
    good, bad = engine.start("order"), engine.start("order")
    send(engine, good, "items", [1, 2])
    send(engine, bad, "items", "x")
    engine.call("tick")
    assert [item.input for item in engine.claim()] == [1, 2]
    assert 'maps over the output of step "ask", which must be an array' in error(engine, bad)


def test_condition_decides_before_the_wait(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved", condition="$.large"), step("b", "ask"))
    small, large = engine.start("order", {}), engine.start("order", {"large": True})
    assert engine.steps(small)["ask"] == "skipped"
    assert outcomes(engine, small) == {}
    assert outcomes(engine, large) == {"ask": None}


# match


def test_signal_that_does_not_match_blocks_none_behind_it(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="paid", match="$.amount >= $input.price"))
    run_id = engine.start("order", {"price": 10})
    for amount in (5, 11, 12):
        send(engine, run_id, "paid", {"amount": amount})
    engine.call("tick")
    assert engine.output(run_id) == {"amount": 11}


def test_match_without_the_input_looks_at_the_payload_alone(engine: Engine) -> None:
    match = '$.kind == "$input" || $.kind == "\\"$"'
    engine.define("order", step("ask", wait_for="paid", match=match))
    run_id = engine.start("order", {"kind": "other"})
    send(engine, run_id, "paid", {"kind": "other"})
    engine.call("tick")
    assert engine.status(run_id)[0] == "in_progress"
    send(engine, run_id, "paid", {"kind": "$input"})
    engine.call("tick")
    assert engine.output(run_id) == {"kind": "$input"}


def test_each_of_two_waits_gets_the_signal_that_it_matches(engine: Engine) -> None:
    engine.define(
        "order",
        step("card", wait_for="paid", match='$.by == "card"'),
        step("cash", wait_for="paid", match='$.by == "cash"'),
    )
    run_id = engine.start("order")
    for by in ("cash", "card"):
        send(engine, run_id, "paid", {"by": by})
    engine.call("tick")
    assert engine.output(run_id) == {"card": {"by": "card"}, "cash": {"by": "cash"}}


def test_signal_that_one_wait_has_left_is_taken_by_the_next_wait_that_opens(
    engine: Engine,
) -> None:
    engine.define(
        "order",
        step("z", wait_for="n", match="$ == 1"),
        step("a"),
        step("b", "a", wait_for="n", match="$ == 2"),
        step("c", "b", wait_for="n"),
    )
    run_id = engine.start("order")
    for payload in (3, 2):
        send(engine, run_id, "n", payload)
        engine.call("tick")
    engine.complete(engine.claim_one())
    assert outcomes(engine, run_id) == {"z": None, "b": "signalled", "c": "signalled"}
    send(engine, run_id, "n", 1)
    engine.call("tick")
    assert engine.output(run_id) == {"z": 1, "c": 3}


def test_waits_of_one_moment_come_in_the_order_of_their_steps(engine: Engine) -> None:
    engine.define("order", *(step(s, wait_for="go") for s in "cab"))
    run_id = engine.start("order")
    for payload in (1, 2, 3):
        send(engine, run_id, "go", payload)
    engine.call("tick")
    assert engine.output(run_id) == {"c": 1, "a": 2, "b": 3}


def test_match_that_cannot_be_evaluated_is_not_met(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="paid", match="strict $.a.b > 1"))
    run_id = engine.start("order")
    send(engine, run_id, "paid", 5)
    large = {"a": list(range(3000)), "b": list(range(3000))}
    send(engine, run_id, "paid", large)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"ask": None}
    send(engine, run_id, "paid", {"a": {"b": 2}})
    engine.call("tick")
    assert engine.output(run_id) == {"a": {"b": 2}}


def test_match_that_would_take_long_is_not_met(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="x", match="$.a[*] == $input.b[*]"))
    run_id = engine.start("order", {"b": list(range(3000))})
    send(engine, run_id, "x", {"a": list(range(4000, 7000))})
    engine.call("tick")
    assert outcomes(engine, run_id) == {"ask": None}
    send(engine, run_id, "x", {"a": [7]})
    engine.call("tick")
    assert engine.output(run_id) == {"a": [7]}


# Keys


def test_key_finds_the_run(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    one, other = engine.start("order", {"id": 1}), engine.start("order", {"id": "two"})
    send_by_key(engine, "two", "b", signal="paid")
    engine.call("tick")
    assert engine.output(other) == "b"
    assert engine.status(one)[0] == "in_progress"
    send_by_key(engine, "1", "a", signal="paid")
    engine.call("tick")
    assert engine.output(one) == "a"


def test_early_signal_by_key_is_for_the_next_wait_under_the_key(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    for payload in ("first", "second"):
        send_by_key(engine, "7", payload, signal="paid")
    engine.call("tick")
    assert [engine.output(engine.start("order", {"id": 7})) for _ in range(2)] == [
        "first",
        "second",
    ]
    assert engine.status(engine.start("order", {"id": 7}))[0] == "in_progress"


def test_wait_with_a_key_also_takes_a_signal_to_its_run(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    run_id = engine.start("order", {"id": 7})
    send(engine, run_id, "paid", 1)
    engine.call("tick")
    assert engine.output(run_id) == 1


@pytest.mark.parametrize("waits_first", [True, False], ids=["tick", "opening"])
@pytest.mark.parametrize("order", [("key", "run"), ("run", "key")], ids="-".join)
def test_signal_by_key_and_signal_to_the_run_come_in_the_order_of_sending(
    engine: Engine, waits_first: bool, order: tuple[str, str]
) -> None:
    engine.define(
        "order",
        step("a"),
        step("pay", "a", wait_for="paid", key="$.id", match="$.n > 0"),
        step("more", "a", wait_for="paid", match="$.n > 0"),
        step("never", wait_for="stop"),
    )
    run_id = engine.start("order", {"id": 7})
    item = engine.claim_one()
    if waits_first:
        engine.complete(item)
    for n, receiver in enumerate(("run", "key", *order)):
        payload = {"n": n - 1, "to": receiver}
        if receiver == "key":
            send_by_key(engine, "7", payload, "paid")
        else:
            send(engine, run_id, "paid", payload)
    engine.call("tick")
    if not waits_first:
        engine.complete(item)
    # A signal by key can only go to the wait with the key, and pay is the older wait.
    pay = {"n": 1, "to": order[0]}
    more = {"n": 2, "to": "run"}
    expected = {"pay": pay, "more": more} if order[1] == "run" else {"pay": pay}
    found = dict(
        engine.rows(
            "select step_slug, payload from stepgres.waits"
            " where run_id = %s and outcome = 'signalled'",
            run_id,
        )
    )
    assert found == expected
    engine.call("cancel_workflow_run", run_id=run_id)


def test_key_that_another_wait_holds_fails_the_step_and_names_the_holder(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    holder, second = engine.start("order", {"id": 7}), engine.start("order", {"id": 7})
    assert error(engine, second) == (
        f'step "pay" failed: key "7" of signal "paid" is held by step "pay" of run {holder}'
    )
    engine.call("cancel_workflow_run", run_id=holder)
    third = engine.start("order", {"id": 7})
    assert outcomes(engine, third) == {"pay": None}


def test_two_waits_of_one_run_cannot_have_the_same_key(engine: Engine) -> None:
    engine.define("order", *(step(s, wait_for="paid", key="$.id") for s in "ab"))
    run_id = engine.start("order", {"id": 7})
    assert "is held by step" in error(engine, run_id)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, "", "x" * 257])
def test_key_that_is_no_short_scalar_fails_the_step(engine: Engine, value: Any) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    run_id = engine.start("order", {"id": value})
    assert 'step "pay" failed: its key $."id" finds ' in error(engine, run_id)


def test_key_that_finds_nothing_fails_only_its_own_run(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"), step("a"))
    engine.call(
        "start_workflow_runs", workflow_slug="order", inputs=Jsonb([{"id": 1}, {}, {"id": 2}])
    )
    statuses = engine.rows("select status from stepgres.runs order by input ->> 'id'")
    assert statuses == ["started", "started", "failed"]
    assert len(engine.claim()) == 2


# Timeouts


def test_timeout_fails_the_run_and_says_what_did_not_come(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60))
    run_id = engine.start("order")
    clock.advance(59)
    engine.call("tick")
    assert engine.status(run_id)[0] == "in_progress"
    clock.advance(1)
    engine.call("tick")
    assert error(engine, run_id) == (
        'step "ask" failed: signal "approved" did not come within 60 s'
    )
    assert outcomes(engine, run_id) == {"ask": "timed_out"}


def test_timeout_of_the_workflow_is_no_timeout_of_a_wait(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="approved"), timeout=1)
    run_id = engine.start("order")
    clock.advance(86400 * 365)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"ask": None}


@pytest.mark.parametrize(
    ("when_timeout", "steps"),
    [
        ("skip", {"ask": "skipped", "b": "started"}),
        ("skip-cascade", {"ask": "skipped", "b": "skipped"}),
        ("default", {"ask": "completed", "b": "started"}),
    ],
)
def test_when_timeout_says_how_the_run_goes_on(
    engine: Engine, clock: Clock, when_timeout: str, steps: dict[str, str]
) -> None:
    more = {"default_output": {"ok": False}} if when_timeout == "default" else {}
    ask = step("ask", wait_for="approved", timeout=60, when_timeout=when_timeout, **more)
    engine.define("order", ask, step("b", "ask"))
    run_id = engine.start("order", {"id": 1})
    clock.advance(60)
    engine.call("tick")
    assert engine.steps(run_id) == steps
    assert outcomes(engine, run_id) == {"ask": "timed_out"}
    expected = {"id": 1, "ok": False, "ask": {"ok": False}} if more else {"id": 1}
    assert [item.input for item in engine.claim()] == [expected] * (steps["b"] == "started")


def test_skipped_wait_has_a_reason(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="x", timeout=1, when_timeout="skip"))
    run_id = engine.start("order")
    clock.advance(1)
    engine.call("tick")
    found = engine.rows("select skip_reason, error from stepgres.step_states")
    assert found == [("timed_out", 'signal "x" did not come within 1 s')]
    assert engine.output(run_id) is None


def test_default_output_is_null_unless_given(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="x", timeout=1, when_timeout="default"))
    run_id = engine.start("order")
    clock.advance(1)
    engine.call("tick")
    assert engine.output(run_id) is None
    assert engine.steps(run_id) == {"ask": "completed"}


def test_signal_that_came_in_time_wins_over_a_timeout_that_nobody_has_ended(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60))
    run_id = engine.start("order")
    clock.advance(59)
    send(engine, run_id, payload="yes")
    clock.advance(1000)
    engine.call("tick")
    assert engine.output(run_id) == "yes"


def test_signal_that_comes_between_the_parts_of_a_tick_wins_over_the_timeout(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60))
    run_id = engine.start("order")
    clock.advance(60)
    send(engine, run_id, payload="yes")
    engine.rows("select stepgres._time_out_waits_of(array[%s::uuid])", run_id)
    assert engine.output(run_id) == "yes"


def test_signal_after_the_timeout_is_refused_or_unread(engine: Engine, clock: Clock) -> None:
    ask = step("ask", wait_for="approved", timeout=60, when_timeout="skip")
    engine.define("order", ask, step("b", "ask"))
    run_id = engine.start("order")
    clock.advance(60)
    engine.call("tick")
    send(engine, run_id)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"ask": "timed_out"}
    assert engine.rows("select wait_id from stepgres.list_signals(%s)", run_id) == [None]


def test_stale_timeout_does_not_end_the_next_wait_of_the_name(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("a", wait_for="go", timeout=60),
        step("b", "a", wait_for="go", timeout=60),
    )
    run_id = engine.start("order")
    clock.advance(50)
    send(engine, run_id, "go")
    engine.call("tick")
    clock.advance(50)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"a": "signalled", "b": None}
    clock.advance(10)
    engine.call("tick")
    assert outcomes(engine, run_id) == {"a": "signalled", "b": "timed_out"}


def test_next_due_is_the_timeout_and_then_at_once_when_a_signal_was_sent(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60))
    engine.call("tick")
    run_id = engine.start("order")
    due: LiteralString = "select extract(epoch from stepgres.next_due() - now) from test_clock"
    assert engine.rows(due) == [60]
    send(engine, run_id)
    assert engine.rows(due)[0] < 0
    engine.call("tick")
    assert engine.status(run_id)[0] == "completed"
    assert engine.rows(due)[0] > 60  # the lease


def test_tick_without_anything_due_writes_nothing(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60), step("b", wait_for="x"))
    run_id = engine.start("order")
    send(engine, run_id, "unknown")
    engine.call("tick")
    before = engine.snapshot()
    assert engine.call("tick") == 0
    assert engine.snapshot() == before


# start_at


def test_step_starts_at_the_time_in_its_input(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_at="$.at"))
    at = engine.rows("select to_jsonb(now + interval '1 hour') #>> '{}' from test_clock")[0]
    run_id = engine.start("order", {"at": at})
    assert engine.tasks(run_id) == {("a", 0): "waiting"}
    (stuck,) = engine.rows("select waits_for, detail from stepgres.why_stuck(%s)", run_id)
    assert stuck == ("timer", "its start is delayed")
    clock.advance(3599)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(1)
    engine.call("tick")
    assert engine.claim_one().step_slug == "a"


def test_map_starts_at_the_time_in_its_input(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("each", "a", map=True, start_at="$.at"))
    run_id = engine.start("order", {"at": "2100-01-01T00:00:00Z"})
    engine.complete(engine.claim_one(), [1, 2])
    assert set(engine.tasks(run_id).values()) == {"completed", "waiting"}


def test_time_in_the_past_is_no_delay(engine: Engine) -> None:
    engine.define("order", step("a", start_at="$.at"))
    engine.start("order", {"at": "2020-01-01"})
    assert engine.claim_one().step_slug == "a"


@pytest.mark.parametrize("value", [None, 5, "soon", "tomorrow", "infinity", "2026-13-45", [1]])
def test_what_is_no_timestamp_fails_the_step(engine: Engine, value: Any) -> None:
    engine.define("order", step("a", start_at="$.at"), step("b"), step("c", initial_tasks=2))
    run_id = engine.start("order", {"at": value})
    assert error(engine, run_id) == 'step "a" failed: start_at finds no timestamp in its input'
    assert engine.claim() == []


# Definitions


def test_document_says_what_a_step_waits_for(engine: Engine) -> None:
    ask = step(
        "ask", wait_for="a.b:c-1", match="$.ok == $input.ok", key="$.id", timeout=60.5,
        when_timeout="default", default_output=[1, None],
    )  # fmt: skip
    bare = step("bare", wait_for="x")
    version = engine.define("order", ask, bare, step("later", start_at="$.at"))
    document = engine.call("get_flow", workflow_id="order")
    found = {s["step_slug"]: s for s in document["steps"]}
    assert found["ask"]["match"] == '($."ok" == $"input"."ok")'
    assert found["ask"]["key"] == '$."id"'
    for name in ("wait_for", "timeout", "when_timeout", "default_output"):
        assert found["ask"][name] == ask[name]
    assert (found["bare"]["wait_for"], found["bare"]["timeout"]) == ("x", None)
    assert "when_timeout" not in found["bare"]
    assert found["later"]["start_at"] == '$."at"'
    assert engine.call("register_workflow", definition=Jsonb(document)) == version


def test_document_of_other_steps_is_as_it_was_without_waits(engine: Engine) -> None:
    engine.define("order", step("a"))
    document = engine.call("get_flow", workflow_id="order")
    assert document["steps"][0].keys().isdisjoint({"wait", "wait_for", "start_at", "match"})
    (fingerprint,) = engine.rows("select fingerprint from stepgres.workflow_versions")
    assert fingerprint == "35a86845812a10255ffcf8d05aa897cf"


def test_add_step_makes_a_step_that_waits(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    engine.call(
        "add_step", workflow_id="order", step_name="ask", wait_for="x", key="$.id",
        timeout="60 seconds", when_timeout="default", default_output=Jsonb("none"),
    )  # fmt: skip
    shown = engine.call("get_flow", workflow_id="order")["steps"][0]
    assert (shown["wait_for"], shown["key"], shown["timeout"]) == ("x", '$."id"', 60)
    assert shown["default_output"] == "none"
    ask = step("ask", wait_for="x", key="$.id", timeout=60, when_timeout="default")
    assert engine.define("order", {**ask, "default_output": "none"}) == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"match": "$"}, "match is for steps with wait_for"),
    ({"key": "$.id"}, "key is for steps with wait_for"),
    ({"when_timeout": "skip"}, "when_timeout is for steps with wait_for"),
    ({"default_output": 1}, "default_output is for steps with wait_for"),
    ({"wait_for": "a b"}, 'wait_for "a b" is not the name of a signal'),
    ({"wait_for": ""}, 'wait_for "" is not the name of a signal'),
    ({"wait_for": "x" * 129}, "is not the name of a signal"),
    ({"wait_for": 5}, "wait_for must be a JSON string"),
    ({"wait_for": "x", "timeout": 0}, "timeout must be more than 0"),
    ({"wait_for": "x", "when_timeout": "skip"}, "when_timeout needs a timeout"),
    ({"wait_for": "x", "timeout": 1, "when_timeout": "stop"}, "when_timeout must be"),
    ({"wait_for": "x", "timeout": 1, "default_output": 1}, "default_output is for steps with when"),
    ({"wait_for": "x", "match": "$.a >"}, "match"),
    ({"wait_for": "x", "match": "$.a == $other"}, "it has a variable other than $input"),
    ({"wait_for": "x", "key": "$input.a"}, "Stepgres sets no variables"),
    ({"wait_for": "x", "map": True}, "a step that waits has no body"),
    ({"wait_for": "x", "transactional": True}, "a step that waits has no body"),
    ({"wait_for": "x", "sticky": True}, "a step that waits has no body"),
    ({"wait_for": "x", "start_delay": 5}, "a step that waits has no body"),
    ({"wait_for": "x", "start_at": "$.at"}, "a step that waits has no body"),
    ({"wait_for": "x", "depends_on": ["a"], "gathers": ["a"]}, "a step that gathers has no body"),
    ({"start_at": "$.at", "start_delay": 5}, "a step has either start_delay or start_at"),
    ({"start_at": "$.at >"}, "start_at"),
]


def test_bad_wait_is_refused_and_named(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for options, words in BAD:
        with subtests.test(**options):
            with refused("SG001", '"order"', '"b"', words):
                engine.define("order", step("a"), {"step_slug": "b", **options})
            assert engine.snapshot() == before


# The rest of the engine knows waits


def test_pause_stops_the_time_of_a_wait_and_keeps_signals(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("ask", wait_for="approved", timeout=60))
    late, told = engine.start("order"), engine.start("order")
    clock.advance(50)
    for run_id in (late, told):
        engine.call("pause_workflow_run", run_id=run_id)
    send(engine, told, payload="yes")
    clock.advance(1000)
    engine.call("tick")
    assert outcomes(engine, told) == {"ask": None}
    assert engine.rows("select * from stepgres.fsck()") == []
    for run_id in (late, told):
        engine.call("resume_workflow_run", run_id=run_id)
    assert engine.output(told) == "yes"
    clock.advance(9)
    engine.call("tick")
    assert outcomes(engine, late) == {"ask": None}
    clock.advance(1)
    engine.call("tick")
    assert outcomes(engine, late) == {"ask": "timed_out"}


def test_signal_by_key_to_a_paused_run_counts_at_resume(engine: Engine) -> None:
    engine.define("order", step("pay", wait_for="paid", key="$.id"))
    run_id = engine.start("order", {"id": 1})
    engine.call("pause_workflow_run", run_id=run_id)
    send_by_key(engine, "1", "yes", signal="paid")
    engine.call("tick")
    assert outcomes(engine, run_id) == {"pay": None}
    engine.call("resume_workflow_run", run_id=run_id)
    assert engine.output(run_id) == "yes"


def test_no_wait_stays_open_when_its_run_ends(engine: Engine, clock: Clock) -> None:
    ask = step("ask", wait_for="approved", timeout=600)
    engine.define("order", ask, step("a", max_attempts=1))
    cancelled, failed = engine.start("order"), engine.start("order")
    overdue = engine.start("order", deadline="60 seconds")
    engine.call("cancel_workflow_run", run_id=cancelled)
    engine.fail(next(item for item in engine.claim() if item.run_id == failed))
    clock.advance(60)
    engine.call("tick")
    for run_id in (cancelled, failed, overdue):
        assert engine.steps(run_id)["ask"] == "cancelled"
        assert outcomes(engine, run_id) == {"ask": "cancelled"}
        with refused("SG011", "has failed"):
            send(engine, run_id)


def test_cascade_over_a_step_that_would_wait_opens_nothing(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", condition="$.no", when_unmet="skip-cascade"),
        step("ask", "a", wait_for="approved"),
        step("b", wait_for="approved"),
    )
    run_id = engine.start("order", {})
    assert outcomes(engine, run_id) == {"b": None}
    send(engine, run_id, payload=1)
    engine.call("tick")
    assert engine.output(run_id) == {"b": 1}


def test_retry_takes_consumed_signals_of_kept_steps_along(engine: Engine) -> None:
    ask = step("ask", wait_for="approved", key="$.id")
    engine.define("order", ask, step("b", "ask", max_attempts=1))
    run_id = engine.start("order", {"id": 1})
    engine.call(
        "send_signal_by_key", signal="approved", key="1", payload=Jsonb("yes"), idempotency_key="k"
    )
    engine.call("tick")
    engine.fail(engine.claim_one())
    new_id = engine.call("retry_failed_workflow", run_id=run_id)
    assert engine.claim_one().input["ask"] == "yes"
    assert outcomes(engine, new_id) == {"ask": "signalled"}
    query: LiteralString = "select payload, step_slug from stepgres.list_signals(%s)"
    assert engine.rows(query, new_id) == engine.rows(query, run_id) == [("yes", "ask")]
    (again,) = engine.rows(
        "select outcome from stepgres.send_signal_by_key('approved', '1', '2', 'k')"
    )
    assert again == "duplicate"


def test_retry_waits_anew_where_the_run_was_cancelled(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    run_id = engine.start("order")
    engine.call("cancel_workflow_run", run_id=run_id)
    new_id = engine.call("retry_failed_workflow", run_id=run_id)
    send(engine, new_id, payload=1)
    engine.call("tick")
    assert engine.output(new_id) == 1


def test_prune_deletes_waits_and_signals_of_its_runs(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved", key="$.id"))
    run_id = engine.start("order", {"id": 1})
    send_by_key(engine, "1")
    engine.call("tick")
    going_on = engine.start("order", {"id": 2})
    send(engine, going_on, "other")
    assert engine.call("prune", older_than="0 seconds") == 1
    assert engine.rows("select run_id from stepgres.waits") == [going_on]
    assert engine.rows("select run_id from stepgres.signals") == [going_on]
    assert run_id != going_on


def test_delete_flow_deletes_waits_and_signals(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    send(engine, engine.start("order"), "other")
    engine.call("delete_flow", workflow_id="order", force=True)
    assert engine.rows("select from stepgres.waits") == []
    assert engine.rows("select from stepgres.signals") == []


def test_why_stuck_names_the_signal(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("ask", wait_for="approved", key="$.id", match="$.ok", timeout=60),
        step("b", "ask"),
    )
    run_id = engine.start("order", {"id": 7})
    query: LiteralString = (
        "select step_slug, task_index, waits_for, detail, until is null from stepgres.why_stuck(%s)"
    )
    assert engine.rows(query, run_id) == [
        ("ask", None, "signal", 'signal "approved" under key "7" that meets $."ok"', False),
        ("b", None, "dependency", 'step "ask" is started', True),
    ]
    engine.call("pause_workflow_run", run_id=run_id)
    assert engine.rows(query, run_id)[0][2] == "pause"


def test_get_run_shows_the_waits_of_each_step(engine: Engine) -> None:
    engine.define("order", step("a"), step("ask", wait_for="approved"))
    run_id = engine.start("order")
    steps = {s["step_slug"]: s for s in engine.call("get_run", run_id=run_id)["steps"]}
    assert steps["a"]["waits"] == []
    (wait,) = steps["ask"]["waits"]
    assert (wait["kind"], wait["signal"], wait["outcome"]) == ("signal", "approved", None)


def test_local_run_with_an_executor_waits_too(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("b", "ask"))
    run_id = engine.start("order", executor_id=engine.worker_id)
    send(engine, run_id)
    engine.call("tick")
    engine.drain(run_ids=[run_id])
    assert engine.status(run_id)[0] == "completed"


def test_fsck_finds_waits_that_contradict_their_steps(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"))
    run_id = engine.start("order")
    with engine.connection.transaction(force_rollback=True):
        engine.connection.execute("delete from stepgres.waits")
        (found,) = engine.rows("select invariant from stepgres.fsck()")
        assert found == "a started step without tasks waits, and no other step does"
    with engine.connection.transaction(force_rollback=True):
        send(engine, run_id)
        engine.connection.execute("update stepgres.signals set is_new = false")
        (found,) = engine.rows("select invariant from stepgres.fsck()")
        assert found == "a signal that tick has seen goes to the wait that is open for it"


# Workflows without waits


def test_workflows_without_waits_never_look_at_waits(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("b", "a", condition="$.x"),
        step("each", "a", map=True),
        step("late", "a", start_delay=0.001),
        step("no", "a", condition="$.no", when_unmet="skip-cascade"),
        step("never", "no"),
        step("all", "b", "each", gathers=["b", "each"]),
    )
    engine.define("failing", step("a", max_attempts=1), step("b", "a"))
    looks: LiteralString = """
        select relname, seq_scan, idx_scan, n_tup_ins, n_tup_upd
        from pg_stat_xact_user_tables
        where schemaname = 'stepgres' and relname in (
                'waits', 'signals', 'decisions', 'checkpoints', 'suspensions', 'child_changes'
            )
            and (seq_scan > 0 or idx_scan > 0 or n_tup_ins > 0 or n_tup_upd > 0)
    """
    with engine.connection.transaction():
        run_id = engine.start("order", {"x": 1})
        failed = engine.start("failing")
        for _ in range(5):
            items = engine.claim()
            engine.work(
                [
                    item.failed() if item.run_id == failed else item.completed([1, 2])
                    for item in items
                ]
            )
        assert engine.status(failed)[0] == "failed"
        assert engine.rows(looks) == []
    assert engine.steps(run_id)["all"] == "completed"
    engine.call("cancel_workflow_run", run_id=run_id)
