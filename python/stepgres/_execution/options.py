"""The options that executors and workers share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from stepgres._client.client import Client
    from stepgres._client.client_async import AsyncClient


def conninfo_of(client: Client | AsyncClient) -> str:
    """Return the connection string of a client, or raise InvalidInput if the client has none."""
    if client.conninfo is None:
        raise InvalidInput(
            "an executor or worker needs connections of its own, and this client cannot open any",
            hint="Make the client with a connection string, or with a pool that was made with one.",
        )
    return client.conninfo


def resolve_concurrency(given: int | None) -> int:
    """Return the given concurrency, or by default the number of processors plus 4, at most 32."""
    if given is None:
        return min(32, (os.cpu_count() or 1) + 4)
    if given < 1:
        raise InvalidInput(
            f"concurrency must be at least 1, not {given}",
            hint="Leave it out for a number that suits this machine.",
        )
    return given


def check_processes(given: int | None) -> int | None:
    """Return the given number of processes, or raise InvalidInput."""
    if given is not None and given < 1:
        raise InvalidInput(
            f"processes must be at least 1, not {given}",
            hint="os.cpu_count() is as many as compute at a time; leave it out for threads.",
        )
    return given
