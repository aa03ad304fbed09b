"""The pages of goals: task graphs to look at, approve, reject and start."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.support.dashboards import HOSTILE, assert_hostile_is_text, assert_sql_and_command_do
from tests.support.engine import Engine
from tests.support.goals import approve_graph, reject_graph, save_graph, start_graph

TASKS = [
    {"id": "analyze", "description": "Analyze it", "acceptance_criteria": ["all are asked"]},
    {
        "id": "design",
        "depends_on": ["analyze"],
        "subtasks": [{"id": "api"}, {"id": "tables", "depends_on": ["api"]}],
    },
    {"id": "ask", "depends_on": ["design"], "options": {"approval": {"title": "Go on?"}}},
]


def save(engine: Engine, tasks: Any = TASKS, **options: Any) -> str:
    return str(engine.call("save_task_graph", goal="Build it", tasks=Jsonb(tasks), **options))


def listed(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'<tr data-key="(htdag_\w+)"', page.text)


def form_of(page: httpx.Response, method: str) -> dict[str, str]:
    """The hidden fields of the form of an action."""
    (form,) = re.findall(rf'action="/ops/actions/{method}".*?</form>', page.text, re.DOTALL)
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in fields}


def status(engine: Engine, graph_id: str) -> str:
    (found,) = engine.rows(
        "select status from stepgres.task_graphs where task_graph_id = %s", graph_id
    )
    return str(found)


def test_goals_are_filtered_and_paged(browser: httpx.Client, engine: Engine) -> None:
    graphs = [save_graph(engine) for _ in range(25)]
    approve_graph(engine, graphs[3])
    reject_graph(engine, graphs[4], "too vague")
    newest = graphs[::-1]
    first = browser.get("/goals")
    assert listed(first) == newest[:20]
    (older,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    assert listed(browser.get(older.removeprefix("/ops"))) == newest[20:]
    assert listed(browser.get("/goals?status=approved")) == [graphs[3]]
    rejected = browser.get("/goals?status=rejected")
    assert listed(rejected) == [graphs[4]]
    assert "too vague" in rejected.text
    undecided = browser.get("/goals?status=decomposed")
    assert listed(undecided) == [graph for graph in newest if graph not in graphs[3:5]][:20]
    assert browser.get("/goals?status=odd").status_code == 400
    assert browser.get("/goals?after=unknown").status_code == 404


def test_goal_is_shown_with_its_hierarchy(browser: httpx.Client, engine: Engine) -> None:
    graph_id = save(engine)
    page = browser.get(f"/goals/{graph_id}")
    text = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", page.text)))
    assert "acceptance criteria all are asked" in text
    assert "design after analyze 2 in this group api tables after design/api" in text
    assert "ask approval: Go on? after design" in text
    assert page.text.count('<g class="node defined">') == 5
    assert 'id="task-design__tables"' in page.text
    assert 'href="#task-design__tables"' in page.text
    assert browser.get("/goals/unknown").status_code == 404


def test_large_goal_is_cut(browser: httpx.Client, engine: Engine) -> None:
    groups = [{"id": f"g{i}", "subtasks": [{"id": f"t{j}"} for j in range(99)]} for i in range(8)]
    page = browser.get(f"/goals/{save(engine, groups)}")
    assert page.text.count('<li id="task-') == 300
    assert "and 500 more" in page.text
    assert page.text.count('<g class="node') <= 120


def test_goal_is_approved_with_the_fingerprint_that_was_shown(
    browser: httpx.Client, engine: Engine
) -> None:
    graph_id = save(engine)
    seen = browser.get(f"/goals/{graph_id}")
    form = form_of(seen, "approve_task_graph")
    assert set(form) == {"back", "task_graph_id", "fingerprint"}
    save(engine, [*TASKS, {"id": "extra"}], task_graph_id=graph_id)
    refused = browser.post("/actions/approve_task_graph", data=form)
    assert refused.status_code == 409
    assert "has changed since it was read" in refused.text
    assert status(engine, graph_id) == "decomposed"
    again = browser.get(f"/goals/{graph_id}")
    # a live update takes an open form for the old goal tasks away
    keys = [re.findall(r'data-key="decide-(\w+)"', page.text) for page in (seen, again)]
    assert keys[0] != keys[1]
    answer = browser.post("/actions/approve_task_graph", data=form_of(again, "approve_task_graph"))
    assert answer.headers["location"] == f"/ops/goals/{graph_id}"
    assert status(engine, graph_id) == "approved"
    assert "The goal is approved." in browser.get(f"/goals/{graph_id}").text


def test_goal_is_rejected_with_a_reason(browser: httpx.Client, engine: Engine) -> None:
    graph_id = save(engine)
    form = form_of(browser.get(f"/goals/{graph_id}"), "reject_task_graph")
    assert browser.post("/actions/reject_task_graph", data=form).status_code == 400
    browser.post("/actions/reject_task_graph", data={**form, "reason": "too vague"})
    page = browser.get(f"/goals/{graph_id}")
    assert "Rejected: <bdi>too vague</bdi>" in page.text
    assert "/actions/approve_task_graph" not in page.text
    assert len(re.findall(r"decomposed</span>", page.text)) == 1  # among the events


def test_approved_goal_is_started(browser: httpx.Client, engine: Engine) -> None:
    graph_id = save(engine)
    assert "/actions/start_task_graph" not in browser.get(f"/goals/{graph_id}").text
    approve_graph(engine, graph_id)
    form = form_of(browser.get(f"/goals/{graph_id}"), "start_task_graph")
    answer = browser.post("/actions/start_task_graph", data={**form, "input": '{"user": 7}'})
    run_id = answer.headers["location"].removeprefix("/ops/runs/")
    assert engine.call("get_run_input", run_id=UUID(run_id)) == {"goal": "Build it", "user": 7}
    page = browser.get(f"/goals/{graph_id}")
    assert f'href="/ops/runs/{run_id}"' in page.text
    assert f'href="/ops/goals/{graph_id}"' in browser.get(f"/runs/{run_id}").text
    refused = browser.post("/actions/start_task_graph", data={**form, "input": "[1]"})
    assert refused.status_code == 400
    assert "must be a JSON object" in refused.text


@pytest.mark.parametrize(
    ("method", "given"),
    [("approve_task_graph", {}), ("reject_task_graph", {"reason": HOSTILE})],
)
def test_sql_and_command_do_the_same(
    db: Database, engine: Engine, method: str, given: dict[str, str]
) -> None:
    graph_id = save(engine)
    named = {"task_graph_id": graph_id, **given}
    if method == "approve_task_graph":
        (named["fingerprint"],) = engine.rows("select fingerprint from stepgres.task_graphs")
    assert_sql_and_command_do(
        db.dsn,
        engine,
        method,
        named,
        lambda: engine.rows("select (status, reason)::text from stepgres.task_graphs"),
    )


def test_hostile_texts_are_texts(browser: httpx.Client, engine: Engine) -> None:
    tasks = [{"id": "a", "description": HOSTILE, HOSTILE: {HOSTILE: HOSTILE}}]
    graph_id = str(engine.call("save_task_graph", goal=HOSTILE, tasks=Jsonb(tasks)))
    for path in ("/goals", f"/goals/{graph_id}"):
        assert_hostile_is_text(browser.get(path))
    approve_graph(engine, graph_id)
    engine.call("cancel_workflow_run", run_id=start_graph(engine, graph_id), reason=HOSTILE)
    reject_graph(engine, graph_id, HOSTILE)
    for path in ("/goals", f"/goals/{graph_id}"):
        assert_hostile_is_text(browser.get(path))
