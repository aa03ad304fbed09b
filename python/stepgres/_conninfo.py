"""Which server is meant when the caller does not say."""

from __future__ import annotations

import os


def resolve_conninfo(conninfo: str | None) -> str:
    """The given conninfo, else STEPGRES_DSN, else "": libpq then reads its PG* variables."""
    return conninfo or os.environ.get("STEPGRES_DSN", "")
