"""What a client connects with, and whose transaction it works in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

import stepgres
from stepgres import Client
from tests.conftest import Database, Server
from tests.support.waiting import PATIENCE, wait_until

CONNECTION_VARIABLES = {"PGHOST": "host", "PGUSER": "user", "PGDATABASE": "dbname"}


def workflows(database: Database) -> list[str]:
    with database.connect() as connection:
        rows = connection.execute("select workflow_slug from stepgres.workflows order by 1")
        return [slug for (slug,) in rows]


def define_shop(database: Database) -> None:
    """A workflow, and a table of the caller's."""
    with database.connect() as connection:
        connection.execute("select stepgres.create_flow('shop')")
        connection.execute("select stepgres.add_step('shop', 'fetch')")
        connection.execute("create table orders (id int, run_id uuid)")


def started_orders(database: Database) -> list[int]:
    with database.connect() as connection:
        rows = connection.execute("select id from orders join stepgres.runs using (run_id)")
        return [order for (order,) in rows]


def backends(database: Database, name: str) -> list[int]:
    """The processes that serve the connections of that application_name."""
    with database.connect() as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where application_name = %s", [name]
        )
        return [pid for (pid,) in rows]


def test_connection_string(db: Database) -> None:
    with Client(db.dsn) as client:
        assert client.version() == stepgres.__version__
        assert client.conninfo == db.dsn


