"""Fixtures that every test can use: servers, fresh databases with Stepgres, and a clock to turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import stepgres
from tests.support.engine import Engine
from tests.support.servers import Postgres, all_postgres

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = ["tests.support.bounds"]

_numbers = itertools.count(1)

# What may differ between servers is the SQL: the rest is tested on the first of them alone.
_ON_EVERY_SERVER = {"catalog", "concurrency", "docker", "install", "property", "sql"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = config.rootpath / "tests"
    unwanted = []
    for item in items:
        postgres = _server_of(item)
        if postgres is None:
            continue
        # where tests run side by side, those on one server stay together
        item.add_marker(pytest.mark.xdist_group(postgres.name))
        folder = item.path.relative_to(tests).parts[0]
        if postgres != all_postgres()[0] and folder not in _ON_EVERY_SERVER:
            unwanted.append(item)
    config.hook.pytest_deselected(items=unwanted)
    dropped = set(unwanted)
    items[:] = [item for item in items if item not in dropped]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Steps print halves of surrogate pairs, which no report that travels between processes holds.
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def _server_of(item: pytest.Item) -> Postgres | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("server") if callspec else None


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    dsn: str

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection that commits each statement; conninfo options such as user."""
        return psycopg.connect(make_conninfo(self.dsn, **options), autocommit=True)


@dataclass(frozen=True)
class Clock:
    """The time that every session of the database sees, standing still until it is advanced."""

    connection: psycopg.Connection[tuple[Any, ...]]

    def advance(self, seconds: float) -> None:
        self.connection.execute(
            "update public.test_clock set now = now + make_interval(secs => %s)", [seconds]
        )


@dataclass(frozen=True)
class Server:
    """A running server with a template database in which Stepgres is installed."""

    postgres: Postgres
    dsn: str

    def create_database(self, template: str) -> Database:
        name = f"test_{next(_numbers)}"
        self.execute("create database {} template {} strategy file_copy", name, template)
        return Database(make_conninfo(self.dsn, dbname=name))

    def drop_database(self, database: Database) -> None:
        name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
        self.execute("drop database {} with (force)", str(name))

    def execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session", params=all_postgres(), ids=lambda postgres: postgres.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server after the other: each runs while its tests do."""
    with request.param.run() as dsn:
        server = Server(request.param, dsn)
        server.execute("create database {}", "with_stepgres")
        stepgres.install(make_conninfo(dsn, dbname="with_stepgres"))
        yield server


@pytest.fixture
def db(server: Server) -> Iterator[Database]:
    """A database with Stepgres, in which no invariant may be violated when the test ends."""
    database = server.create_database("with_stepgres")
    yield database
    with database.connect() as connection:
        assert connection.execute("select * from stepgres.fsck()").fetchall() == []
    server.drop_database(database)


@pytest.fixture
def client(db: Database) -> Iterator[stepgres.Client]:
    """A client on the database of the test."""
    with stepgres.Client(db.dsn) as client:
        yield client


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    """A worker by SQL alone; no ticket of a finished run may be left when the test ends."""
    with db.connect() as connection:
        engine = Engine(connection)
        yield engine
        assert engine.stray_tickets() == []


@pytest.fixture
def empty_db(server: Server) -> Iterator[Database]:
    """A database without Stepgres and without pgmq."""
    database = server.create_database("template0")
    yield database
    server.drop_database(database)


@pytest.fixture
def clock(db: Database) -> Iterator[Clock]:
    """Replaces the clock of the database; every session sees it."""
    with db.connect() as connection:
        connection.execute(
            """
            create table public.test_clock (now timestamptz not null);
            insert into public.test_clock values (clock_timestamp());
            grant select on public.test_clock to public;
            create or replace function stepgres._now() returns timestamptz
            language sql volatile set search_path = pg_catalog, pg_temp
            as 'select now from public.test_clock';
            """
        )
        yield Clock(connection)
