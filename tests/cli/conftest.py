"""The command on the database of the test."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepgres.cli import main
from tests.conftest import Database
from tests.support.cli import Cli


@pytest.fixture
def cli(db: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs `stepgres` with arguments; what is a bug is raised, and no exit code."""
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)

    def run(*arguments: Any, input: str | bytes | None = None) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, input=input, catch_exceptions=False)

    return run
