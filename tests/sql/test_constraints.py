"""What no client can get around in definitions, and what the guards of the tests refuse."""

from __future__ import annotations

from typing import Any

import pytest
from typing_extensions import LiteralString

from tests.support.engine import Engine, refused, step

BAD_SLUGS = {
    "empty": "",
    "too long": "x" * 129,
    "dash": "a-b",
    "space": "a b",
    "dot": "a.b",
    "leading digit": "1a",
    "reserved": "run",
    "single quote": "a'b",
    "double quote": 'a"b',
    "statement": "a; drop table stepgres.runs; --",
    "placeholder": "%s",
    "letter beyond ASCII": "é",
    "digit beyond ASCII": "a٣",
    "line feed": "a\n",
    "second line": "a\n-- b",
}
GOOD_SLUGS = ["x" * 128, "_", "Run", "RUN", "a1", "select", "fetch_and_SAVE_2"]
BAD_QUEUES = ["", "Upper", "1st", "_q", "a-b", "a b", "q" * 39, "é", "a;drop table x", "a'b", 'a"b']


# Slugs


def test_bad_workflow_slug_is_refused_and_named(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for name, slug in BAD_SLUGS.items():
        with subtests.test(name):
            with refused("SG001", f'"{slug}"', "a slug starts with"):
                engine.define(slug, step("a"))
            with refused("SG001", f'"{slug}"', "a slug starts with"):
                engine.call("create_flow", name=slug)
            assert engine.snapshot() == before


def test_bad_step_slug_is_refused_and_named(engine: Engine, subtests: pytest.Subtests) -> None:
    engine.call("create_flow", name="order")
    before = engine.snapshot()
    for name, slug in BAD_SLUGS.items():
        with subtests.test(name):
            with refused("SG001", '"invoice"', f'"{slug}"', "a slug starts with"):
                engine.define("invoice", step(slug))
            with refused("SG001", '"order"', f'"{slug}"', "a slug starts with"):
                engine.call("add_step", workflow_id="order", step_name=slug)
            assert engine.snapshot() == before


def test_bad_slug_is_refused_by_the_tables(engine: Engine, subtests: pytest.Subtests) -> None:
    engine.define("order", step("a"))
    for name, slug in BAD_SLUGS.items():
        with subtests.test(name):
            with refused("23514", "slug_check"):
                engine.rows("insert into stepgres.workflows values (%s, 1, now())", slug)
            with refused("23514", "slug_check"):
                engine.rows("update stepgres.steps set step_slug = %s", slug)


@pytest.mark.parametrize("slug", GOOD_SLUGS)
def test_good_slug_is_accepted(engine: Engine, slug: str) -> None:
    engine.define(slug, step(slug))
    engine.call("add_step", workflow_id=slug, step_name="last", depends_on=[slug])
    run_id = engine.start(slug, {})
    assert [item.step_slug for item in engine.drain({slug: lambda _: 1})] == [slug, "last"]
    assert engine.status(run_id) == ("completed", None)


def test_null_is_no_slug(engine: Engine) -> None:
    before = engine.snapshot()
    with refused("SG001", "name"):
        engine.call("create_flow", name=None)
    with refused("SG001", "workflow_slug"):
        engine.call("register_workflow", definition='{"steps": [{"step_slug": "a"}]}')
    with refused("SG001", '"order"', "step_slug"):
        engine.call(
            "register_workflow", definition='{"workflow_slug": "order", "steps": [{"map": true}]}'
        )
    with refused("SG002"):
        engine.call("start_workflow_run", workflow_slug=None, input="1")
    assert engine.snapshot() == before


# Options

BAD_OPTIONS: list[tuple[str, Any, str]] = [
    ("max_attempts", 0, "max_attempts must be at least 1"),
    ("max_attempts", -1, "max_attempts must be at least 1"),
    ("timeout", 0, "timeout must be more than 0"),
    ("timeout", -0.5, "timeout must be more than 0"),
    ("timeout", 4e9, "at most 100 years"),
    ("base_delay", -1, "base_delay must be at least 0"),
    ("base_delay", 4e9, "at most 100 years"),
    ("when_unmet", "ignore", "when_unmet must be"),
    ("when_exhausted", "retry", "when_exhausted must be"),
    ("execution", "remote", "execution must be"),
    ("execution", "", "execution must be"),
    ("queue", "No Queue", "a queue starts with"),
]
BAD_TYPES: list[tuple[str, Any, str]] = [
    ("max_attempts", 1.5, "max_attempts must be a JSON integer, not 1.5"),
    ("max_attempts", 3_000_000_000, "max_attempts must be a JSON integer, not 3000000000"),
    ("max_attempts", "3", "max_attempts must be a JSON integer"),
    ("priority", 0.5, "priority must be a JSON integer, not 0.5"),
    ("timeout", "60", "timeout must be a JSON number"),
    ("timeout", 1e300, "timeout must be more than 0 seconds, and at most 100 years"),
    ("timeout", 1e-300, "timeout must be more than 0"),
    ("base_delay", -1e300, "base_delay must be at least 0"),
    ("base_delay", [1], "base_delay must be a JSON number"),
    ("execution", {"local": 1}, "execution must be a JSON string"),
    ("queue", True, "queue must be a JSON string"),
]
ONLY_OF_STEPS: list[tuple[str, Any, str]] = [
    ("initial_tasks", 0, "initial_tasks must be at least 1"),
    ("initial_tasks", -3, "initial_tasks must be at least 1"),
    ("initial_tasks", 2.5, "initial_tasks must be a JSON integer, not 2.5"),
    ("map", "yes", "map must be a JSON boolean"),
    ("depends_on", "a", "depends_on must be a JSON array"),
    ("depends_on", [1], "depends on 1"),
    ("depends_on", [None], "depends on null"),
    ("depends_on", [["a"]], 'depends on ["a"]'),
    ("retries", 3, 'unknown option "retries"'),
]


def test_bad_option_of_a_step_is_refused_and_named(
    engine: Engine, subtests: pytest.Subtests
) -> None:
    before = engine.snapshot()
    for option, value, words in BAD_OPTIONS + BAD_TYPES + ONLY_OF_STEPS:
        with subtests.test(option=option, value=value):
            with refused("SG001", '"order"', '"b"', words):
                engine.define("order", step("a"), {"step_slug": "b", option: value})
            assert engine.snapshot() == before


def test_bad_default_is_refused_and_named(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for option, value, words in BAD_OPTIONS + BAD_TYPES:
        with subtests.test(option=option, value=value):
            with refused("SG001", '"order"', words):
                engine.define("order", step("a"), **{option: value})
            assert engine.snapshot() == before


def test_bad_option_is_refused_by_create_flow_and_add_step(
    engine: Engine, subtests: pytest.Subtests
) -> None:
    engine.call("create_flow", name="order")
    before = engine.snapshot()
    for option, value, words in BAD_OPTIONS:
        with subtests.test(option=option, value=value):
            typed = f"{value} s" if option in ("timeout", "base_delay") else value
            with refused("SG001", '"invoice"', words):
                engine.call("create_flow", name="invoice", **{option: typed})
            with refused("SG001", '"order"', '"a"', words):
                engine.call("add_step", workflow_id="order", step_name="a", **{option: typed})
            assert engine.snapshot() == before


@pytest.mark.parametrize(
    "option",
    ["max_attempts", "base_delay", "timeout", "execution", "queue", "when_unmet", "when_exhausted"],
)
def test_default_may_not_be_null(engine: Engine, option: str) -> None:
    with refused("SG001", '"order"', option):
        engine.call("create_flow", name="order", **{option: None})


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("max_attempts", "0", "max_attempts_check"),
        ("timeout", "'0 s'", "timeout_check"),
        ("base_delay", "'-1 s'", "base_delay_check"),
        ("execution", "'remote'", "execution_check"),
        ("queue", "'a-b'", "queue_check"),
        ("initial_tasks", "1", "initial_tasks_makes_a_map"),
        ("(initial_tasks, map)", "(0, true)", "initial_tasks_check"),
        ("(map, dependency_count)", "(true, 2)", "map_has_one_source"),
    ],
)
def test_bad_option_is_refused_by_the_tables(
    engine: Engine, column: LiteralString, value: LiteralString, constraint: str
) -> None:
    engine.define("order", step("a"))
    with refused("23514", constraint):
        engine.rows("update stepgres.steps set " + column + " = " + value)


