"""JSON as Postgres takes it."""

from __future__ import annotations

import json
import sys
from typing import Any

from stepgres.errors import InvalidInput, UnreadableValue


def dumps(value: Any) -> str:
    """The JSON text of a value; ValueError, TypeError or RecursionError if it has none."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def dumps_input(value: Any) -> str:
    """The JSON text of an argument; InvalidInput if it has none."""
    try:
        return dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"not a JSON value: {error}",
            hint="Pass None, booleans, numbers other than NaN, strings, lists and dicts of these.",
        ) from error


def loads(text: str, name: str) -> Any:
    """The value of a JSON text from the database; UnreadableValue names it if it is too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise too_deep(name) from error


def too_deep(name: str) -> UnreadableValue:
    """The error that means that there was a RecursionError."""
    return UnreadableValue(
        f"{name} is nested more deeply than Python can read",
        hint=f"PostgreSQL allows more than sys.getrecursionlimit(), which is"
        f" {sys.getrecursionlimit()}: raise it, or nest less.",
    )
