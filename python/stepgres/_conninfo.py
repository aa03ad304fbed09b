"""Which server is meant, and what it means that it cannot be reached."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import AsyncConnectionPool, ConnectionPool


def resolve_conninfo(conninfo: str | None) -> str:
    """The given conninfo, else STEPGRES_DSN, else "": libpq then reads its PG* variables."""
    return conninfo or os.environ.get("STEPGRES_DSN", "")


def conninfo_of_pool(pool: ConnectionPool[Any] | AsyncConnectionPool[Any]) -> str | None:
    """The string that connects like the pool does; None if a function of its user makes it."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    conninfo, options = pool.conninfo or "", pool.kwargs or {}
    if not isinstance(conninfo, str) or not isinstance(options, dict):
        return None
    words = {option.keyword.decode() for option in Conninfo.get_defaults()}
    # the others, such as row_factory, are psycopg's and not the server's
    return make_conninfo(conninfo, **{name: options[name] for name in words & options.keys()})


# A peer that has vanished without a word is noticed by the kernel within 15 seconds, whether there
# is something on its way to it (tcp_user_timeout, in milliseconds) or not.
_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}


def with_keepalive(conninfo: str) -> str:
    """The string for connections that are kept for long; what it says of keepalives wins."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    with connecting():
        given = conninfo_to_dict(conninfo)
        if "PGCONNECT_TIMEOUT" in os.environ:
            given.setdefault("connect_timeout", os.environ["PGCONNECT_TIMEOUT"])
        return make_conninfo("", **{**_KEEPALIVE, **given})


@contextmanager
def connecting() -> Iterator[None]:
    """A block that opens a connection: ConnectionFailed says why it did not."""
    import psycopg

    try:
        yield
    except psycopg.OperationalError as error:
        raise ConnectionFailed(
            f"cannot connect to PostgreSQL: {str(error).strip()}",
            hint="Check that the server is running, and the address: the connection string that was"
            " given, else STEPGRES_DSN, else the PG* variables.",
        ) from error
    except psycopg.ProgrammingError as error:
        raise ConnectionFailed(
            f"not a connection string: {str(error).strip()}",
            hint="Write it like postgresql://user@host/database, or host=localhost dbname=mine.",
        ) from error
