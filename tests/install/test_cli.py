"""The command `stepgres`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import stepgres
from stepgres.cli import main
from tests.conftest import Database

VERSION = stepgres.__version__


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_install_version_uninstall(empty_db: Database) -> None:
    dsn = empty_db.dsn
    for arguments, output in [
        (["version", dsn], "Stepgres is not installed.\n"),
        (["install", dsn], f"Stepgres {VERSION} is installed now, with pgmq "),
        (["install", "--dsn", dsn], f"Stepgres {VERSION} was installed already, with existing "),
        (["version", dsn], f"Stepgres {VERSION}\n"),
        (["uninstall", dsn], "Stepgres is removed.\n"),
        (["uninstall", dsn], "Stepgres was not installed.\n"),
    ]:
        result = run(*arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith(output)


def test_version_of_the_package() -> None:
    assert run("--version").stdout == f"stepgres, version {VERSION}\n"


def test_error_is_a_line_and_a_hint(empty_db: Database) -> None:
    with empty_db.connect() as connection:
        connection.execute("create schema stepgres")
    result = run("install", empty_db.dsn)
    assert (result.exit_code, result.stdout) == (5, "")
    error, hint = result.stderr.splitlines()
    assert error.startswith("Error: database ")
    assert hint.startswith("Hint: Rename the schema ")


def test_command_without_argument_uses_the_environment(
    empty_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRES_DSN", empty_db.dsn)
    assert run("install").exit_code == 0
    assert run("version").stdout == f"Stepgres {VERSION}\n"


def test_two_addresses_are_refused() -> None:
    result = run("version", "dbname=a", "--dsn", "dbname=b")
    assert result.exit_code == 2
    assert "twice" in result.stderr


def test_embedded_server_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert run("version", "embedded").stdout == "Stepgres is not installed.\n"
    assert run("install", "embedded").exit_code == 0
    assert run("version", "embedded").stdout == f"Stepgres {VERSION}\n"


def test_installed_program_fails_without_traceback() -> None:
    program = Path(sys.executable).with_name("stepgres")
    address = "host=/no/such/directory"
    result = subprocess.run([program, "version", address], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (5, "")
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
