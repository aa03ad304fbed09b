"""Connection strings, and the errors of connecting to the server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stepgres.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg_pool import AsyncConnectionPool, ConnectionPool


def resolve_conninfo(conninfo: str | None) -> str:
    """Return the conninfo, else STEPGRES_DSN, else "": libpq then reads its PG* variables."""
    return conninfo or os.environ.get("STEPGRES_DSN", "")


def conninfo_of_pool(pool: ConnectionPool[Any] | AsyncConnectionPool[Any]) -> str | None:
    """Return the connection string of a pool; None if a function makes the string."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    conninfo, options = pool.conninfo or "", pool.kwargs or {}
    if not isinstance(conninfo, str) or not isinstance(options, dict):
        return None
    words = {option.keyword.decode() for option in Conninfo.get_defaults()}
    # the other options, such as row_factory, are psycopg's and not the server's
    with connecting(conninfo):
        return make_conninfo(conninfo, **{name: options[name] for name in words & options.keys()})


# The kernel notices within 15 seconds that a peer has vanished: by tcp_user_timeout (milliseconds)
# if data is on its way to the peer, else by keepalives.
_DEFAULTS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}


def own_conninfo(conninfo: str) -> str:
    """Return the string for Stepgres's own connections; keepalives in the given string win.

    The encoding is sent at the start of a session, so the encoding passes poolers, too.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    with connecting(conninfo):
        given = conninfo_to_dict(conninfo)
        if "PGCONNECT_TIMEOUT" in os.environ:
            given.setdefault("connect_timeout", os.environ["PGCONNECT_TIMEOUT"])
        return make_conninfo("", **{**_DEFAULTS, **given, "client_encoding": "UTF8"})


@contextmanager
def connecting(conninfo: str) -> Iterator[None]:
    """Run a block that opens a connection; raise ConnectionFailed with the reason if it fails.

    libpq repeats parts of a string that libpq cannot read, or takes for a host. Often these are
    parts of a password with special characters, so the error does not repeat these parts.
    """
    import psycopg

    try:
        yield
    except psycopg.ProgrammingError:
        raise _unreadable() from None
    except psycopg.OperationalError as error:
        if _is_torn(conninfo):
            raise _unreadable() from None
        raise ConnectionFailed(
            f"cannot connect to PostgreSQL: {str(error).strip()}",
            hint="Check that the server is running, and the address: the connection string that was"
            " given, else STEPGRES_DSN, else the PG* variables.",
        ) from error


def _unreadable() -> ConnectionFailed:
    return ConnectionFailed(
        "not a connection string, which is not repeated here because it may have a password",
        hint="Write it like postgresql://user@host/database, or host=localhost dbname=mine. In a"
        " URI write %25 for %, %40 for @, %2F for /, %3A for :, %3F for ?, %5B for [ and %23 for #;"
        " in the other form put values with spaces in single quotes.",
    )


def _is_torn(conninfo: str) -> bool:
    """Say whether libpq may have read parts of a password as a host, port or database."""
    from psycopg.conninfo import conninfo_to_dict

    words = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    ports = words.get("port", "").replace(",", "")
    hosts = words.get("host", "").split(",")
    is_host_torn = any("@" in host for host in hosts if not host.startswith(("/", "@")))
    return is_host_torn or "@" in words.get("dbname", "") or bool(ports and not ports.isdecimal())
