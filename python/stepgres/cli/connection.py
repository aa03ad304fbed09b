"""Connect a command to its database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepgres._client.client import Client

    Command = TypeVar("Command", bound=Callable[..., Any])


def takes_dsn(command: Command) -> Command:
    """Give a command the option --dsn."""
    return click.option("--dsn", help='The database, or "embedded".')(command)


@contextmanager
def running_server(dsn: str | None) -> Iterator[str | None]:
    """Yield the DSN of the server. The server of the word "embedded" runs during the block."""
    if dsn == "embedded":
        from stepgres._server import embedded as _embedded

        with _embedded.start(persistent=True) as server:
            yield server.dsn
    else:
        yield dsn


@contextmanager
def connected(dsn: str | None) -> Iterator[Client]:
    """Connect a client to the server during the block."""
    from stepgres._client.client import Client  # --help need not import psycopg, which is slow

    with running_server(dsn) as conninfo, Client(conninfo) as client:
        yield client
