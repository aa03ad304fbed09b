"""A dashboard, and people who look at it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Database
from tests.support.dashboards import browsing


@pytest.fixture
def browser(db: Database) -> Iterator[httpx.Client]:
    """A client of a dashboard that is mounted under a path."""
    with browsing(db.dsn, "/ops") as browser:
        yield browser
