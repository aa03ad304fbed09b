"""Python values that are written as JSON without being asked: outputs, inputs, messages, tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

import stepgres
from stepgres import Client, Executor, InvalidInput
from stepgres._postgres.json_text import NotWritable, dumps
from tests.support.workflows import workflow

ID = UUID("0198c2f4-7d5e-7b1a-9a51-1f0d3c2b4a69")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=timezone.utc)


class Colour(Enum):
    RED = "red"
    MANY = ("red", date(2026, 1, 2))


class Word(str, Enum):
    YES = "yes"


class Number(IntEnum):
    ONE = 1


@dataclass
class Line:
    when: datetime
    price: Decimal
    tags: set[str] = field(default_factory=set)


@attrs.define
class Order:
    id: UUID
    lines: list[Line]


class Model(pydantic.BaseModel):
    id: UUID
    when: datetime
    link: pydantic.AnyUrl


class Struct(msgspec.Struct):
    id: UUID
    colour: Colour
    amounts: tuple[Decimal, ...]


@pydantic.dataclasses.dataclass
class Point:
    x: Decimal


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (NOON, "2026-01-02T12:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=1.5), 90),
        (ID, str(ID)),
        (Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        (Colour.MANY, ["red", "2026-01-02"]),
        (Word.YES, "yes"),
        (Number.ONE, 1),
        (
            Line(NOON, Decimal(1), {"b", "a"}),
            {"when": NOON.isoformat(), "price": "1", "tags": ["a", "b"]},
        ),
        (
            Order(ID, [Line(NOON, Decimal(1))]),
            {"id": str(ID), "lines": [{"when": NOON.isoformat(), "price": "1", "tags": []}]},
        ),
        (
            Model(id=ID, when=NOON, link=pydantic.AnyUrl("https://example.com/a")),
            {"id": str(ID), "when": "2026-01-02T12:00:00Z", "link": "https://example.com/a"},
        ),
        (Struct(ID, Colour.RED, (Decimal(1),)), {"id": str(ID), "colour": "red", "amounts": ["1"]}),
        (Point(Decimal(2)), {"x": "2"}),
        ((1, (date(2026, 1, 2),)), [1, ["2026-01-02"]]),
        (Pair(1, ID), [1, str(ID)]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({ID}), [str(ID)]),
        ({1, "a"}, ["a", 1]),
        (
            {ID: {NOON: 1}, Colour.RED: 2, 3: None},
            {str(ID): {NOON.isoformat(): 1}, "red": 2, "3": None},
        ),
        ({"ü": ["😀"]}, {"ü": ["😀"]}),
        ("\\u0000 and \\ud800 spelled out", "\\u0000 and \\ud800 spelled out"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_value_is_written_as_json(value: Any, written: Any) -> None:
    assert json.loads(dumps(value)) == written
    assert json.loads(dumps({"in": [value]})) == {"in": [written]}


class Slotted:
    __slots__ = ("a",)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (b"bytes", "x is of type bytes"),
        ({"lines": [1, 2, 3, {"when": object()}]}, 'x["lines"][3]["when"] is of type object'),
        (Line(NOON, Slotted()), 'x["price"] is of type Slotted'),  # type: ignore[arg-type]
        ({ID: [1, b""]}, f"x[{ID!r}][1] is of type bytes"),
        ({("a", "b"): 1}, "x cannot be written as JSON: keys must be"),
        ([{"n": float("nan")}], 'x[0]["n"] cannot be written as JSON'),
        ({"k": ("a", "b\0")}, 'x["k"][1] has the character'),
        ({"k": {"\ud800": 1}}, 'a key of x["k"] has the character'),
        (Line, "x is of type type"),
        ((n for n in "ab"), "x is of type generator"),
    ],
)
def test_value_that_cannot_be_written_is_named_by_its_key_path(value: Any, path: str) -> None:
    with pytest.raises(NotWritable) as error:
        dumps(value, "x")
    assert str(error.value).startswith(path)


def test_such_values_are_outputs_inputs_and_messages(client: Client, executor: Executor) -> None:
    flow = workflow(("echo", lambda i: {"at": NOON, "was": i}))
    output = executor.execute(flow, {"id": ID, "line": Line(NOON, Decimal(1))}).output
    line = {"when": NOON.isoformat(), "price": "1", "tags": []}
    assert output == {"at": NOON.isoformat(), "was": {"id": str(ID), "line": line}}
    run_id = client.start_workflow_run("demo", [ID])
    assert client.get_run_input(run_id) == [str(ID)]
    client.create_channel("orders")
    message_id = client.send_with_notify("orders", {"id": ID})
    message = client.get_message("orders", message_id)
    assert message is not None
    assert message.message == {"id": str(ID)}


def test_output_of_a_transactional_step_is_written_alike(executor: Executor) -> None:
    def book(input: Any, context: Any) -> Any:
        return (input and {"when": b""}) or {"when": NOON}

    flow = workflow(("book", book, {"transactional": True}), base_delay=0)
    assert executor.execute(flow, None).output == {"when": NOON.isoformat()}
    with pytest.raises(stepgres.WorkflowFailed) as failed:
        executor.execute(flow, 1)
    assert failed.value.error_type == "UnwritableOutput"
    assert 'step "book": output["when"] is of type bytes' in failed.value.error


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda c: c.start_workflow_run("demo", {"a": [b""]}), 'input["a"][0] is of type bytes'),
        (lambda c: c.start_workflow_runs("demo", [1, {"a": b""}]), 'inputs[1]["a"] is of type'),
        (lambda c: c.start_workflow_run("demo", {"a": "\0"}), 'input["a"] has the character'),
        (lambda c: c.send_with_notify("orders", {"a": b""}), 'message["a"] is of type bytes'),
        (lambda c: c.register_worker(resources={"gpu": b""}), 'resources["gpu"] is of type bytes'),
        (lambda c: Executor(c).execute(workflow(("a", len)), {"a": b""}), 'input["a"] is of'),
    ],
)
def test_argument_that_cannot_be_written_is_invalid_and_named(
    client: Client, call: Any, path: str
) -> None:
    client.register_workflow(stepgres.describe(workflow(("a", len))).document)
    with pytest.raises(InvalidInput) as error:
        call(client)
    assert str(error.value).startswith(f"not a JSON value: {path}")
    assert "dataclasses" in str(error.value.hint)


def test_libraries_are_not_imported_for_values_that_are_not_of_theirs() -> None:
    code = (
        "import sys; from stepgres._postgres.json_text import dumps; dumps({'a': {1}});"
        " print({'pydantic', 'msgspec', 'attrs', 'attr'} & set(sys.modules))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout.strip() == "set()"
