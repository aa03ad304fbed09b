"""What the image of the database is made with, on a server that is not in a container."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from tests.support.servers import Postgres, all_postgres, embedded_postgres

POSTGRES = Path(__file__).parents[2] / "docker/postgres"
EMBEDDED = [postgres for postgres in all_postgres() if postgres in embedded_postgres()]


def install_extensions(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, POSTGRES / "install-extensions", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def run_init_script(postgres: Postgres, dsn: str) -> None:
    psql: list[str | Path] = [
        postgres.bin_dir / "psql",
        "-Xq",
        "-v",
        "ON_ERROR_STOP=1",
        "--no-password",
    ]
    script = POSTGRES / "init/10-stepgres.sql"
    env = {**os.environ, "STEPGRES_PASSWORD": "it's secret"}
    result = subprocess.run([*psql, "-f", script, dsn], capture_output=True, text=True, env=env)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@pytest.fixture(scope="module", params=EMBEDDED, ids=lambda postgres: postgres.name)
def admin(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """A superuser of a new server to which all has been done that is done to the image."""
    with tempfile.TemporaryDirectory(prefix="sg-") as directory:
        postgres = request.param.copy(Path(directory))
        config = [postgres.bin_dir / "pg_config", "--sharedir"]
        share = subprocess.run(config, check=True, capture_output=True, text=True).stdout.strip()
        assert install_extensions(Path(share) / "extension").returncode == 0
        with postgres.run() as dsn:
            run_init_script(postgres, dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                yield connection


def test_both_extensions_are_created_in_the_database(admin: psycopg.Connection[Any]) -> None:
    rows = admin.execute("select extname from pg_extension where extname <> 'plpgsql' order by 1")
    assert rows.fetchall() == [("pgmq",), ("stepgres",)]


def test_functions_do_not_run_as_superuser(admin: psycopg.Connection[Any]) -> None:
    owners = admin.execute(
        """
        select distinct rolname, rolsuper, rolcanlogin
        from pg_proc join pg_roles on pg_roles.oid = proowner
        where pronamespace in ('stepgres'::regnamespace, 'pgmq'::regnamespace)
        """
    )
    assert owners.fetchall() == [("stepgres_owner", False, False)]


def test_login_of_workers_can_run_a_workflow_and_no_more(admin: psycopg.Connection[Any]) -> None:
    dsn = make_conninfo(admin.info.dsn, user="stepgres_app")
    definition = {"workflow_slug": "order", "steps": [{"step_slug": "fetch"}]}
    with stepgres.Client(dsn) as client:
        client.register_workflow(definition)
        run_id = client.start_workflow_run("order", {})
        worker_id = client.register_worker()
        (item,) = client.claim_tasks(worker_id)
        client.complete_task(worker_id, run_id, item.step_slug, "done")
        assert client.get_run_status(run_id).details == "done"
        assert client.fsck() == []
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from stepgres.runs")


def test_one_shot_of_compose_finds_the_version_of_the_package(
    admin: psycopg.Connection[Any],
) -> None:
    dsn = make_conninfo(admin.info.dsn, user="stepgres_app")
    assert stepgres.install(dsn).is_changed is False


def test_files_are_readable_for_everybody(tmp_path: Path) -> None:
    assert install_extensions(tmp_path).returncode == 0
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o644"}
    assert (tmp_path / f"stepgres--{stepgres.__version__}.sql").exists()


@pytest.mark.parametrize("arguments", [[], ["/no/such/directory"], ["/tmp", "/tmp"]])
def test_wrong_directory_is_said(arguments: list[str]) -> None:
    result = install_extensions(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("usage: install-extensions DIRECTORY")
