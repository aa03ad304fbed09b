"""The JSON text of values that Stepgres writes, in the form that PostgreSQL takes."""

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
_MOST_LEVELS = 100  # levels that are kept of a value that is nested too deeply

_KINDS = (
    "JSON values, dates and times, timedelta, UUID, Decimal, Enum, dataclasses, attrs, pydantic and"
    " msgspec objects, and tuples and sets of these"
)
_REFUSED = re.compile("[\0\ud800-\udfff]")  # characters that PostgreSQL does not take


class JsonText(str):
    """The JSON text of a value; the text may replace the value as an argument."""

    __slots__ = ()


class NotWritable(ValueError):
    """A value has no JSON; the message names the part of the value, such as output["when"]."""


def dumps(value: Any, name: str = "value") -> JsonText:
    """Return the JSON text of a value with a name; NotWritable if PostgreSQL would refuse it."""
    if isinstance(value, JsonText):
        return value
    try:
        try:
            text = _encode(value)
        except TypeError:
            text = _encode(_with_plain_keys(value))  # json converts values, and not keys
    except RecursionError as error:
        raise NotWritable(f"{name} contains itself, or is nested too deeply for Python") from error
    except Exception as error:  # properties and methods of the user may raise any error
        raise NotWritable(_describe_unwritable(value, name, error)) from error
    # the search takes long: search only if the text may have such a character
    if "\\u0000" in text or "\\ud" in text:
        for path, string in _strings(value, name):
            if character := _REFUSED.search(string):
                raise NotWritable(
                    f"{path} has the character {character[0]!a}, which PostgreSQL does not take"
                )
    return JsonText(text)


def dumps_input(value: Any, name: str = "value") -> JsonText:
    """Return the JSON text of an argument with a name; InvalidInput if the value has no JSON."""
    try:
        return dumps(value, name)
    except NotWritable as error:
        raise InvalidInput(f"not a JSON value: {error}", hint=f"Pass {_KINDS}.") from error


def loads(text: str, name: str) -> Any:
    """Return the value of a JSON text; UnreadableValue, with the name, if Python cannot read it."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise unreadable(name, error) from error


def moment_of(value: str | datetime | None) -> datetime | None:
    """Return a time that JSON has as text."""
    if not isinstance(value, str):
        return value
    # Python 3.10 reads six decimals only
    return datetime.fromisoformat(re.sub(r"\.\d+", lambda digits: f"{digits[0]:0<7}", value))


def tolerant_loads(text: str) -> Any:
    """Return the value of a JSON text; UnreadableValues replace parts that Python cannot read."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        # NaN, which is not JSON, replaces the parts that were cut out
        return json.loads(
            _without_depths(text), parse_int=_int, parse_constant=lambda _: _too_deep("a value")
        )


def unreadable(name: str, error: Exception) -> UnreadableValue:
    """Return the UnreadableValue for a RecursionError or a ValueError."""
    return _too_deep(name) if isinstance(error, RecursionError) else _too_long(name)


def _int(digits: str) -> int | UnreadableValue:
    try:
        return int(digits)
    except ValueError:
        return _too_long("a value")


def _without_depths(text: str) -> str:
    """Return the text with NaN in place of arrays and objects that are nested too deeply."""
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
    """Return a value that json knows for a value that json does not know."""
    converted = _convert_scalar(value)
    if converted is not value:
        return converted
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=_encode)
    # A library that is not loaded has made no value, so only loaded libraries are checked.
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


# made once: json.dumps makes an encoder for each call that has options
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
    """Convert every part of a value that json does not know, keys of dicts too."""
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
    """Yield the items of a list or dict, each with its path; other values have no items."""
    if isinstance(value, dict):
        for key, item in value.items():
            shown = json.dumps(key) if isinstance(key, str) else repr(key)
            yield f"{path}[{shown}]", item
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item


def _simple(value: Any) -> Any:
    """Return the value, or the JSON value that replaces it."""
    is_json = isinstance(value, (str, int, float, list, tuple, dict)) or value is None
    return value if is_json else _convert(value)


def _describe_unwritable(
    value: Any, path: str, error: Exception, above: frozenset[int] = frozenset()
) -> str:
    """Describe the part of a value that json cannot write, and the error."""
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
    """Yield the strings and the string keys in a writable value, each with its path."""
    parts = [(path, value)]
    while parts:
        path, value = parts.pop()
        value = _simple(value)
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            yield from ((f"a key of {path}", key) for key in value if isinstance(key, str))
        parts += _parts(value, path)
