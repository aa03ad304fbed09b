"""What workers know, and how each ticket comes to a worker that knows its task."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.goals import start_goal


@pytest.fixture(autouse=True)
def nobody_knows_everything(engine: Engine) -> None:
    """The worker of the engine takes from no queue: these tests have workers of their own."""
    engine.call("register_worker", worker_id=engine.worker_id, queues=[], lease="1 day")


def define_two_apps(engine: Engine, **options: Any) -> tuple[Engine, Engine]:
    """Two apps that share a queue, each with its workflow and a worker."""
    engine.define("order", step("a"), **options)
    engine.define("invoice", step("a"), **options)
    return (
        engine.colleague("shop", workflows={"order": 1}, resources=Jsonb({"gpu": 1})),
        engine.colleague("books", workflows={"invoice": 1}, resources=Jsonb({"gpu": 1})),
    )


def lanes(engine: Engine) -> list[Any]:
    return engine.rows("select lane from stepgres.queues where lane <> '{}' order by lane")


def place_of_tickets(engine: Engine) -> list[Any]:
    """The lanes of the queued tasks, each with the number of its ticket there."""
    return engine.rows("select lane, msg_id from stepgres.tasks where status = 'queued' order by 2")


def flows(worker: Engine, capacity: int = 10_000) -> list[str]:
    return [item.workflow_slug for item in worker.claim(capacity)]


# Workflows


@pytest.mark.parametrize(
    "options", [{}, {"priority": 5}, {"queue": "default", "resources": {"gpu": 1}}]
)
def test_worker_gets_tasks_of_workflows_that_it_knows_alone(
    engine: Engine, options: dict[str, Any]
) -> None:
    shop, books = define_two_apps(engine, **options)
    for _ in range(3):
        engine.start("order")
        engine.start("invoice")
    assert flows(shop) == ["order"] * 3
    assert flows(books) == ["invoice"] * 3


def test_worker_that_says_nothing_of_what_it_knows_gets_everything(engine: Engine) -> None:
    shop, _ = define_two_apps(engine)
    engine.start("order")
    engine.start("invoice")
    assert flows(shop) == ["order"]
    assert flows(engine.colleague("all")) == ["invoice"]


def test_tasks_behind_many_unknown_ones_are_claimed_at_once(engine: Engine) -> None:
    shop, books = define_two_apps(engine)
    for _ in range(50):
        engine.start("invoice")
    engine.start("order")
    assert flows(shop, capacity=1) == ["order"]
    assert len(flows(books)) == 50


def test_turn_that_sends_many_tickets_on_is_bounded(engine: Engine) -> None:
    shop, books = define_two_apps(engine)
    engine.call("start_workflow_runs", workflow_slug="invoice", inputs=Jsonb(list(range(150))))
    engine.start("order")
    assert flows(shop, capacity=1) == []
    assert flows(shop, capacity=1) == ["order"]
    assert len(flows(books)) == 150


def test_ticket_is_sent_on_once_and_later_ones_go_to_the_lane(engine: Engine) -> None:
    shop, books = define_two_apps(engine)
    engine.start("invoice")
    assert place_of_tickets(engine) == [(None, 1)]
    assert flows(shop) == []
    ((lane, msg_id),) = place_of_tickets(engine)
    assert (msg_id, lanes(engine)) == (1, [{"workflow": "invoice", "version": 1}])
    engine.start("invoice")
    for _ in range(3):
        assert flows(shop) == []
    assert place_of_tickets(engine) == [(lane, 1), (lane, 2)]
    assert flows(books) == ["invoice"] * 2


def test_worker_that_registers_later_finds_what_was_sent_on(engine: Engine) -> None:
    shop, books = define_two_apps(engine)
    engine.call("unregister_worker", worker_id="books")
    engine.start("invoice")
    assert flows(shop) == []
    books = engine.colleague("late", workflows={"invoice": 1})
    assert flows(books) == ["invoice"]


def test_result_moves_steps_of_a_known_run_into_its_lane(engine: Engine) -> None:
    engine.define("invoice", step("a"), step("b", "a"), step("each", "a", initial_tasks=3))
    shop = engine.colleague("shop", workflows={})
    books = engine.colleague("books", workflows={"invoice": 1})
    run_id = engine.start("invoice")
    assert flows(shop) == []
    books.complete(books.claim_one())
    assert [lane is None for lane, _ in place_of_tickets(engine)] == [False] * 4
    assert len(books.drain(run_ids=[])) == 4
    assert engine.status(run_id)[0] == "completed"


def test_step_in_sql_is_executed_by_every_worker(engine: Engine) -> None:
    engine.connection.execute(
        "create function public.double(input jsonb) returns jsonb language sql as 'select input'"
    )
    engine.call("register_sql_function", sql_function="public.double")
    engine.define("order", step("a", sql_function="public.double"))
    engine.start("order")
    assert flows(engine.colleague("other", workflows={"invoice": 1})) == ["order"]


def test_unknown_sticky_step_is_not_handed_to_the_worker(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a", sticky=True))
    engine.define("order", step("a"), step("c", "a", sticky=True))
    old = engine.colleague("old", workflows={"order": 1})
    new = engine.colleague("new", workflows={"order": 2})
    engine.start("order", version=1)
    (a,) = new.claim()
    assert new.work([a.completed()], capacity=1) == []
    assert [item.step_slug for item in old.claim()] == ["b"]


def test_oversized_task_in_a_lane_is_found_by_the_worker_that_reads_it(engine: Engine) -> None:
    shop, books = define_two_apps(engine)
    engine.start("invoice")
    assert flows(shop) == []
    for worker in (shop, books):
        assert worker.call("fail_oversized_tasks", worker_id=worker.worker_id) == 0
    assert flows(books) == ["invoice"]


def test_local_steps_of_a_dead_executor_go_to_workers_that_know_them(
    engine: Engine, clock: Clock
) -> None:
    shop, books = define_two_apps(engine)
    engine.colleague("executor", queues=[], lease="15 s")
    engine.start("invoice", executor_id="executor")
    clock.advance(15)
    engine.call("tick")
    assert (flows(shop), flows(books)) == ([], ["invoice"])


@pytest.mark.parametrize("function", ["cancel_workflow_run", "pause_workflow_run"])
def test_ticket_in_a_lane_is_withdrawn_with_its_run(engine: Engine, function: str) -> None:
    shop, books = define_two_apps(engine)
    run_id, other = engine.start("invoice"), engine.start("order")
    assert flows(shop) == ["order"]
    engine.call(function, run_id=run_id)
    assert engine.tickets() == []
    if function == "pause_workflow_run":
        engine.call("resume_workflow_run", run_id=run_id)
        assert flows(books) == ["invoice"]
    assert engine.status(other)[0] == "in_progress"


def test_ticket_that_a_lane_has_lost_is_replaced(engine: Engine, clock: Clock) -> None:
    shop, books = define_two_apps(engine)
    engine.start("invoice")
    assert flows(shop) == []
    engine.call("tick")
    engine.rows("select pgmq.purge_queue(pgmq_queue) from stepgres.queues")
    clock.advance(10)
    assert engine.call("tick") == 1
    assert (flows(shop), flows(books)) == ([], ["invoice"])


def test_lane_is_retired_when_no_worker_is_kept_out_of_it(engine: Engine, clock: Clock) -> None:
    shop, books = define_two_apps(engine)
    engine.start("invoice")
    assert flows(shop) == []
    assert flows(books) == ["invoice"]
    let_time_pass(engine, clock)
    assert len(lanes(engine)) == 1  # of use as long as both are there
    engine.call("unregister_worker", worker_id="shop")
    let_time_pass(engine, clock)
    assert lanes(engine) == []
    assert engine.rows("select has_lanes from stepgres.queues") == [False]
    engine.start("invoice")
    assert flows(books) == ["invoice"]


def let_time_pass(engine: Engine, clock: Clock) -> None:
    """Ticks for long enough that what is not needed is retired."""
    for seconds in (10, 660, 10, 660, 10):
        clock.advance(seconds)
        engine.call("tick")


# Versions

FIRST = (step("a"), step("b", "a"))


def two_versions(engine: Engine, *new_steps: dict[str, Any], **options: Any) -> None:
    engine.define("order", *FIRST)
    engine.define("order", *new_steps, **options)


def test_new_version_is_not_handed_to_a_worker_that_has_the_old_code(engine: Engine) -> None:
    two_versions(engine, step("a"), step("b", "a"), timeout=5)
    old = engine.colleague("old", workflows={"order": 1})
    new = engine.colleague("new", workflows={"order": 2})
    engine.start("order", version=1)
    engine.start("order")
    assert [item.workflow_version for item in old.claim()] == [1]
    assert [item.workflow_version for item in new.claim()] == [2]


def test_worker_with_new_code_goes_on_with_runs_of_the_old_version(engine: Engine) -> None:
    two_versions(engine, step("a", max_attempts=9), step("b", "a", start_delay=1), step("c", "b"))
    new = engine.colleague("new", workflows={"order": 2})
    run_id = engine.start("order", version=1)
    assert [item.step_slug for item in new.drain()] == ["a", "b"]
    assert engine.status(run_id)[0] == "completed"


@pytest.mark.parametrize(
    "changed",
    [
        [step("a"), step("renamed", "a")],
        [step("a"), step("b")],
        [step("a"), step("b", "a", map=True)],
        [step("a"), step("c"), step("b", "a", "c")],
    ],
    ids=["name", "fewer dependencies", "map", "more dependencies"],
)
def test_step_that_was_changed_is_executed_by_workers_that_have_it(
    engine: Engine, changed: list[dict[str, Any]]
) -> None:
    two_versions(engine, *changed)
    new = engine.colleague("new", workflows={"order": 2})
    run_id = engine.start("order", version=1)
    assert [item.step_slug for item in new.drain()] == ["a"]
    assert engine.rows("select step_slug, waits_for from stepgres.why_stuck(%s)", run_id) == [
        ("b", "knowledge")
    ]
    engine.start("order", version=1)  # whose b is sent on too
    assert [item.step_slug for item in new.drain()] == ["a"]
    old = engine.colleague("old", workflows={"order": 1})
    assert [item.step_slug for item in old.drain()] == ["b", "b"]


def test_old_tickets_that_a_stranger_has_sent_on_are_found_by_new_code(engine: Engine) -> None:
    two_versions(engine, step("a"), step("renamed", "a"))
    stranger = engine.colleague("stranger", workflows={"invoice": 1})
    new = engine.colleague("new", workflows={"order": 2})
    engine.start("order", version=1)
    for _ in range(3):
        assert flows(stranger) == []
        new.drain()
    assert engine.tickets() == [(engine.rows("select run_id from stepgres.runs")[0], "b", 0)]
    assert lanes(engine) == [
        {"workflow": "order", "version": 1},
        {"workflow": "order", "version": 1, "step": "b"},
    ]


def test_optimized_version_is_known_like_its_definition(engine: Engine) -> None:
    engine.define("order", step("a"), priority=1)
    engine.rows("select stepgres._copy_version(w) from stepgres.workflow_versions as w")
    engine.connection.execute(
        "update stepgres.workflow_versions set optimized_from = 1, optimizations = '{}'"
        " where version = 2"
    )
    engine.define("order", step("a"), priority=2)
    for known, gets in ((1, [1, 2]), (2, [1, 2]), (3, [1, 2, 3])):
        for version in (1, 2, 3):
            engine.start("order", version=version)
        worker = engine.colleague("worker", workflows={"order": known})
        assert sorted(item.workflow_version for item in worker.claim()) == gets
        engine.colleague("all").claim()
    engine.call("unregister_worker", worker_id="worker")


# Goals


def test_tasks_of_goals_go_to_workers_that_execute_goals(engine: Engine) -> None:
    engine.define("order", step("a"))
    shop = engine.colleague("shop", workflows={"order": 1})
    goals = engine.colleague("goals", goals=True)
    for _ in range(3):
        start_goal(engine)
    engine.start("order")
    assert flows(shop) == ["order"]
    assert [item.step_slug for item in goals.claim()] == ["a"] * 3
    assert lanes(engine) == [{"goals": True}]
    start_goal(engine)
    assert [lane is None for lane, _ in place_of_tickets(engine)] == [False]
    assert len(goals.claim()) == 1


def test_tasks_of_goals_go_to_workers_whose_patterns_match(engine: Engine) -> None:
    design = engine.colleague("design", goals=["design_*", "pl[a-c]n"])
    test = engine.colleague("test", goals=["t?st", "check"])
    start_goal(engine, "design_api", "plan", "test", "check", "elsewhere")
    assert [item.step_slug for item in test.claim()] == ["check", "test"]
    assert [item.step_slug for item in design.claim()] == ["design_api", "plan"]
    assert len(engine.tickets()) == 1
    late = engine.colleague("late", goals=["else*"])
    assert [item.step_slug for item in test.claim() + design.claim()] == []
    assert [item.step_slug for item in late.claim()] == ["elsewhere"]


def test_tickets_of_patterns_whose_workers_have_gone_find_another_worker(
    engine: Engine, clock: Clock
) -> None:
    test = engine.colleague("test", goals=["test"])
    engine.colleague("gone", goals=["pl*"])
    start_goal(engine, "plan")
    assert test.claim() == []
    engine.call("unregister_worker", worker_id="gone")
    heir = engine.colleague("heir", goals=["plan"])
    engine.call("tick")
    assert test.claim() == []
    assert [item.step_slug for item in heir.claim()] == ["plan"]


def test_path_of_a_nested_task_is_matched(engine: Engine) -> None:
    graph_id = engine.call(
        "save_task_graph",
        goal="x",
        tasks=Jsonb([{"id": "build", "subtasks": [{"id": "code"}, {"id": "test"}]}]),
    )
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    by_path = engine.colleague("by_path", goals=["build/c*"])
    assert [item.step_slug for item in by_path.claim()] == ["build__code"]
    assert len(engine.colleague("other", goals=["test"]).claim()) == 1


# Errors, and what is said


@pytest.mark.parametrize(
    ("knows", "words"),
    [
        ([], "must be an object"),
        ({"workflow": {}}, '"workflow"'),
        ({"workflows": ["order"]}, "must be an object"),
        ({"workflows": {"order": "3"}}, '"order"'),
        ({"workflows": {"order": None}}, '"order"'),
        ({"goals": "x"}, "patterns"),
        ({"goals": [1]}, "pattern"),
        ({"goals": ["[z-a]"]}, "pattern"),
    ],
    ids=str,
)
def test_malformed_knowledge_is_refused(engine: Engine, knows: Any, words: str) -> None:
    with refused("SG001", '"odd"', words):
        engine.call("register_worker", worker_id="odd", knows=Jsonb(knows))


def test_unknown_features_of_a_worker_are_ignored(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    assert flows(engine.colleague("new", features=["durable", "of the future"])) == ["order"]


def test_why_stuck_says_that_no_live_worker_knows_the_step(engine: Engine) -> None:
    shop, _ = define_two_apps(engine)
    engine.call("unregister_worker", worker_id="books")
    run_id = engine.start("invoice")
    why = "select waits_for, detail from stepgres.why_stuck(%s)"
    said = [("knowledge", 'no live worker knows step "a" of workflow "invoice", version 1')]
    assert engine.rows(why, run_id) == said
    assert flows(shop) == []
    assert engine.rows(why, run_id) == said
    engine.colleague("books", workflows={"invoice": 1})
    assert engine.rows(why, run_id) == [("worker", 'until a worker of queue "default" is free')]


def test_why_stuck_does_not_take_a_task_that_was_given_back_for_a_delayed_one(
    engine: Engine,
) -> None:
    _, books = define_two_apps(engine)
    run_id = engine.start("invoice")
    (item,) = books.claim()
    books.work([{**item.released(), "retry_after": 60}])
    why = "select waits_for, detail from stepgres.why_stuck(%s)"
    assert engine.rows(why, run_id) == [("timer", "a worker has given it back")]
    engine.call("unregister_worker", worker_id="books")
    assert engine.rows(why, run_id)[0][0] == "knowledge"
