"""Runs with a unique_key: one is active, and with debounce one more waits behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step

RUN_ID = UUID("01890000-0000-7000-8000-000000000001")
CANCEL = {"unique_key": "k", "if_running": "cancel"}
REJECT = {"unique_key": "k", "if_running": "reject"}


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.define("order", step("a"), step("b", "a"))
    engine.define("invoice", step("a"))
    return engine


def keys(engine: Engine) -> list[Any]:
    """The keys that are taken, by runs that may begin before runs that wait."""
    return engine.rows(
        "select unique_key, run_id from stepgres.unique_runs order by unique_key, is_waiting"
    )


def debounced(engine: Engine, input: Any = None, debounce: int = 10, **options: Any) -> UUID:
    seconds = timedelta(seconds=debounce)
    return engine.start("order", input, unique_key="k", debounce=seconds, **options)


def starts_in(engine: Engine, run_id: UUID) -> float:
    query = "select due_at - stepgres._now() from stepgres.timers where run_id = %s"
    (left,) = engine.rows(f"{query} and kind = 'run_start'", run_id)
    return float(left.total_seconds())


def input_of(engine: Engine, run_id: UUID) -> Any:
    return engine.call("get_run_input", run_id=run_id)


# One active run


def test_second_start_returns_the_active_run(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    before = engine.snapshot()
    assert engine.start("order", 2, unique_key="k") == run_id
    assert engine.start("order", 2, unique_key="k", if_running=None) == run_id
    assert engine.snapshot() == before


def test_rejected_start_names_the_active_run(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    before = engine.snapshot()
    with refused("SG038", str(run_id), '"order"', '"k"') as refusal:
        engine.start("order", 2, **REJECT)
    assert refusal.detail == str(run_id)
    assert engine.snapshot() == before


def test_cancelling_start_ends_the_active_run_and_its_children(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    child = engine.start("invoice", 1, parent_run_id=run_id)
    new_id = engine.start("order", 2, **CANCEL)
    error = f"run {new_id} with the same unique_key has replaced it"
    assert engine.status(run_id) == engine.status(child) == ("failed", error)
    assert keys(engine) == [("k", new_id)]
    assert [item.run_id for item in engine.drain()] == [new_id, new_id]


@pytest.mark.parametrize("options", [{"unique_key": "k"}, REJECT, CANCEL])
def test_free_key_starts_a_run(engine: Engine, options: dict[str, Any]) -> None:
    run_id = engine.start("order", 1, **options)
    assert keys(engine) == [("k", run_id)]
    assert engine.status(run_id)[0] == "in_progress"


def test_keys_of_other_workflows_and_other_texts_are_other_keys(engine: Engine) -> None:
    found = {
        engine.start("order", unique_key="k"),
        engine.start("order", unique_key="K"),
        engine.start("order", unique_key=""),
        engine.start("order"),
        engine.start("invoice", unique_key="k"),
    }
    assert len(found) == 5


def test_name_of_a_class_is_the_same_workflow(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    assert engine.start("Order", 2, unique_key="k") == run_id


def complete(engine: Engine, run_id: UUID, clock: Clock) -> None:
    engine.drain()


def fail(engine: Engine, run_id: UUID, clock: Clock) -> None:
    engine.fail(engine.claim_one(), retryable=False)


def cancel(engine: Engine, run_id: UUID, clock: Clock) -> None:
    engine.call("cancel_workflow_run", run_id=run_id)


def exceed_the_deadline(engine: Engine, run_id: UUID, clock: Clock) -> None:
    clock.advance(60)
    engine.call("tick")


@pytest.mark.parametrize("end", [complete, fail, cancel, exceed_the_deadline])
def test_end_of_a_run_frees_its_key(engine: Engine, clock: Clock, end: Any) -> None:
    run_id = engine.start("order", 1, unique_key="k", deadline="60 s")
    end(engine, run_id, clock)
    assert keys(engine) == []
    assert engine.start("order", 2, **REJECT) != run_id


def test_paused_run_keeps_its_key(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    engine.call("pause_workflow_run", run_id=run_id)
    assert engine.start("order", 2, unique_key="k") == run_id


def test_delayed_run_has_its_key_before_it_begins(engine: Engine, clock: Clock) -> None:
    run_id = engine.start("order", 1, unique_key="k", delay="60 s")
    assert engine.start("order", 2, unique_key="k") == run_id
    clock.advance(60)
    engine.call("tick")
    assert len(engine.drain()) == 2
    assert keys(engine) == []


def test_deleted_workflow_leaves_no_key(engine: Engine) -> None:
    engine.start("order", 1, unique_key="k")
    debounced(engine, 2)
    engine.call("delete_flow", workflow_id="order", force=True)
    assert keys(engine) == []


def test_pruned_run_had_freed_its_key(engine: Engine, clock: Clock) -> None:
    engine.start("order", 1, unique_key="k")
    engine.drain()
    clock.advance(10)
    new_id = engine.start("order", 2, unique_key="k")
    assert engine.call("prune", older_than="5 s") == 1
    assert keys(engine) == [("k", new_id)]


def test_key_is_shown(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    assert engine.rows("select unique_key from stepgres.list_workflow_runs()") == ["k"]
    assert engine.call("get_run", run_id=run_id)["unique_key"] == "k"


def test_start_that_rolls_back_takes_no_key(engine: Engine) -> None:
    before = engine.snapshot()
    with engine.connection.transaction(force_rollback=True):
        engine.start("order", 1, unique_key="k")
    assert engine.snapshot() == before


# With an idempotency_key, a run_id, a parent


def test_idempotency_key_comes_before_the_unique_key(engine: Engine) -> None:
    first = engine.start("order", 1, unique_key="k", idempotency_key="i")
    engine.drain()
    second = engine.start("order", 2, unique_key="k")
    before = engine.snapshot()
    assert engine.start("order", 3, idempotency_key="i", **CANCEL) == first
    assert engine.start("order", 3, idempotency_key="i", **REJECT) == first
    assert debounced(engine, 3, idempotency_key="i") == first
    assert engine.snapshot() == before
    assert engine.status(second)[0] == "in_progress"


def test_start_that_makes_no_run_uses_neither_idempotency_key_nor_run_id(engine: Engine) -> None:
    first = engine.start("order", 1, unique_key="k")
    options: dict[str, Any] = {"unique_key": "k", "idempotency_key": "i", "run_id": RUN_ID}
    assert engine.start("order", 2, **options) == first
    engine.drain()
    assert engine.start("order", 2, **options) == RUN_ID


def test_run_id_that_is_taken_cancels_nothing(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k", run_id=RUN_ID)
    before = engine.snapshot()
    with refused("SG009", str(RUN_ID)):
        engine.start("order", 2, run_id=RUN_ID, **CANCEL)
    with refused("SG009", str(RUN_ID)):
        engine.start("order", 2, run_id=RUN_ID, unique_key="other")
    assert engine.start("order", 2, run_id=RUN_ID, unique_key="k") == run_id
    assert engine.snapshot() == before


def test_run_does_not_cancel_its_own_parent(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    before = engine.snapshot()
    with refused("SG011", str(run_id)):
        engine.start("order", 2, parent_run_id=run_id, **CANCEL)
    assert engine.snapshot() == before


def test_run_with_a_parent_replaces_another_run(engine: Engine) -> None:
    parent = engine.start("invoice", 1)
    engine.start("order", 1, parent_run_id=parent, unique_key="k")
    new_id = engine.start("order", 2, parent_run_id=parent, **CANCEL)
    assert keys(engine) == [("k", new_id)]
    engine.call("cancel_workflow_run", run_id=parent)
    assert keys(engine) == []


# Arguments

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"unique_key": "k", "if_running": "replace"}, 'if_running cannot be "replace"'),
    ({"unique_key": "k", "if_running": ""}, 'if_running cannot be ""'),
    ({"if_running": "reject"}, "if_running needs a unique_key"),
    ({"if_running": "cancel"}, "if_running needs a unique_key"),
    ({"unique_key": "x" * 2001}, "not 2001"),
    ({"debounce": "1 s"}, "debounce needs a unique_key"),
    ({"unique_key": "k", "debounce_max": "1 s"}, "debounce_max needs debounce"),
    ({"unique_key": "k", "debounce": "0"}, "cannot be debounced by 00:00:00"),
    ({"unique_key": "k", "debounce": "-1 s"}, "cannot be debounced by -00:00:01"),
    ({"unique_key": "k", "debounce": "36526 days"}, "cannot be debounced by 36526 days"),
    ({"unique_key": "k", "debounce": "1 s", "debounce_max": "0"}, "debounce_max cannot be"),
    (
        {"unique_key": "k", "debounce": "1 s", "debounce_max": "36526 days"},
        "debounce_max cannot be",
    ),
    ({"unique_key": "k", "debounce": "1 s", "delay": "1 s"}, "leave delay out"),
    ({"unique_key": "k", "debounce": "1 s", "if_running": "cancel"}, "leave if_running out"),
    ({"unique_key": "k", "debounce": "1 s", "if_running": "reject"}, "leave if_running out"),
]


def test_arguments_that_make_no_sense_are_refused(
    engine: Engine, subtests: pytest.Subtests
) -> None:
    before = engine.snapshot()
    for options, words in WRONG:
        with subtests.test(words), refused("SG003", words):
            engine.start("order", {}, **options)
    assert engine.snapshot() == before


def test_key_of_2000_bytes_is_taken(engine: Engine) -> None:
    key = "".join(chr(33 + i % 90) for i in range(2000))
    engine.define("w" * 128, step("a"))
    run_id = engine.start("w" * 128, 1, unique_key=key)
    assert engine.start("w" * 128, 2, unique_key=key) == run_id


def test_unknown_workflow_and_missing_input_are_refused(engine: Engine) -> None:
    with refused("SG002", '"orders"'):
        engine.start("orders", 1, unique_key="k")
    for options in ({"unique_key": "k"}, CANCEL, {"unique_key": "k", "debounce": "1 s"}):
        with refused("SG003", "needs an input"):
            engine.call("start_workflow_run", workflow_slug="order", input=None, **options)
    assert keys(engine) == []


# Debounce


def test_further_starts_replace_the_input_and_move_the_start(engine: Engine, clock: Clock) -> None:
    run_id = debounced(engine, 1)
    clock.advance(9)
    assert debounced(engine, 2) == run_id
    clock.advance(9)
    engine.call("tick")
    assert engine.claim() == []
    assert (input_of(engine, run_id), starts_in(engine, run_id)) == (2, 1)
    clock.advance(1)
    engine.call("tick")
    assert engine.claim_one().input == 2


def test_start_never_moves_behind_the_first_one_and_debounce_max(
    engine: Engine, clock: Clock
) -> None:
    run_id = debounced(engine, 1, debounce_max="15 s")
    assert starts_in(engine, run_id) == 10
    for input, left in ((2, 7), (3, 0)):
        clock.advance(8)
        assert debounced(engine, input, debounce_max="15 s") == run_id
        assert starts_in(engine, run_id) == left
    engine.call("tick")
    assert engine.claim_one().input == 3


def test_debounce_max_counts_for_the_first_start_too(engine: Engine, clock: Clock) -> None:
    assert starts_in(engine, debounced(engine, 1, 10, debounce_max="3 s")) == 3


def test_only_the_input_is_replaced(engine: Engine) -> None:
    run_id = debounced(engine, 1, tags=["first"], priority=5)
    assert debounced(engine, 2, tags=["second"], priority=7, deadline="1 s") == run_id
    query = "select tags, priority, deadline, input from stepgres.runs"
    assert engine.rows(query) == [(["first"], 5, None, 2)]


def test_deadline_moves_with_the_start(engine: Engine, clock: Clock) -> None:
    run_id = debounced(engine, 1, deadline="5 s")
    clock.advance(8)
    debounced(engine, 2)
    clock.advance(10)
    engine.call("tick")
    assert engine.claim_one().run_id == run_id
    clock.advance(4)
    assert engine.call("tick") == 0
    clock.advance(1)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"


def test_input_that_the_workflow_cannot_take_is_refused(engine: Engine) -> None:
    engine.define("each", step("each", map=True))
    run_id = engine.start("each", [1], unique_key="k", debounce="10 s")
    before = engine.snapshot()
    with refused("SG003", '"each"', "number"):
        engine.start("each", 2, unique_key="k", debounce="10 s")
    assert engine.snapshot() == before
    assert input_of(engine, run_id) == [1]


def test_plain_start_finds_the_run_that_waits(engine: Engine) -> None:
    run_id = debounced(engine, 1)
    assert engine.start("order", 2, unique_key="k") == run_id
    with refused("SG038", str(run_id)):
        engine.start("order", 2, **REJECT)
    new_id = engine.start("order", 2, **CANCEL)
    assert keys(engine) == [("k", new_id)]
    assert engine.status(run_id)[0] == "failed"


def test_one_run_waits_behind_the_active_one(engine: Engine) -> None:
    active = engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2)
    assert waiting != active
    assert debounced(engine, 3) == waiting
    assert engine.start("order", 4, unique_key="k") == active
    assert input_of(engine, active) == 1
    assert keys(engine) == [("k", active), ("k", waiting)]


def test_run_that_has_begun_keeps_its_input(engine: Engine, clock: Clock) -> None:
    first = debounced(engine, 1)
    clock.advance(10)
    engine.call("tick")
    second = debounced(engine, 2)
    assert second != first
    assert (input_of(engine, first), input_of(engine, second)) == (1, 2)


def test_cancelling_start_ends_both_runs(engine: Engine) -> None:
    active, waiting = engine.start("order", 1, unique_key="k"), debounced(engine, 2)
    new_id = engine.start("order", 3, **CANCEL)
    assert engine.status(active)[0] == engine.status(waiting)[0] == "failed"
    assert keys(engine) == [("k", new_id)]


def test_due_run_is_held_until_the_active_one_has_ended(engine: Engine, clock: Clock) -> None:
    active = engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2, deadline="60 s")
    item = engine.claim_one()
    for _ in range(20):
        clock.advance(10)
        engine.call("tick")
    assert engine.claim() == []
    (reason,) = engine.rows("select waits_for, detail, until from stepgres.why_stuck(%s)", waiting)[
        :1
    ]
    assert reason == ("start", f"run {active} with the same unique_key has not ended", None)
    engine.complete(item)
    engine.complete(engine.claim_one())
    assert engine.status(active)[0] == "completed"
    assert engine.rows("select stepgres.next_due() <= stepgres._now()") == [True]
    engine.call("tick")
    assert engine.claim_one().input == 2
    query = "select due_at - stepgres._now() from stepgres.timers where kind = 'run_deadline'"
    assert engine.rows(query) == [timedelta(seconds=60)]
    assert keys(engine) == [("k", waiting)]


def test_held_run_gets_the_latest_input(engine: Engine, clock: Clock) -> None:
    engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2)
    clock.advance(10)
    engine.call("tick")
    assert debounced(engine, 3) == waiting
    engine.drain()
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(10)
    engine.call("tick")
    assert engine.claim_one().input == 3


def test_run_that_is_not_due_does_not_begin_at_the_end_of_the_active_one(
    engine: Engine, clock: Clock
) -> None:
    engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2)
    clock.advance(4)
    engine.drain()
    engine.call("tick")
    assert engine.claim() == []
    assert starts_in(engine, waiting) == 6


def test_held_run_begins_although_nobody_has_noted_the_end(engine: Engine, clock: Clock) -> None:
    """An end that is under way while the run is being held does not see that it is held."""
    engine.start("order", 1, unique_key="k")
    debounced(engine, 2)
    clock.advance(10)
    engine.call("tick")
    engine.drain()
    engine.rows("delete from stepgres.child_changes returning change")
    clock.advance(10)
    engine.call("tick")
    assert engine.claim_one().input == 2


def test_pause_holds_a_run_that_waits_and_its_input_is_still_replaced(
    engine: Engine, clock: Clock
) -> None:
    run_id = debounced(engine, 1, deadline="60 s")
    engine.call("pause_workflow_run", run_id=run_id)
    clock.advance(100)
    assert debounced(engine, 2, 20) == run_id
    clock.advance(100)
    engine.call("tick")
    engine.call("resume_workflow_run", run_id=run_id)
    assert starts_in(engine, run_id) == 20
    clock.advance(20)
    engine.call("tick")
    assert engine.claim_one().input == 2


def test_held_run_that_is_paused_begins_after_its_resumption(engine: Engine, clock: Clock) -> None:
    engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2)
    clock.advance(10)
    engine.call("tick")
    engine.call("pause_workflow_run", run_id=waiting)
    engine.drain()
    engine.call("tick")
    assert engine.claim() == []
    engine.call("resume_workflow_run", run_id=waiting)
    engine.call("tick")
    assert engine.claim_one().input == 2


def test_held_run_that_is_cancelled_leaves_nothing(engine: Engine, clock: Clock) -> None:
    engine.start("order", 1, unique_key="k")
    waiting = debounced(engine, 2)
    clock.advance(10)
    engine.call("tick")
    engine.drain()
    engine.call("cancel_workflow_run", run_id=waiting)
    engine.call("tick")
    assert keys(engine) == []
    assert engine.rows("select * from stepgres.child_changes") == []


# Retry and fork


def failed(engine: Engine, **options: Any) -> UUID:
    run_id = engine.start("order", 1, **options)
    engine.fail(engine.claim_one(), retryable=False)
    return run_id


def test_retry_takes_a_free_key(engine: Engine) -> None:
    run_id = failed(engine, unique_key="k")
    new_id = engine.call("retry_failed_workflow", run_id=run_id)
    assert keys(engine) == [("k", new_id)]
    assert engine.start("order", 2, unique_key="k") == new_id


@pytest.mark.parametrize("is_waiting", [False, True])
def test_retry_without_its_key_is_refused(engine: Engine, is_waiting: bool) -> None:
    run_id = failed(engine, unique_key="k")
    other = debounced(engine, 2) if is_waiting else engine.start("order", 2, unique_key="k")
    before = engine.snapshot()
    with refused("SG038", str(other), '"k"') as refusal:
        engine.call("retry_failed_workflow", run_id=run_id)
    assert refusal.detail == str(other)
    assert engine.snapshot() == before


def test_active_run_cannot_be_started_again_beside_itself(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    with refused("SG038", str(run_id)):
        engine.call("retry_failed_workflow", run_id=run_id, reset_all=True)
    with refused("SG038", str(run_id)):
        engine.call("fork_run", run_id=run_id, from_steps=["a"])


def test_fork_takes_a_free_key(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    engine.drain()
    new_id = engine.call("fork_run", run_id=run_id, from_steps=["b"])
    assert keys(engine) == [("k", new_id)]


def test_retry_of_many_takes_each_key_once(engine: Engine) -> None:
    plain = failed(engine)
    failed(engine, unique_key="k")
    newest = failed(engine, unique_key="k")
    failed(engine, unique_key="taken")
    active = engine.start("order", 1, unique_key="taken")
    (batch,) = engine.rows("select run_ids from stepgres.retry_runs()")
    assert batch == [plain, newest]
    retried = engine.rows("select retried_from from stepgres.runs where retried_from is not null")
    assert sorted(retried) == [plain, newest]
    assert ("taken", active) in keys(engine)
    assert engine.rows("select run_ids from stepgres.retry_runs()") == [[]]


# What fsck finds


def test_fsck_finds_lost_and_stray_keys(engine: Engine) -> None:
    run_id = engine.start("order", 1, unique_key="k")
    engine.rows("delete from stepgres.unique_runs returning run_id")
    found = engine.rows("select run_id, detail from stepgres.fsck()")
    assert [row[0] for row in found] == [run_id]
    engine.rows(
        "insert into stepgres.unique_runs values ('order', 'k', true, %s, false),"
        " ('order', 'k', false, %s, true) returning run_id",
        run_id,
        RUN_ID,
    )
    assert len(engine.rows("select * from stepgres.fsck()")) == 3
    engine.rows("delete from stepgres.unique_runs returning run_id")
    engine.rows(
        "insert into stepgres.unique_runs values ('order', 'k', false, %s) returning 1", run_id
    )


def test_other_runs_do_not_touch_the_keys(engine: Engine) -> None:
    """A run without a unique_key reads and writes nothing there, whatever becomes of it."""
    query = (
        "select seq_scan + idx_scan, n_tup_ins from pg_stat_xact_user_tables"
        " where relid = 'stepgres.unique_runs'::regclass"
    )
    with engine.connection.transaction():
        before = engine.rows(query)
        engine.start("order", 1)
        engine.drain()
        run_id = failed(engine)
        engine.call("retry_failed_workflow", run_id=run_id)
        engine.work([item.failed(retryable=False) for item in engine.claim()])
        engine.rows("select stepgres.start_workflow_runs('order', %s)", Jsonb([1, 2]))
        engine.rows("select stepgres.cancel_runs()")
        assert engine.rows(query) == before
