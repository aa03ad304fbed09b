"""Task graphs: checked, stored, approved or rejected, and started as workflows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, refused


def task(task_id: Any, *depends_on: Any, **more: Any) -> dict[str, Any]:
    return {"id": task_id, "depends_on": list(depends_on), **more}


def group(task_id: str, depends_on: list[str], *subtasks: Any) -> dict[str, Any]:
    return {"id": task_id, "depends_on": depends_on, "subtasks": list(subtasks)}


def save(engine: Engine, *tasks: Any, **options: Any) -> str:
    options = {"goal": "Build it", **options}
    return str(engine.call("save_task_graph", tasks=Jsonb(list(tasks)), **options))


def start(engine: Engine, *tasks: Any, input: Any = None, **options: Any) -> UUID:
    graph_id = save(engine, *tasks, **options)
    engine.call("approve_task_graph", task_graph_id=graph_id)
    run_id: UUID = engine.call("start_task_graph", task_graph_id=graph_id, input=Jsonb(input or {}))
    return run_id


def depends_on(engine: Engine) -> dict[str, list[str]]:
    """What the steps of the one task graph depend on."""
    (steps,) = engine.rows("select steps from stepgres.task_graphs")
    return {step["step_slug"]: step["depends_on"] for step in steps}


# What goal tasks become


def test_group_is_a_step_that_gathers_its_subtasks(engine: Engine) -> None:
    save(
        engine,
        task("analyze"),
        group("design", ["analyze"], task("api"), task("db", "api")),
        task("implement", "design", "design/api"),
    )
    assert depends_on(engine) == {
        "analyze": [],
        "design": ["design__api", "design__db"],
        "design__api": ["analyze"],
        "design__db": ["design__api"],
        "implement": ["design", "design__api"],
    }


def test_subtask_that_waits_for_a_task_elsewhere_waits_for_what_its_group_does_as_well(
    engine: Engine,
) -> None:
    save(
        engine,
        task("a"),
        group("b", [], task("x")),
        group("c", ["a"], group("d", [], task("y", "b/x", "a")), task("z", "d")),
    )
    found = depends_on(engine)
    assert (found["c__d__y"], found["c__z"]) == (["a", "b__x"], ["c__d"])


def test_name_means_the_nearest_task_of_that_name(engine: Engine) -> None:
    save(
        engine,
        task("plan"),
        task("test"),
        group("build", [], task("plan"), task("code", "plan"), task("test", "test")),
    )
    found = depends_on(engine)
    assert found["build__code"] == ["build__plan"]
    assert found["build__test"] == ["test"]


def test_dependency_that_is_named_twice_is_one(engine: Engine) -> None:
    save(engine, task("a"), group("b", ["a", "a"], task("x", "a")))
    assert depends_on(engine)["b__x"] == ["a"]


def test_tasks_may_stand_before_what_they_depend_on(engine: Engine) -> None:
    start(engine, task("b", "a"), task("a"))
    assert [item.step_slug for item in engine.drain()] == ["a", "b"]


def test_long_path_becomes_a_slug_that_ends_in_its_hash(engine: Engine) -> None:
    start(engine, group("a" * 100, [], task("b" * 100), task("b" * 99 + "c")))
    slugs = [item.step_slug for item in engine.drain()]
    assert [len(slug) for slug in slugs] == [128, 128]
    assert len({*slugs}) == 2


def test_tasks_are_kept_as_they_were_given(engine: Engine) -> None:
    save(engine, task("a", colour="red"), {"id": "b", "description": None, "subtasks": []})
    assert engine.rows("select tasks from stepgres.task_graphs") == [
        [
            {"id": "a", "description": "a", "depends_on": [], "colour": "red"},
            {"id": "b", "description": "b", "depends_on": []},
        ]
    ]


def test_options_of_tasks_and_defaults_are_those_of_steps(engine: Engine) -> None:
    options = {"max_attempts": 1, "queue": "slow", "when_exhausted": None}
    run_id = start(
        engine,
        task("a", options=options),
        task("b"),
        workflow_slug="building",
        defaults=Jsonb({"max_attempts": 7}),
    )
    rows = engine.rows("select step_slug, max_attempts, queue from stepgres.steps order by 1")
    assert rows == [("a", 1, "slow"), ("b", 7, "default")]
    assert engine.rows("select workflow_slug from stepgres.runs where run_id = %s", run_id) == [
        "building"
    ]


# What goal tasks may not be

REFUSED: dict[str, tuple[list[Any], str, str]] = {
    "no tasks": ([], "there are no goal tasks", ""),
    "no object": ([7], "#1", "a goal task is a JSON object, not 7"),
    "no id": ([{"description": "x"}], "#1", "it has no id"),
    "id of another type": ([group("a", [], task(3))], '"a/3"', '"id" must be a JSON string'),
    "bad id": ([group("a", [], task("b-c"))], '"a/b-c"', "cannot be an id"),
    "reserved id": ([task("run")], '"run"', "cannot be an id"),
    "duplicate": ([group("a", [], task("b"), task("b"))], '"a/b"', "already taken"),
    "same slug": ([task("a__b"), group("a", [], task("b"))], '"a/b"', 'would be "a__b"'),
    "unknown dependency": ([task("a", "b")], '"a"', 'depends on "b", which is not a goal task'),
    "unknown path": (
        [group("a", [], task("b", "a/c"))],
        '"a/b"',
        'depends on "a/c", which is not a goal task',
    ),
    "dependency in a group": ([task("a", "c"), group("b", [], task("c"))], '"a"', 'on "c"'),
    "dependency of another type": ([task("a", None)], '"a"', "which is not a goal task"),
    "dependencies of another type": ([{"id": "a", "depends_on": "b"}], '"a"', "JSON array"),
    "subtasks of another type": ([{"id": "a", "subtasks": {}}], '"a"', "JSON array, not {}"),
    "itself": ([task("a", "a")], "cycle", "a -> a"),
    "cycle": ([task("a", "b"), task("b", "c"), task("c", "a")], "cycle", "a -> b -> c -> a"),
    "own group": ([group("a", [], task("b", "a"))], "cycle", "a -> a/b -> a"),
    "own subtask": ([group("a", ["a/b"], task("b"))], "cycle", "a -> a/b -> a"),
    "cycle through a group": (
        [group("a", [], task("b", "c")), task("c", "a")],
        "cycle",
        "a -> a/b -> c -> a",
    ),
    "cycle through the start of a group": (
        [group("a", ["c"], task("b")), task("c", "a/b")],
        "cycle",
        "a -> c -> a/b -> a",
    ),
    "not decomposed": ([task("a", decompose=True)], '"a"', "is to be decomposed"),
    "decomposed into nothing": (
        [task("a", decompose=True, subtasks=[])],
        '"a"',
        "has no subtasks",
    ),
    "options of a group": (
        [{**group("a", [], task("b")), "options": {"queue": "q"}}],
        '"a"',
        "a goal task with subtasks has no options",
    ),
    "unknown option": ([task("a", options={"map": True})], '"a"', 'unknown option "map"'),
    "bad option": ([task("a", options={"max_attempts": 0})], '"a"', "must be at least 1"),
    "too deep": (
        [group("a", [], group("b", [], group("c", [], task("d"))))],
        '"a/b/c/d"',
        "more than 3 deep",
    ),
    "too deep to decompose": (
        [group("a", [], group("b", [], task("c", decompose=True)))],
        '"a/b/c"',
        "more than 3 deep",
    ),
    "too many": ([task(f"t{i}") for i in range(9)], '"t8"', "max_tasks is 8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tasks_that_break_a_rule_are_refused_by_path(engine: Engine, name: str) -> None:
    tasks, *words = REFUSED[name]
    with refused("SG018", *words):
        save(engine, *tasks, max_depth=3, max_tasks=8)
    assert engine.rows("select 1 from stepgres.task_graphs") == []


def test_groups_that_wait_for_parts_of_each_other_are_no_cycle(engine: Engine) -> None:
    start(
        engine,
        group("a", [], task("x", "b/x"), task("y")),
        group("b", [], task("x"), task("y", "a/y")),
    )
    assert len(engine.drain()) == 4


@pytest.mark.parametrize("tasks", [None, {}, "x", 3])
def test_tasks_are_an_array(engine: Engine, tasks: Any) -> None:
    with refused("SG018", "must be a JSON array"):
        engine.call("save_task_graph", goal="x", tasks=Jsonb(tasks))


def test_goal_slug_and_defaults_are_checked(engine: Engine) -> None:
    with refused("SG018", "goal must not be empty"):
        save(engine, task("a"), goal="")
    with refused("SG018", '"a b" cannot be the slug'):
        save(engine, task("a"), workflow_slug="a b")
    with refused("SG018", "max_attempts must be at least 1"):
        save(engine, task("a"), defaults=Jsonb({"max_attempts": 0}))
    with refused("SG018", 'events must be "none", "run" or "task"'):
        save(engine, task("a"), defaults=Jsonb({"events": "all"}))


def test_long_cycle_is_found_in_a_large_graph(engine: Engine) -> None:
    tasks = [task(f"t{i}", f"t{(i + 1) % 1000}") for i in range(1000)]
    with refused("SG018", "t0 -> t1 -> t2", "t999 -> t0"):
        save(engine, *tasks)


# Approval


def test_graph_is_started_only_when_it_is_approved(engine: Engine) -> None:
    graph_id = save(engine, task("a"))
    with refused("SG020", "is decomposed, not approved"):
        engine.call("start_task_graph", task_graph_id=graph_id)
    for _ in range(2):
        engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    assert engine.claim_one().input == {"goal": "Build it"}


def test_rejected_graph_must_be_changed_before_it_is_approved(engine: Engine) -> None:
    graph_id = save(engine, task("a"))
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("reject_task_graph", task_graph_id=graph_id, reason="too vague")
    with refused("SG020", "is rejected, not approved: too vague"):
        engine.call("start_task_graph", task_graph_id=graph_id)
    with refused("SG008", "was rejected: too vague"):
        engine.call("approve_task_graph", task_graph_id=graph_id)
    save(engine, task("b"), task_graph_id=graph_id)
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    assert engine.claim_one().step_slug == "b"


def test_changed_graph_is_approved_anew_and_its_runs_keep_their_tasks(engine: Engine) -> None:
    graph_id = save(engine, task("a"))
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    assert save(engine, task("b"), task_graph_id=graph_id) == graph_id
    with refused("SG020", "is decomposed, not approved"):
        engine.call("start_task_graph", task_graph_id=graph_id)
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    assert sorted(item.step_slug for item in engine.claim()) == ["a", "b"]


def test_rejection_needs_a_reason(engine: Engine) -> None:
    graph_id = save(engine, task("a"))
    with refused("SG003", "without a reason"):
        engine.call("reject_task_graph", task_graph_id=graph_id, reason="")


@pytest.mark.parametrize(
    ("function", "more"),
    [
        ("get_task_graph", {}),
        ("approve_task_graph", {}),
        ("delete_task_graph", {}),
        ("reject_task_graph", {"reason": "no"}),
        ("start_task_graph", {}),
        ("save_task_graph", {"goal": "x", "tasks": Jsonb([{"id": "a"}])}),
    ],
)
def test_unknown_graph_is_named(engine: Engine, function: str, more: dict[str, Any]) -> None:
    with refused("SG019", 'task graph "htdag_x" does not exist'):
        engine.call(function, task_graph_id="htdag_x", **more)


def test_graphs_are_listed_by_status_the_newest_first(engine: Engine) -> None:
    ids = [save(engine, task("a")) for _ in range(3)]
    engine.call("approve_task_graph", task_graph_id=ids[1])
    listed = 'select task_graph_id from stepgres.list_task_graphs(status => %s, "limit" => 2)'
    assert engine.rows(listed, None) == ids[:0:-1]
    assert engine.rows(listed, "approved") == [ids[1]]
    with refused("SG014", 'no status "done"'):
        engine.rows(listed, "done")


def test_graphs_are_paged_by_the_last_one(engine: Engine, clock: Clock) -> None:
    graphs = []
    for number in range(6):  # two at each instant
        clock.advance(number % 2)
        graphs.append(save(engine, task("a")))
    engine.call("reject_task_graph", task_graph_id=graphs[2], reason="no")
    for status in (None, "decomposed"):
        pages: list[str] = []
        after = None
        while True:
            page = engine.rows(
                "select task_graph_id from stepgres.list_task_graphs(%s, 2, after => %s)",
                status,
                after,
            )
            if not page:
                break
            pages += page
            after = page[-1]
        wanted = [graph for graph in graphs if status is None or graph != graphs[2]]
        assert pages == sorted(wanted, reverse=True)
    with refused("SG019", "unknown"):
        engine.call("list_task_graphs", after="unknown")


def test_deleted_graph_leaves_its_runs(engine: Engine) -> None:
    run_id = start(engine, task("a"))
    (graph_id,) = engine.rows("select task_graph_id from stepgres.task_graphs")
    engine.call("delete_task_graph", task_graph_id=graph_id)
    assert engine.rows("select 1 from stepgres.task_graphs") == []
    engine.drain()
    assert engine.status(run_id)[0] == "completed"


# Runs


def test_first_tasks_get_the_goal_and_the_input(engine: Engine) -> None:
    start(engine, group("a", [], task("b")), input={"user": 3})
    assert engine.claim_one().input == {"goal": "Build it", "user": 3}


def test_input_is_an_object(engine: Engine) -> None:
    with refused("SG003", "must be a JSON object, not array"):
        start(engine, task("a"), input=[1])


def test_output_of_a_group_is_the_object_of_its_subtasks_by_id(engine: Engine) -> None:
    run_id = start(engine, group("a", [], task("b"), group("c", [], task("d"))))
    engine.drain({"a__b": lambda _: 1, "a__c__d": lambda _: 2})
    assert engine.output(run_id) == {"b": 1, "c": {"d": 2}}


def test_key_starts_a_graph_once(engine: Engine) -> None:
    graph_id = save(engine, task("a"))
    engine.call("approve_task_graph", task_graph_id=graph_id)
    once = {"task_graph_id": graph_id, "idempotency_key": "k"}
    assert engine.call("start_task_graph", **once) == engine.call("start_task_graph", **once)


def test_run_of_a_graph_says_so_and_so_does_its_retry(engine: Engine) -> None:
    run_id = start(engine, task("a"), task("b"))
    (graph_id,) = engine.rows("select task_graph_id from stepgres.task_graphs")
    engine.fail(engine.claim()[0], retryable=False)
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    engine.define("other", {"step_slug": "a"})
    other = engine.start("other", {})
    listed: dict[UUID, Any] = dict(
        engine.rows("select run_id, task_graph_id from stepgres.list_workflow_runs()")
    )
    assert listed == {run_id: graph_id, retried: graph_id, other: None}
    assert engine.call("get_run", run_id=retried)["task_graph_id"] == graph_id


def test_statistics_count_runs_of_graphs_and_no_others_of_their_workflows(engine: Engine) -> None:
    counts = "select task_graphs, runs from stepgres.get_composition_stats(%s)"
    for _ in range(2):
        start(engine, task("a"), workflow_slug="named")
    start(engine, task("a"))
    engine.start("named", {})
    assert engine.rows(counts, "named") == [(2, 2)]
    assert engine.rows(counts, None) == [(3, 3)]
    (graph_id, *_) = engine.rows("select task_graph_id from stepgres.task_graphs order by 1")
    engine.call("delete_task_graph", task_graph_id=graph_id)
    assert engine.rows(counts, "named") == [(1, 2)]
