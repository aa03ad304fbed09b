"""Steps whose bodies are runs of workflows: what starts, ends, retries and cancels the children."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


def define(engine: Engine, **options: Any) -> None:
    """A workflow ship of one step, and a workflow order whose one step is a run of ship."""
    engine.define("ship", step("pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship", **options), step("bill", "ship"))


def child_waits(engine: Engine, run_id: UUID) -> list[Any]:
    query: LiteralString = """
        select task_index, number, outcome, child_run_id from stepgres.waits
        where run_id = %s and kind = 'child' order by task_index, number
    """
    return engine.rows(query, run_id)


def children(engine: Engine, run_id: UUID) -> list[UUID]:
    """The children of a run, by the tasks that wait for them."""
    return [child for *_, child in child_waits(engine, run_id)]


def statuses(engine: Engine, run_ids: list[UUID]) -> list[str]:
    return [engine.status(run_id)[0] for run_id in run_ids]


def error(engine: Engine, run_id: UUID) -> str:
    status, details = engine.status(run_id)
    assert status == "failed"
    return str(details)


def settle(engine: Engine) -> None:
    """Tick until nothing is due."""
    for _ in range(200):
        if not engine.call("tick"):
            return
    raise AssertionError("there is no end")


def pending(engine: Engine) -> int:
    (count,) = engine.rows("select count(*) from stepgres.child_changes")
    return int(count)


# A child starts and ends


def test_output_of_the_child_is_the_output_of_the_step(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order", {"id": 7})
    item = engine.claim_one()
    assert (item.workflow_slug, item.step_slug, item.input) == ("ship", "pack", {"id": 7})
    assert engine.tasks(run_id) == {("ship", 0): "waiting"}
    engine.complete(item, {"parcel": 1})
    assert engine.steps(run_id) == {"ship": "started", "bill": "created"}
    settle(engine)
    assert engine.tasks(run_id)["ship", 0] == "completed"
    item = engine.claim_one()
    assert item.input == {"id": 7, "ship": {"parcel": 1}, "parcel": 1}
    engine.complete(item, "done")
    assert engine.output(run_id) == "done"
    assert pending(engine) == 0


def test_child_gets_the_input_of_its_step(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.define("order", step("load"), step("ship", "load", workflow="ship"))
    engine.start("order", {"id": 7})
    engine.complete(engine.claim_one(), {"size": 2})
    assert engine.claim_one().input == {"id": 7, "size": 2, "load": {"size": 2}}


def test_next_due_is_over_while_the_end_of_a_child_is_noted(engine: Engine) -> None:
    define(engine)
    engine.start("order")
    settle(engine)
    due = "select stepgres.next_due() <= stepgres._now()"
    assert engine.rows(due) != [True]
    engine.complete(engine.claim_one())
    assert engine.rows(due) == [True]
    settle(engine)
    assert engine.rows(due) != [True]


def test_child_that_ends_in_the_transaction_that_starts_it(engine: Engine) -> None:
    engine.define("each", step("one", map=True))
    engine.define("order", step("ship", workflow="each"))
    run_id = engine.start("order", [])
    (child,) = children(engine, run_id)
    assert engine.status(child) == ("completed", [])
    settle(engine)
    assert engine.output(run_id) == []


def test_map_has_a_child_for_each_element(engine: Engine) -> None:
    define(engine, map=True)
    run_id = engine.start("order", [1, 2, 3])
    assert engine.tasks(run_id) == {("ship", i): "waiting" for i in range(3)}
    engine.work([item.completed(item.input * 10) for item in engine.claim()])
    settle(engine)
    item = engine.claim_one()
    assert item.input == {"ship": [10, 20, 30]}
    engine.complete(item)
    assert engine.status(run_id)[0] == "completed"


def test_map_of_an_empty_array_has_no_children(engine: Engine) -> None:
    define(engine, map=True)
    run_id = engine.start("order", [])
    assert engine.steps(run_id)["ship"] == "completed"
    assert children(engine, run_id) == []


def test_initial_tasks_make_so_many_children(engine: Engine) -> None:
    define(engine, initial_tasks=2)
    engine.start("order", {"id": 1})
    assert [item.input for item in engine.claim()] == [{"id": 1}] * 2


def test_parent_with_a_thousand_children(engine: Engine) -> None:
    define(engine, map=True)
    run_id = engine.start("order", list(range(1001)))
    assert len(children(engine, run_id)) == 1000
    while items := engine.claim():
        assert engine.work([i.completed(i.input) for i in items if i.step_slug == "pack"]) == []
        settle(engine)
        if items[0].step_slug == "bill":
            break
    assert items[0].input["ship"] == list(range(1001))


def test_output_that_a_map_is_made_of_must_be_an_array(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.define(
        "order", step("ship", workflow="ship", max_attempts=3), step("each", "ship", map=True)
    )
    run_id = engine.start("order")
    engine.complete(engine.claim_one(), 5)
    settle(engine)
    assert "must be an array, not number" in error(engine, run_id)


def test_condition_and_delay_come_before_the_child(engine: Engine, clock: Clock) -> None:
    define(engine, condition="$.large", start_delay=10)
    small, large = engine.start("order", {}), engine.start("order", {"large": True})
    assert (children(engine, small), children(engine, large)) == ([], [])
    assert engine.steps(small)["ship"] == "skipped"
    clock.advance(11)
    settle(engine)
    assert len(children(engine, large)) == 1


def test_priority_tags_and_depth_go_down(engine: Engine) -> None:
    define(engine, priority=3)
    engine.start("order", tags=["a"], priority=7)
    engine.start("order")
    query: LiteralString = (
        "select priority, tags, depth from stepgres.runs where workflow_slug = 'ship' order by 1"
    )
    assert engine.rows(query) == [(3, None, 1), (7, ["a"], 1)]


@pytest.mark.parametrize(
    ("own", "of_parent", "expected"), [(60, 20, 15), (10, 20, 10), (60, None, 60), (None, 20, 15)]
)
def test_deadline_of_the_child_is_the_smaller_of_its_own_and_what_is_left(
    engine: Engine, clock: Clock, own: int | None, of_parent: int | None, expected: int
) -> None:
    engine.define("ship", step("pack"), **({"deadline": own} if own else {}))
    engine.define("order", step("a"), step("ship", "a", workflow="ship"))
    deadline = {"deadline": f"{of_parent} s"} if of_parent else {}
    run_id = engine.start("order", **deadline)
    clock.advance(5)
    engine.complete(engine.claim_one())
    (child,) = children(engine, run_id)
    query: LiteralString = (
        "select extract(epoch from deadline)::int from stepgres.runs where run_id = %s"
    )
    assert engine.rows(query, child) == [expected]
    clock.advance(expected)
    settle(engine)
    assert engine.status(child)[0] == engine.status(run_id)[0] == "failed"


def test_version_is_the_current_one_or_the_pinned_one(engine: Engine) -> None:
    engine.define("ship", step("old"))
    engine.define_current("ship", step("new"))
    engine.define("current", step("a", workflow="ship"))
    engine.define("pinned", step("a", workflow="ship", version=1))
    engine.start("current")
    assert engine.claim_one().step_slug == "new"
    engine.start("pinned")
    assert engine.claim_one().step_slug == "old"


# What cannot start


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workflow": "nobody"}, 'workflow "nobody" does not exist'),
        ({"workflow": "ship", "version": 9}, 'workflow "ship" has no version 9'),
        ({"workflow": "empty"}, 'workflow "empty" has no steps'),
        ({"workflow": "each"}, "must be an array, not object"),
    ],
)
def test_child_that_cannot_start_fails_the_step(
    engine: Engine, options: dict[str, Any], said: str
) -> None:
    engine.define("ship", step("pack"))
    engine.define("each", step("one", map=True))
    engine.call("create_flow", name="empty")
    engine.define("order", step("ship", max_attempts=5, **options))
    run_id = engine.start("order", {})
    settle(engine)
    assert said in error(engine, run_id)
    (tree,) = engine.rows("select count(*) from stepgres.get_run_tree(%s)", run_id)
    assert (tree, pending(engine)) == (1, 0)


def test_bad_elements_of_a_map_keep_no_child_of_the_others_back(engine: Engine) -> None:
    engine.define("each", step("one", map=True))
    engine.define("order", step("a", workflow="each", map=True, when_exhausted="skip"))
    run_id = engine.start("order", [[1], 5, []])
    engine.work([item.completed("x") for item in engine.claim()])
    settle(engine)
    assert engine.output(run_id) == [["x"], None, []]


def test_each_child_that_cannot_start_has_the_error_of_its_own_input(engine: Engine) -> None:
    engine.define("each", step("one", map=True))
    engine.define("order", step("a", workflow="each", map=True, when_exhausted="skip"))
    run_id = engine.start("order", [5, "x"])
    settle(engine)
    errors = engine.rows("select error from stepgres.tasks where run_id = %s order by 1", run_id)
    assert [error.rsplit(" ", 1)[-1] for error in errors] == ["number", "string"]


def test_recursion_ends_where_its_condition_says(engine: Engine) -> None:
    engine.define("down", step("a"), step("b", "a", workflow="down", condition="$.a < 20"))
    run_id = engine.start("down", {"level": 0})
    for level in range(1, 21):
        engine.complete(engine.claim_one(), level)
    settle(engine)
    assert engine.status(run_id)[0] == "completed"
    levels = engine.rows("select level from stepgres.get_run_tree(%s)", run_id)
    assert levels == list(range(20))


def test_recursion_is_at_most_fifty_levels_deep(engine: Engine) -> None:
    engine.define("down", step("a", workflow="down"))
    run_id = engine.start("down")
    settle(engine)
    assert "would be more than 50 levels deep" in error(engine, run_id)
    levels = engine.rows("select level from stepgres.get_run_tree(%s)", run_id)
    assert levels == list(range(51))


# Failures


def test_failure_of_the_child_fails_the_step(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), "no luck", error_type="ValueError")
    settle(engine)
    assert error(engine, run_id) == 'step "ship" failed: step "pack" failed: no luck'
    status = engine.rows("select error_type from stepgres.get_run_status(%s)", run_id)
    assert status == ["ValueError"]


def test_further_attempt_goes_on_where_the_child_failed(engine: Engine, clock: Clock) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship", max_attempts=2, base_delay=10))
    run_id = engine.start("order")
    engine.complete(engine.claim_one(), "packed")
    engine.fail(engine.claim_one())
    settle(engine)
    assert engine.tasks(run_id) == {("ship", 0): "waiting"}
    assert engine.claim() == []
    clock.advance(11)
    settle(engine)
    item = engine.claim_one()
    assert (item.step_slug, item.input["pack"]) == ("send", "packed")
    engine.complete(item, "sent")
    settle(engine)
    assert engine.output(run_id) == "sent"
    first, second = child_waits(engine, run_id)
    assert (first[:3], second[:3]) == ((0, 1, "failed"), (0, 2, "completed"))
    query: LiteralString = "select retried_from, depth from stepgres.runs where run_id = %s"
    assert engine.rows(query, second[3]) == [(first[3], 1)]


def test_attempts_of_children_are_exhausted(engine: Engine, clock: Clock) -> None:
    define(engine, max_attempts=2)
    run_id = engine.start("order")
    for _ in range(2):
        engine.fail(engine.claim_one())
        settle(engine)
        clock.advance(5)
        settle(engine)
    assert error(engine, run_id).endswith("no luck")
    attempts = engine.rows("select attempt from stepgres.attempts where run_id = %s", run_id)
    assert sorted(attempts) == [1, 2]


def test_map_tolerates_the_failures_of_children(engine: Engine) -> None:
    define(engine, map=True, when_exhausted="skip", max_failed=1)
    good, bad = engine.start("order", [1, 2, 3]), engine.start("order", [1, 2, 3])
    items = engine.claim()
    of_good = [item for item in items if item.run_id in children(engine, good)]
    of_bad = [item for item in items if item.run_id in children(engine, bad)]
    engine.work([of_good[0].failed(), *(item.completed(item.input) for item in of_good[1:])])
    engine.work([of_bad[0].failed(), of_bad[1].failed()])
    settle(engine)
    item = engine.claim_one()
    assert item.input["ship"].count(None) == 1
    engine.complete(item)
    assert engine.status(good)[0] == "completed"
    assert "2 of 3 tasks failed, and max_failed is 1" in error(engine, bad)
    assert set(statuses(engine, children(engine, bad))) == {"failed"}
    assert engine.tickets() == []


def test_skipped_map_cancels_its_other_children(engine: Engine) -> None:
    define(engine, map=True, when_exhausted="skip-cascade")
    run_id = engine.start("order", [1, 2, 3])
    engine.fail(engine.claim(1)[0])
    settle(engine)
    assert engine.steps(run_id) == {"ship": "skipped", "bill": "skipped"}
    assert statuses(engine, children(engine, run_id)) == ["failed"] * 3
    assert engine.tickets() == []


def test_failed_parent_that_also_waits_for_a_signal_cancels_its_children(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.define(
        "order",
        step("a", max_attempts=1),
        step("b", workflow="ship"),
        step("paid", wait_for="paid"),
    )
    run_id = engine.start("order", {})
    (child,) = children(engine, run_id)
    engine.fail(next(item for item in engine.claim() if item.run_id == run_id))
    engine.call("tick")
    assert error(engine, child) == "the step that waited for the run has ended"


def test_failed_parent_cancels_its_children_and_their_children(engine: Engine) -> None:
    define(engine)
    engine.define("top", step("a", max_attempts=1), step("b", workflow="order"))
    run_id = engine.start("top")
    settle(engine)
    (item,) = [item for item in engine.claim() if item.step_slug == "a"]
    engine.fail(item)
    assert pending(engine) == 1
    settle(engine)
    tree = engine.rows("select status from stepgres.get_run_tree(%s)", run_id)
    assert tree == ["failed"] * 3


# Cancel


def test_cancel_goes_down(engine: Engine) -> None:
    define(engine)
    engine.define("top", step("b", workflow="order"))
    run_id = engine.start("top")
    settle(engine)
    engine.call("cancel_workflow_run", run_id=run_id, reason="enough")
    tree = engine.rows("select status, error from stepgres.get_run_tree(%s)", run_id)
    assert tree == [("failed", "enough")] * 3
    assert (engine.tickets(), pending(engine)) == ([], 0)


def test_cancelled_child_is_not_tried_again(engine: Engine) -> None:
    define(engine, max_attempts=5)
    run_id = engine.start("order")
    (child,) = children(engine, run_id)
    engine.call("cancel_workflow_run", run_id=child, reason="enough")
    settle(engine)
    assert error(engine, run_id) == f'step "ship" failed: run {child} was cancelled: enough'


def test_cancel_of_more_than_a_thousand_runs_goes_on_in_ticks(engine: Engine) -> None:
    define(engine, map=True)
    engine.define("top", step("a", workflow="order"))
    run_id = engine.start("top", list(range(1000)))
    settle(engine)
    engine.call("cancel_workflow_run", run_id=run_id, reason="enough")
    assert engine.status(run_id) == ("failed", "enough")
    settle(engine)
    assert engine.rows("select count(*) from stepgres.active_runs") == [0]
    cancelled = "select count(*) from stepgres.runs where error = 'enough'"
    assert engine.rows(cancelled) == [1002]
    assert (engine.tickets(), pending(engine)) == ([], 0)


def test_run_with_an_explicit_parent_is_cancelled_with_it_but_not_paused(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    parent = engine.start("ship")
    child = engine.start("ship", parent_run_id=parent)
    engine.call("pause_workflow_run", run_id=parent)
    assert [item.run_id for item in engine.claim()] == [child]
    engine.call("cancel_workflow_run", run_id=parent)
    assert engine.status(child)[0] == "failed"


def test_deleted_workflow_of_a_child_fails_the_parent(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.call("delete_flow", workflow_id="ship", force=True)
    settle(engine)
    assert "was deleted" in error(engine, run_id)


# Pause and resume


def paused(engine: Engine) -> dict[str, bool]:
    query: LiteralString = "select workflow_slug, paused_at is not null from stepgres.runs"
    return dict(engine.rows(query))


def test_pause_and_resume_go_down(engine: Engine) -> None:
    define(engine)
    engine.define("top", step("b", workflow="order"))
    run_id = engine.start("top")
    settle(engine)
    engine.call("pause_workflow_run", run_id=run_id)
    assert paused(engine) == {"top": True, "order": True, "ship": True}
    assert engine.claim() == []
    engine.call("resume_workflow_run", run_id=run_id)
    assert paused(engine) == {"top": False, "order": False, "ship": False}
    assert engine.claim_one().step_slug == "pack"


def test_resume_wakes_no_child_that_was_paused_by_itself(engine: Engine) -> None:
    define(engine)
    engine.define("top", step("b", workflow="order"))
    run_id = engine.start("top")
    settle(engine)
    (order,) = children(engine, run_id)
    engine.call("pause_workflow_run", run_id=order)
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=run_id)
    assert paused(engine) == {"top": False, "order": True, "ship": True}
    engine.call("resume_workflow_run", run_id=order)
    assert paused(engine) == {"top": False, "order": False, "ship": False}


def test_child_that_was_resumed_and_paused_by_itself_stays_paused(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    (child,) = children(engine, run_id)
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=child)
    engine.call("pause_workflow_run", run_id=child)
    engine.call("resume_workflow_run", run_id=run_id)
    assert paused(engine) == {"order": False, "ship": True}


def test_many_runs_are_paused_and_resumed_with_their_children(engine: Engine) -> None:
    define(engine)
    engine.start("order")
    engine.call("pause_runs", workflow_slug="order")
    assert paused(engine) == {"order": True, "ship": True}
    engine.call("resume_runs", workflow_slug="order")
    assert paused(engine) == {"order": False, "ship": False}
    engine.call("pause_runs")
    engine.call("resume_runs", workflow_slug="order")
    assert paused(engine) == {"order": False, "ship": False}


def test_paused_parent_starts_no_child_and_takes_the_end_of_one(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.define(
        "order", step("a", workflow="ship"), step("b", workflow="ship"), step("c", "a", "b")
    )
    run_id = engine.start("order", delay="1 s")
    assert children(engine, run_id) == []
    engine.call("pause_workflow_run", run_id=run_id)
    engine.call("resume_workflow_run", run_id=run_id)
    engine.connection.execute("update stepgres.timers set due_at = stepgres._now()")
    settle(engine)
    items = engine.claim()
    engine.call("pause_workflow_run", run_id=run_id)
    engine.work([item.completed() for item in items])
    settle(engine)
    assert engine.steps(run_id) == {"a": "completed", "b": "completed", "c": "created"}
    engine.call("resume_workflow_run", run_id=run_id)
    assert engine.claim_one().step_slug == "c"


def test_retry_timer_of_a_paused_parent_stands_still(engine: Engine, clock: Clock) -> None:
    define(engine, max_attempts=2)
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    settle(engine)
    engine.call("pause_workflow_run", run_id=run_id)
    clock.advance(60)
    settle(engine)
    assert engine.claim() == []
    engine.call("resume_workflow_run", run_id=run_id)
    clock.advance(2)
    settle(engine)
    assert engine.claim_one().step_slug == "pack"


# Retry


def test_retry_of_the_parent_keeps_finished_children_and_retries_failed_ones(
    engine: Engine,
) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship", map=True))
    run_id = engine.start("order", [0, 1, 2])
    engine.work([item.completed(item.input) for item in engine.claim()])
    kept, failing, left = engine.claim()
    engine.complete(kept, "kept")
    settle(engine)
    engine.fail(failing)
    settle(engine)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    items = engine.claim()
    assert [item.step_slug for item in items] == ["send", "send"]
    engine.work([item.completed("again") for item in items])
    settle(engine)
    assert sorted(engine.output(retried)) == ["again", "again", "kept"]
    assert left.run_id in children(engine, run_id)


def test_retry_continues_children_that_no_tick_has_cancelled_yet(engine: Engine) -> None:
    engine.define("ship", step("pack"), step("send", "pack"))
    engine.define("order", step("a", max_attempts=1), step("ship", workflow="ship"))
    run_id = engine.start("order")
    items = {item.step_slug: item for item in engine.claim()}
    engine.complete(items["pack"], 1)
    engine.fail(items["a"])
    assert pending(engine) == 1
    engine.call("retry_failed_workflow", run_id=run_id)
    assert [item.step_slug for item in engine.claim()] == ["a", "send"]
    assert pending(engine) == 0


def test_retry_from_the_beginning_starts_new_children(engine: Engine) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship"))
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    settle(engine)
    engine.call("retry_failed_workflow", run_id=run_id, reset_all=True)
    assert engine.claim_one().step_slug == "pack"


def test_retry_of_many_runs_passes_over_children(engine: Engine) -> None:
    define(engine)
    engine.start("order")
    engine.fail(engine.claim_one())
    settle(engine)
    engine.call("retry_runs")
    assert engine.rows("select count(*) from stepgres.active_runs") == [2]
    assert engine.claim_one().step_slug == "pack"


def test_retry_whose_children_are_pruned_begins_them_anew(engine: Engine) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship"))
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    settle(engine)
    assert engine.call("prune", older_than="0 s", workflow_slug="ship") == 1
    engine.call("retry_failed_workflow", run_id=run_id)
    assert engine.claim_one().step_slug == "pack"


def test_children_of_children_are_continued_too(engine: Engine) -> None:
    engine.define("ship", step("pack"), step("send", "pack", max_attempts=1))
    engine.define("order", step("ship", workflow="ship"))
    engine.define("top", step("b", workflow="order"))
    run_id = engine.start("top")
    settle(engine)
    engine.complete(engine.claim_one())
    engine.fail(engine.claim_one())
    settle(engine)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    settle(engine)
    item = engine.claim_one()
    assert item.step_slug == "send"
    engine.complete(item, "sent")
    settle(engine)
    assert engine.output(retried) == "sent"


# Prune, why_stuck, lists


def test_prune_keeps_a_child_as_long_as_its_parent(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    settle(engine)
    assert engine.call("prune", older_than="0 s") == 0
    engine.complete(engine.claim_one())
    assert engine.call("prune", older_than="0 s") == 2
    assert engine.rows("select count(*) from stepgres.waits") == [0]
    with refused("SG005"):
        engine.call("get_run_tree", run_id=run_id)


def test_why_stuck_names_the_child(engine: Engine) -> None:
    define(engine, map=True)
    run_id = engine.start("order", [1, 2])
    child = min(children(engine, run_id), key=str)
    stuck = engine.rows(
        "select step_slug, task_index, waits_for, detail from stepgres.why_stuck(%s)", run_id
    )
    assert stuck[0] == ("ship", 0, "child", f"child run {child} (2 waits)")


def test_tree_of_a_run(engine: Engine) -> None:
    define(engine, map=True)
    run_id = engine.start("order", [1, 2])
    explicit = engine.start("ship", parent_run_id=run_id)
    first, second = children(engine, run_id)
    query: LiteralString = """
        select run_id, parent_run_id, level, step_slug, task_index
        from stepgres.get_run_tree(%s)
    """
    assert engine.rows(query, run_id) == [
        (run_id, None, 0, None, None),
        (first, run_id, 1, "ship", 0),
        (second, run_id, 1, "ship", 1),
        (explicit, run_id, 1, None, None),
    ]


def test_events_of_a_child_step(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.complete(engine.claim_one())
    settle(engine)
    query: LiteralString = """
        select event_type, attempt from stepgres.run_events
        where run_id = %s and step_slug = 'ship' order by occurred_at, event_order
    """
    events = engine.rows(query, run_id)
    assert {("task_started", 1), ("task_completed", 1)} <= set(events)
    assert [name for name, _ in events if name.startswith("wait")] == [
        "wait_opened",
        "wait_resolved",
    ]


# Definitions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workflow": "ship", "transactional": True}, "no other body"),
        ({"workflow": "ship", "sticky": True}, "no other body"),
        ({"workflow": "ship", "wait_for": "go"}, "no other body"),
        ({"workflow": "ship", "timeout": 5}, "a step with a workflow has no timeout"),
        ({"workflow": "a b"}, "is not the slug of a workflow"),
        ({"workflow": "ship", "version": 0}, "version is at least 1"),
        ({"version": 1}, "version is for steps with a workflow"),
        ({"workflow": 5}, "workflow must be a JSON string"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    engine: Engine, options: dict[str, Any], said: str
) -> None:
    with refused("SG001", '"order"', '"a"', said):
        engine.define("order", step("a", **options))


def test_document_of_a_child_step_is_the_one_that_was_registered(engine: Engine) -> None:
    version = engine.define("order", step("a", workflow="myapp.ShipOrder", version=2))
    document = engine.call("get_flow", workflow_id="order")
    (shown,) = document["steps"]
    assert (shown["workflow"], shown["version"], shown["max_attempts"]) == ("ship_order", 2, 1)
    assert engine.call("register_workflow", definition=Jsonb(document)) == version


def test_step_without_a_workflow_has_no_key_for_it(engine: Engine) -> None:
    engine.define("order", step("a"))
    document = engine.call("get_flow", workflow_id="order")
    assert {"workflow", "version", "child"} & set(document["steps"][0]) == set()


def test_add_step_takes_a_workflow(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.call("create_flow", name="order")
    engine.call("add_step", workflow_id="order", step_name="a", workflow="ship", version=1)
    engine.start("order")
    assert engine.claim_one().workflow_slug == "ship"


# Workflows without children


def test_workflows_without_children_never_look_at_children(engine: Engine) -> None:
    engine.define(
        "order",
        step("a"),
        step("b", "a", condition="$.x"),
        step("each", "a", map=True),
        step("no", "a", condition="$.no", when_unmet="skip-cascade"),
        step("all", "b", "each", gathers=["b", "each"]),
    )
    engine.define("failing", step("a", max_attempts=1), step("b", "a"))
    looks: LiteralString = """
        select relname, seq_scan, idx_scan, n_tup_ins, n_tup_upd
        from pg_stat_xact_user_tables
        where schemaname = 'stepgres' and relname in ('waits', 'child_changes')
            and (seq_scan > 0 or idx_scan > 0 or n_tup_ins > 0 or n_tup_upd > 0)
    """
    with engine.connection.transaction():
        run_id = engine.start("order", {"x": 1})
        failed = engine.start("failing")
        while items := engine.claim():
            engine.work(
                [
                    item.failed() if item.run_id == failed else item.completed([1, 2])
                    for item in items
                ]
            )
        assert engine.status(failed)[0] == "failed"
        assert engine.status(run_id)[0] == "completed"
        assert engine.rows(looks) == []
