"""The JSON API: the functions of SQL, and nothing else."""

from __future__ import annotations

import inspect
import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from stepgres import AsyncClient
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.api import READS, openapi
from stepgres._dashboard.values import parameters
from tests.support.engine import Engine, step


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    engine.define("order", step("a", max_attempts=1), step("b", "a"))
    run_id: UUID = engine.start("order", {"x": 1}, tags=["eu"])
    return run_id


def test_reads_answer_as_the_functions_do(browser: httpx.Client, run_id: UUID) -> None:
    (run,) = browser.get("/api/list_workflow_runs?status=started&tags=eu").json()["result"]
    assert (run["run_id"], run["input"]) == (str(run_id), {"x": 1})
    assert browser.get("/api/list_workflow_runs?tags=eu,us").json()["result"] == []
    assert browser.get("/api/list_workflow_runs?since=1h&payloads=false").json()["result"]
    got = browser.get(f"/api/get_run?run_id={run_id}").json()["result"]
    assert [s["step_slug"] for s in got["steps"]] == ["a", "b"]
    assert json.loads(
        browser.get(f"/api/get_payload?run_id={run_id}&kind=input").json()["result"]
    ) == {"x": 1}
    assert browser.get("/api/get_flow?workflow_id=order").json()["result"]["steps"]


@pytest.mark.parametrize("method", READS)
def test_every_read_answers(browser: httpx.Client, run_id: UUID, method: str) -> None:
    given = {
        "run_id": str(run_id),
        "workflow_slug": "order",
        "workflow_id": "order",
        "step_slug": "a",
        "schedule_slug": "nightly",
        "task_graph_id": "htdag_1",
        "cron_or_slug": "@daily",
        "channel": "news",
        "limit_slug": "api",
    }
    needed = {p.name: given[p.name] for p in parameters(method).values() if p.is_needed}
    if needed:
        refused = browser.get(f"/api/{method}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "SG003")
    answer = browser.get(f"/api/{method}", params=needed)
    unknown = {"get_schedule", "get_task_graph"}
    assert answer.status_code == (404 if method in unknown else 200), answer.text
    assert ("error" in answer.json()) == (method in unknown)


def test_actions_act(browser: httpx.Client, engine: Engine, run_id: UUID) -> None:
    def act(method: str, **arguments: object) -> Any:
        answer = browser.post(f"/api/{method}", json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    one = str(run_id)
    assert act("pause_workflow_run", run_id=one) is None
    assert act("resume_workflow_run", run_id=one) is None
    assert act("wake_workflow_run", run_id=one) == 0
    sent = act("send_signal", run_id=one, signal="paid", payload={"amount": 3})
    assert sent["outcome"] == "sent"
    assert act("cancel_workflow_run", run_id=one, reason="enough") is None
    assert engine.status(run_id) == ("failed", "enough")
    retried = act("retry_failed_workflow", run_id=one)
    forked = act("fork_run", run_id=one, from_steps=["a"], input={"x": 2})
    assert engine.call("get_run_input", run_id=forked) == {"x": 2}
    assert act("pause_runs", status="started", tags=["eu"]) == sorted([retried, forked])
    assert act("resume_runs", workflow_slug="order") == sorted([retried, forked])
    assert act("cancel_runs", workflow_slug="order", dry_run=True) == sorted([retried, forked])
    assert act("cancel_runs", workflow_slug="order") == sorted([retried, forked])
    assert act("retry_runs", workflow_slug="order", dry_run=True)


def test_errors_have_code_and_hint(browser: httpx.Client) -> None:
    unknown = browser.get(f"/api/get_run?run_id={uuid4()}")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "SG005"
    for path in ["get_run?run_id=x", "list_workflow_runs?limit=x", "list_workflow_runs?since=x"]:
        refused = browser.get(f"/api/{path}")
        assert refused.status_code == 400
        assert refused.json()["error"]["hint"]
    refused = browser.get("/api/list_workflow_runs?status=odd")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "SG014")
    assert "has no argument" in browser.get("/api/list_flows?x=1").json()["error"]["message"]
    for body in [b"{", b"[]", b"[" * 100_000, b'{"odd": 1}', b'{"run_id": 3}', b"{}"]:
        answer = browser.post(
            "/api/cancel_workflow_run", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400, body
    nowhere = browser.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()["error"]["message"]) == (404, "Not Found")


def test_document_describes_each_route(browser: httpx.Client) -> None:
    document = browser.get("/api/openapi.json").json()
    assert document["servers"] == [{"url": "/ops"}]
    assert set(document["paths"]) == {f"/api/{name}" for name in [*READS, *ACTIONS]}
    for method in [*READS, *ACTIONS]:
        operation = next(iter(document["paths"][f"/api/{method}"].values()))
        assert operation["summary"].endswith(".")
        names = list(inspect.signature(getattr(AsyncClient, method)).parameters)[1:]
        if method in READS:
            assert [p["name"] for p in operation["parameters"]] == names
        else:
            content = operation["requestBody"]["content"]["application/json"]
            assert list(content["schema"]["properties"]) == names
    schemas = document["components"]["schemas"]
    assert schemas["WorkflowRun"]["properties"]["run_id"] == {"type": "string", "format": "uuid"}


def test_references_of_the_document_lead_somewhere() -> None:
    document = openapi("")
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(document["components"]["schemas"])
    assert {"RunDetails", "RunStep", "Attempt", "error"} <= names
