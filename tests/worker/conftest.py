"""A table in which steps write what they did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Database
from tests.support.ledger import Ledger


@pytest.fixture
def ledger(db: Database) -> Iterator[Ledger]:
    with db.connect() as connection:
        yield Ledger(connection, db.dsn)


@pytest.fixture
def anyio_backend() -> str:
    """What tests that are coroutines run on."""
    return "asyncio"
