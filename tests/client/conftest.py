"""An executor on the database of the test."""

from __future__ import annotations

import pytest

import stepgres


@pytest.fixture
def executor(client: stepgres.Client) -> stepgres.Executor:
    return stepgres.Executor(client)


@pytest.fixture
def anyio_backend() -> str:
    """What tests that are coroutines run on."""
    return "asyncio"
