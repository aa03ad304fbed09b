"""Fixtures for tests of several sessions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Database
from tests.support.sessions import Sessions


@pytest.fixture
def sessions(db: Database) -> Iterator[Sessions]:
    with Sessions(db) as sessions:
        yield sessions
