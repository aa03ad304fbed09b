"""JSON as Postgres takes it, of all values that Stepgres writes."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepgres.errors import InvalidInput, UnreadableValue

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
_MOST_LEVELS = 100  # are kept of a value that is nested too deeply

_KINDS = (
    "JSON values, dates and times, timedelta, UUID, Decimal, Enum, dataclasses, attrs, pydantic and"
    " msgspec objects, and tuples and sets of these"
)
_REFUSED = re.compile("[\0\ud800-\udfff]")  # characters that PostgreSQL does not take


class JsonText(str):
    """The JSON text of a value, where the value itself may stand as well."""

    __slots__ = ()


class NotWritable(ValueError):
    """A value that has no JSON; the message says what and where it is: output["when"]."""


def dumps(value: Any, name: str = "value") -> JsonText:
    """The JSON text of a value of that name; NotWritable if PostgreSQL would not take it."""
    if isinstance(value, JsonText):
        return value
    try:
        try:
            text = _encode(value)
        except TypeError:
            text = _encode(_with_plain_keys(value))  # json converts values, but no keys
    except RecursionError as error:
        raise NotWritable(f"{name} contains itself, or is nested too deeply for Python") from error
    except Exception as error:  # properties and methods of the value are the user's
        raise NotWritable(_describe_unwritable(value, name, error)) from error
    # only where there may be such a character is it looked for: that takes long
    if "\\u0000" in text or "\\ud" in text:
        for path, string in _strings(value, name):
            if character := _REFUSED.search(string):
                raise NotWritable(
                    f"{path} has the character {character[0]!a}, which PostgreSQL does not take"
                )
    return JsonText(text)


def dumps_input(value: Any, name: str = "value") -> JsonText:
    """The JSON text of an argument of that name; InvalidInput if it has none."""
    try:
        return dumps(value, name)
    except NotWritable as error:
        raise InvalidInput(f"not a JSON value: {error}", hint=f"Pass {_KINDS}.") from error


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


def _convert(value: Any) -> Any:
    """What stands in JSON for a value that json does not know."""
    converted = _convert_scalar(value)
    if converted is not value:
        return converted
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=_encode)
    # Libraries are looked for only where they are loaded: without that nothing is of their types.
    if (pydantic := _loaded("pydantic")) and isinstance(value, pydantic.BaseModel):
        if hasattr(value, "model_dump"):
            return value.model_dump(mode="json")
        return json.loads(value.json())  # of version 1
    if (msgspec := _loaded("msgspec")) and isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value, enc_hook=_convert)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "__attrs_attrs__") and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in value.__attrs_attrs__}
    raise TypeError(f"is of type {type(value).__name__}")


# made once: json.dumps makes one for each call that has options
_encode = json.JSONEncoder(default=_convert, allow_nan=False, separators=(",", ":")).encode


def _convert_scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    return value


def _loaded(module: str) -> Any:
    return sys.modules.get(module)


def _with_plain_keys(value: Any) -> Any:
    """The value with all that json does not know converted, keys of dicts too."""
    value = _simple(value)
    if isinstance(value, dict):
        return {
            key if isinstance(key, (str, int)) else _convert_scalar(key): _with_plain_keys(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_with_plain_keys(item) for item in value]
    return value


def _parts(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The items of a list or dict, each with its path; nothing of what is neither."""
    if isinstance(value, dict):
        for key, item in value.items():
            shown = json.dumps(key) if isinstance(key, str) else repr(key)
            yield f"{path}[{shown}]", item
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item


def _simple(value: Any) -> Any:
    """The value, or the list or dict that stands for it."""
    is_json = isinstance(value, (str, int, float, list, tuple, dict)) or value is None
    return value if is_json else _convert(value)


def _describe_unwritable(
    value: Any, path: str, error: Exception, above: frozenset[int] = frozenset()
) -> str:
    """Where in a value json came upon an error, and what is wrong there."""
    above |= {id(value)}
    try:
        value = _simple(value)
        for part_path, part in _parts(value, path):
            try:
                _encode(_with_plain_keys(part))
            except Exception as inner:
                if id(part) in above:
                    return f"{path} contains itself"
                return _describe_unwritable(part, part_path, inner, above)
    except RecursionError:
        return f"{path} contains itself, or is nested too deeply for Python"
    except Exception as broken:
        error = broken
    if isinstance(error, TypeError) and str(error).startswith("is of type"):
        return f"{path} {error}, which has no form in JSON"
    return f"{path} cannot be written as JSON: {error}"


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The strings in a value that can be written, keys too, each with its path."""
    parts = [(path, value)]
    while parts:
        path, value = parts.pop()
        value = _simple(value)
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            yield from ((f"a key of {path}", key) for key in value if isinstance(key, str))
        parts += _parts(value, path)
