"""The form of an approval: its JSON Schema as fields of a page, and what is typed as JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONG = 200  # characters from which a text has several lines
_FORMATS = {"date": "date", "date-time": "time"}


@dataclass(frozen=True)
class Question:
    """A field for a part of the payload; field is its name in the form, name that in the payload.

    kind is text, long, date, time, number, integer, flag, choice or json. Of a choice, options are
    JSON texts with their labels. value is the text in the field, and "true" for a flag that is set.
    """

    field: str
    name: str | None
    kind: str
    label: str
    help: str
    is_needed: bool
    value: str
    options: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    shortest: int | None = None
    longest: int | None = None


def questions(
    form: Mapping[str, Any] | None, given: Mapping[str, list[str]] | None = None
) -> list[Question]:
    """Return the fields for a form, with its defaults or with what was typed.

    An object has a field for each property. Any other payload is one field without a name.
    """
    properties = (form or {}).get("properties")
    if form is not None and properties and form.get("type", "object") == "object":
        needed = form.get("required", [])
        found = [
            _question(name, part, given, is_needed=name in needed)
            for name, part in properties.items()
        ]
        # PostgreSQL has not kept the order of the properties
        return sorted(found, key=lambda question: not question.is_needed)
    is_needed = form is not None and form.get("type") != "null"
    return [_question(None, form or {}, given, is_needed=is_needed)]


def answers(form: Mapping[str, Any] | None, given: Mapping[str, list[str]]) -> Any:
    """Return the payload that was typed. The database says whether it fits the form."""
    asked = questions(form, given)
    if asked[0].name is None:
        return _answer(asked[0]) if _is_answered(asked[0]) else None
    return {str(q.name): _answer(q) for q in asked if _is_answered(q)}


def _question(
    name: str | None,
    part: Mapping[str, Any],
    given: Mapping[str, list[str]] | None,
    *,
    is_needed: bool,
) -> Question:
    field = "answer" if name is None else f"answer.{name}"
    kind = _kind(part)
    if given is not None:
        value = given.get(field, [""])[-1]
    else:
        value = _text(kind, part["default"]) if "default" in part else ""
    return Question(
        field,
        name,
        kind,
        str(part.get("title") or name or "Payload"),
        " ".join(filter(None, [str(part.get("description") or ""), "In UTC." * (kind == "time")])),
        is_needed,
        value,
        tuple((json.dumps(option), _label(option)) for option in part.get("enum", [])),
        part.get("minimum"),
        part.get("maximum"),
        part.get("minLength"),
        part.get("maxLength"),
    )


def _kind(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return "choice"
    kind = part.get("type")
    if kind == "string":
        is_long = part.get("maxLength", 0) > _LONG
        return _FORMATS.get(str(part.get("format")), "long" if is_long else "text")
    return {"number": "number", "integer": "integer", "boolean": "flag"}.get(str(kind), "json")


def _text(kind: str, value: Any) -> str:
    """Return the text of a field that stands for a value."""
    if kind == "time":
        moment = _moment(str(value))
        return moment.replace(tzinfo=None).isoformat(timespec="seconds") if moment else str(value)
    if kind in {"text", "long", "date"}:
        return str(value)
    return json.dumps(value, ensure_ascii=kind == "choice", indent=2 if kind == "json" else None)


def _label(option: Any) -> str:
    return option if isinstance(option, str) else json.dumps(option)


def _is_answered(question: Question) -> bool:
    """Say whether a field has an answer; a flag that is not set answers false."""
    return question.kind == "flag" or question.value.strip() != ""


def _answer(question: Question) -> Any:
    text = question.value
    if question.kind in {"text", "long", "date"}:
        return text
    if question.kind == "time":
        moment = _moment(text)
        return moment.isoformat() if moment else text  # the database says that it is no time
    if question.kind == "flag":
        return text == "true"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if question.kind == "json":
            raise InvalidInput(
                f"{question.label} is not JSON: {error}",
                hint='Write JSON, such as ["a", "b"]; a text stands in double quotes.',
            ) from error
        return text  # the database says that it is no number
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    return text if question.kind in {"number", "integer"} and not is_number else value


def _moment(text: str) -> datetime | None:
    """Return a time in UTC, to the second; a time without an offset is in UTC already."""
    # Python 3.10 reads neither Z nor any number of decimals
    plain = re.sub(r"\.\d+", "", text.strip()).replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(plain)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(
            timezone.utc
        )
    except (ValueError, OverflowError):
        return None
