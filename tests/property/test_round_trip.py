"""Registering what get_flow shows changes nothing, for every shape of workflow."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.property.test_definitions import is_sound, objects, slug_of, text, without_limits
from tests.support.engine import Engine

SLUGS = ["a", "b", "c", "d", "e"]
POLICIES = ["fail", "skip", "skip-cascade"]
DEFAULTS: dict[str, Any] = {
    "max_attempts": 3,
    "base_delay": 1,
    "timeout": 300,
    "execution": "local",
    "queue": "default",
    "priority": 0,
    "resources": {},
    "when_unmet": "skip",
    "when_exhausted": "fail",
}
inherited: dict[str, st.SearchStrategy[Any]] = {
    "max_attempts": st.integers(1, 2**31 - 1) | st.just(4.0),
    "base_delay": st.floats(0, 3155760000) | st.integers(0, 100),
    "timeout": st.floats(0.001, 3155760000),
    "execution": st.sampled_from(["local", "distributed"]),
    "queue": st.sampled_from(["default", "slow"]),
    "priority": st.integers(-2, 2),
    "resources": st.dictionaries(text, st.integers() | text, max_size=2),
    "when_unmet": st.sampled_from(POLICIES),
    "when_exhausted": st.sampled_from(POLICIES),
}
paths = st.sampled_from(["$.n > 3", "strict $ ? (@.n > 3)", "exists($.a)", '$."$x" == "\\"y"'])
steps = objects(
    {"step_slug": st.sampled_from(SLUGS)},
    {
        "depends_on": st.lists(st.sampled_from(SLUGS), max_size=3, unique=True),
        "start_delay": st.floats(0, 3155760000),
        "condition": paths,
        "unless": paths,
        "transactional": st.booleans(),
        "sticky": st.booleans(),
        **inherited,
    },
)
maps = objects(
    {"step_slug": st.sampled_from(SLUGS), "map": st.just(True), "when_exhausted": st.just("skip")},
    {
        "depends_on": st.lists(st.sampled_from(SLUGS), max_size=1),
        "max_failed": st.sampled_from([0, 3, "3", "25%", "2.5%"]),
    },
)
counted = objects({"step_slug": st.sampled_from(SLUGS), "initial_tasks": st.integers(1, 9)}, {})
gathering = objects({"step_slug": st.just("g"), "depends_on": st.just(SLUGS[:2])}, {}).map(
    lambda step: {**step, "gathers": ["first", "second"]}
)
# The timeout of a step that waits is never inherited.
signals: dict[str, st.SearchStrategy[Any]] = {
    "step_slug": st.sampled_from(SLUGS),
    "wait_for": st.sampled_from(["paid", "a.b:c-1"]),
}
matching: dict[str, st.SearchStrategy[Any]] = {
    "depends_on": st.lists(st.sampled_from(SLUGS), max_size=3, unique=True),
    "match": paths | st.just("$.a == $input.b"),
    "key": paths,
    "condition": paths,
}
waiting = objects({**signals, "timeout": st.none()}, matching) | objects(
    {**signals, "timeout": st.floats(0.001, 3155760000)},
    {**matching, "when_timeout": st.sampled_from(POLICIES)},
)
replaced = objects(
    {**signals, "timeout": st.integers(1, 9), "when_timeout": st.just("default")},
    {"default_output": st.integers() | text | st.lists(st.none(), max_size=2)},
)
dated = objects({"step_slug": st.sampled_from(SLUGS), "start_at": paths}, {})
documents = objects(
    {
        "workflow_slug": st.just("order"),
        "steps": st.lists(
            steps | maps | counted | gathering | waiting | replaced | dated,
            min_size=1,
            max_size=5,
            unique_by=slug_of,
        ).filter(is_sound),
    },
    {
        **inherited,
        "deadline": st.floats(0.001, 3155760000),
        "max_parallel": st.integers(1, 9),
        "events": st.sampled_from(["none", "run", "task"]),
    },
)


def register(engine: Engine, document: Any) -> int:
    version: int = engine.call("register_workflow", definition=Jsonb(document))
    return version


def assert_flow_is_itself(engine: Engine, workflow_slug: str = "order") -> None:
    flow = engine.call("get_flow", workflow_id=workflow_slug)
    before = engine.snapshot()
    assert register(engine, flow) == flow["version"]
    assert engine.snapshot() == before


@given(document=documents)
@without_limits
def test_registering_what_get_flow_shows_changes_nothing(
    engine: Engine, document: dict[str, Any]
) -> None:
    with engine.connection.transaction(force_rollback=True):
        version = register(engine, document)
        assert_flow_is_itself(engine)
        assert register(engine, document) == version


@given(document=documents, seed=st.integers(0, 999))
@without_limits
def test_same_definition_in_other_words_has_the_same_version(
    engine: Engine, document: dict[str, Any], seed: int
) -> None:
    random = Random(seed)

    def shuffled(options: dict[str, Any]) -> dict[str, Any]:
        return dict(random.sample(list(options.items()), len(options)))

    defaults = {**DEFAULTS, **{k: v for k, v in document.items() if k in DEFAULTS}}
    steps = [
        shuffled({**defaults, "depends_on": [], "condition": None, "sticky": False, **step})
        for step in document["steps"]
    ]
    random.shuffle(steps)
    with engine.connection.transaction(force_rollback=True):
        version = register(engine, document)
        assert register(engine, shuffled({**defaults, **document, "steps": steps})) == version


durations = st.sampled_from(["1 month", "1 year", "90 minutes", "1.5 days", "0.000001 seconds"])


@given(timeout=durations, deadline=durations, delay=durations, max_attempts=st.integers(1, 9))
@without_limits
def test_workflow_that_was_built_step_by_step_registers_as_itself(
    engine: Engine, timeout: str, deadline: str, delay: str, max_attempts: int
) -> None:
    with engine.connection.transaction(force_rollback=True):
        engine.call("create_flow", name="order", timeout=timeout, deadline=deadline)
        assert_flow_is_itself(engine)
        for step, depends_on in ("a", []), ("b", ["a"]):
            engine.call(
                "add_step", workflow_id="order", step_name=step, depends_on=depends_on,
                start_delay=delay, max_attempts=max_attempts,
            )  # fmt: skip
            assert_flow_is_itself(engine)
        engine.start("order", {})
        assert_flow_is_itself(engine)
        engine.call("add_step", workflow_id="order", step_name="c")
        assert_flow_is_itself(engine)


def test_task_graph_as_a_workflow_registers_as_itself(engine: Engine) -> None:
    tasks = [{"id": "group", "subtasks": [{"id": "a"}, {"id": "b"}]}, {"id": "c", "depends_on": []}]
    graph = engine.call("save_task_graph", goal="all", tasks=Jsonb(tasks), workflow_slug="order")
    (graph_id,) = engine.rows("select task_graph_id from stepgres.task_graphs")
    assert graph
    engine.call("approve_task_graph", task_graph_id=graph_id)
    engine.call("start_task_graph", task_graph_id=graph_id)
    assert_flow_is_itself(engine)


def test_optimized_version_registers_as_itself_and_so_does_its_definition(engine: Engine) -> None:
    engine.call("create_flow", name="order")
    engine.call("add_step", workflow_id="order", step_name="a")
    definition = engine.call("get_flow", workflow_id="order")
    for _ in range(20):
        engine.start("order", {})
    engine.drain()
    assert engine.call("optimize_workflow", workflow_slug="order") == 2
    assert engine.call("get_flow", workflow_id="order")["steps"] != definition["steps"]
    assert_flow_is_itself(engine)
    assert register(engine, definition) == 2
