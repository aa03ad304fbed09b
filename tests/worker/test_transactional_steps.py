"""Steps whose effects are committed together with their completion."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from stepgres import Client, DefinitionError, Executor, Workflow, WorkflowFailed, sql_step, step
from tests.conftest import Database

TABLE = "create table public.ledger (entry text)"
FUNCTION = """
    create function public.record(input jsonb) returns jsonb language plpgsql as $$
    begin
        insert into public.ledger values (input ->> 'entry');
        if input ->> 'entry' = 'bad' then
            raise exception 'no %', input ->> 'entry';
        end if;
        return to_jsonb(current_user);
    end
    $$
"""


def execute(db: Database, workflow: Any, input: Any = None) -> Any:
    with Client(db.dsn) as client:
        return Executor(client).execute(workflow, input).output


def entries(db: Database) -> list[str]:
    with db.connect() as connection:
        return [row[0] for row in connection.execute("select entry from public.ledger order by 1")]


@pytest.fixture(autouse=True)
def ledger(db: Database) -> None:
    with db.connect() as connection:
        connection.execute(TABLE)
        connection.execute(FUNCTION)


class Write(Workflow):
    base_delay = 0

    @staticmethod
    @step(transactional=True)
    def sync(input: Any, context: Any) -> str:
        context.connection.execute("insert into public.ledger values (%s)", ["sync"])
        if context.attempt == 1:
            raise ValueError("not yet")
        return "written"

    @staticmethod
    @step(transactional=True, depends_on=["sync"])
    async def asynchronous(input: Any, context: Any) -> str:
        await context.connection.execute("insert into public.ledger values ('async')")
        if context.attempt == 1:
            raise ValueError("not yet")
        return str(input["sync"])


def test_what_a_failed_attempt_wrote_is_rolled_back(db: Database) -> None:
    assert execute(db, Write) == "written"
    assert entries(db) == ["async", "sync"]


def test_output_that_is_no_json_rolls_back_what_was_written(db: Database) -> None:
    class Odd(Workflow):
        @staticmethod
        @step(transactional=True, max_attempts=1)
        def write(input: Any, context: Any) -> object:
            context.connection.execute("insert into public.ledger values ('odd')")
            return object()

    with pytest.raises(WorkflowFailed, match="output is of type object"):
        execute(db, Odd)
    assert entries(db) == []


def test_step_may_not_commit_by_itself(db: Database) -> None:
    class Commit(Workflow):
        @staticmethod
        @step(transactional=True, max_attempts=1)
        def write(input: Any, context: Any) -> None:
            context.connection.execute("insert into public.ledger values ('early')")
            context.connection.commit()

    with pytest.raises(WorkflowFailed, match="commit"):
        execute(db, Commit)
    assert entries(db) == []


def test_attempt_that_was_taken_over_writes_nothing(db: Database) -> None:
    class Slow(Workflow):
        base_delay = 0

        @staticmethod
        @step(transactional=True)
        def write(input: Any, context: Any) -> int:
            context.connection.execute(
                "insert into public.ledger values (%s)", [str(context.attempt)]
            )
            if context.attempt == 1:
                take_over(db)
            return int(context.attempt)

    def take_over(db: Database) -> None:
        with db.connect() as connection:
            connection.execute(
                "select stepgres._lock_runs(array(select run_id from stepgres.active_runs)),"
                " stepgres._fail_tasks(array_agg((t.run_id, step_slug, task_index, attempt, 'lost',"
                " true, interval '0', null, null, null)::stepgres._task_failure))"
                " from stepgres.tasks as t"
            )

    assert execute(db, Slow) == 2
    assert entries(db) == ["2"]


def test_step_without_transaction_has_no_connection(db: Database) -> None:
    class Plain(Workflow):
        @staticmethod
        @step
        def look(input: Any, context: Any) -> bool:
            return context.connection is None

    assert execute(db, Plain) is True


class InSql(Workflow):
    record = sql_step("public.record", max_attempts=1)


def test_step_in_sql_is_called_with_the_input_and_the_rights_of_the_worker(db: Database) -> None:
    with db.connect() as connection:
        connection.execute("select stepgres.register_sql_function('public.record')")
    assert execute(db, InSql, {"entry": "good"}) == "postgres"
    assert entries(db) == ["good"]


def test_step_in_sql_that_raises_fails_and_writes_nothing(db: Database) -> None:
    with db.connect() as connection:
        connection.execute("select stepgres.register_sql_function('public.record')")
    with pytest.raises(WorkflowFailed, match="no bad"):
        execute(db, InSql, {"entry": "bad"})
    assert entries(db) == []


def test_step_in_sql_needs_a_function_that_an_admin_registered(db: Database) -> None:
    with pytest.raises(DefinitionError, match='"record": its SQL function is not registered'):
        execute(db, InSql)


@pytest.mark.parametrize("name", ["public.missing", "record", "public.ledger", "x; drop table y"])
def test_only_functions_of_jsonb_can_be_registered(db: Database, name: str) -> None:
    with db.connect() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("select stepgres.register_sql_function(%s)", [name])
    assert caught.value.sqlstate == "SG001"


def test_tuple_of_workflow_steps_may_name_a_sql_function(db: Database) -> None:
    class Plain:
        slug = "plain"

        @staticmethod
        def workflow_steps() -> list[tuple[Any, ...]]:
            return [("first", lambda _: {"entry": "x"}), ("second", "public.record")]

    with db.connect() as connection:
        connection.execute("select stepgres.register_sql_function('public.record')")
    assert execute(db, Plain) == "postgres"
    assert entries(db) == ["x"]
