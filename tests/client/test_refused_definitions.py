"""A definition that breaks a rule: the executor says so, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

import stepgres
from tests.conftest import Database
from tests.support.workflows import workflow


def must_not_run(input: Any) -> None:
    pytest.fail("a step was executed")


def entry(slug: str, **options: Any) -> tuple[str, Any, dict[str, Any]]:
    return (slug, must_not_run, options)


def stored(database: Database) -> list[Any]:
    tables = ("workflows", "workflow_versions", "steps", "queues", "runs", "workers")
    with database.connect() as connection:
        return [connection.execute(f"table stepgres.{t}".encode()).fetchall() for t in tables]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], ['workflow "demo"', "no steps"]),
        ([entry("a", colour="red")], ['step "a"', '"colour"']),
        ([entry("a", depends_on=["b"])], ['step "a"', '"b"']),
        ([entry("a", depends_on="b")], ['step "a"', "depends_on", "array"]),
        ([entry("a", depends_on=["a"])], ["a -> a"]),
        (
            [
                entry("a", depends_on=["b"]),
                entry("b", depends_on=["c"]),
                entry("c", depends_on="a"),
            ],
            ["depends_on"],
        ),
        ([entry("a", depends_on=["b"]), entry("b", depends_on=["a"])], ["a -> b -> a"]),
        ([entry("a"), entry("a")], ['"a"', "already defined"]),
        ([entry("a-b")], ['step "a-b"', "slug"]),
        ([entry("run")], ['step "run"', "slug"]),
        ([entry("")], ['step ""', "slug"]),
        ([entry("a\0b")], ["which PostgreSQL does not take"]),
        ([entry("a", max_attempts=0)], ['step "a"', "max_attempts"]),
        ([entry("a", max_attempts="many")], ['step "a"', "max_attempts", "many"]),
        ([entry("a", timeout=-1)], ['step "a"', "timeout"]),
        ([entry("a", timeout=1e300)], ['step "a"']),
        ([entry("a", execution="remote")], ['step "a"', "execution"]),
        ([entry("a", queue="My Queue")], ['step "a"', "queue"]),
        ([entry("a"), entry("b"), entry("c", map=True, depends_on=["a", "b"])], ['step "c"']),
    ],
)
def test_wrong_definition_names_the_culprit(
    db: Database, executor: stepgres.Executor, steps: list[Any], words: list[str]
) -> None:
    before = stored(db)
    with pytest.raises(stepgres.DefinitionError) as error:
        executor.execute(workflow(*steps), {})
    assert [word for word in words if word not in str(error.value)] == []
    assert error.value.hint
    assert stored(db) == before


@pytest.mark.parametrize("slug", ["", "my-shop", "1st", "run", "x" * 129, "a b", "a;b", 'a"b'])
def test_bad_workflow_slug(db: Database, executor: stepgres.Executor, slug: str) -> None:
    before = stored(db)
    with pytest.raises(stepgres.DefinitionError, match="a slug starts with") as error:
        executor.execute(workflow(entry("a"), slug=slug), {})
    assert f'workflow "{slug}"' in str(error.value)
    assert stored(db) == before


def test_bad_default_of_the_workflow(db: Database, executor: stepgres.Executor) -> None:
    before = stored(db)
    with pytest.raises(stepgres.DefinitionError, match='workflow "demo"'):
        executor.execute(workflow(entry("a"), timeout="long"), {})
    assert stored(db) == before


@pytest.mark.parametrize("value", [b"1", float("nan"), object()], ids=lambda v: type(v).__name__)
def test_input_that_is_no_json_comes_before_the_definition(
    db: Database, executor: stepgres.Executor, value: Any
) -> None:
    before = stored(db)
    with pytest.raises(stepgres.InvalidInput):
        executor.execute(workflow(entry("a")), value)
    assert stored(db) == before


@pytest.mark.parametrize("value", ["\0", "\ud800"], ids=ascii)
def test_input_that_postgres_does_not_take_starts_nothing(
    db: Database, executor: stepgres.Executor, value: Any
) -> None:
    with pytest.raises(stepgres.InvalidInput):
        executor.execute(workflow(entry("a")), value)
    *_, runs, workers = stored(db)
    assert (runs, workers) == ([], [])


def test_input_that_a_map_cannot_take_starts_nothing(
    db: Database, executor: stepgres.Executor
) -> None:
    with pytest.raises(stepgres.InvalidInput, match='step "each"'):
        executor.execute(workflow(entry("each", map=True)), {"a": 1})
    *_, runs, workers = stored(db)
    assert (runs, workers) == ([], [])
