"""A second version of the extension, on servers of our own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from tests.install.test_extension import (  # noqa: F401  (fixtures)
    extended,
    new_database,
    postgres,
    server,
)
from tests.support.catalog import describe
from tests.support.servers import Postgres
from tests.upgrade.conftest import NextVersion


def test_upgraded_extension_equals_fresh(
    postgres: Postgres,  # noqa: F811
    server: str,  # noqa: F811
    extended: psycopg.Connection[Any],  # noqa: F811
    next_package: NextVersion,
) -> None:
    config = [str(postgres.bin_dir / "pg_config"), "--sharedir"]
    share = subprocess.run(config, check=True, capture_output=True, text=True).stdout.strip()
    for script in (next_package.root / "sql").glob("stepgres--*.sql"):
        shutil.copy(script, Path(share) / "extension")
    assert stepgres.upgrade(extended.info.dsn).is_changed
    assert stepgres.upgrade(extended.info.dsn).is_changed is False
    create = f"create extension stepgres version '{next_package.version}' cascade"
    with (
        new_database(server, "fresh") as dsn,
        psycopg.connect(make_conninfo(dsn, user="owner"), autocommit=True) as fresh,
    ):
        fresh.execute(create.encode())
        assert describe(extended) == describe(fresh)


def test_plain_upgrade_of_the_extension_is_refused(
    extended: psycopg.Connection[Any],  # noqa: F811
    next_version: NextVersion,
) -> None:
    with (
        psycopg.connect(extended.info.dsn, autocommit=True) as connection,
        pytest.raises(psycopg.Error, match="is an extension") as error,
    ):
        connection.execute(next_version.upgrade.read_bytes())
    assert "alter extension stepgres update" in str(error.value.diag.message_hint)
