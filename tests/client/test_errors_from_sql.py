"""Errors of the server arrive as the exceptions of stepgres.errors, or of psycopg."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import ConnectionPool

import stepgres
from stepgres import Client, errors
from tests.conftest import Database

NOBODY = UUID(int=0)
ERRORS = [cls for cls in errors.StepgresError.__subclasses__() if cls.sqlstate]
CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def count_runs(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute("select * from stepgres.runs").rowcount


@pytest.fixture
def shop(client: Client) -> Client:
    """The client, and a workflow with a step that maps over the input."""
    client.create_flow("shop")
    client.add_step("shop", "fetch", map=True)
    return client


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.sqlstate)
def test_every_sqlstate_of_stepgres_has_a_class(db: Database, cls: type[Any]) -> None:
    with psycopg.connect(db.dsn) as connection:
        connection.execute(
            f"""
            create or replace function stepgres.version() returns text language plpgsql as $$
            begin
                raise exception 'no %', 'x' using errcode = '{cls.sqlstate}', hint = 'look',
                    detail = 'more';
            end $$
            """.encode()
        )
        with pytest.raises(cls) as raised:
            Client(connection).version()
        connection.rollback()
    error = raised.value
    assert (str(error), error.hint, error.detail) == ("no x", "look", "more")
    assert isinstance(error.__cause__, psycopg.Error)


def test_codes_are_those_of_the_design() -> None:
    assert sorted(str(cls.sqlstate) for cls in ERRORS) == [
        f"SG{n:03}" for n in (*range(1, 23), 26, 27, 28, 30, *range(33, 39), 40)
    ]


@pytest.mark.parametrize(
    ("cls", "function", "arguments", "words"),
    [
        (errors.DefinitionError, "create_flow", ["my-shop"], 'workflow "my-shop"'),
        (errors.DefinitionError, "add_step", ["shop", "x", ["y"]], 'depends on "y"'),
        (errors.WorkflowNotFound, "start_workflow_run", ["hop", {}], '"hop"'),
        (errors.InvalidInput, "start_workflow_run", ["shop", {}], 'step "fetch"'),
        (errors.InvalidInput, "get_run_status", ["x"], 'uuid: "x"'),
        (errors.LeaseLost, "complete_task", ["worker", NOBODY, "fetch", 1], "no longer leased"),
        (errors.RunNotFound, "get_run_status", [NOBODY], str(NOBODY)),
        (errors.WorkerNotFound, "heartbeat", ["nobody"], '"nobody"'),
        (errors.WorkflowAlreadyExists, "create_flow", ["shop"], '"shop"'),
    ],
)
def test_error_names_the_object_and_has_a_hint(
    shop: Client, cls: type[Any], function: str, arguments: list[Any], words: str
) -> None:
    shop.register_worker("worker")
    with pytest.raises(cls) as error:
        getattr(shop, function)(*arguments)
    assert words in str(error.value)
    assert error.value.hint


def test_taken_run_id(shop: Client) -> None:
    run_id = shop.start_workflow_run("shop", [])
    with pytest.raises(errors.RunAlreadyExists, match=str(run_id)) as error:
        shop.start_workflow_run("shop", [], run_id=run_id)
    assert error.value.hint


def test_error_of_rights_stays_that_of_psycopg(db: Database) -> None:
    with psycopg.connect(db.dsn) as connection:
        connection.execute("create role stranger")
        connection.execute("set local role stranger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            Client(connection).version()
        connection.rollback()


def test_error_of_time_stays_that_of_psycopg(db: Database) -> None:
    with psycopg.connect(db.dsn) as connection, db.connect() as other, other.transaction():
        other.execute("lock table stepgres.workflows")
        connection.execute("set local lock_timeout = '1ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            Client(connection).create_flow("shop")
        connection.rollback()


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("get_run_status", [5], "get_run_status: run_id is of type int, and not UUID"),
        ("send_signal", [UUID(int=7), 8], "send_signal: signal is of type int, and not str"),
        ("send_signal_by_key", ["paid", 7], "key is of type int, and not str"),
        ("send_signal_by_key", ["paid", UUID(int=7)], "key is of type UUID, and not str"),
    ],
)
def test_argument_of_the_wrong_type_is_named(
    client: Client, function: str, arguments: list[Any], words: str
) -> None:
    with pytest.raises(errors.InvalidInput, match=words) as error:
        getattr(client, function)(*arguments)
    assert error.value.hint


def test_function_that_a_function_does_not_find_stays_an_error_of_psycopg(
    client: Client, db: Database
) -> None:
    with db.connect() as connection:
        connection.execute("drop function stepgres._duplicate_of")
    with pytest.raises(psycopg.errors.UndefinedFunction, match="_duplicate_of"):
        client.send_signal(UUID(int=7), "paid")
    with db.connect() as connection:
        connection.execute("drop function stepgres.list_approvals")
    with pytest.raises(psycopg.errors.UndefinedFunction, match="list_approvals"):
        client.list_approvals(limit=3)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({b"bytes"}, id="set of bytes"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param(object(), id="object"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param([float("inf")], id="infinity"),
        pytest.param({("a", "b"): 1}, id="key that is no string"),
        pytest.param(CIRCLE, id="circle"),
        pytest.param(nested(100_000), id="too deep"),
        pytest.param("\0", id="NUL"),
        pytest.param({"\0": 1}, id="NUL in a key"),
        pytest.param("\ud800", id="half a surrogate pair"),
    ],
)
def test_input_that_is_no_json_is_refused(shop: Client, db: Database, value: Any) -> None:
    with pytest.raises(errors.InvalidInput) as error:
        shop.start_workflow_run("shop", [value])
    assert error.value.hint
    with pytest.raises(errors.InvalidInput):
        shop.start_workflow_runs("shop", [[], [value]])
    assert count_runs(db) == 0


def test_transaction_of_the_caller_survives_what_was_never_sent(shop: Client, db: Database) -> None:
    with psycopg.connect(db.dsn) as connection:
        client = Client(connection)
        client.start_workflow_run("shop", [1])
        with pytest.raises(errors.InvalidInput):
            client.start_workflow_run("shop", [object()])
        client.start_workflow_run("shop", [2])
    assert count_runs(db) == 2


def test_pool_gets_a_clean_connection_back_after_an_error(shop: Client, db: Database) -> None:
    with ConnectionPool(db.dsn, min_size=1, max_size=1, open=True) as pool:
        client = Client(pool)
        for _ in range(3):
            with pytest.raises(stepgres.WorkflowNotFound):
                client.start_workflow_run("hop", {})
        client.start_workflow_run("shop", [1])
    assert count_runs(db) == 1
