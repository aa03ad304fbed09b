"""The metrics that docs/operating.md, the Grafana board and the rules of alerts name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import Engine

ROOT = Path(__file__).parents[2]
BOARD = ROOT / "docker/grafana/stepgres.json"
ALERTS = ROOT / "docker/grafana/alerts.yaml"


@pytest.fixture
def known(engine: Engine) -> dict[str, tuple[str, set[str]]]:
    """The type and the labels of each metric that the view has."""
    engine.call("tick")
    engine.call("pause_queue", queue="default")
    rows = engine.rows("select name, type, labels from stepgres.list_metrics()")
    return {name: (type, set(labels)) for name, type, labels in rows}


def test_manual_has_every_metric_with_its_type_and_labels(
    known: dict[str, tuple[str, set[str]]],
) -> None:
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    told = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for names, kind, labels in re.findall(
            r"^\| (`stepgres_[^|]*) \| (\w+) \|([^|]*)\|", text, re.M
        )
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == known


def expressions(value: Any) -> list[str]:
    """Every expression of a board, however deep."""
    if isinstance(value, dict):
        own = [value["expr"]] if "expr" in value else []
        return own + [e for item in value.values() for e in expressions(item)]
    if isinstance(value, list):
        return [e for item in value for e in expressions(item)]
    return []


def test_every_expression_of_the_board_names_a_metric(
    known: dict[str, tuple[str, set[str]]],
) -> None:
    board = json.loads(BOARD.read_text("utf-8"))
    found = expressions(board)
    named = [re.findall(r"\bstepgres_\w+", expression) for expression in found]
    assert len(found) >= len(board["panels"])
    assert [e for e, names in zip(found, named, strict=True) if not names] == []
    assert {name for names in named for name in names} - known.keys() == set()
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)


def test_every_alert_names_metrics(known: dict[str, tuple[str, set[str]]]) -> None:
    rules = re.split(r"- alert: ", ALERTS.read_text("utf-8"))[1:]
    named = [set(re.findall(r"\bstepgres_\w+", rule)) for rule in rules]
    assert len(rules) == 7
    assert all(named)
    assert set().union(*named) - known.keys() == set()
