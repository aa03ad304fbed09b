"""Versions of workflows: how they are listed, and that nothing changes them once runs use them."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.support.engine import Engine, refused, step


def define_used_and_unused(engine: Engine) -> None:
    """Version 1 of "order" has a run that is finished, version 2 has none; both have a, b and c."""
    steps = [step("a"), step("b", "a"), step("c")]
    engine.define("order", *steps)
    engine.start("order")
    engine.drain()
    engine.define("order", *steps, max_attempts=5)


# Lists


def test_flows_are_listed_by_slug(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.define("order", step("a"), step("b"))
    engine.call("create_flow", name="invoice")
    query: LiteralString = """
        select workflow_slug, current_version, step_count, created_at <= now()
        from stepgres.list_flows()
    """
    assert engine.rows(query) == [("invoice", 1, 0, True), ("order", 2, 2, True)]


def test_flows_are_found_by_a_part_of_their_slug_and_paged(engine: Engine) -> None:
    for slug in ("Big_order", "border", "invoice", "order"):
        engine.define(slug, step("a"))
    listed: LiteralString = """
        select array_agg(workflow_slug) from stepgres.list_flows(
            search => %s, "limit" => %s, after => %s
        )
    """
    assert sorted(engine.rows(listed, "ORDER", None, None)[0]) == ["Big_order", "border", "order"]
    assert engine.rows(listed, "%", None, None) == [None]
    pages = []
    after = None
    while page := engine.rows(listed, None, 3, after)[0]:
        pages += page
        after = page[-1]
    assert pages == engine.rows(listed, None, None, None)[0]
    with refused("SG014", "limit -1"):
        engine.call("list_flows", limit=-1)


def test_versions_are_paged_from_the_newest(engine: Engine) -> None:
    for attempts in (1, 2, 3):
        engine.define("order", step("a", max_attempts=attempts))
    listed: LiteralString = """
        select array_agg(version) from stepgres.list_workflow_versions('order', %s, %s)
    """
    assert engine.rows(listed, 2, None) == [[3, 2]]
    assert engine.rows(listed, 2, 2) == [[1]]
    assert engine.rows(listed, 2, 1) == [None]
    with refused("SG014", "limit -1"):
        engine.call("list_workflow_versions", workflow_slug="order", limit=-1)


def test_versions_are_listed_with_what_they_are_used_for(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    engine.drain()
    engine.define("order", step("a"), step("b", "a"))
    engine.start("order")
    engine.start("order")
    engine.define("order", step("c"))
    engine.define_current("order", step("a"))
    query: LiteralString = """
        select version, is_current, is_used, step_count, active_runs
        from stepgres.list_workflow_versions('order')
    """
    assert engine.rows(query) == [
        (3, False, False, 1, 0),
        (2, False, True, 2, 2),
        (1, True, True, 1, 0),
    ]


def test_active_runs_of_versions_are_counted_up_to_a_limit(engine: Engine) -> None:
    for attempts, runs in ((1, 3), (2, 4)):
        engine.define("order", step("a", max_attempts=attempts))
        engine.call("start_workflow_runs", workflow_slug="order", inputs=Jsonb([None] * runs))
    listed: LiteralString = """
        select array_agg(active_runs) from stepgres.list_workflow_versions('order', most => %s)
    """
    found = {most: engine.rows(listed, most)[0] for most in (None, 7, 2, 0)}
    assert found == {None: [4, 3], 7: [4, 3], 2: [2, 0], 0: [0, 0]}
    with refused("SG014", "-1"):
        engine.call("list_workflow_versions", workflow_slug="order", most=-1)


def test_versions_of_an_unknown_workflow_are_an_error(engine: Engine) -> None:
    with refused("SG002", '"order"'):
        engine.call("list_workflow_versions", workflow_slug="order")


# What is used does not change, in plain SQL neither

CHANGES: list[LiteralString] = [
    "update stepgres.steps set max_attempts = 9 where version = 1",
    "update stepgres.steps set condition = '$.n' where version = 1",
    "update stepgres.steps set priority = priority where version = 1 and step_slug = 'c'",
    "delete from stepgres.steps where version = 1 and step_slug = 'c'",
    "delete from stepgres.dependencies where version = 1",
    "update stepgres.dependencies set dependency_index = 7 where version = 1",
    "insert into stepgres.dependencies values ('order', 1, 'c', 0, 'a')",
    """
    insert into stepgres.steps
    select (jsonb_populate_record(s, '{"version": 1, "step_slug": "d", "step_index": 3}')).*
    from stepgres.steps as s where version = 2 and step_slug = 'c'
    """,
    "update stepgres.workflow_versions set max_attempts = 9 where version = 1",
    "update stepgres.workflow_versions set is_used = false where version = 1",
    "delete from stepgres.workflow_versions where version = 1",
]


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_a_used_version_is_refused(engine: Engine, change: LiteralString) -> None:
    define_used_and_unused(engine)
    before = engine.snapshot()
    with refused("SG008", '"order"', "version 1", "cannot change"):
        engine.connection.execute(change)
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    "change",
    [
        "update stepgres.steps set max_attempts = 9 where version = 2",
        "delete from stepgres.steps where version = 2 and step_slug = 'b'",
        "delete from stepgres.dependencies where version = 2",
        "insert into stepgres.dependencies values ('order', 2, 'c', 0, 'a')",
        "update stepgres.workflow_versions set timeout = '9 s' where version = 2",
    ],
)
def test_version_without_runs_can_change(engine: Engine, change: LiteralString) -> None:
    define_used_and_unused(engine)
    assert engine.connection.execute(change).rowcount > 0


def test_step_does_not_move_into_a_used_version(engine: Engine) -> None:
    define_used_and_unused(engine)
    with refused("SG008", '"order"'):
        engine.connection.execute(
            """
            update stepgres.steps set version = 1, step_slug = 'd', step_index = 3
            where version = 2 and step_slug = 'c'
            """
        )


def test_workflow_is_not_deleted_without_its_runs(engine: Engine) -> None:
    define_used_and_unused(engine)
    before = engine.snapshot()
    with refused("SG015", '"order"'):
        engine.connection.execute("delete from stepgres.workflows")
    assert engine.snapshot() == before
    engine.call("prune", older_than="0 s")
    engine.connection.execute("delete from stepgres.workflows")
    assert engine.rows("select 1 from stepgres.steps") == []


# Order


@pytest.mark.parametrize("edge", [("a", "c"), ("a", "b"), ("b", "c")])
def test_dependency_that_would_close_a_cycle_is_refused(
    engine: Engine, edge: tuple[str, str]
) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c", "b"))
    insert: LiteralString = (
        "insert into stepgres.dependencies values ('order', 1, %s, 9, %s) returning 1"
    )
    with refused("SG001", '"order"', f'step "{edge[0]}" cannot depend on "{edge[1]}"'):
        engine.rows(insert, *edge)
    assert engine.rows(insert, "c", "a") == [1]


@pytest.mark.parametrize(
    "change",
    ["step_index = 7 where step_slug = 'a'", "step_slug = 'z' where step_slug = 'c'"],
)
def test_steps_keep_their_place(engine: Engine, change: LiteralString) -> None:
    engine.define("order", step("a"), step("b", "a"), step("c"))
    with refused("SG008", '"order"'):
        engine.rows("update stepgres.steps set " + change)


def test_two_steps_do_not_share_a_place(engine: Engine) -> None:
    engine.define("order", step("a"))
    with refused("23505", "step_has_its_place"):
        engine.rows(
            """
            insert into stepgres.steps
            select (jsonb_populate_record(s, '{"step_slug": "b"}')).* from stepgres.steps as s
            """
        )
