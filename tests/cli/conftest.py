"""The command on the database of the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from click.testing import CliRunner, Result

import stepgres
from stepgres.cli import main
from tests.conftest import Database


class Cli(Protocol):
    """Runs `stepgres` with arguments; what is a bug is raised, and no exit code."""

    def __call__(self, *arguments: Any, input: str | bytes | None = None) -> Result: ...


@pytest.fixture
def cli(db: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)

    def run(*arguments: Any, input: str | bytes | None = None) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, input=input, catch_exceptions=False)

    return run


@pytest.fixture
def client(db: Database) -> Iterator[stepgres.Client]:
    with stepgres.Client(db.dsn) as client:
        yield client
