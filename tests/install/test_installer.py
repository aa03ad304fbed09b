"""install, uninstall and version from Python."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from pgmq.install import get_embedded_install_sql
from psycopg.conninfo import make_conninfo

import stepgres
from stepgres._server.installer import Installation
from tests.conftest import Database, Server
from tests.support.catalog import describe
from tests.support.engine import refused
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


def schemas(database: Database) -> set[str]:
    with database.connect() as connection:
        rows = connection.execute(
            "select nspname from pg_namespace where nspname in ('stepgres', 'pgmq')"
        )
        return {name for (name,) in rows}


def new_role(database: Database, *, may_create: bool) -> str:
    """A role of this test that is not a superuser, and its DSN."""
    with database.connect() as connection:
        role = f"role_of_{connection.info.dbname}"
        connection.execute(f"create role {role} login".encode())
        if may_create:
            connection.execute(f"alter database {connection.info.dbname} owner to {role}".encode())
    return make_conninfo(database.dsn, user=role)


def test_install_brings_pgmq_and_says_so(empty_db: Database) -> None:
    result = stepgres.install(empty_db.dsn)
    assert (result.version, result.is_changed) == (stepgres.__version__, True)
    assert result.pgmq.startswith("pgmq ")
    assert result.pgmq.endswith(" from the Python package")
    assert stepgres.version(empty_db.dsn) == stepgres.__version__


def test_installing_again_changes_nothing(empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)
    with empty_db.connect() as connection:
        before = describe(connection)
        result = stepgres.install(empty_db.dsn)
        assert describe(connection) == before
    assert result == Installation(stepgres.__version__, "existing schema pgmq", is_changed=False)


def test_installs_at_the_same_time_agree(empty_db: Database) -> None:
    barrier = Barrier(4, timeout=PATIENCE)

    def install(_: int) -> bool:
        barrier.wait()
        return stepgres.install(empty_db.dsn).is_changed

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(install, range(4))) == [False, False, False, True]


@pytest.mark.parametrize(
    ("version", "hint"), [("0.0.9", "stepgres upgrade"), ("99.0.0", "pip install stepgres==99.0.0")]
)
def test_another_version_is_refused(empty_db: Database, version: str, hint: str) -> None:
    stepgres.install(empty_db.dsn)
    with empty_db.connect() as connection:
        connection.execute(
            "create or replace function stepgres.version() returns text "
            f"language sql as $$ select '{version}' $$".encode()
        )
    with pytest.raises(stepgres.InstallationError, match=f"Stepgres {version}") as error:
        stepgres.install(empty_db.dsn)
    assert hint in str(error.value.hint)


def test_schema_of_somebody_else_is_refused_and_left_alone(empty_db: Database) -> None:
    with empty_db.connect() as connection:
        connection.execute("create schema stepgres create table precious (id int)")
        with pytest.raises(stepgres.InstallationError, match='owned by "postgres"'):
            stepgres.install(empty_db.dsn)
        assert stepgres.version(empty_db.dsn) is None
        assert stepgres.uninstall(empty_db.dsn) is False
        assert connection.execute("select * from stepgres.precious").fetchall() == []
    assert schemas(empty_db) == {"stepgres"}  # pgmq went with the refused install


def test_function_of_somebody_else_is_not_called(empty_db: Database) -> None:
    with empty_db.connect() as connection:
        connection.execute(
            "create schema stepgres; create function stepgres.version() returns text "
            "language plpgsql as $$ begin raise exception 'called'; return '0.1.0'; end $$"
        )
    assert stepgres.version(empty_db.dsn) == "0.1.0"


def stranger(database: Database) -> psycopg.Connection[Any]:
    """A session of a login that may create schemas, and is nothing to anybody else."""
    with database.connect() as connection:
        name = connection.info.dbname
        connection.execute(f"create role stranger_of_{name} login".encode())
        connection.execute(f"grant create on database {name} to stranger_of_{name}".encode())
    return database.connect(user=f"stranger_of_{name}")


PGMQ_OF_A_STRANGER = """
    create schema pgmq;
    create function pgmq.send_batch(text, jsonb[]) returns int language sql as 'select 1';
    grant usage, create on schema pgmq to public;
"""
VERSION_OF_A_STRANGER = f"""
    create schema stepgres;
    create function stepgres.version() returns text
    language sql as $$ select '{stepgres.__version__}' $$;
    grant usage on schema stepgres to public;
