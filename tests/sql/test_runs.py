"""What can be asked about runs, and how they are deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step


@pytest.fixture
def runs(engine: Engine, clock: Clock) -> dict[str, UUID]:
    """Runs of two workflows, one of each status, a second apart."""
    engine.define("order", step("a", max_attempts=1))
    engine.define("bill", step("a", max_attempts=1))
    runs = {}
    for name, slug in [
        ("done", "order"),
        ("failed", "bill"),
        ("late", "order"),
        ("active", "bill"),
    ]:
        runs[name] = engine.start(slug, {"name": name}, tags=[name, slug])
        clock.advance(1)
    items = {item.run_id: item for item in engine.claim()}
    engine.fail(items[runs["failed"]], "broken")
    clock.advance(1)
    engine.complete(items[runs["late"]])
    clock.advance(1)
    engine.complete(items[runs["done"]], 1)
    return runs


def listed(engine: Engine, runs: dict[str, UUID], **options: Any) -> list[str]:
    names = {run_id: name for name, run_id in runs.items()}
    cursor = engine._execute("list_workflow_runs", options)
    return [names[row[0]] for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["active", "late", "failed", "done"]),
        ({"status": "started"}, ["active"]),
        ({"status": "completed"}, ["late", "done"]),
        ({"status": "failed"}, ["failed"]),
        ({"workflow_slug": "order"}, ["late", "done"]),
        ({"workflow_slug": "order", "status": "completed", "limit": 1}, ["late"]),
        ({"workflow_slug": "order", "status": "failed"}, []),
        ({"workflow_slug": "bill", "status": "failed"}, ["failed"]),
        ({"workflow_slug": "nothing"}, []),
        ({"limit": 2}, ["active", "late"]),
        ({"limit": 2, "offset": 1}, ["late", "failed"]),
        ({"limit": 2, "offset": 3}, ["done"]),
        ({"limit": 0}, []),
        ({"offset": 9}, []),
        ({"limit": None}, ["active", "late", "failed", "done"]),
        ({"order_by": ["asc", "inserted_at"]}, ["done", "failed", "late", "active"]),
        ({"order_by": ["asc", "inserted_at"], "limit": 1}, ["done"]),
        ({"order_by": ["asc", "finished_at"]}, ["failed", "late", "done", "active"]),
        ({"order_by": ["desc", "finished_at"], "status": "completed"}, ["done", "late"]),
        ({"order_by": ["asc", "workflow_slug"], "workflow_slug": "bill"}, ["failed", "active"]),
        ({"tags": ["late"]}, ["late"]),
        ({"tags": ["order"]}, ["late", "done"]),
        ({"tags": ["order", "late"]}, ["late"]),
        ({"tags": ["order", "bill"]}, []),
        ({"tags": ["bill"], "status": "started"}, ["active"]),
    ],
)
def test_runs_are_listed(
    engine: Engine, runs: dict[str, UUID], options: dict[str, Any], names: list[str]
) -> None:
    assert listed(engine, runs, **options) == names


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_active_runs_are_listed_by_their_time_whatever_their_ids(
    engine: Engine, clock: Clock, direction: str
) -> None:
    engine.define("order", step("a"))
    run_ids = []
    for number in (3, 1, 2):
        run_ids.append(engine.start("order", run_id=UUID(int=number)))
        clock.advance(1)
    run_ids.append(engine.start("order", delay="1 day"))
    if direction == "desc":
        run_ids.reverse()
    names = {str(run_id): run_id for run_id in run_ids}
    options = {"status": "started", "order_by": [direction, "inserted_at"], "limit": 2}
    pages = [listed(engine, names, **options, offset=offset) for offset in (0, 2, 4)]
    assert pages == [list(names)[:2], list(names)[2:], []]


@pytest.mark.parametrize(
    "options",
    [
        {"status": "broken"},
        {"status": "in_progress"},
        {"status": "'; drop table stepgres.runs"},
        {"limit": -1},
        {"offset": -1},
        {"order_by": ["down", "inserted_at"]},
        {"order_by": ["desc", "input"]},
        {"order_by": ["desc"]},
        {"order_by": []},
        {"order_by": None},
        {"order_by": ["desc", None]},
        {"order_by": [None, "inserted_at"]},
    ],
)
def test_unknown_filter_or_order_is_refused(engine: Engine, options: dict[str, Any]) -> None:
    with refused("SG014"):
        engine._execute("list_workflow_runs", options)


def test_list_shows_what_became_of_a_run(engine: Engine, runs: dict[str, UUID]) -> None:
    query = "select run_id, status, output, error, failed_step from stepgres.list_workflow_runs()"
    assert engine.rows(query)[2:] == [
        (runs["failed"], "failed", None, 'step "a" failed: broken', "a"),
        (runs["done"], "completed", 1, None, None),
    ]


def test_run_is_shown_with_its_steps_attempts_and_timings(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", base_delay=0), step("b", "a", map=True))
    run_id = engine.start("order", {"x": 1}, deadline="1 hour", tags=["t"])
    engine.fail(engine.claim_one(), "ValueError: first")
    engine.call("tick")
    clock.advance(1)
    engine.complete(engine.claim_one(), [1, 2])
    engine.claim(capacity=1)
    run = engine.call("get_run", run_id=run_id)
    assert (run["status"], run["version"], run["deadline"], run["tags"]) == (
        "started",
        1,
        3600,
        ["t"],
    )
    a, b = run["steps"]
    assert (a["step_slug"], a["depends_on"], a["status"], a["output"]) == (
        "a",
        [],
        "completed",
        [1, 2],
    )
    assert [(t["attempt"], t["status"], t["error"]) for t in a["attempts"]] == [
        (1, "failed", "ValueError: first"),
        (2, "completed", None),
    ]
    assert a["started_at"] < a["finished_at"]
    assert (b["depends_on"], b["tasks"]) == (["a"], {"queued": 1, "started": 1})


def why(engine: Engine, run_id: UUID) -> list[tuple[str, int | None, str]]:
    cursor = engine._execute("why_stuck", {"run_id": run_id})
    return [row[:3] for row in cursor.fetchall()]


def test_why_stuck_names_what_each_step_waits_for(engine: Engine, clock: Clock) -> None:
    engine.define(
        "order",
        step("a"),
        step("gpu", resources={"gpu": True}),
        step("far", queue="far"),
        step("near"),
        step("later", start_delay=60),
        step("broken", max_attempts=2),
        step("join", "a", "gpu"),
    )
    run_id = engine.start("order", {})
    items = {item.step_slug: item for item in engine.claim(capacity=3)}
    assert set(items) == {"a", "near", "broken"}
    engine.fail(items["broken"])
    engine.work([items["near"].released()])
    assert why(engine, run_id) == [
        ("a", 0, "lease"),
        ("gpu", 0, "resource"),
        ("far", 0, "queue"),
        ("near", 0, "worker"),
        ("later", 0, "timer"),
        ("broken", 0, "timer"),
        ("join", None, "dependency"),
        ("join", None, "dependency"),
    ]
    engine.call("pause_workflow_run", run_id=run_id)
    assert {reason for _, _, reason in why(engine, run_id)} == {"lease", "pause", "dependency"}


def test_why_stuck_says_until_when(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", start_delay=60), step("b"))
    run_id = engine.start("order", {})
    engine.claim_one()
    query = "select until, detail from stepgres.why_stuck(%s)"
    (delayed, _), (leased, detail) = engine.rows(query, run_id)
    assert engine.rows("select now + interval '60 seconds' from public.test_clock") == [delayed]
    assert engine.rows("select heartbeat_at + lease from stepgres.workers") == [leased]
    assert engine.worker_id in detail


def test_why_stuck_of_a_map_groups_its_tasks(engine: Engine) -> None:
    engine.define("order", step("each", map=True, resources={"gpu": True}))
    run_id = engine.start("order", list(range(50)))
    query = "select task_index, detail from stepgres.why_stuck(%s)"
    ((first, detail),) = engine.rows(query, run_id)
    assert first == 0
    assert "50 tasks" in detail


def test_why_stuck_of_a_delayed_a_local_and_a_finished_run(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    delayed = engine.start("order", {}, delay="1 hour")
    assert why(engine, delayed) == [("a", None, "start"), ("b", None, "dependency")]
    local = engine.start("order", {}, executor_id=engine.worker_id)
    assert why(engine, local) == [("a", 0, "executor"), ("b", None, "dependency")]
    engine.call("cancel_workflow_run", run_id=local)
    assert why(engine, local) == []


@pytest.mark.parametrize(
    ("name", "slugs"),
    [
        ("OrderLines", ["order_lines"]),
        ("shop.flows:OrderLines", ["order_lines"]),
        ("HTTPOrder", ["http_order"]),
        ("Order2Go", ["Order2Go"]),  # a workflow has that slug
        ("orderlines", []),
        ("", []),
    ],
)
def test_runs_are_listed_by_the_name_of_the_class(
    engine: Engine, name: str, slugs: list[str]
) -> None:
    for slug in ("order_lines", "http_order", "Order2Go", "order2_go"):
        engine.define(slug, step("a"))
        engine.start(slug)
    query = "select workflow_slug from stepgres.list_workflow_runs(workflow_slug => %s)"
    assert engine.rows(query, name) == slugs


def test_prune_deletes_old_finished_runs_and_all_of_theirs(
    engine: Engine, clock: Clock, runs: dict[str, UUID]
) -> None:
    clock.advance(100)
    recent = engine.start("order", {})
    engine.drain()
    assert engine.call("prune", older_than="50 seconds") == 3
    assert engine.call("prune", older_than="50 seconds") == 0
    left = {runs["active"], recent}
    for table in ("runs", "step_states", "tasks"):
        query = f"select distinct run_id from stepgres.{table}"
        assert {row[0] for row in engine.connection.execute(query.encode())} <= left
    assert engine.rows("select count(*) from stepgres.attempts") == [0]
    assert engine.rows("select count(*) from stepgres.failed_runs") == [0]


def test_prune_takes_a_batch_and_a_workflow(engine: Engine, runs: dict[str, UUID]) -> None:
    assert engine.call("prune", older_than="0 seconds", workflow_slug="bill") == 1
    assert engine.call("prune", older_than="0 seconds", batch_size=1) == 1
    assert engine.call("prune", older_than="0 seconds", batch_size=1) == 1
    assert engine.call("prune", older_than="0 seconds", batch_size=1) == 0


def start_many(engine: Engine, count: int) -> None:
    inputs = Jsonb([None] * count)
    engine.call("start_workflow_runs", workflow_slug="order", inputs=inputs)


def read_by_prune(engine: Engine) -> int:
    """How many runs a call reads that deletes 5."""
    query = """
        select (seq_tup_read + idx_tup_fetch)::int from pg_stat_xact_user_tables
        where schemaname = 'stepgres' and relname = 'runs'
    """
    with engine.connection.transaction():
        (before,) = engine.rows(query)
        assert engine.call("prune", older_than="0 s", batch_size=5) == 5
        (after,) = engine.rows(query)
    return int(after - before)


def test_prune_does_not_walk_past_old_active_runs_again_and_again(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    start_many(engine, 500)
    active = engine.claim()
    clock.advance(1)
    start_many(engine, 15)
    engine.drain()
    assert read_by_prune(engine) > 500
    assert read_by_prune(engine) < 50
    engine.work([item.completed() for item in active[:5]])
    assert read_by_prune(engine) < 50
    assert engine.call("prune", older_than="0 s") == 5  # those have ended meanwhile
    assert engine.call("prune", older_than="0 s") == 0


def test_prune_comes_back_to_what_it_has_left_behind(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.define("other", step("a"))
    for slug in ("order", "other", "order", "other"):
        engine.start(slug)
        clock.advance(10)
    items = engine.claim()
    engine.work([item.completed() for item in items[2:]])
    assert engine.call("prune", older_than="0 s") == 2
    engine.work([item.completed() for item in items[:2]])
    assert engine.call("prune", older_than="20 s") == 0
    clock.advance(20)
    assert engine.call("prune", older_than="20 s", batch_size=1) == 1
    assert engine.call("prune", older_than="20 s", batch_size=1) == 1
    assert engine.rows("select run_id from stepgres.runs") == []


def test_deletion_of_a_workflow_takes_along_how_far_prune_has_come(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.drain()
    engine.call("prune", older_than="0 s")
    assert engine.rows("select workflow_slug from stepgres.prunings") == ["order"]
    engine.call("delete_flow", workflow_id="order")
    assert engine.rows("select workflow_slug from stepgres.prunings") == []


@pytest.mark.parametrize(
    "options",
    [{"older_than": None}, {"older_than": "-1 s"}, {"older_than": "1 day", "batch_size": 0}],
)
def test_prune_needs_an_age_and_a_batch(engine: Engine, options: dict[str, Any]) -> None:
    with refused("SG003"):
        engine.call("prune", **options)


def test_idempotency_key_is_free_again_after_its_run_was_pruned(engine: Engine) -> None:
    engine.define("order", step("a"))
    first = engine.start("order", {}, idempotency_key="k")
    engine.drain()
    engine.call("prune", older_than="0 seconds")
    assert engine.start("order", {}, idempotency_key="k") != first


# Search


def found(engine: Engine, search: str | None, **options: Any) -> list[Any]:
    query = engine._execute("list_workflow_runs", {"search": search, **options})
    return [row[0] for row in query.fetchall()]


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("late", ["late"]),
        ("LATE", ["late"]),
        ("broken", ["failed"]),
        ("Name", ["active", "late", "failed", "done"]),
        ('"name": "done"', ["done"]),
        ("d", ["failed", "done"]),
        ("nothing", []),
        ("", ["active", "late", "failed", "done"]),
        ("%", []),
        (None, ["active", "late", "failed", "done"]),
    ],
)
def test_search_finds_text_in_inputs_and_errors(
    engine: Engine, runs: dict[str, UUID], search: str | None, names: list[str]
) -> None:
    assert listed(engine, runs, search=search) == names


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"status": "started"}, ["active"]),
        ({"status": "failed"}, ["failed"]),
        ({"status": "started", "tags": ["bill"]}, ["active"]),
        ({"status": "completed"}, ["late", "done"]),
        ({"workflow_slug": "order"}, ["late", "done"]),
        ({"tag": "order"}, ["late", "done"]),
        ({"limit": 1}, ["active"]),
        ({"limit": 1, "offset": 1}, ["late"]),
        ({"order_by": ["asc", "inserted_at"]}, ["done", "failed", "late", "active"]),
        ({"order_by": ["asc", "finished_at"]}, ["failed", "late", "done", "active"]),
        ({"order_by": ["asc", "workflow_slug"], "status": "started"}, ["active"]),
    ],
)
def test_search_passes_the_other_filters_and_orders(
    engine: Engine, runs: dict[str, UUID], options: dict[str, Any], names: list[str]
) -> None:
    assert listed(engine, runs, search="name", **options) == names
    assert listed(engine, runs, search="nothing", **options) == []


def test_search_goes_on_after_a_run_in_each_order(engine: Engine, runs: dict[str, UUID]) -> None:
    for order in ("inserted_at", "finished_at", "workflow_slug", "status"):
        for direction in ("asc", "desc"):
            options = {"search": "name", "order_by": [direction, order], "limit": 1}
            names: list[str] = []
            while page := listed(engine, runs, **options):
                names += page
                options["after"] = runs[page[0]]
            assert names == listed(engine, runs, order_by=[direction, order])


def test_search_finds_text_that_json_escapes(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {"text": 'say "hi"\n\\o/ \u00e9'})
    for search in ('"hi"', "\\o/", "\n", "\u00e9", 'say "hi"\n'):
        assert found(engine, search) == [run_id], search


def test_search_looks_at_the_newest_10000_runs(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    engine.define("bill", step("a"))
    oldest = engine.start("order", "needle")
    clock.advance(1)
    end = engine.start("bill", "x")
    clock.advance(1)
    start = "select count(*) from stepgres.start_workflow_runs(%s, %s)"
    for slug, count in (("order", 5000), ("bill", 4999)):
        engine.rows(start, slug, Jsonb(["needles"] * count))
    ends = "select stepgres.get_search_end(workflow_slug => %s, after => %s)"
    assert len(found(engine, "needle", limit=None)) == 9999
    assert engine.rows(ends, None, None) == [end]
    assert found(engine, "needle", after=end) == [oldest]
    assert engine.rows(ends, None, end) == [None]
    assert engine.rows(ends, "order", None) == [None]
    assert found(engine, "Needle", workflow_slug="order", limit=None)[-1] == oldest
    ascending = {"order_by": ["asc", "inserted_at"], "limit": 1}
    assert found(engine, "needle", **ascending) != [oldest]


def test_search_end_has_the_errors_of_the_list(engine: Engine) -> None:
    with refused("SG014", '"done"'):
        engine.call("get_search_end", status="done")
    with refused("SG005"):
        engine.call("get_search_end", after="00000000-0000-0000-0000-000000000000")
