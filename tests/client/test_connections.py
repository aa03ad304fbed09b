"""What a client connects with, and whose transaction it works in."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

import stepgres
from stepgres import Client
from stepgres._postgres.lost_connections import has_ended
from tests.conftest import Database, Server
from tests.support.proxy import Proxy
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workflows import workflow

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


def test_anything_else_is_refused_at_once_with_a_list_of_what_is_taken(db: Database) -> None:
    for thing in (5, b"host=localhost password=secret", object(), psycopg.AsyncConnection):
        with pytest.raises(TypeError, match="a connection string, a psycopg Connection or") as e:
            Client(thing)  # type: ignore[arg-type]
        assert "SQLAlchemy" in str(e.value)
        assert "Django" in str(e.value)
        assert "secret" not in str(e.value)


def end_idle(db: Database, name: str) -> None:
    """End connections as a shutdown, or idle_session_timeout, does."""
    with db.connect() as other:
        for pid in backends(db, name):
            other.execute("select pg_terminate_backend(%s, 60000)", [pid])


def test_first_call_after_the_server_closed_an_idle_connection_works(db: Database) -> None:
    with Client(make_conninfo(db.dsn, application_name="idle")) as client:
        client.version()
        before = backends(db, "idle")
        end_idle(db, "idle")
        assert client.create_flow("shop") == "shop"
        (after,) = backends(db, "idle")
        assert [after] != before


def test_first_call_after_idle_session_timeout_works(db: Database) -> None:
    options = {"application_name": "idle", "options": "-c idle_session_timeout=300"}
    with Client(make_conninfo(db.dsn, **options)) as client:
        for number in range(3):
            client.create_flow(f"shop_{number}")
            wait_until(lambda: backends(db, "idle") == [])


def test_message_that_a_connection_ends_is_enough(db: Database) -> None:
    """The server sends the message a moment before it closes the connection."""
    with Proxy(db.dsn) as proxy:
        proxy.keeps_open = True
        with psycopg.connect(make_conninfo(proxy.dsn, application_name="idle")) as connection:
            assert not has_ended(connection)
            end_idle(db, "idle")
            wait_until(lambda: has_ended(connection))


def test_first_call_over_a_pool_whose_connections_the_server_has_closed_works(
    db: Database,
) -> None:
    dsn = make_conninfo(db.dsn, application_name="pooled")
    with ConnectionPool(dsn, min_size=2, max_size=2, open=True) as pool, Client(pool) as client:
        pool.wait()
        end_idle(db, "pooled")
        assert client.create_flow("shop") == "shop"


def test_notices_and_notifications_are_not_taken_for_the_end(db: Database) -> None:
    with Client(make_conninfo(db.dsn, application_name="told")) as client, db.connect() as other:
        client._all("listen", psycopg.rows.tuple_row, channel="news")
        before = backends(db, "told")
        other.execute("select stepgres.send_with_notify('news', '1')")
        assert client.version() == stepgres.__version__
        assert backends(db, "told") == before


@pytest.mark.parametrize("is_pool", [False, True])
def test_connection_that_is_lost_in_mid_call_is_connection_failed(
    db: Database, is_pool: bool
) -> None:
    with Proxy(db.dsn) as proxy, ExitStack() as stack:
        source: Any = make_conninfo(proxy.dsn, application_name="cut")
        if is_pool:
            source = stack.enter_context(ConnectionPool(source, min_size=1, open=True))
        client = stack.enter_context(Client(source))
        client.version()
        proxy.cut_after = b"stepgres.create_flow"
        with pytest.raises(stepgres.ConnectionFailed, match=r"stepgres\.create_flow") as error:
            client.create_flow("shop")
        assert "idempotency_key" in str(error.value.hint)
        assert client.create_flow("other") == "other"
    # in a pool the call was part of a transaction that nobody could commit any more
    wait_until(lambda: workflows(db) == (["other"] if is_pool else ["other", "shop"]))


def test_server_that_shuts_down_in_mid_call_is_connection_failed(db: Database) -> None:
    with (
        Client(make_conninfo(db.dsn, application_name="cut")) as client,
        psycopg.connect(db.dsn) as blocker,
        ThreadPoolExecutor(1) as threads,
    ):
        blocker.execute("lock table stepgres.workflows")
        call = threads.submit(client.create_flow, "shop")
        waiting = "select from pg_stat_activity where application_name = 'cut'"
        waiting += " and wait_event_type = 'Lock'"
        with db.connect() as other:
            wait_until(lambda: other.execute(waiting.encode()).fetchall())
        end_idle(db, "cut")
        with pytest.raises(stepgres.ConnectionFailed, match="terminating connection"):
            call.result()


def test_pool_that_has_no_connection_in_time_is_connection_failed(db: Database) -> None:
    with ConnectionPool(db.dsn, min_size=1, max_size=1, open=True) as pool, pool.connection():
        pool.timeout = 0.01
        with pytest.raises(stepgres.ConnectionFailed, match="couldn't get a connection"):
            Client(pool).version()


def test_connection_of_the_caller_that_was_closed_is_connection_failed(db: Database) -> None:
    connection = db.connect()
    connection.close()
    with pytest.raises(stepgres.ConnectionFailed, match="closed"):
        Client(connection).version()


def test_plain_clients_have_keepalives(db: Database) -> None:
    with Client(db.dsn) as client:
        client.version()
        assert client._own is not None
        parameters = client._own.info.get_parameters()
        assert client.conninfo == db.dsn
    assert {"keepalives_idle": "5", "tcp_user_timeout": "10000"}.items() <= parameters.items()


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


@pytest.mark.parametrize(
    "malformed",
    [
        "postgresql://ada:s3c%zzret@host/db",
        "postgresql://ada:s3cret@[::1/db",
        "postgresql://ada:pw@s3cret@host.invalid/db",
        "postgresql://ada:pw@s3cret:5432@host.invalid/db",
        "postgresql://ada:pw:5@s3cret/db@host.invalid/db",
        "postgresql://ada:s3cret/1@host.invalid/db",
        "postgresql://ada:5/s3cret@host.invalid/db",
        "postgresql://host.invalid/db?password=a&s3cret=b",
        "postgresql://host.invalid/db?password=a%s3cret",
        "host=host.invalid password=a s3cret",
        "host=host.invalid password=a s3cret=b",
        "host=host.invalid password='a s3cret",
        "host=host.invalid password='a' s3cret",
        "s3cret",
    ],
)
def test_password_of_a_malformed_connection_string_is_in_no_error(
    malformed: str, caplog: pytest.LogCaptureFixture
) -> None:
    for use in (
        lambda: Client(malformed).version(),
        lambda: Client(malformed).listen("news"),
        lambda: stepgres.install(malformed),
        lambda: stepgres.Executor(Client(malformed)).execute(workflow(("only", len)), []),
        lambda: stepgres.Worker(Client(malformed)).run(),
    ):
        with pytest.raises(stepgres.ConnectionFailed) as error:
            use()
        told = "".join(traceback.format_exception(error.value)) + str(error.value.hint)
        # but for the lines of this test, which traceback quotes by their source
        assert "s3cret" not in told
        assert "s3c" not in str(error.value)
        assert "%40 for @" in str(error.value.hint)
    assert "s3cret" not in caplog.text


def test_password_of_a_malformed_pool_is_in_no_error() -> None:
    with pytest.raises(stepgres.ConnectionFailed) as error:
        Client(ConnectionPool("postgresql://ada:s3c%zzret@host/db", open=False))
    assert "s3c" not in str(error.value)


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
