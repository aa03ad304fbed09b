"""The dashboard on a server of its own, and a client of its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from stepgres import AsyncClient
from stepgres.web import dashboard
from tests.support.waiting import PATIENCE
from tests.support.webserver import serving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@contextmanager
def dashboard_served(dsn: str, path: str = "", **options: Any) -> Iterator[str]:
    """The address of a dashboard that is mounted under a path."""
    client = AsyncClient(dsn)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    mounted = Mount(path or "/", dashboard(client, **options))
    with serving(Starlette(routes=[mounted], lifespan=lifespan)) as address:
        yield f"http://{address}{path}"


@contextmanager
def browsing(dsn: str, path: str = "", **options: Any) -> Iterator[httpx.Client]:
    """A client whose addresses begin at the dashboard."""
    with (
        dashboard_served(dsn, path, **options) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as browser,
    ):
        yield browser
