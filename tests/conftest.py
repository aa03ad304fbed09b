"""Fixtures that every test can use: servers, fresh databases with Stepgres, and a clock to turn."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from tests.support.databases import KeptDatabase, prepare_template
from tests.support.engine import Engine
from tests.support.servers import Postgres, all_postgres

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = ["tests.support.bounds"]

_numbers = itertools.count(1)
_GUARDS = Path(__file__).parent / "support" / "guards.sql"

# The newest server runs every test. What depends on the server is SQL: the oldest server runs all
# tests of SQL, and those between run the tests where versions are most likely to differ.
_ON_THE_OLDEST = {"catalog", "concurrency", "docker", "install", "property", "sql", "upgrade"}
_ON_ALL = {"catalog", "docker", "install", "property/test_lifecycle.py", "sql/test_plans.py"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a server is one of every PostgreSQL that runs it."""
    if "installation" not in metafunc.fixturenames:
        return
    path = metafunc.definition.path.relative_to(Path(__file__).parent)
    names = {path.parts[0], path.as_posix()}
    servers = [
        postgres
        for postgres in all_postgres()
        if postgres == all_postgres()[0]
        or names & (_ON_THE_OLDEST if postgres == all_postgres()[-1] else _ON_ALL)
    ]
    metafunc.parametrize("installation", servers, ids=str, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Steps print halves of surrogate pairs, which no report that travels between processes holds.
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


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

    @classmethod
    def replace(cls, connection: psycopg.Connection[tuple[Any, ...]]) -> Clock:
        """Stop the clock of the database that is connected to."""
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
        return cls(connection)

    def restart(self) -> None:
        """Stand still at the time of now."""
        self.connection.execute("update public.test_clock set now = clock_timestamp()")

    def advance(self, seconds: float) -> None:
        self.connection.execute(
            "update public.test_clock set now = now + make_interval(secs => %s)", [seconds]
        )


@dataclass(frozen=True)
class Server:
    """A running server with template databases in which Stepgres is installed."""

    postgres: Postgres
    dsn: str
    admin: psycopg.Connection[tuple[Any, ...]]
    ended: deque[str] = field(default_factory=deque)
    kept: defaultdict[str, deque[KeptDatabase]] = field(default_factory=lambda: defaultdict(deque))

    @contextmanager
    def database(self, template: str = "with_stepgres") -> Iterator[Database]:
        """A new database, dropped some tests later."""
        name = self._create(template)
        try:
            yield Database(make_conninfo(self.dsn, dbname=name))
        finally:
            self._drop_later(name)

    @contextmanager
    def kept_database(self, template: str) -> Iterator[KeptDatabase]:
        """A database that is as a new one."""
        kept = self._take(template)
        try:
            yield kept
        finally:
            self.kept[template].append(kept)

    def close(self) -> None:
        for kept in itertools.chain(*self.kept.values()):
            kept.close()

    def _take(self, template: str) -> KeptDatabase:
        # The sessions of the test before may be just ending: the next test has another database.
        if len(self.kept[template]) > 1:
            kept = self.kept[template].popleft()
            if kept.is_as_new():
                return kept
            kept.close()
            self._drop_later(kept.name)
        name = self._create(template)
        return KeptDatabase(name, make_conninfo(self.dsn, dbname=name))

    def _create(self, template: str) -> str:
        name = f"test_{next(_numbers)}"
        # Copying the files takes half the time of writing them through WAL, and copies the cache of
        # the catalog.
        self.admin.execute(
            f"create database {name} template {template} strategy file_copy".encode()
        )
        return name

    def _drop_later(self, name: str) -> None:
        # PostgreSQL sleeps for 0.1 s if sessions are just ending in the database.
        self.ended.append(name)
        if len(self.ended) > 2:
            self.admin.execute(f"drop database {self.ended.popleft()} with (force)".encode())


def add_guards(dsn: str) -> None:
    """Let the server refuse illegal rows and transitions in the state tables."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_GUARDS.read_bytes())


@pytest.fixture(scope="session")
def server(installation: Postgres) -> Iterator[Server]:
    """One server after the other: each runs while its tests do."""
    with installation.run() as dsn, psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("create database with_stepgres")
        template = make_conninfo(dsn, dbname="with_stepgres")
        stepgres.install(template)
        add_guards(template)
        with psycopg.connect(template) as connection:
            prepare_template(connection)
        # A new session writes the cache of the catalog, which the copies then have.
        psycopg.connect(template).close()
        admin.execute("create database with_clock template with_stepgres strategy file_copy")
        with psycopg.connect(make_conninfo(dsn, dbname="with_clock")) as connection:
            Clock.replace(connection)
        psycopg.connect(make_conninfo(dsn, dbname="with_clock")).close()
        server = Server(installation, dsn, admin)
        yield server
        server.close()


@pytest.fixture
def db(server: Server, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with Stepgres, in which no invariant may be violated when the test ends."""
    has_clock = "clock" in request.fixturenames
    with server.kept_database("with_clock" if has_clock else "with_stepgres") as kept:
        if has_clock:
            Clock(kept.session).restart()
        yield Database(kept.dsn)
        assert kept.fsck() == []


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
    with server.database("template0") as database:
        yield database


@pytest.fixture
def clock(db: Database) -> Iterator[Clock]:
    """Replaces the clock of the database; every session sees it."""
    with db.connect() as connection:
        clock = Clock(connection)
        clock.restart()
        yield clock
