"""Fixtures for tests of messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stepgres import Client
from tests.conftest import Database
from tests.support.sessions import Sessions


@pytest.fixture
def client(db: Database) -> Iterator[Client]:
    with Client(db.dsn) as client:
        yield client


@pytest.fixture
def sessions(db: Database) -> Iterator[Sessions]:
    with Sessions(db) as sessions:
        yield sessions


@pytest.fixture
def anyio_backend() -> str:
    """What tests that are coroutines run on."""
    return "asyncio"
