"""Options of steps and defaults of workflows: what they may be, and what becomes of them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

OPTIONS = """
    select start_delay::text, condition::text, unless::text, when_unmet, when_exhausted, max_failed
    from stepgres.steps order by step_index
"""
ITEMS = {"map": True, "when_exhausted": "skip"}  # what max_failed is for


def flow(engine: Engine, workflow_slug: str) -> dict[str, Any]:
    document: dict[str, Any] = engine.call("get_flow", workflow_id=workflow_slug)
    return document


# What is stored


def test_options_are_stored_by_both_ways_to_define(engine: Engine) -> None:
    paths = {"condition": "$.n > 3", "unless": "$.dry_run"}
    policies = {"when_unmet": "fail", "when_exhausted": "skip", "max_failed": "25%"}
    engine.define("registered", step("a", map=True, start_delay=1.5, **paths, **policies))
    engine.call("create_flow", name="built")
    engine.call(
        "add_step", workflow_id="built", step_name="a", map=True, start_delay="1.5 s",
        **paths, **policies,
    )  # fmt: skip
    stored = ("00:00:01.5", '($."n" > 3)', '$."dry_run"', "fail", "skip", "25%")
    assert engine.rows(OPTIONS) == [stored, stored]


def test_options_that_are_left_out_have_their_defaults(engine: Engine) -> None:
    engine.define("registered", step("a"))
    engine.call("create_flow", name="built")
    engine.call("add_step", workflow_id="built", step_name="a")
    assert engine.rows(OPTIONS) == [("00:00:00", None, None, "skip", "fail", None)] * 2
    assert engine.rows("select deadline from stepgres.workflow_versions") == [None, None]


def test_null_is_left_out(engine: Engine) -> None:
    names = ["condition", "unless", "start_delay", "when_unmet", "when_exhausted", "max_failed"]
    engine.define("order", step("a", **dict.fromkeys(names)), deadline=None)
    assert engine.rows(OPTIONS) == [("00:00:00", None, None, "skip", "fail", None)]


def test_policies_are_inherited_from_the_workflow(engine: Engine) -> None:
    policies = {"when_unmet": "skip-cascade", "when_exhausted": "skip"}
    engine.define("registered", step("a"), step("b", when_unmet="fail"), **policies)
    engine.call("create_flow", name="built", **policies)
    engine.call("add_step", workflow_id="built", step_name="a")
    engine.call("add_step", workflow_id="built", step_name="b", when_unmet="fail")
    query = """
        select step_slug, when_unmet, when_exhausted from stepgres.steps
        order by workflow_slug, step_slug
    """
    assert engine.rows(query) == [("a", "skip-cascade", "skip"), ("b", "fail", "skip")] * 2


def test_deadline_is_an_option_of_the_workflow(engine: Engine) -> None:
    engine.define("registered", step("a"), deadline=90)
    engine.call("create_flow", name="built", deadline="90 s")
    engine.call("add_step", workflow_id="built", step_name="a")
    query = "select deadline::text from stepgres.workflow_versions"
    assert engine.rows(query) == ["00:01:30", "00:01:30"]
    with refused("SG001", '"a"', 'unknown option "deadline"'):
        engine.define("order", step("a", deadline=90))


def test_whole_numbers_may_be_written_with_a_fraction_of_zero(engine: Engine) -> None:
    document = (
        '{"workflow_slug": "order", "priority": 1e1, '
        '"steps": [{"step_slug": "a", "max_attempts": 2.0, "initial_tasks": 3.00}]}'
    )
    engine.call("register_workflow", definition=document)
    query = "select max_attempts, initial_tasks, priority from stepgres.steps"
    assert engine.rows(query) == [(2, 3, 10)]


# JSON paths

PATHS = [
    "$.n > 3",
    "$ ? (@.n > 3)",
    "exists($.x)",
    "strict $.a.b",
    "$[*] ? (@.price > 3 && @.name starts with \"a\")",
    '$."$name" == "$\\"value"',  # quoted, and no variable
    '$.day.datetime() < "2030-01-01".datetime()',
    '$.day.datetime("YYYY-MM-DD") < "2030-01-01".datetime()',
]  # fmt: skip
NO_PATHS = [
    ("", "invalid input syntax"),
    ("n > 3", "syntax error"),
    ("$.n >", "syntax error at end"),
    ("@.n > 3", "@ is not allowed"),
    ("$.name like_regex \"(\"", "parentheses"),
    ("$.n.surprise()", "syntax error"),
    ("(" * 100_000, "memory exhausted"),
    ("$" + ".a" * 100_000, "stack depth"),
    # these two are JSON paths, but raise whenever they are evaluated
    ("$limit > 3", "has a variable"),
    ('$.day.datetime("aaa") < "2030-01-01".datetime()', "datetime format"),
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("option", ["condition", "unless"])
def test_json_path_is_accepted(engine: Engine, option: str, path: str) -> None:
    engine.define("order", step("a", **{option: path}))
    engine.call("add_step", workflow_id="order", step_name="b", **{option: path})
    assert len(engine.rows("select 1 from stepgres.steps where condition is null")) in (0, 2)


def test_what_is_no_json_path_is_refused_in_the_words_of_postgres(
    engine: Engine, subtests: pytest.Subtests
) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    for option, (path, words) in product(("condition", "unless"), NO_PATHS):
        with subtests.test(option=option, path=path[:100]):
            with refused("SG001", '"invoice"', '"b"', option, words):
                engine.define("invoice", step("a"), step("b", **{option: path}))
            with refused("SG001", '"order"', '"b"', option, words):
                engine.call("add_step", workflow_id="order", step_name="b", **{option: path})
            assert engine.snapshot() == before


# Other rules

BAD: list[tuple[dict[str, Any], str]] = [
    ({"start_delay": -1}, "start_delay must be at least 0"),
    ({"start_delay": 4e9}, "start_delay must be at least 0 seconds and at most 100 years"),
    ({"start_delay": 1e300}, "start_delay must be at least 0 seconds and at most 100 years"),
    ({"start_delay": "1 s"}, "start_delay must be a JSON number"),
    ({"condition": {"n": 3}}, "condition must be a JSON string"),
    ({"when_unmet": "Skip"}, 'when_unmet must be "fail", "skip" or "skip-cascade"'),
    ({"when_exhausted": ""}, 'when_exhausted must be "fail", "skip" or "skip-cascade"'),
    ({"when_unmet": ["skip"]}, "when_unmet must be a JSON string"),
    ({**ITEMS, "max_failed": -1}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": 1.5}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": "101%"}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": "%"}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": "3\n"}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": 10**10}, "max_failed must be a whole number, or a percentage"),
    ({**ITEMS, "max_failed": True}, "max_failed must be a JSON number or string"),
    ({"map": True, "max_failed": 3}, "max_failed is for map steps"),
    ({"when_exhausted": "skip", "max_failed": 3}, "max_failed is for map steps"),
]


def test_bad_option_is_refused_and_named(engine: Engine, subtests: pytest.Subtests) -> None:
    before = engine.snapshot()
    for options, words in BAD:
        with subtests.test(options=options):
            with refused("SG001", '"order"', '"b"', words):
                engine.define("order", step("a"), step("b", **options))
            assert engine.snapshot() == before


@pytest.mark.parametrize("limit", [0, 3, "3", "0%", "12.5%", "100%"])
def test_limit_of_failed_tasks_is_accepted(engine: Engine, limit: object) -> None:
    engine.define("order", step("each", max_failed=limit, **ITEMS))
    assert engine.rows("select max_failed from stepgres.steps") == [str(limit)]


@pytest.mark.parametrize("deadline", [0, -1, 4e9, 1e300])
def test_bad_deadline_is_refused(engine: Engine, deadline: float) -> None:
    with refused("SG001", '"order"', "deadline must be more than 0 seconds, and at most 100 years"):
        engine.define("order", step("a"), deadline=deadline)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("start_delay", "-1 s", "start_delay must be at least 0"),
        ("start_delay", "36526 days", "at most 100 years"),
        ("start_delay", None, "start_delay must not be null"),
        ("map", None, "map must not be null"),
        ("transactional", None, "transactional must not be null"),
        ("when_unmet", "ignore", "when_unmet must be"),
        ("max_failed", "many", "max_failed must be"),
        ("max_failed", "3", "max_failed is for map steps"),
    ],
)
def test_bad_argument_of_add_step_is_refused_and_named(
    engine: Engine, option: str, value: object, words: str
) -> None:
    engine.define("order", step("a"))
    before = engine.snapshot()
    with refused("SG001", '"order"', '"b"', words):
        engine.call("add_step", workflow_id="order", step_name="b", **{option: value})
    assert engine.snapshot() == before


# Round trip


def test_flow_registered_under_another_slug_has_the_same_steps(engine: Engine) -> None:
    engine.define(
        "order",
        step("a", start_delay=0.25, condition="$.n > 3", unless="$.dry_run", when_unmet="fail"),
        step("b", "a", initial_tasks=4, priority=7, resources={"gpu": True}, transactional=True),
        step("c", "b", map=True, max_failed="10%", base_delay=86_400, timeout=0.001),
        step("d", "c", "a", execution="distributed", queue="slow", when_unmet="skip-cascade"),
        max_attempts=5, timeout=90, when_exhausted="skip", deadline=3_600,
    )  # fmt: skip
    document = flow(engine, "order")
    derived = [document.pop("version"), *(s.pop("step_index") for s in document["steps"])]
    assert derived == [1, 0, 1, 2, 3]
    engine.call("register_workflow", definition=Jsonb({**document, "workflow_slug": "copy"}))
    for table in ("steps", "dependencies"):
        query = f"""
            select to_jsonb(t) - 'workflow_slug' from stepgres.{table} as t
            where workflow_slug = %s order by 1
        """.encode()
        copy = engine.connection.execute(query, ["copy"]).fetchall()
        assert copy == engine.connection.execute(query, ["order"]).fetchall()
    copied = {**flow(engine, "copy"), "workflow_slug": "order"}
    assert copied == flow(engine, "order")


def test_flow_without_steps_is_shown_with_its_defaults(engine: Engine) -> None:
    engine.call("create_flow", name="order", max_attempts=5, deadline="1 h")
    document = flow(engine, "order")
    assert document["steps"] == []
    assert (document["max_attempts"], document["timeout"], document["deadline"]) == (5, 300, 3600)
