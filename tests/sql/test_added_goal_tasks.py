"""Goal tasks that a step adds to its run: they join in the transaction that completes the step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, WorkItem, refused


def task(task_id: Any, *depends_on: Any, **more: Any) -> dict[str, Any]:
    return {"id": task_id, "depends_on": list(depends_on), **more}


def group(task_id: str, depends_on: list[str], *subtasks: Any) -> dict[str, Any]:
    return {"id": task_id, "depends_on": depends_on, "subtasks": list(subtasks)}


def start(engine: Engine, *tasks: Any, **defaults: Any) -> UUID:
    graph_id = engine.call(
        "save_task_graph", goal="x", tasks=Jsonb(list(tasks)), defaults=Jsonb(defaults)
    )
    engine.call("approve_task_graph", task_graph_id=graph_id)
    run_id: UUID = engine.call("start_task_graph", task_graph_id=graph_id)
    return run_id


def complete(engine: Engine, item: WorkItem, output: Any, *tasks: Any) -> None:
    """Complete a task, and add these."""
    arguments = {**item.key, "output": Jsonb(output), "tasks": Jsonb(list(tasks))}
    engine.call("complete_task", worker_id=engine.worker_id, **arguments)


def drain(engine: Engine) -> list[str]:
    return [item.step_slug for item in engine.drain()]


def versions(engine: Engine) -> list[int]:
    return engine.rows("select version from stepgres.workflow_versions order by version")


def test_what_depends_on_the_task_waits_for_those_that_it_adds(engine: Engine) -> None:
    run_id = start(engine, task("plan"), task("report", "plan"))
    complete(engine, engine.claim_one(), {"n": 1}, task("search"), task("read", "search"))
    item = engine.claim_one()
    assert (item.step_slug, item.input) == ("search", {"goal": "x", "n": 1, "plan": {"n": 1}})
    engine.complete(item, "found")
    engine.complete(engine.claim_one(), "read it")
    item = engine.claim_one()
    assert item.input == {
        "goal": "x", "n": 1, "plan": {"n": 1}, "search": "found", "read": "read it"
    }  # fmt: skip
    engine.complete(item, "done")
    assert engine.output(run_id) == "done"


def test_added_tasks_belong_to_the_group_of_the_task(engine: Engine) -> None:
    start(engine, group("design", [], task("api")), task("code", "design"))
    complete(engine, engine.claim_one(), 1, group("db", [], task("tables")))
    item = engine.claim_one()
    assert item.step_slug == "design__db__tables"
    engine.complete(item, 2)
    assert engine.claim_one().input["design"] == {"api": 1, "db": {"tables": 2}}


def test_last_task_may_add_others(engine: Engine) -> None:
    run_id = start(engine, task("a"))
    for number in range(5):
        complete(engine, engine.claim_one(), number, task(f"b{number}"))
    assert engine.status(run_id)[0] == "in_progress"
    assert drain(engine) == ["b4"]
    assert engine.output(run_id) is None
    assert len(engine.steps(run_id)) == 6


def test_added_tasks_may_depend_on_any_that_do_not_wait_for_them(engine: Engine) -> None:
    start(engine, task("a"), task("b"), task("c", "a"))
    a, b = engine.claim()
    complete(engine, a, None, task("d", "b"))
    assert engine.claim() == []
    engine.complete(b)
    assert drain(engine) == ["d", "c"]


def test_added_task_that_depends_on_what_is_finished_starts_at_once(engine: Engine) -> None:
    start(engine, task("a"), task("b"), task("c", "b"))
    a, b = engine.claim()
    engine.complete(a, "first")
    complete(engine, b, None, task("d", "a"))
    item = engine.claim_one()
    assert (item.step_slug, item.input) == ("d", {"goal": "x", "a": "first"})
    engine.complete(item)
    assert drain(engine) == ["c"]


def test_names_of_added_tasks_change_nothing_for_others(engine: Engine) -> None:
    start(engine, task("plan"), group("g", [], task("a"), task("b", "plan", "a")))
    a, plan = engine.claim()
    complete(engine, a, None, task("plan"))
    engine.complete(plan, "outer")
    engine.complete(engine.claim_one(), "inner")
    item = engine.claim_one()
    assert (item.step_slug, item.input["plan"], item.input["g__plan"]) == (
        "g__b", "outer", "inner"
    )  # fmt: skip


def test_several_results_of_a_batch_may_add_tasks(engine: Engine) -> None:
    run_id = start(engine, task("a"), task("b"), task("c", "a", "b"))
    results = [
        {**item.completed(), "tasks": [task(f"after_{item.step_slug}")]} for item in engine.claim()
    ]
    assert engine.work(results) == []
    assert drain(engine) == ["after_a", "after_b", "c"]
    assert engine.status(run_id)[0] == "completed"


def test_paused_run_gets_its_tasks_and_starts_them_later(engine: Engine) -> None:
    run_id = start(engine, task("a"), task("b", "a"))
    item = engine.claim_one()
    engine.call("pause_workflow_run", run_id=run_id)
    complete(engine, item, None, task("c"))
    assert engine.claim() == []
    engine.call("resume_workflow_run", run_id=run_id)
    assert drain(engine) == ["c", "b"]


# Once, or not at all


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([task("b")], ['"b"', "already taken"]),
        ([task("c", "zork")], ['"c"', "not a goal task"]),
        ([task("c", "b")], ["in a cycle", "b -> c -> b"]),
        ([task("c-d")], ['"c-d"', "cannot be an id"]),
        ([7], ["a goal task is a JSON object, not 7"]),
        ("c", ["must be a JSON array, not string"]),
        ([task("c", options={"max_attempts": 0})], ['"c"', "must be at least 1"]),
    ],
)
def test_tasks_that_break_a_rule_are_refused_with_the_result(
    engine: Engine, tasks: Any, words: list[str]
) -> None:
    run_id = start(engine, task("a"), task("b", "a"))
    item = engine.claim_one()
    before = engine.snapshot()
    with refused("SG018", *words):
        engine.call(
            "complete_task", worker_id="worker", output=Jsonb(1), tasks=Jsonb(tasks), **item.key
        )
    assert engine.snapshot() == before
    complete(engine, item, 1, task("c"))
    assert drain(engine) == ["c", "b"]
    assert engine.status(run_id)[0] == "completed"


def test_result_that_is_refused_adds_nothing(engine: Engine) -> None:
    start(engine, task("a"), base_delay=0)
    old = engine.claim_one()
    engine.fail(old, retry_after="0")
    engine.call("tick")
    new = engine.claim_one()
    for attempt in (old, new, new):
        engine.work([{**attempt.completed(), "tasks": [task("b")]}])
    assert drain(engine) == ["b"]


def test_failed_attempt_adds_nothing(engine: Engine) -> None:
    run_id = start(engine, task("a"), max_attempts=1)
    item = engine.claim_one()
    engine.work([{**item.failed(), "tasks": [task("b")]}])
    assert engine.steps(run_id) == {"a": "failed"}


def test_run_of_no_task_graph_gets_no_tasks(engine: Engine) -> None:
    engine.define("order", {"step_slug": "a"})
    engine.start("order")
    with refused("SG018", "is not a run of a task graph"):
        complete(engine, engine.claim_one(), None, task("b"))


def test_no_tasks_are_no_change(engine: Engine) -> None:
    engine.define("order", {"step_slug": "a"})
    run_id = engine.start("order")
    complete(engine, engine.claim_one(), 1)
    assert engine.output(run_id) == 1


# The version of the run


def test_other_runs_keep_the_tasks_that_they_have(engine: Engine) -> None:
    first = start(engine, task("a"), task("b", "a"))
    (graph_id,) = engine.rows("select task_graph_id from stepgres.task_graphs")
    second = engine.call("start_task_graph", task_graph_id=graph_id)
    one, other = engine.claim()
    complete(engine, one, None, task("c"))
    engine.complete(other)
    assert {item.run_id: item.step_slug for item in engine.claim()} == {first: "c", second: "b"}
    third = engine.call("start_task_graph", task_graph_id=graph_id)
    assert engine.steps(third).keys() == {"a", "b"}


def test_retry_goes_on_with_the_added_tasks(engine: Engine) -> None:
    run_id = start(engine, task("a"), task("b", "a"), max_attempts=1)
    complete(engine, engine.claim_one(), None, task("c"))
    engine.fail(engine.claim_one())
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    complete(engine, engine.claim_one(), None, task("d"))
    assert drain(engine) == ["d", "b"]
    assert engine.steps(retried).keys() == {"a", "b", "c", "d"}
    assert engine.steps(run_id).keys() == {"a", "b", "c"}


def test_version_of_a_run_goes_with_it(engine: Engine) -> None:
    run_id = start(engine, task("a"), max_attempts=1)
    complete(engine, engine.claim_one(), None, task("b"))
    complete(engine, engine.claim_one(), None, task("c"))
    assert versions(engine) == [-2, 1]
    engine.fail(engine.claim_one())
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    drain(engine)
    for _ in range(2):
        assert versions(engine) == [-2, 1]
        engine.call("prune", older_than="0", batch_size=1)
    assert versions(engine) == [1]
    assert engine.rows("select 1 from stepgres.runs where run_id = %s", retried) == []


def test_workflow_of_such_a_run_can_be_deleted(engine: Engine) -> None:
    start(engine, task("a"))
    complete(engine, engine.claim_one(), None, task("b"))
    (slug,) = engine.rows("select workflow_slug from stepgres.workflows")
    engine.call("delete_flow", workflow_id=slug, force=True)
    assert versions(engine) == []


def test_definition_of_such_a_run_can_be_read(engine: Engine) -> None:
    run_id = start(engine, task("a"))
    complete(engine, engine.claim_one(), None, {"id": "b", "options": {"queue": None}})
    (slug, version) = engine.rows(
        "select workflow_slug, version from stepgres.runs where run_id = %s", run_id
    )[0]
    flow = engine.call("get_flow", workflow_id=slug, version=version)
    assert [step["step_slug"] for step in flow["steps"]] == ["a", "b"]
    assert flow["tasks"] == [
        {"id": "a", "step_slug": "a", "description": "a", "depends_on": []},
        {"id": "b", "step_slug": "b", "description": "b", "depends_on": ["/a"], "options": {}},
    ]
