"""JSON of the values that the client returns, for the command line and the JSON API."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from stepgres.errors import UnreadableValue

_MOST_LEVELS = 120


def jsonable(value: Any, levels: int = _MOST_LEVELS) -> Any:
    """Return a value, with the fields of its objects, as dicts, lists and plain values."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, (dict, list, tuple)) and levels == 0:
        return {"unreadable": f"nested more than {_MOST_LEVELS} levels deep"}
    if isinstance(value, dict):
        return {key: jsonable(item, levels - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, levels - 1) for item in value]
    if isinstance(value, UnreadableValue):
        return {"unreadable": str(value)}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
