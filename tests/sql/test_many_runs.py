"""cancel_runs, pause_runs, resume_runs, retry_runs: many runs at once, in batches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    engine.define("order", step("fetch", max_attempts=1), step("save", "fetch"))
    engine.define("other", step("fetch"))


def start(engine: Engine, count: int, workflow_slug: str = "order", **options: Any) -> list[UUID]:
    return sorted(engine.start(workflow_slug, **options) for _ in range(count))


def batch_of(engine: Engine, function: str, **filters: Any) -> Any:
    """What one call returns: run_ids, more, after and until."""
    return engine._execute(function, filters).fetchone()


def change(engine: Engine, function: str, **filters: Any) -> list[list[UUID]]:
    """The batches in which a function changes all runs that pass the filters."""
    batches, more = [], True
    while more:
        run_ids, more, filters["after"], filters["until"] = batch_of(engine, function, **filters)
        batches.append(run_ids)
    return batches


def all_of(engine: Engine, function: str, **filters: Any) -> list[UUID]:
    return sorted(run_id for batch in change(engine, function, **filters) for run_id in batch)


def states(engine: Engine) -> dict[UUID, str]:
    """The state of each run, in the words of people."""
    query = """
        select run_id, case when cancelled_at is not null then 'cancelled'
            when paused_at is not null then 'paused' else status end
        from stepgres.runs
    """
    return dict(engine.rows(query))


def test_batches_hold_no_more_than_asked_for_and_together_all(engine: Engine) -> None:
    run_ids = start(engine, 7)
    batches = change(engine, "pause_runs", batch_size=3)
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert sorted(run_id for batch in batches for run_id in batch) == run_ids
    assert set(states(engine).values()) == {"paused"}
    assert [len(batch) for batch in change(engine, "resume_runs", batch_size=7)] == [7]
    assert len(engine.claim()) == 7


def test_what_a_change_does_not_apply_to_is_passed_over(engine: Engine) -> None:
    completed = engine.start("order")
    engine.drain()
    failed = engine.start("order")
    engine.fail(engine.claim_one())
    paused, *rest = start(engine, 3)
    engine.call("pause_workflow_run", run_id=paused)
    assert all_of(engine, "pause_runs") == sorted(rest)
    assert all_of(engine, "pause_runs") == []
    assert all_of(engine, "resume_runs") == sorted([paused, *rest])
    assert all_of(engine, "cancel_runs", reason="enough") == sorted([paused, *rest])
    assert states(engine)[completed] == "completed"
    assert engine.status(failed) != ("failed", "enough")
    assert engine.status(paused) == ("failed", "enough")


@pytest.mark.parametrize("function", ["cancel_runs", "pause_runs", "resume_runs", "retry_runs"])
def test_dry_run_names_the_same_runs_and_changes_nothing(engine: Engine, function: str) -> None:
    start(engine, 2)
    for run_id in start(engine, 3):
        engine.call("pause_workflow_run", run_id=run_id)
    for run_id in start(engine, 3):
        engine.call("cancel_workflow_run", run_id=run_id)
    before = engine.snapshot()
    would = all_of(engine, function, dry_run=True, batch_size=2)
    assert engine.snapshot() == before
    assert would
    assert all_of(engine, function, batch_size=2) == would


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"workflow_slug": "other"}, ["other"]),
        ({"workflow_slug": "Other"}, ["other"]),
        ({"tags": ["a"]}, ["a", "ab"]),
        ({"tag": "b"}, ["ab"]),
        ({"tags": ["a"], "tag": "b"}, ["ab"]),
        ({"status": "started"}, ["other", "a", "ab", "old"]),
        ({"status": "failed"}, []),
        ({"until": "old"}, ["old"]),
        ({"since": "new"}, ["other", "a", "ab"]),
        ({"since": "new", "until": "old"}, []),
    ],
)
def test_filters_are_those_of_lists(
    engine: Engine, clock: Clock, filters: dict[str, Any], expected: list[str]
) -> None:
    (old,) = engine.rows("select stepgres._now()")
    runs = {engine.start("order"): "old"}
    clock.advance(60)
    (new,) = engine.rows("select stepgres._now()")
    runs[engine.start("other")] = "other"
    runs[engine.start("order", tags=["a"])] = "a"
    runs[engine.start("order", tags=["b", "a"])] = "ab"
    times = {"old": old, "new": new}
    filters = {name: times.get(str(value), value) for name, value in filters.items()}
    listed = engine.rows(
        "select run_id from stepgres.list_workflow_runs("
        + ", ".join(f"{name} => %s" for name in filters)
        + ")",
        *filters.values(),
    )
    assert sorted(runs[run_id] for run_id in listed) == sorted(expected)
    found = all_of(engine, "cancel_runs", **filters)
    assert sorted(runs[run_id] for run_id in found) == sorted(expected)


def test_children_are_cancelled_with_their_parents_and_named_once(engine: Engine) -> None:
    (parent,) = start(engine, 1, tags=["p"])
    children = start(engine, 3, "other", parent_run_id=parent)
    assert all_of(engine, "cancel_runs", tag="p", dry_run=True) == sorted([parent, *children])
    assert all_of(engine, "cancel_runs", tag="p") == sorted([parent, *children])
    assert set(states(engine).values()) == {"cancelled"}


def test_retries_go_on_where_the_runs_failed_and_each_is_retried_once(engine: Engine) -> None:
    engine.start("order")
    engine.drain()
    failed = start(engine, 3, tags=["a"]) + start(engine, 2, priority=7)
    items = engine.claim()
    for item in items[:-1]:
        engine.complete(item, {"n": str(item.run_id)})
    engine.fail(items[-1])
    for item in engine.claim():
        engine.fail(item, retryable=False)
    assert all_of(engine, "retry_runs", batch_size=2) == sorted(failed)
    assert all_of(engine, "retry_runs") == []
    new = dict(
        engine.rows(
            "select n.retried_from, n.run_id from stepgres.runs as n"
            " join stepgres.runs as o on o.run_id = n.retried_from"
            " where (n.tags, n.priority) is not distinct from (o.tags, o.priority)"
        )
    )
    assert sorted(new) == sorted(failed)
    first = engine.steps(new[items[-1].run_id])
    assert first == {"fetch": "started", "save": "created"}
    assert engine.steps(new[items[0].run_id]) == {"fetch": "completed", "save": "started"}
    executed = engine.drain()
    assert len([item for item in executed if item.step_slug == "save"]) == 5
    (n,) = {item.input["n"] for item in executed if item.run_id == new[items[0].run_id]}
    assert n == str(items[0].run_id)


def test_runs_that_begin_while_others_are_changed_are_left_out(
    engine: Engine, clock: Clock
) -> None:
    start(engine, 3)
    run_ids, more, after, until = batch_of(engine, "pause_runs", batch_size=2)
    clock.advance(1)
    late = engine.start("order")
    rest = batch_of(engine, "pause_runs", after=after, until=until)
    assert (len(run_ids), more, len(rest[0]), rest[1]) == (2, True, 1, False)
    assert states(engine)[late] == "started"


def test_a_batch_costs_a_few_statements_however_many_runs_it_has(engine: Engine) -> None:
    """Row versions and index lookups may grow with the runs; calls of functions may not."""
    engine.connection.execute("set track_functions = 'pl'")

    def calls(function: str, **filters: Any) -> int:
        query = (
            "select coalesce(sum(calls), 0)::int from pg_stat_xact_user_functions"
            " where schemaname = 'stepgres' and funcname in ("
            "'_pause_runs', '_resume_runs', '_fail_runs', '_retry_runs', '_start_runs',"
            "'_queue_tasks', '_requeue_tasks', '_lock_runs', '_list_family', '_withdraw_tasks',"
            "'_start_steps')"
        )
        with engine.connection.transaction():
            (before,) = engine.rows(query)
            batch_of(engine, function, **filters)
            (after,) = engine.rows(query)
        return int(after - before)

    for function in ("pause_runs", "resume_runs", "cancel_runs", "retry_runs"):
        start(engine, 1, tags=["one"])
        start(engine, 20, tags=["many"])
        if function == "resume_runs":
            all_of(engine, "pause_runs")
        if function == "retry_runs":
            all_of(engine, "cancel_runs")
        for dry_run in (True, False):
            one, many = (calls(function, tag=tag, dry_run=dry_run) for tag in ("one", "many"))
            assert one == many, (function, dry_run)


@pytest.mark.parametrize(
    ("filters", "sqlstate", "words"),
    [
        ({"status": "done"}, "SG014", 'no status "done"'),
        ({"batch_size": 0}, "SG003", "0 runs"),
        ({"batch_size": -1}, "SG003", "-1 runs"),
        ({"batch_size": None}, "SG003", "null runs"),
    ],
)
def test_wrong_filter_of_a_change_is_refused(
    engine: Engine, filters: dict[str, Any], sqlstate: str, words: str
) -> None:
    for function in ("cancel_runs", "pause_runs", "resume_runs", "retry_runs"):
        with refused(sqlstate, words):
            engine.call(function, **filters)


@pytest.mark.parametrize("order_by", ["inserted_at", "finished_at", "workflow_slug", "status"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("status", [None, "started", "failed"])
def test_pages_after_a_run_make_up_the_whole_list(
    engine: Engine, clock: Clock, order_by: str, direction: str, status: str | None
) -> None:
    for slug in ("order", "other"):
        for run_id in start(engine, 5, slug)[:3]:  # which begin at the same instant
            engine.call("cancel_workflow_run", run_id=run_id)
        clock.advance(1)
    order = [direction, order_by]
    query = (
        "select run_id from stepgres.list_workflow_runs("
        'status => %s, "limit" => %s, order_by => %s, after => %s)'
    )
    whole = engine.rows(query, status, None, order, None)
    pages: list[UUID] = []
    while page := engine.rows(query, status, 3, order, pages[-1] if pages else None):
        pages += page
    assert pages == whole
    assert len(set(whole)) == {None: 10, "started": 4, "failed": 6}[status]


def test_page_after_a_run_that_does_not_exist_is_refused(engine: Engine) -> None:
    with refused("SG005", "does not exist"):
        engine.call("list_workflow_runs", after=UUID(int=1))


def test_counts_of_runs_are_by_workflow_and_status(engine: Engine) -> None:
    first, second, *_ = start(engine, 4, tags=["a"])
    engine.start("other")
    engine.call("pause_workflow_run", run_id=first)
    engine.call("cancel_workflow_run", run_id=second)
    counts = engine.rows("select * from stepgres.count_runs()")
    assert counts == [
        ("order", "failed", 1, 0, 1),
        ("order", "started", 3, 1, 0),
        ("other", "started", 1, 0, 0),
    ]
    assert engine.rows("select runs from stepgres.count_runs('started', tag => 'a')") == [3]
    with refused("SG014", 'no status "done"'):
        engine.call("count_runs", status="done")
