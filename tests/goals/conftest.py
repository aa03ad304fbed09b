"""A client and an executor on the database of the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import stepgres
from tests.conftest import Database


@pytest.fixture
def client(db: Database) -> Iterator[stepgres.Client]:
    with stepgres.Client(db.dsn) as client:
        yield client


@pytest.fixture
def executor(client: stepgres.Client) -> stepgres.Executor:
    return stepgres.Executor(client)


@pytest.fixture
def anyio_backend() -> str:
    """What tests that are coroutines run on."""
    return "asyncio"
