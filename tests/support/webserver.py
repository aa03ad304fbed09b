"""An application of Starlette on a server of its own, and what its pages get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from stepgres import AsyncClient
from tests.support.waiting import PATIENCE, join


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an application, host and port, while it is served in a thread."""
    config = uvicorn.Config(
        app, port=0, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=0
    )
    server = _Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert server.ready.wait(PATIENCE), "the server of the application has not started"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        join(thread)


@contextmanager
def pages(client: AsyncClient, *routes: Any) -> Iterator[str]:
    """The same for routes, and a client that is closed with the application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    with serving(Starlette(routes=routes, lifespan=lifespan)) as address:
        yield address


@dataclass(frozen=True)
class Sent:
    """What came between two empty lines."""

    id: str | None
    data: Any
    is_comment: bool


class Page:
    """Server-sent events as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Sent]:
        id, data, is_comment = None, None, False
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                id = value
            elif field == "data":
                data = json.loads(value)
            elif field.startswith(":"):
                is_comment = True
            else:
                assert line == ""
                yield Sent(id, data, is_comment)
                id, data, is_comment = None, None, False

    def events(self) -> Iterator[Sent]:
        """Without those that only say where the page is, or that the server is still there."""
        return (sent for sent in self if sent.data is not None)


@contextmanager
def page(url: str, **headers: str) -> Iterator[Page]:
    """A page that is open."""
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE) as response:
        yield Page(response)
