"""A second version: what it makes of a database that has the first one."""

from __future__ import annotations

import psycopg
import pytest

import stepgres
from stepgres._server import installer
from tests.conftest import Database, Server, add_guards
from tests.install.test_scripts import psql
from tests.support.catalog import describe
from tests.support.engine import Engine, step
from tests.upgrade.conftest import NextVersion


def test_upgraded_by_python_equals_fresh(
    db: Database, empty_db: Database, next_package: NextVersion
) -> None:
    assert stepgres.upgrade(db.dsn).is_changed
    assert stepgres.upgrade(db.dsn).is_changed is False
    stepgres.install(empty_db.dsn)
    add_guards(empty_db.dsn)
    with db.connect() as upgraded, empty_db.connect() as fresh:
        assert describe(upgraded) == describe(fresh)


def test_upgraded_by_psql_equals_fresh(
    server: Server, db: Database, empty_db: Database, next_package: NextVersion
) -> None:
    psql(server, db, next_package.upgrade)
    stepgres.install(empty_db.dsn)
    add_guards(empty_db.dsn)
    with db.connect() as upgraded, empty_db.connect() as fresh:
        assert describe(upgraded) == describe(fresh)


def test_runs_in_flight_finish_after_an_upgrade(
    db: Database, engine: Engine, next_version: NextVersion
) -> None:
    engine.define("order", step("fetch"), step("ship", "fetch"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    with db.connect() as connection:
        connection.execute(next_version.upgrade.read_bytes())
    engine.complete(item, "fetched")
    engine.complete(engine.claim_one(), "shipped")
    assert engine.output(run_id) == "shipped"


def test_upgrade_script_of_another_version_is_refused(
    db: Database, next_version: NextVersion
) -> None:
    with db.connect() as connection:
        connection.execute(next_version.upgrade.read_bytes())
        with pytest.raises(psycopg.Error, match=f"has Stepgres {next_version.version}") as error:
            connection.execute(next_version.upgrade.read_bytes())
        assert error.value.sqlstate == "SG010"
        connection.execute("rollback")


def test_upgrade_where_nothing_is_installed_is_refused(
    empty_db: Database, next_version: NextVersion
) -> None:
    with pytest.raises(stepgres.InstallationError, match="not installed") as error:
        stepgres.upgrade(empty_db.dsn)
    assert "stepgres install" in str(error.value.hint)
    with empty_db.connect() as connection:
        with pytest.raises(psycopg.Error, match="has none"):
            connection.execute(next_version.upgrade.read_bytes())
        connection.execute("rollback")


def test_downgrade_is_refused(db: Database, next_version: NextVersion) -> None:
    with db.connect() as connection:
        connection.execute(next_version.upgrade.read_bytes())
        for call in (stepgres.install, stepgres.upgrade):
            with pytest.raises(stepgres.InstallationError, match="is newer than this") as error:
                call(db.dsn)
            assert "not possible" in str(error.value.hint)
        connection.execute("drop table stepgres.inventions")


def test_install_script_tells_an_older_version_apart(
    db: Database, next_version: NextVersion
) -> None:
    with db.connect() as connection:
        with pytest.raises(psycopg.Error, match="is installed in database") as error:
            connection.execute((next_version.root / "sql/stepgres.sql").read_bytes())
        connection.execute("rollback")
    assert "stepgres upgrade" in str(error.value.diag.message_hint)


def test_failed_upgrade_changes_nothing(db: Database, next_package: NextVersion) -> None:
    with db.connect() as connection:
        connection.execute("create view public.mine as select * from stepgres.run_events")
        connection.execute("create table stepgres.inventions ()")
        before = describe(connection)
        with pytest.raises(stepgres.InstallationError, match="already exists"):
            stepgres.upgrade(db.dsn)
        assert describe(connection) == before
        connection.execute("drop view public.mine; drop table stepgres.inventions")


def test_version_without_a_path_is_refused(
    db: Database, next_package: NextVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer, "__version__", "7.0.0")
    with pytest.raises(stepgres.InstallationError, match="in one go"):
        stepgres.upgrade(db.dsn)