def test_environment_says_where_the_server_is(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    with Client() as client:
        assert client.version() == stepgres.__version__


def test_variables_of_libpq_do_without_stepgres_dsn(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPGRES_DSN", raising=False)
    for variable, word in CONNECTION_VARIABLES.items():
        monkeypatch.setenv(variable, str(conninfo_to_dict(db.dsn)[word]))
    with Client() as client:
        assert client.version() == stepgres.__version__


def test_stepgres_dsn_comes_before_the_variables_of_libpq(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    monkeypatch.setenv("PGDATABASE", "no_such_database")
    with Client() as client:
        assert client.version() == stepgres.__version__


def test_own_connection_commits_each_call(db: Database, client: Client) -> None:
    client.create_flow("shop")
    assert workflows(db) == ["shop"]


def test_run_is_started_with_the_rows_of_the_caller_or_not_at_all(db: Database) -> None:
    define_shop(db)
    with psycopg.connect(db.dsn) as connection:
        client = Client(connection)
        for order, end in ((1, connection.rollback), (2, connection.commit)):
            run_id = client.start_workflow_run("shop", {"order": order})
            connection.execute("insert into orders values (%s, %s)", [order, run_id])
            assert started_orders(db) == []  # the client has not committed
            end()
    assert started_orders(db) == [2]


def test_connection_of_the_caller_that_commits_each_statement(db: Database) -> None:
    with db.connect() as connection:
        Client(connection).create_flow("shop")
        assert workflows(db) == ["shop"]


def test_connection_of_the_caller_is_left_open(db: Database) -> None:
    with db.connect() as connection:
        with Client(connection) as client:
            assert client.conninfo is None
        assert connection.execute("select 1").fetchone() == (1,)


def test_pool_lends_a_connection_for_each_call(db: Database) -> None:
    with ConnectionPool(db.dsn, min_size=1, max_size=1, open=True) as pool:
        with Client(pool) as client:
            client.create_flow("one")
            with pytest.raises(stepgres.WorkflowAlreadyExists):
                client.create_flow("one")
            client.create_flow("two")
            assert workflows(db) == ["one", "two"]
            assert client.conninfo == db.dsn
        with pool.connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_executor_connects_like_the_pool_of_its_client(db: Database) -> None:
    address: dict[str, Any] = conninfo_to_dict(db.dsn)
    user = address.pop("user")
    kwargs = {**address, "autocommit": True, "row_factory": psycopg.rows.dict_row}
    pool = ConnectionPool(f"user={user}", kwargs=kwargs, open=False)
    assert conninfo_to_dict(str(Client(pool).conninfo)) == conninfo_to_dict(db.dsn)


def test_pool_whose_address_is_computed_has_no_connection_string(db: Database) -> None:
    pool = ConnectionPool(lambda: db.dsn, open=False)
    assert Client(pool).conninfo is None


def test_anything_else_is_refused_at_once(db: Database) -> None:
    for thing in (5, b"host=localhost", object(), psycopg.AsyncConnection):
        with pytest.raises(TypeError, match="conninfo is a string, Connection or ConnectionPool"):
            Client(thing)  # type: ignore[arg-type]


def test_lost_connection_is_replaced_at_the_next_call(db: Database) -> None:
    with Client(make_conninfo(db.dsn, application_name="lost")) as client, db.connect() as other:
        client.version()
        (pid,) = backends(db, "lost")
        other.execute("select pg_terminate_backend(%s)", [pid])
        with pytest.raises(psycopg.OperationalError):
            client.version()
        assert client.version() == stepgres.__version__
        assert backends(db, "lost") != [pid]


def test_closed_client_has_no_connection(db: Database) -> None:
    with Client(make_conninfo(db.dsn, application_name="closed")) as client:
        client.version()
        assert len(backends(db, "closed")) == 1
    wait_until(lambda: backends(db, "closed") == [])
    client.close()  # twice is fine


def test_client_connects_when_it_is_first_used() -> None:
    Client("host=/no/such/directory").close()


def test_threads_share_the_one_connection_of_a_client(db: Database) -> None:
    define_shop(db)
    barrier = Barrier(8, timeout=PATIENCE)
    with Client(make_conninfo(db.dsn, application_name="shared")) as client:

        def start(_: int) -> UUID:
            barrier.wait()
            return client.start_workflow_run("shop", {})

        with ThreadPoolExecutor(8) as threads:
            run_ids = set(threads.map(start, range(8)))
        assert len(run_ids) == 8
        assert len(backends(db, "shared")) == 1


@pytest.mark.parametrize(
    ("conninfo", "message"),
    [
        ({"dbname": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"host": "/no/such/directory"}, "No such file or directory"),
        ({"host": "localhost", "port": 1}, "refused"),
        ({"host": "no-such-host.invalid"}, "no-such-host.invalid"),
        ({"user": "no_such_role"}, 'role "no_such_role" does not exist'),
    ],
    ids=str,
)
def test_server_that_cannot_be_reached(
    server: Server, conninfo: dict[str, Any], message: str
) -> None:
    with (
        Client(make_conninfo(server.dsn, **conninfo)) as client,
        pytest.raises(stepgres.ConnectionFailed, match=message) as error,
    ):
        client.version()
    assert "STEPGRES_DSN" in str(error.value.hint)


@pytest.mark.parametrize("garbage", ["my database", "postgresql://[", "colour=red", "port=x"])
def test_text_that_is_no_connection_string(garbage: str) -> None:
    with pytest.raises(stepgres.ConnectionFailed) as error:
        Client(garbage).version()
    assert error.value.hint


def test_database_without_stepgres(empty_db: Database) -> None:
    name = conninfo_to_dict(empty_db.dsn)["dbname"]
    with (
        Client(empty_db.dsn) as client,
        pytest.raises(stepgres.InstallationError, match=f'not installed in database "{name}"') as e,
    ):
        client.version()
    assert "stepgres install" in str(e.value.hint)


def test_executor_on_a_database_without_stepgres(empty_db: Database) -> None:
    workflow = [("fetch", len)]
    with Client(empty_db.dsn) as client:
        executor = stepgres.Executor(client)
        with pytest.raises(stepgres.InstallationError, match="not installed"):
            executor.execute(type("Shop", (), {"workflow_steps": lambda: workflow}), [])


def test_another_missing_schema_is_not_taken_for_stepgres(db: Database) -> None:
    define_shop(db)
    with psycopg.connect(db.dsn) as connection:
        connection.execute("drop schema pgmq cascade")
        with pytest.raises(psycopg.errors.InvalidSchemaName, match="pgmq"):
            Client(connection).start_workflow_run("shop", {})
        connection.rollback()
