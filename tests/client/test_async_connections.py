"""AsyncClient connects like Client; what is written twice in psycopg is tested twice here."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

import stepgres
from stepgres import AsyncClient
from tests.conftest import Database
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.anyio


async def test_connection_string(db: Database) -> None:
    async with AsyncClient(db.dsn) as client:
        assert await client.version() == stepgres.__version__
        assert client.conninfo == db.dsn


async def test_connection_of_the_caller_is_neither_committed_nor_closed(db: Database) -> None:
    async with await psycopg.AsyncConnection.connect(db.dsn) as connection:
        async with AsyncClient(connection) as client:
            await client.create_flow("shop")
        await connection.rollback()
        async with AsyncClient(connection) as client:
            assert await client.create_flow("shop") == "shop"  # it is not there


async def test_pool_lends_a_connection_for_each_call(db: Database) -> None:
    async with (
        AsyncConnectionPool(db.dsn, min_size=1, max_size=2, open=False) as pool,
        AsyncClient(pool) as client,
    ):
        names = ["one", "two", "three", "four"]
        assert await asyncio.gather(*(client.create_flow(name) for name in names)) == names
        with pytest.raises(stepgres.WorkflowAlreadyExists):
            await client.create_flow("one")
        assert client.conninfo == db.dsn


async def test_pool_whose_options_are_computed_has_no_connection_string(db: Database) -> None:
    async def options() -> dict[str, object]:
        return {"autocommit": True}

    pool = AsyncConnectionPool(db.dsn, kwargs=options, open=False)
    assert AsyncClient(pool).conninfo is None


async def test_connections_of_the_other_kind_are_refused_at_once(db: Database) -> None:
    with (
        db.connect() as connection,
        pytest.raises(TypeError, match="AsyncConnection or"),
    ):
        AsyncClient(connection)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Connection or ConnectionPool, a Session"):
        stepgres.Client(AsyncConnectionPool(open=False))  # type: ignore[arg-type]


async def test_first_call_after_the_server_closed_an_idle_connection_works(db: Database) -> None:
    async with AsyncClient(make_conninfo(db.dsn, application_name="idle")) as client:
        await client.version()
        with db.connect() as other:
            other.execute(
                "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
                " where application_name = 'idle'"
            )
        assert await client.create_flow("shop") == "shop"


async def test_connection_that_is_lost_in_mid_call_is_connection_failed(db: Database) -> None:
    with Proxy(db.dsn) as proxy:
        async with AsyncClient(proxy.dsn) as client:
            await client.version()
            proxy.cut_after = b"stepgres.create_flow"
            with pytest.raises(stepgres.ConnectionFailed, match=r"stepgres\.create_flow"):
                await client.create_flow("shop")
            assert await client.create_flow("other") == "other"


async def test_tasks_share_the_one_connection_of_a_client(db: Database) -> None:
    async with AsyncClient(make_conninfo(db.dsn, application_name="shared")) as client:
        await asyncio.gather(*(client.version() for _ in range(20)))
        with db.connect() as other:
            query = "select count(*) from pg_stat_activity where application_name = 'shared'"
            assert other.execute(query).fetchone() == (1,)


async def test_call_that_is_cancelled_leaves_a_connection_that_works(db: Database) -> None:
    async with AsyncClient(db.dsn) as client:
        await client.version()
        with db.connect() as other, other.transaction():
            other.execute("lock table stepgres.workflows")
            call = asyncio.create_task(client.create_flow("shop"))
            waiting = "select from pg_locks where not granted"
            await asyncio.to_thread(wait_until, lambda: other.execute(waiting).fetchall())
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert await client.create_flow("shop") == "shop"


@pytest.mark.parametrize(
    "conninfo", ["host=/no/such/directory", "host=localhost port=1", "my database", "port=x"]
)
async def test_server_that_cannot_be_reached(conninfo: str) -> None:
    with pytest.raises(stepgres.ConnectionFailed) as error:
        await AsyncClient(conninfo).version()
    assert error.value.hint


async def test_database_without_stepgres(empty_db: Database) -> None:
    async with AsyncClient(empty_db.dsn) as client:
        with pytest.raises(stepgres.InstallationError, match="is not installed in database"):
            await client.version()
