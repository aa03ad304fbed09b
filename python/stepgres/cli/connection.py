"""The database that a command is about."""

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
    """The server that is meant: that of this user runs for the while."""
    if dsn == "embedded":
        from stepgres._server import embedded as _embedded

        with _embedded.start(persistent=True) as server:
            yield server.dsn
    else:
        yield dsn


@contextmanager
def connected(dsn: str | None) -> Iterator[Client]:
    """A client for the server that is meant."""
    from stepgres._client.client import Client  # psycopg is slow to import, and --help needs none

    with running_server(dsn) as conninfo, Client(conninfo) as client:
        yield client
