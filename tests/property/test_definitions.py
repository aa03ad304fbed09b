"""Whatever JSON register_workflow is given: a version, or SG001 and nothing stored."""

from __future__ import annotations

from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.support.engine import Engine

# Text without NUL and half surrogate pairs, which no jsonb can hold.
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
any_json = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)

slugs = st.sampled_from(["a", "b", "c", "d", "run", "a'b", "A;--", "1a", "", "x" * 129]) | text
some_slugs = st.sampled_from(["a", "b", "c", "d", "e"])
attempts = st.integers(-1, 5) | st.sampled_from([2.5, 10**10])
durations = st.integers(-1, 100) | st.floats(-1, 100) | st.sampled_from([1e12, 1e300])
executions = st.sampled_from(["local", "distributed", "remote", ""])
queues = st.sampled_from(["default", "slow", "Slow", "a-b", "q" * 39, 'a"b', "a'b", ""]) | text
policies = st.sampled_from(["fail", "skip", "skip-cascade", "retry"])
paths = st.sampled_from(["$.n > 3", "$", "$x", "strict $[*].a", '$.a like_regex "("']) | text
limits = st.integers(-1, 9) | st.sampled_from(["3", "25%", "101%", "1e3", "%"]) | text
options: dict[str, st.SearchStrategy[Any]] = {
    "max_attempts": attempts,
    "base_delay": durations,
    "timeout": durations,
    "execution": executions,
    "queue": queues,
    "priority": attempts,
    "when_unmet": policies,
    "when_exhausted": policies,
}


def objects(
    required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def slug_of(step: dict[str, Any]) -> str:
    return str(step["step_slug"])


steps = objects(
    {"step_slug": some_slugs | slugs},
    {
        "depends_on": st.lists(some_slugs, max_size=3) | any_json,
        "map": st.booleans() | any_json,
        "initial_tasks": attempts | any_json,
        "start_delay": durations | any_json,
        "condition": paths | any_json,
        "unless": paths,
        "max_failed": limits | any_json,
        "colour": any_json,
        **options,
    },
)
documents = objects(
    {
        "workflow_slug": st.just("order") | slugs,
        "steps": st.lists(steps, max_size=5, unique_by=slug_of) | any_json,
    },
    {**options, "deadline": durations | any_json, "colour": any_json},
)
sound_steps = objects(
    {"step_slug": some_slugs},
    {
        "depends_on": st.lists(some_slugs, max_size=2, unique=True),
        "map": st.booleans(),
        "max_attempts": st.integers(1, 9),
        "timeout": st.floats(0.001, 100),
        "start_delay": st.floats(0, 100),
        "condition": st.sampled_from(["$.n > 3", "$ ? (@.n > 3)", "exists($.a)"]),
        "when_unmet": st.sampled_from(["fail", "skip", "skip-cascade"]),
        "resources": st.dictionaries(text, numbers, max_size=2),
    },
)
sound_documents = objects(
    {
        "workflow_slug": st.sampled_from(["order", "invoice"]),
        "steps": st.lists(sound_steps, min_size=1, max_size=5, unique_by=slug_of),
    },
    {},
)

without_limits = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def is_registered(engine: Engine, document: Any) -> bool:
    """Whether the document was accepted; if not, nothing may have changed."""
    before = engine.snapshot()
    try:
        version = engine.call("register_workflow", definition=Jsonb(document))
    except psycopg.errors.DatabaseError as error:
        if error.sqlstate != "SG001" or not error.diag.message_hint:
            raise
        assert engine.snapshot() == before
        return False
    assert version >= 1
    return True


@given(document=any_json | documents)
@without_limits
def test_any_document_is_registered_or_refused(engine: Engine, document: Any) -> None:
    if is_registered(engine, document):
        after = engine.snapshot()
        assert is_registered(engine, document)
        assert engine.snapshot() == after


@given(document=sound_documents)
@without_limits
def test_document_is_registered_if_its_graph_is_sound_and_only_then(
    engine: Engine, document: dict[str, Any]
) -> None:
    is_accepted = is_registered(engine, document)
    assert is_accepted is is_sound(document["steps"])
    if is_accepted:
        assert_copy_is_equal(engine, document["workflow_slug"])


def assert_copy_is_equal(engine: Engine, slug: str) -> None:
    """What get_flow shows, registered under another slug, is shown by get_flow again."""
    flow = engine.call("get_flow", workflow_id=slug)
    document = {key: value for key, value in flow.items() if key != "version"}
    document["workflow_slug"] = "copy"
    document["steps"] = [
        {key: value for key, value in step.items() if key != "step_index"} for step in flow["steps"]
    ]
    engine.call("register_workflow", definition=Jsonb(document), make_current=True)
    copy = engine.call("get_flow", workflow_id="copy")
    copy |= {"workflow_slug": slug, "version": flow["version"]}
    assert in_any_order(copy) == in_any_order(flow)


def in_any_order(flow: dict[str, Any]) -> dict[str, Any]:
    """A flow without the places of its steps: the same definition may have been there before."""
    steps = sorted(flow["steps"], key=slug_of)
    return {**flow, "steps": [{**step, "step_index": None} for step in steps]}


def is_sound(steps: list[dict[str, Any]]) -> bool:
    """Every dependency is a step, no map has two, and there is an order."""
    dependencies = {s["step_slug"]: set(s.get("depends_on", ())) for s in steps}
    if any(s.get("map") and len(dependencies[s["step_slug"]]) > 1 for s in steps):
        return False
    while ready := [slug for slug, needed in dependencies.items() if not needed]:
        for slug in ready:
            del dependencies[slug]
        for needed in dependencies.values():
            needed.difference_update(ready)
    return not dependencies


@given(document=any_json, name=slugs, depends_on=st.lists(slugs, max_size=3))
@without_limits
def test_any_name_is_created_or_refused(
    engine: Engine, document: Any, name: str, depends_on: list[str]
) -> None:
    before = engine.snapshot()
    for function, arguments, allowed in (
        ("create_flow", {"name": name}, {"SG001", "SG007"}),
        (
            "add_step",
            {"workflow_id": name, "step_name": name, "depends_on": depends_on},
            {"SG001", "SG002"},
        ),
        ("start_workflow_run", {"workflow_slug": name, "input": Jsonb(document)}, {"SG002"}),
        ("register_worker", {"worker_id": "other", "queues": [name]}, {"SG001"}),
    ):
        try:
            with engine.connection.transaction(force_rollback=True):
                engine.call(function, **arguments)
        except psycopg.errors.DatabaseError as error:
            if error.sqlstate not in allowed:
                raise
        assert engine.snapshot() == before


texts = objects(
    {},
    {
        "condition": paths,
        "unless": paths,
        "when_unmet": policies | text,
        "when_exhausted": policies | text,
        "max_failed": limits.map(str),
        "execution": executions | text,
        "queue": queues,
        "sql_function": text,
        "map": st.booleans(),
    },
)


@given(arguments=texts)
@without_limits
def test_any_text_as_an_option_is_stored_or_refused(
    engine: Engine, arguments: dict[str, Any]
) -> None:
    before = engine.snapshot()
    with engine.connection.transaction(force_rollback=True):
        engine.call("create_flow", name="order")
        try:
            with engine.connection.transaction():
                engine.call("add_step", workflow_id="order", step_name="a", **arguments)
        except psycopg.errors.DatabaseError as error:
            if error.sqlstate != "SG001" or not error.diag.message_hint:
                raise
            assert engine.rows("select step_slug from stepgres.steps") == []
        else:
            assert engine.rows("select step_slug from stepgres.steps") == ["a"]
    assert engine.snapshot() == before
