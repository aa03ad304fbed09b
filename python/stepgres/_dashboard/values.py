"""Arguments of the client's methods: what kinds they have, and how texts and JSON become them."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any
from uuid import UUID

from stepgres._client.client_async import AsyncClient
from stepgres.errors import InvalidInput

_AGE = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_KINDS = {"UUID", "str", "int", "float", "bool", "datetime", "Any"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "UUID": {"type": "string", "format": "uuid"},
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "timedelta": {"type": "number", "description": "seconds"},
    "Any": {},
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method. kind is one of _KINDS, and is that of an element of a list."""

    name: str
    kind: str
    is_list: bool
    is_needed: bool

    def from_texts(self, texts: list[str]) -> Any:
        """Return the value of a field of a form or of a query; an empty text is no value."""
        given = [text for text in texts if text.strip()]
        if not given:
            return None
        if self.is_list:
            return [self._from_text(part.strip()) for text in given for part in text.split(",")]
        return self._from_text(given[-1])

    def from_json(self, value: Any) -> Any:
        """Return the value of a member of a JSON document."""
        if value is None or self.kind == "Any":
            return value
        if self.is_list:
            if not isinstance(value, list):
                raise self._refused(value, "a list")
            return [self._from_value(item) for item in value]
        return self._from_value(value)

    def _from_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._from_text(value)
        types = {"int": (int,), "float": (int, float), "bool": (bool,)}.get(self.kind, ())
        if type(value) not in types:
            raise self._refused(value, self.kind)
        return value

    def _from_text(self, text: str) -> Any:
        text = text if self.kind in {"str", "Any"} else text.strip()
        try:
            if self.kind == "UUID":
                return UUID(text)
            if self.kind == "int":
                return int(text)
            if self.kind == "float":
                return _seconds(text)
            if self.kind == "bool":
                return {"true": True, "on": True, "false": False}[text.lower()]
            if self.kind == "datetime":
                return moment(text)
            if self.kind == "Any":
                return json.loads(text)
        except (ValueError, KeyError, OverflowError, RecursionError) as error:
            raise self._refused(text, self.kind) from error
        return text

    def _refused(self, value: Any, wanted: str) -> InvalidInput:
        hints = {
            "UUID": "Write a UUID, as the dashboard shows it.",
            "int": "Write a whole number.",
            "float": "Write a number, or a duration such as 90s, 5m or 2h.",
            "bool": "Write true or false.",
            "datetime": "Write an age such as 90m or 2d, or a time such as 2026-11-28T12:30Z.",
            "Any": 'Write JSON, such as {"name": "Ada"}; a text stands in double quotes.',
        }
        shown = repr(value)
        shown = shown if len(shown) <= 100 else f"{shown[:100]}…"
        return InvalidInput(
            f"{self.name} cannot be {shown}", hint=hints.get(wanted, "Write a list.")
        )


@cache
def parameters(method: str) -> dict[str, Parameter]:
    """Return the parameters of a method of the client, by their names."""
    found = {}
    for name, parameter in inspect.signature(getattr(AsyncClient, method)).parameters.items():
        if name == "self":
            continue
        annotation = str(parameter.annotation).removesuffix(" | None")
        is_list = annotation.startswith(("Sequence[", "list["))
        kind = annotation.split("[", 1)[1].rstrip("]") if is_list else annotation
        kind = "str" if kind == "WorkflowName" else kind
        found[name] = Parameter(
            name,
            kind if kind in _KINDS else "Any",
            is_list and kind in _KINDS,
            parameter.default is parameter.empty,
        )
    return found


def schema_of(annotation: str) -> dict[str, Any]:
    """Return the JSON schema of an annotation; {} if any value is possible."""
    if annotation.endswith(" | None"):
        inner = schema_of(annotation.removesuffix(" | None"))
        return {"anyOf": [inner, {"type": "null"}]} if inner else {}
    if annotation == "None":
        return {"type": "null"}
    if annotation.startswith(("Sequence[", "list[")):
        return {"type": "array", "items": schema_of(annotation.split("[", 1)[1][:-1])}
    if annotation.startswith(("dict[", "Mapping[")):
        return {"type": "object"}
    if annotation in {"WorkflowName", "JsonText"}:
        return _SCHEMAS["str"]
    return _SCHEMAS.get(annotation, {})


def moment(text: str) -> datetime:
    """Return a time that is written as an age, such as 2h or 1d, or as itself. UTC is assumed."""
    if re.fullmatch(rf"(?:{_AGE.pattern})+", text):
        return datetime.now(timezone.utc) - timedelta(seconds=_seconds(text))
    found = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def _seconds(text: str) -> float:
    if re.fullmatch(rf"(?:{_AGE.pattern})+", text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _AGE.findall(text))
    return float(text)
