"""JSON as Postgres takes it."""

from __future__ import annotations

import json
from typing import Any

from stepgres.errors import InvalidInput


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
