"""A client on the database of the test, and a table in which steps write what they did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import stepgres
from tests.conftest import Database
from tests.support.ledger import Ledger


@pytest.fixture
def client(db: Database) -> Iterator[stepgres.Client]:
    with stepgres.Client(db.dsn) as client:
        yield client


@pytest.fixture
def ledger(db: Database) -> Iterator[Ledger]:
    with db.connect() as connection:
        yield Ledger(connection, db.dsn)


@pytest.fixture
def anyio_backend() -> str:
    """What tests that are coroutines run on."""
    return "asyncio"
