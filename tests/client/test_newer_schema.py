"""Clients of this version on a schema of a later one, whose answers say more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from stepgres import Client
from tests.conftest import Database
from tests.support.waiting import PATIENCE
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

if TYPE_CHECKING:
    from psycopg import Connection

TABLES = """
    select c.oid::regclass::text from pg_class as c
    where c.relnamespace = 'stepgres'::regnamespace and c.relkind = 'r'
"""
# The public functions that return rows, and the columns of these.
FUNCTIONS = """
    select p.oid::regprocedure::text, p.proname, pg_get_function_arguments(p.oid), p.pronargs, (
        select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
            order by a.attnum)
        from pg_attribute as a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    )
    from pg_proc as p
    join pg_type as t on t.oid = p.prorettype
    where p.pronamespace = 'stepgres'::regnamespace and p.proname !~ '^_' and t.typtype = 'c'
"""

PREPARED = 8  # calls, after which a session has prepared their statement


def add_to_everything(connection: Connection[Any]) -> None:
    """Give each table a column more, and each row that is returned an attribute more."""
    functions = connection.execute(FUNCTIONS).fetchall()
    assert len(functions) > 20
    for (table,) in connection.execute(TABLES).fetchall():
        connection.execute(f"alter table {table} add column a_later_column text".encode())
    connection.execute("create schema older")
    for function, *_ in functions:
        connection.execute(f"alter function {function} set schema older".encode())
    calls = re.compile(rf"stepgres\.({'|'.join(name for _, name, *_ in functions)})\(")
    older = "select pg_get_functiondef(oid) from pg_proc where pronamespace = 'older'::regnamespace"
    for (definition,) in connection.execute(older).fetchall():
        connection.execute(calls.sub(r"older.\1(", definition).encode())
    for _, name, arguments, count, columns in functions:
        values = ", ".join(f"${number}" for number in range(1, count + 1))
        type = f"stepgres._later_{name}"
        connection.execute(f"create type {type} as (a_later_attribute text, {columns})".encode())
        connection.execute(
            f"create function stepgres.{name}({arguments}) returns setof {type} "
            "language sql volatile security definer as "
            f"$$ select 'later', o.* from older.{name}({values}) as o $$".encode()
        )


@pytest.fixture
def later(db: Database) -> Database:
    with db.connect() as connection:
        add_to_everything(connection)
    return db


def test_client_reads_answers_that_have_more_than_it_knows(later: Database) -> None:
    with Client(later.dsn) as client:
        client.create_flow("order")
        assert client.add_step("order", "fetch").step_slug == "fetch"
        run_id = client.start_workflow_run("order", {"id": 7})
        assert client.get_run_status(run_id).status == "in_progress"
        assert [run.run_id for run in client.list_workflow_runs()] == [run_id]
        assert client.get_run(run_id).steps[0].step_slug == "fetch"
        assert [flow.workflow_slug for flow in client.list_flows()] == ["order"]
        assert [stuck.step_slug for stuck in client.why_stuck(run_id)] == ["fetch"]
        assert client.save_task_graph("ship", [{"id": "pack"}]).goal == "ship"
        assert client.fsck() == []


def test_worker_executes_what_a_later_schema_hands_out(later: Database) -> None:
    flow = workflow(("only", lambda i: i + 1))
    with Client(later.dsn) as client, running_worker(later.dsn, flow):
        (run_id,) = register_and_start(client, flow, [1])
        assert client.wait_for_run(run_id, timeout=PATIENCE).output == 2


def test_client_goes_on_when_the_schema_changes(db: Database) -> None:
    with Client(db.dsn) as client:
        client.create_flow("order")
        client.add_step("order", "fetch")
        run_id = client.start_workflow_run("order", None)
        for _ in range(PREPARED):
            assert client.get_run_status(run_id).status == "in_progress"
        with db.connect() as connection, connection.transaction():
            add_to_everything(connection)
        assert client.get_run_status(run_id).status == "in_progress"


def test_worker_goes_on_when_the_schema_changes(db: Database) -> None:
    flow = workflow(("only", lambda i: i + 1))
    with Client(db.dsn) as client, running_worker(db.dsn, flow):
        for _ in range(PREPARED):
            (run_id,) = register_and_start(client, flow, [1])
            client.wait_for_run(run_id, timeout=PATIENCE)
        with db.connect() as connection, connection.transaction():
            add_to_everything(connection)
        run_id = client.start_workflow_run("demo", 1)
        assert client.wait_for_run(run_id, timeout=PATIENCE).output == 2
