"""`create extension stepgres`, on servers of our own into which `make install` has put it."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pgmq.install import get_embedded_install_sql, get_embedded_sql_version
from psycopg.conninfo import make_conninfo

import stepgres
from tests.support.catalog import describe
from tests.support.servers import Postgres, all_postgres, embedded_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PARTS = [postgres for postgres in all_postgres() if postgres in embedded_postgres()]


def install_extensions(postgres: Postgres) -> None:
    config = postgres.bin_dir / "pg_config"
    make = ["make", "--silent", "install", f"PG_CONFIG={config}"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    share = subprocess.run([config, "--sharedir"], check=True, capture_output=True, text=True)
    extension = Path(share.stdout.strip()) / "extension"
    version = get_embedded_sql_version()
    control = (
        f"default_version = '{version}'\nschema = pgmq\nrelocatable = false\nsuperuser = false\n"
    )
    for name, text in {
        "pgmq.control": control,
        f"pgmq--{version}.sql": get_embedded_install_sql(),
    }.items():
        (extension / name).write_text(text)
        (extension / name).chmod(0o644)


@pytest.fixture(scope="module", params=PARTS, ids=lambda postgres: postgres.name)
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="sg-") as directory:
        copy = request.param.copy(Path(directory))
        install_extensions(copy)
        yield copy


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[str]:
    with postgres.run() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create role owner login")
        yield dsn


@pytest.fixture
def extended(server: str) -> Iterator[psycopg.Connection[Any]]:
    """A database whose owner, who is no superuser, has created the extension in it."""
    with (
        new_database(server, "extended") as dsn,
        psycopg.connect(make_conninfo(dsn, user="owner"), autocommit=True) as connection,
    ):
        connection.execute("create extension stepgres cascade")
        yield connection


@contextmanager
def new_database(server: str, name: str) -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} owner owner".encode())
        yield make_conninfo(server, dbname=name)
        connection.execute(f"drop database {name} with (force)".encode())


def test_extension_and_plain_install_make_the_same_catalog(
    server: str, extended: psycopg.Connection[Any]
) -> None:
    with new_database(server, "plain") as dsn:
        result = stepgres.install(make_conninfo(dsn, user="owner"))
        assert result.pgmq == f"extension pgmq {get_embedded_sql_version()}"
        with psycopg.connect(dsn) as plain:
            assert describe(extended) == describe(plain)


def test_installing_where_the_extension_is_changes_nothing(
    extended: psycopg.Connection[Any],
) -> None:
    assert stepgres.install(extended.info.dsn).is_changed is False


def test_uninstall_drops_the_extension_and_keeps_pgmq(extended: psycopg.Connection[Any]) -> None:
    extended.execute("select stepgres.create_flow('order', execution => 'distributed')")
    assert stepgres.uninstall(extended.info.dsn)
    rows = extended.execute("select extname from pg_extension where extname <> 'plpgsql'")
    assert rows.fetchall() == [("pgmq",)]
    assert extended.execute("select * from pgmq.list_queues()").fetchall() == []


def test_extension_over_a_plain_install_is_refused(server: str) -> None:
    with new_database(server, "plain") as dsn:
        stepgres.install(dsn)
        with psycopg.connect(dsn) as connection:
            with pytest.raises(psycopg.Error, match="is installed in database") as error:
                connection.execute("create extension stepgres cascade")
            assert error.value.sqlstate == "SG010"


def test_dump_and_restore_keep_runs(
    postgres: Postgres, server: str, extended: psycopg.Connection[Any]
) -> None:
    extended.execute("select stepgres.create_flow('order', execution => 'distributed')")
    extended.execute("select stepgres.add_step('order', 'fetch')")
    extended.execute("select stepgres.start_workflow_run('order', '{}')")
    with new_database(server, "restored") as dsn:
        source = make_conninfo(server, dbname="extended")
        dump = subprocess.run(
            [postgres.bin_dir / "pg_dump", source], check=True, capture_output=True
        )
        subprocess.run(
            [postgres.bin_dir / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", dsn],
            input=dump.stdout,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("select stepgres.register_worker('w')")
            tasks = connection.execute("select step_slug from stepgres.claim_tasks('w')")
            assert tasks.fetchall() == [("fetch",)]
            assert connection.execute("select * from stepgres.fsck()").fetchall() == []
