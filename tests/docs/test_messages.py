"""docs/messages.md: what it shows works, in Python and in psql."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.waiting import PATIENCE
from tests.support.webserver import page, serving

PAGE = DOCS / "messages.md"


def test_examples_in_python(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names, outputs = run_python(PAGE)
    assert_pages_are_served(names["app"], names["run_id"])
    printed = "".join(outputs).splitlines()
    assert f"prints `{printed[0]}`." in PAGE.read_text(encoding="utf-8")
    assert "10" in printed
    assert "1 {'order': 7, 'status': 'paid'}" in printed
    events = [line.split(" ")[:2] for line in printed if line.startswith(("step_", "task_"))]
    assert events == [
        ["step_started", "greet"],
        ["task_started", "greet"],
        ["task_completed", "greet"],
        ["step_completed", "greet"],
    ]
    assert "greeting has ended" in printed
    assert [line.split(" ")[0] for line in printed[-4:]] == 2 * [
        "workflow_started",
        "workflow_completed",
    ]


def assert_pages_are_served(app: Any, run_id: UUID) -> None:
    with serving(app) as address:
        with page(f"http://{address}/orders?after=0") as orders:
            assert next(orders.events()).data["message_id"]
        with page(f"http://{address}/runs/{run_id}") as run:
            assert [sent.id for sent in run.events()][-1] == "end"
        assert httpx.get(f"http://{address}/users/7/orders").status_code == 403
        with connect(f"ws://{address}/orders/socket") as socket:
            assert json.loads(socket.recv(PATIENCE))["channel"] == "orders"


def test_examples_in_sql(db: Database) -> None:
    output = run_psql(db.dsn, "".join(blocks(PAGE, "sql")))
    lines = [line for line in output.splitlines() if not line.startswith("Async")]
    assert lines[:2] == ["1", '1|{"order": 11, "status": "paid"}']
    assert lines[3:5] == ['1|{"order": 11, "status": "paid"}', "t"]
    assert "somebody looks at order 11" in output