def test_bad_dependency_is_refused_by_the_tables(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    insert = "insert into stepgres.dependencies values ('order', 1, 'b', 1, %s)"
    with refused("23514", "step_does_not_depend_on_itself"):
        engine.rows(insert, "b")
    with refused("23505", "dependency_is_named_once"):
        engine.rows(insert, "a")
    with refused("23503"):
        engine.rows(insert, "c")


NO_DEFINITIONS = [
    "1", '"order"', "null", "[]", '{"workflow_slug": 1}',
    '{"workflow_slug": "a", "steps": null}', '{"workflow_slug": "a", "steps": {}}',
    '{"workflow_slug": "a", "steps": [1]}', '{"workflow_slug": "a", "steps": [[]]}',
    '{"workflow_slug": "a", "nodes": []}',
]  # fmt: skip


def test_document_of_another_form_is_refused(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for document in NO_DEFINITIONS:
        with subtests.test(document=document):
            with refused("SG001"):
                engine.call("register_workflow", definition=document)
            assert engine.snapshot() == before


# Workers


def test_worker_with_a_bad_queue_is_refused(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for queue in BAD_QUEUES:
        with subtests.test(queue=queue):
            with refused("SG001", "a queue starts with"):
                engine.call("register_worker", worker_id="other", queues=["default", queue])
            assert engine.snapshot() == before


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("worker_id", "", "a worker_id has 1 to 128 characters"),
        ("worker_id", "w" * 129, "a worker_id has 1 to 128 characters"),
        ("lease", "0 s", "a lease must be more than 0 seconds"),
        ("lease", "300000 years", "at most a year"),  # or no tick() could add it to a time
        ("lease", None, "lease"),
        ("queues", None, "queues"),
        ("queues", ["default", None], "queue"),
    ],
)
def test_bad_worker_is_refused(engine: Engine, argument: str, value: Any, words: str) -> None:
    with refused("SG001", words):
        engine.call("register_worker", **{argument: value})
    assert engine.rows("select worker_id from stepgres.workers") == [engine.worker_id]


# State: the guards of the tests, which watch the engine in all other tests

ILLEGAL_TRANSITIONS = [
    ("tasks", "queued", "status = 'completed', finished_at = now(), attempt = 1, msg_id = null"),
    (
        "tasks", "queued",
        "status = 'failed', finished_at = now(), attempt = 1, msg_id = null, error = 'x'",
    ),
    ("tasks", "queued", "attempt = 2"),
    ("tasks", "waiting", "attempt = 0"),
    ("tasks", "waiting", "status = 'started'"),
    ("tasks", "waiting", "status = 'completed', finished_at = now()"),
    ("tasks", "started", "status = 'queued'"),
    ("tasks", "done", "status = 'queued', finished_at = null"),
    ("tasks", "done", "status = 'cancelled'"),
    ("step_states", "queued", "status = 'created', started_at = null"),
    ("step_states", "queued", "initial_tasks = 2, remaining_tasks = 2"),
    ("step_states", "done", "status = 'started', finished_at = null, output = null"),
    ("step_states", "done", "status = 'failed', output = null, error = 'x'"),
    ("step_states", "last", "remaining_deps = 2"),
    (
        "runs", "over",
        "status = 'started', finished_at = null, output = null, remaining_ends = 1",
    ),
    ("runs", "over", "status = 'failed', output = null, error = 'x'"),
]  # fmt: skip


def run_with_steps_in_many_states(engine: Engine) -> None:
    """Steps named after the status of their task, and another run that is completed."""
    engine.define("over", step("a"))
    engine.start("over")
    engine.drain()
    steps = (step("done"), step("queued"), step("started"), step("waiting"), step("last", "queued"))
    engine.define("active", *steps, max_attempts=9)
    engine.start("active")
    done, queued, _, waiting = engine.claim()
    engine.work([done.completed(), queued.released(), waiting.failed(retry_after=0)])
    engine.call("tick")
    queued, waiting = engine.claim()
    engine.work([queued.released(), waiting.failed()])


def test_illegal_transition_is_refused(engine: Engine, subtests: pytest.Subtests) -> None:
    run_with_steps_in_many_states(engine)
    before = engine.snapshot()
    for table, slug, change in ILLEGAL_TRANSITIONS:
        with subtests.test(table=table, slug=slug, change=change):
            column = "workflow_slug" if table == "runs" else "step_slug"
            statement = f"update stepgres.{table} set {change} where {column} = %s"
            with refused("SG008", "cannot change"):
                engine.connection.execute(statement.encode(), [slug])
            assert engine.snapshot() == before
