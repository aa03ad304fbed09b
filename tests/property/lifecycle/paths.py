"""JSON paths that Python can evaluate too: what PostgreSQL finds with them, in a few lines."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Predicate:
    """A condition over the input of a step, such as `$.x.n > 3`."""

    keys: tuple[str, ...]
    kind: str
    comparison: str = "=="
    literal: Any = None
    input_keys: tuple[str, ...] | None = None  # what it compares with is in the input instead

    def __str__(self) -> str:
        keys = "".join(f".{key}" for key in self.keys)
        other = json.dumps(self.literal)
        if self.input_keys is not None:
            other = ".".join(["$input", *self.input_keys])
        compared = f"{keys} {self.comparison} {other}"
        return {
            "value": f"${keys}",
            "exists": f"exists(${keys})",
            "compared": f"${compared}",
            "filtered": f"$ ? (@{compared})",
        }[self.kind]

    def is_met(self, value: Any, input: Any = None) -> bool:
        """Whether anything that is found is neither false nor null."""
        others = [self.literal]
        if self.input_keys is not None:
            others = members(input, self.input_keys)
        return any(found is not None and found is not False for found in self._find(value, others))

    def _find(self, value: Any, others: list[Any]) -> list[Any]:
        if self.kind == "value":
            return members(value, self.keys)
        if self.kind == "exists":
            return [bool(members(value, self.keys))]
        if self.kind == "compared":
            return [self._compare(value, others)]
        return [element for element in unwrapped(value) if self._compare(element, others)]

    def _compare(self, value: Any, others: list[Any]) -> bool:
        """Whether any two values compare; an array that a path ends at is looked into."""
        return any(
            is_true(element, self.comparison, other)
            for found in members(value, self.keys)
            for element in unwrapped(found)
            for wanted in others
            for other in unwrapped(wanted)
        )


def unwrapped(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def members(value: Any, keys: tuple[str, ...]) -> list[Any]:
    """What `.key.key` leads to; on the way each array stands for its elements."""
    found = [value]
    for key in keys:
        objects = [element for some in found for element in unwrapped(some)]
        found = [some[key] for some in objects if isinstance(some, dict) and key in some]
    return found


def is_true(left: Any, comparison: str, right: Any) -> bool:
    """Null differs from everything else; two types, or composed values, do not compare."""
    types = {json_type(left), json_type(right)}
    if len(types) > 1 and "null" in types:
        return comparison == "!="
    if len(types) > 1 or types & {"array", "object"}:
        return False
    return OPERATORS[comparison](left, right)


def json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


KEYS = ["n", "flag", "x", "s0", "s1", "s2"]

scalars = st.integers(0, 5) | st.none() | st.booleans() | st.sampled_from(["", "a"])


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)


values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=8
)


@st.composite
def predicates(draw: st.DrawFn, slugs: list[str] | None = None) -> Predicate:
    """Over keys that values have, and over the outputs of steps."""
    key = st.sampled_from([*KEYS, *(slugs or [])])
    keys = tuple(draw(st.lists(key, max_size=2)))
    kind = draw(st.sampled_from(["value", "exists", "compared", "filtered"]))
    if kind in ("value", "exists"):
        return Predicate(keys, kind)
    comparison = draw(st.sampled_from(list(OPERATORS)))
    ordered = st.integers(0, 5)
    literal = draw(ordered if comparison in "<>" else ordered | st.sampled_from([None, True, "a"]))
    return Predicate(keys, kind, comparison, literal)
