"""Every way in makes the same catalog."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

import stepgres
from tests.conftest import Database, Server, add_guards
from tests.support.catalog import describe

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "sql/stepgres.sql"


def psql(server: Server, database: Database, file: Path, *options: str) -> None:
    program = server.postgres.bin_dir / "psql"
    if not program.exists():
        found = shutil.which("psql")
        if found is None:
            pytest.skip("there is no psql")
        program = Path(found)
    command = [str(program), "-Xq", "-v", "ON_ERROR_STOP=1", *options]
    command += ["-f", str(file), database.dsn]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "script", [["sql/stepgres.sql"], ["sql/src/install.sql", "-1"]], ids=" ".join
)
def test_psql_makes_the_same_catalog(
    server: Server, db: Database, empty_db: Database, script: list[str]
) -> None:
    stepgres.install(empty_db.dsn)  # for pgmq
    stepgres.uninstall(empty_db.dsn)
    file, *options = script
    psql(server, empty_db, ROOT / file, *options)
    add_guards(empty_db.dsn)
    with db.connect() as expected, empty_db.connect() as actual:
        assert describe(actual) == describe(expected)


def test_driver_can_send_the_plain_install_as_one_string(db: Database, empty_db: Database) -> None:
    stepgres.install(empty_db.dsn)  # for pgmq
    stepgres.uninstall(empty_db.dsn)
    with db.connect() as expected, empty_db.connect() as actual:
        actual.execute(PLAIN.read_bytes())
        actual.commit()
        add_guards(empty_db.dsn)
        assert describe(actual) == describe(expected)


def test_plain_install_twice_says_that_it_is_installed(db: Database) -> None:
    with db.connect() as connection:
        before = describe(connection)
        with pytest.raises(psycopg.Error, match="is installed in database") as error:
            connection.execute(PLAIN.read_bytes())
        assert error.value.sqlstate == "SG010"
        connection.execute("rollback")
        assert describe(connection) == before


def test_plain_install_without_pgmq_is_refused(empty_db: Database) -> None:
    with empty_db.connect() as connection:
        with pytest.raises(psycopg.Error, match="pgmq is not installed") as error:
            connection.execute(PLAIN.read_bytes())
        assert error.value.sqlstate == "SG010"
        assert "create extension pgmq" in str(error.value.diag.message_hint)
        connection.execute("rollback")
        assert connection.execute("select to_regnamespace('stepgres')").fetchone() == (None,)
