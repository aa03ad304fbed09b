"""Arguments of the client as psycopg takes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from stepgres._json import dumps_input


def interval(seconds: float | None) -> timedelta | None:
    """Seconds, as Python has them, for an argument that is an interval in SQL."""
    return None if seconds is None else timedelta(seconds=seconds)


def json_argument(value: Any) -> Jsonb | None:
    """None stays what it is: an argument that is not given."""
    return None if value is None else Jsonb(value, dumps_input)
