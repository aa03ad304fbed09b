"""A client that sends what pages get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stepgres import Client
from tests.conftest import Database


@pytest.fixture
def client(db: Database) -> Iterator[Client]:
    with Client(db.dsn) as client:
        yield client
