"""Types of the arguments of commands: durations, times, integers and JSON values."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.types import IntParamType

if TYPE_CHECKING:
    _Float = click.ParamType[float]
    _Any = click.ParamType[Any]
else:  # older versions of click have no generic ParamType
    _Float = _Any = click.ParamType

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_PART = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(_SECONDS)})")


class Duration(_Float):
    """Seconds, written like 90s, 5m, 1h30m or 30d."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, (int, float)):
            return value
        # A number without a unit is refused: "older than 30" hardly means seconds.
        if not re.fullmatch(rf"(?:{_PART.pattern})+", value):
            self.fail(
                f"{value!r} is not a duration. Write a number and a unit, such as 90s, 5m, 12h, "
                "30d, 2w, or several of them: 1h30m.",
                param,
                ctx,
            )
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(value))


class Moment(_Any):
    """A time, such as 2026-11-28 or 2026-11-28T12:30+01:00, or an age, such as 90m or 2d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, datetime):
            return value
        try:
            if re.fullmatch(rf"(?:{_PART.pattern})+", value):
                return datetime.now(timezone.utc) - timedelta(
                    seconds=DURATION.convert(value, param, ctx)
                )
            text = re.sub(r"[Zz]$", "+00:00", value)
            text = re.sub(r"[Tt ](\d\d)(?=$|[+-])", r"T\1:00", text)  # Python 3.10 requires minutes
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a time. Write how long ago it was, such as 90m, 2h or 7d, or the"
                " time itself: 2026-11-28, or 2026-11-28T12:30.",
                param,
                ctx,
            )


class Integer(IntParamType):
    """An integer in the range of the database."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number: int = super().convert(value, param, ctx)
        if not -(2**31) <= number < 2**31:
            self.fail(f"{number} is too large.", param, ctx)
        return number


class JsonValue(_Any):
    """A JSON value: the text itself, a file (@file), or standard input (-)."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        place, text = "it", value.encode("utf-8", "surrogateescape")
        if value == "-" and sys.stdin is None:
            self.fail("standard input is closed. Write the JSON itself, or @file.", param, ctx)
        if value == "-":
            if sys.stdin is None:
                self.fail("standard input is closed", param, ctx)
            place, text = "standard input", sys.stdin.buffer.read()
        elif value.startswith("@"):
            place = value[1:]
            try:
                text = Path(place).read_bytes()
            except OSError as error:
                self.fail(f"{place} cannot be read: {error.strerror}", param, ctx)
            except ValueError as error:
                self.fail(f"{place!r} cannot be read: {error}", param, ctx)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            self.fail(
                f"{place} is not JSON: {error}. Write JSON, such as "
                """'{"name": "Ada"}', @file for a file, - for standard input.""",
                param,
                ctx,
            )


DURATION = Duration()
INTEGER = Integer()
JSON_VALUE = JsonValue()
MOMENT = Moment()
