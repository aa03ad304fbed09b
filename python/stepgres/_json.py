"""JSON as Postgres takes it."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Loader

from stepgres.errors import InvalidInput, UnreadableValue

if TYPE_CHECKING:
    from psycopg.abc import Buffer

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
_MOST_LEVELS = 100  # are kept of a value that is nested too deeply


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
    """The value of a JSON text from the database; UnreadableValue names it if Python cannot."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise unreadable(name, error) from error


def tolerant_loads(text: str) -> Any:
    """The value of a JSON text; an UnreadableValue stands for each part that Python cannot read."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        # NaN, which JSON has not, stands for what was cut out
        return json.loads(
            _without_depths(text), parse_int=_int, parse_constant=lambda _: _too_deep("a value")
        )


def unreadable(name: str, error: Exception) -> UnreadableValue:
    """The error that means that there was a RecursionError or a ValueError."""
    return _too_deep(name) if isinstance(error, RecursionError) else _too_long(name)


class Json(Loader):
    """Reads jsonb as Stepgres does, whatever the connection does with it."""

    def load(self, data: Buffer) -> Any:
        return json.loads(bytes(data))


class TolerantJson(Loader):
    """The same with placeholders: one value that Python cannot read hides no other."""

    def load(self, data: Buffer) -> Any:
        return tolerant_loads(bytes(data).decode())


def _int(digits: str) -> int | UnreadableValue:
    try:
        return int(digits)
    except ValueError:
        return _too_long("a value")


def _without_depths(text: str) -> str:
    """The text with NaN in place of the arrays and objects that are nested too deeply."""
    pieces, depth, kept_to = [], 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == _MOST_LEVELS + 1:
                pieces += [text[kept_to : token.start()], "NaN"]
        elif token[0] in "]}":
            depth -= 1
            if depth == _MOST_LEVELS:
                kept_to = token.end()
    return "".join(pieces) + text[kept_to:]


def _too_deep(name: str) -> UnreadableValue:
    return UnreadableValue(
        f"{name} is nested more deeply than Python can read",
        hint=f"PostgreSQL allows more than sys.getrecursionlimit(), which is"
        f" {sys.getrecursionlimit()}: raise it, or nest less.",
    )


def _too_long(name: str) -> UnreadableValue:
    return UnreadableValue(
        f"{name} has a number of more digits than Python reads",
        hint="Python reads as many digits as sys.set_int_max_str_digits allows: raise it, or store"
        " such a number as a string.",
    )