"""


@pytest.mark.parametrize("schema", ["pgmq", "stepgres"])
@pytest.mark.parametrize("is_superuser", [True, False])
def test_install_into_a_schema_of_a_stranger_is_refused(
    empty_db: Database, schema: str, is_superuser: bool
) -> None:
    with stranger(empty_db) as connection:
        statements = PGMQ_OF_A_STRANGER if schema == "pgmq" else VERSION_OF_A_STRANGER
        connection.execute(statements.encode())
    before = schemas(empty_db)
    dsn = empty_db.dsn if is_superuser else new_role(empty_db, may_create=True)
    with pytest.raises(stepgres.InstallationError, match='belongs to role "stranger_of_') as error:
        stepgres.install(dsn)
    assert "if you trust it" in str(error.value.hint)
    assert schemas(empty_db) == before
    with psycopg.connect(dsn, autocommit=True) as connection:
        with refused("SG010", 'belongs to role "stranger_of_'):
            connection.execute((ROOT / "sql/stepgres.sql").read_bytes())
        connection.execute("rollback")


def test_function_that_a_stranger_has_put_into_pgmq_is_refused(empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)
    stepgres.uninstall(empty_db.dsn)
    with stranger(empty_db) as connection, empty_db.connect() as owner:
        user = connection.info.user
        owner.execute(f"grant usage, create on schema pgmq to {user}".encode())
        connection.execute(
            "create function pgmq.send(text, json) returns int language sql as 'select 1'"
        )
    with pytest.raises(stepgres.InstallationError, match=r"function pgmq\.send\(text,json\)"):
        stepgres.install(empty_db.dsn)


def test_uninstall_calls_nothing_of_a_stranger(empty_db: Database) -> None:
    with stranger(empty_db) as connection:
        connection.execute(VERSION_OF_A_STRANGER.encode())
    with pytest.raises(stepgres.InstallationError, match='belongs to role "stranger_of_'):
        stepgres.uninstall(empty_db.dsn)
    assert schemas(empty_db) == {"stepgres"}


def test_pgmq_of_a_role_that_the_installing_one_is_a_member_of_is_used(
    empty_db: Database,
) -> None:
    dsn = new_role(empty_db, may_create=True)
    with empty_db.connect() as connection:
        name = connection.info.dbname
        connection.execute(f"create role owners_of_{name}".encode())
        connection.execute(f"grant owners_of_{name} to role_of_{name}".encode())
        connection.execute(f"grant create on database {name} to owners_of_{name}".encode())
        with connection.transaction():
            connection.execute(f"set local role owners_of_{name}".encode())
            connection.execute(get_embedded_install_sql().encode())
    assert stepgres.install(dsn).is_changed


def test_empty_pgmq_schema_is_refused(empty_db: Database) -> None:
    with empty_db.connect() as connection:
        connection.execute("create schema pgmq")
    with pytest.raises(stepgres.InstallationError, match="too old") as error:
        stepgres.install(empty_db.dsn)
    assert str(error.value.hint).startswith('Run "alter extension pgmq update"')


def test_owner_of_the_database_needs_no_superuser(empty_db: Database) -> None:
    dsn = new_role(empty_db, may_create=True)
    assert stepgres.install(dsn).is_changed
    with psycopg.connect(dsn) as connection:
        connection.execute("select stepgres.create_flow('order', execution => 'distributed')")
        connection.execute("select stepgres.add_step('order', 'fetch')")
        connection.execute("select stepgres.start_workflow_run('order', '{}')")
    assert stepgres.uninstall(dsn)


def test_role_without_the_right_is_told_what_to_grant(empty_db: Database) -> None:
    dsn = new_role(empty_db, may_create=False)
    with pytest.raises(stepgres.InstallationError, match="may not create schemas") as error:
        stepgres.install(dsn)
    assert "grant create on database test_" in str(error.value.hint)
    assert schemas(empty_db) == set()


def test_role_without_rights_on_pgmq_is_told_what_to_grant(empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)
    stepgres.uninstall(empty_db.dsn)
    dsn = new_role(empty_db, may_create=True)
    with pytest.raises(stepgres.InstallationError, match='may not use schema "pgmq"') as error:
        stepgres.install(dsn)
    assert "grant usage, create on schema pgmq" in str(error.value.hint)


def test_role_that_does_not_own_stepgres_cannot_remove_it(db: Database) -> None:
    dsn = new_role(db, may_create=False)
    assert stepgres.version(dsn) == stepgres.__version__
    with pytest.raises(stepgres.InstallationError, match="lacks a right"):
        stepgres.uninstall(dsn)


@pytest.mark.parametrize(
    ("conninfo", "message"),
    [
        ({"dbname": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"host": "/no/such/directory"}, "No such file or directory"),
        ({"user": "no_such_role"}, 'role "no_such_role" does not exist'),
    ],
)
def test_server_that_cannot_be_reached(
    server: Server, conninfo: dict[str, str], message: str
) -> None:
    with pytest.raises(stepgres.ConnectionFailed, match=message):
        stepgres.install(make_conninfo(server.dsn, **conninfo))


def test_text_that_is_no_connection_string() -> None:
    with pytest.raises(stepgres.ConnectionFailed, match="not a connection string"):
        stepgres.install("my database")


def test_uninstall_removes_our_queues_and_no_others(empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)
    with empty_db.connect() as connection:
        connection.execute("select pgmq.create('stepgres_of_the_user')")
        connection.execute("select stepgres.create_flow('order', execution => 'distributed')")
        connection.execute("select stepgres.add_step('order', 'fetch')")
        connection.execute("select stepgres.start_workflow_run('order', '{}')")
        connection.execute("select stepgres.send_with_notify('orders', '{}')")
        assert connection.execute("select count(*) from pgmq.list_queues()").fetchone() == (3,)
        assert stepgres.uninstall(empty_db.dsn)
        queues = connection.execute("select queue_name from pgmq.list_queues()").fetchall()
    assert queues == [("stepgres_of_the_user",)]


def test_uninstall_twice_and_install_again(empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)
    assert stepgres.uninstall(empty_db.dsn) is True
    assert stepgres.uninstall(empty_db.dsn) is False
    assert stepgres.version(empty_db.dsn) is None
    assert stepgres.install(empty_db.dsn).is_changed


def test_dsn_of_the_environment(empty_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", empty_db.dsn)
    assert stepgres.install().is_changed
    assert stepgres.version() == stepgres.__version__


@contextmanager
def database_in(server: Server, encoding: str) -> Iterator[Database]:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            f"create database {name} encoding '{encoding}' locale 'C' template template0".encode()
        )
        yield Database(make_conninfo(server.dsn, dbname=name))
        connection.execute(f"drop database {name} with (force)".encode())


def test_database_in_sql_ascii_is_refused_with_a_reason(server: Server) -> None:
    with database_in(server, "SQL_ASCII") as database:
        with pytest.raises(stepgres.InstallationError, match="SQL_ASCII") as error:
            stepgres.install(database.dsn)
        assert error.value.sqlstate == "SG010"
        assert "UTF8" in str(error.value.hint)
        assert schemas(database) == set()


@pytest.mark.parametrize("encoding", ["LATIN1", "EUC_JP"])
def test_database_in_another_encoding_holds_the_characters_that_it_has(
    server: Server, encoding: str
) -> None:
    has, has_not = ("é", "日本") if encoding == "LATIN1" else ("日本", "ع")
    with database_in(server, encoding) as database:
        assert stepgres.install(database.dsn).is_changed
        with stepgres.Client(database.dsn) as client:
            client.create_flow("shop")
            client.add_step("shop", "fetch")
            run_id = client.start_workflow_run("shop", {has: [has]}, tags=[has])
            run = client.get_run(run_id)
            assert (run.input, run.tags) == ({has: [has]}, [has])
            with pytest.raises(stepgres.InvalidInput):
                client.start_workflow_run("shop", {has_not: [has_not]})
            with pytest.raises(stepgres.InvalidInput):
                client.start_workflow_run("shop", {}, tags=[has_not])
            assert client.fsck() == []


def test_install_by_a_role_with_odd_settings(empty_db: Database) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_db.dsn)["dbname"]
    with empty_db.connect() as connection:
        for setting in (
            "standard_conforming_strings = off",
            "default_transaction_read_only = on",
            "default_transaction_isolation = serializable",
            "client_encoding = LATIN1",
        ):
            connection.execute("set default_transaction_read_only = off")
            connection.execute(f"alter database {name} set {setting}".encode())
    assert stepgres.install(empty_db.dsn).is_changed
    assert not stepgres.install(empty_db.dsn).is_changed
    assert stepgres.uninstall(empty_db.dsn)
