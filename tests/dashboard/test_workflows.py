"""The pages of workflows."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from stepgres._dashboard.pages.workflows import differences, kind_of
from tests.conftest import Database
from tests.support.dashboards import HOSTILE, assert_hostile_is_text, assert_sql_and_command_do
from tests.support.engine import Engine, step

OLD = [step("a"), step("b", "a", timeout=60), step("gone", "b")]
NEW = [
    step("a", map=True),
    step("b", "a", timeout=7200, queue="slow"),
    step("fresh", "b", wait_for="paid"),
]


@pytest.fixture
def slug(engine: Engine) -> str:
    """A workflow with two versions."""
    engine.define("order", *OLD)
    engine.define("order", *NEW, keep={"completed": 86400})
    return "order"


def words(page: httpx.Response) -> str:
    """The text of a page."""
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", page.text)))


def listed(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'<tr data-key="(\w+)"', page.text)


def test_workflows_are_found_by_name_and_paged(browser: httpx.Client, engine: Engine) -> None:
    slugs = [f"flow_{number:03}" for number in range(60)]
    for slug in slugs:
        engine.define(slug, step("a"))
    engine.start("flow_001", {})
    first = browser.get("/workflows")
    assert listed(first) == slugs[:50]
    (more,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    assert listed(browser.get(more.removeprefix("/ops"))) == slugs[50:]
    assert listed(browser.get("/workflows?search=W_01")) == slugs[10:20]
    assert re.search(r"flow_001 1 1 1 ", words(browser.get("/workflows?search=flow_001")))
    assert "No workflow matches" in browser.get("/workflows?search=none").text


def test_workflow_leads_to_its_limits_schedules_and_handler(
    browser: httpx.Client, engine: Engine
) -> None:
    for limit_slug in ("api", "mail"):
        engine.call("create_limit", limit_slug=limit_slug, max_running=2)
    engine.define("alert", step("tell"))
    limited = step("a", limits=[{"limit": "api", "key": "$.tenant", "weight": 2}])
    engine.define("order", limited, limits=[{"limit": "mail"}], on_failure="alert")
    engine.call("create_schedule", schedule_slug="nightly", workflow_slug="order", cron="@daily")
    page = browser.get("/workflows/order")
    for path in ("limits/api", "limits/mail", "schedules/nightly", "workflows/alert"):
        assert f'<a href="/ops/{path}">' in page.text
        assert browser.get(f"/{path}").status_code == 200
    assert 'limit api , key $."tenant" , weight 2' in words(page)
    for path in ("/schedules", "/schedules/nightly"):
        assert '<a href="/ops/workflows/order">' in browser.get(path).text


def test_active_runs_are_counted_up_to_a_limit(
    browser: httpx.Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepgres._dashboard.pages.workflows._MOST_COUNTED", 2)
    engine.define("order", step("a"))
    for _ in range(3):
        engine.start("order", {})
    page = browser.get("/workflows")
    assert '<td data-head="Active runs" class="number">2+</td>' in page.text
    assert "too many active runs" in page.text


def test_workflow_is_shown_with_its_steps_and_runs(
    browser: httpx.Client, engine: Engine, slug: str
) -> None:
    run_id = engine.start(slug, [1])
    engine.call("create_schedule", schedule_slug="nightly", workflow_slug=slug, cron="0 3 * * *")
    page = browser.get(f"/workflows/{slug}")
    text = words(page)
    assert "Version 2." in text
    assert "Keep completed 1 d" in text
    assert "nightly : 0 3 * * *" in text
    assert "waits for signal paid" in text
    assert "slow 3 2 h" in text
    assert str(run_id) in page.text
    assert page.text.count('<g class="node defined">') == 3
    old = words(browser.get(f"/workflows/{slug}?version=1"))
    assert "Version 1; current is version 2" in old
    assert "gone" in old
    assert browser.get("/workflows/unknown").status_code == 404
    assert browser.get(f"/workflows/{slug}?version=9").status_code == 404


def test_kinds_of_steps_are_named() -> None:
    assert kind_of({"map": True, "initial_tasks": None}) == "map, function"
    assert kind_of({"initial_tasks": 1200}) == "1,200 tasks"
    assert kind_of({"durable": True}) == "durable"
    assert kind_of({"workflow": "order"}) == "workflow order"
    assert kind_of({"approval": {"title": "Ship it?"}}) == "approval: Ship it?"


def test_versions_are_compared(browser: httpx.Client, engine: Engine, slug: str) -> None:
    text = words(browser.get(f"/workflows/{slug}/versions"))
    assert "From version 1 to version 2" in text
    assert "step b timeout 1 min 2 h" in text
    assert "step b queue default slow" in text
    assert "step a map false true" in text
    assert "step fresh + added waits for signal paid, after b" in text
    assert "step gone - removed function, after b" in text
    back = words(browser.get(f"/workflows/{slug}/versions?old=2&new=1"))
    assert "step b timeout 2 h 1 min" in back
    assert "same options and steps" in browser.get(f"/workflows/{slug}/versions?old=1&new=1").text
    assert browser.get(f"/workflows/{slug}/versions?old=7&new=1").status_code == 404
    assert browser.get(f"/workflows/{slug}/versions?old=x").status_code == 400
    assert browser.get("/workflows/unknown/versions").status_code == 404


def test_equal_versions_have_no_differences(engine: Engine, slug: str) -> None:
    document: Any = engine.call("get_flow", workflow_id=slug)
    assert differences(document, {**document, "version": 3, "keep": None}) == []
    changed = differences(document, {**document, "deadline": 60})
    assert changed == [(None, "deadline", None, "1 min")]


def test_versions_are_paged(browser: httpx.Client, engine: Engine) -> None:
    for number in range(1, 61):
        engine.define("order", step("a", max_attempts=number))
    first = browser.get("/workflows/order/versions")
    assert len(re.findall(r'data-key="version-', first.text)) == 50
    (older,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    second = browser.get(html.unescape(older).removeprefix("/ops"))
    assert re.findall(r'data-key="version-(\d+)"', second.text) == [
        str(n) for n in range(10, 0, -1)
    ]
    assert "From version 59 to version 60" in second.text


def test_recommendation_is_applied(browser: httpx.Client, engine: Engine, db: Database) -> None:
    engine.define("order", step("a", timeout=3600))
    for _ in range(25):
        engine.start("order", {})
    engine.drain()
    page = browser.get("/workflows/order/durations")
    text = words(page)
    assert re.search(r"a 25 25 \d+ ms \d+ ms", text)
    assert re.search(r"a timeout 1 h 5\.0 s", text)
    form = {"workflow_slug": "order", "level": "basic", "back": "/ops/workflows/order/durations"}
    assert browser.post("/actions/optimize_workflow", data=form).status_code == 303
    after = words(browser.get("/workflows/order/durations"))
    assert "The recommended options are in force" in after
    assert "Nothing is recommended for version 2" in after
    text = words(browser.get("/workflows/order/durations?level=none"))
    assert re.search(r"a timeout 5\.0 s 1 h", text)
    assert browser.get("/workflows/order/durations?level=odd").status_code == 404
    versions = words(browser.get("/workflows/order/versions"))
    assert "the optimizer, from version 1" in versions


def test_run_is_started_by_a_form(browser: httpx.Client, engine: Engine, slug: str) -> None:
    form = {
        "workflow_slug": slug,
        "input": '[{"x": 1}]',
        "tags": "eu, big",
        "priority": "7",
        "delay": "90s",
        "idempotency_key": "k",
        "back": "/ops/",
    }
    answer = browser.post("/actions/start_workflow_run", data=form)
    run_id = UUID(answer.headers["location"].removeprefix("/ops/runs/"))
    run: Any = engine.call("get_run", run_id=run_id)
    assert (run["input"], run["tags"], run["priority"]) == ([{"x": 1}], ["eu", "big"], 7)
    assert engine.rows("select count(*) from stepgres.timers")[0] > 0
    again = browser.post("/actions/start_workflow_run", data=form)
    assert again.headers["location"] == answer.headers["location"]


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("input", '{"half": ', "input cannot be"),
        ("input", "", "start_workflow_run needs input"),
        ("priority", "high", "priority cannot be"),
        ("delay", "soon", "delay cannot be"),
    ],
)
def test_refused_start_keeps_what_was_typed(
    browser: httpx.Client, engine: Engine, slug: str, field: str, text: str, error: str
) -> None:
    form = {"workflow_slug": slug, "input": "{}", "tags": "kept", field: text}
    answer = browser.post("/actions/start_workflow_run", data=form)
    assert answer.status_code == 400
    assert error in answer.text
    assert 'name="tags" value="kept"' in answer.text
    assert str(html.escape(text)).replace("&quot;", "&#34;") in answer.text
    assert engine.rows("select count(*) from stepgres.runs") == [0]


def test_null_is_an_input(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"))
    form = {"workflow_slug": "order", "input": "null"}
    answer = browser.post("/actions/start_workflow_run", data=form)
    run_id = UUID(answer.headers["location"].removeprefix("/ops/runs/"))
    assert engine.call("get_run_input", run_id=run_id) is None


def test_workflow_is_deleted_after_a_confirmation(
    browser: httpx.Client, engine: Engine, slug: str
) -> None:
    page = browser.get(f"/workflows/{slug}").text
    assert '<input type="checkbox" required> Yes, delete the workflow' in page
    engine.start(slug, [1])
    form = {"workflow_id": slug, "back": f"/ops/workflows/{slug}"}
    refused = browser.post("/actions/delete_flow", data=form)
    assert refused.status_code == 409
    assert "has active runs" in refused.text
    answer = browser.post("/actions/delete_flow", data={**form, "force": "true"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ops/workflows")
    assert engine.rows("select count(*) from stepgres.workflows") == [0]


@pytest.mark.parametrize(
    ("method", "given"),
    [
        (
            "start_workflow_run",
            {
                "workflow_slug": "order",
                "input": '[{"text": "it\'s"}]',
                "tags": "a,b",
                "priority": "3",
                "delay": "1h",
                "idempotency_key": HOSTILE,
            },
        ),
        ("start_workflow_run", {"workflow_slug": "order", "input": "null", "version": "1"}),
        ("delete_flow", {"workflow_id": "order"}),
    ],
)
def test_sql_and_command_do_the_same(
    db: Database, engine: Engine, slug: str, method: str, given: dict[str, str]
) -> None:
    def effects() -> list[Any]:
        return engine.rows(
            """
            select (select json_agg(json_build_array(w.workflow_slug, w.current_version))
                    from stepgres.workflows as w)::text,
                (select json_agg(json_build_array(r.input, r.tags, r.priority, r.version,
                    r.idempotency_key)) from stepgres.runs as r)::text
            """
        )

    assert_sql_and_command_do(db.dsn, engine, method, given, effects)


def test_hostile_texts_are_texts(browser: httpx.Client, engine: Engine) -> None:
    engine.define(
        "order",
        step("a", approval={"title": HOSTILE, "description": HOSTILE}),
    )
    engine.define("order", step("a", resources={HOSTILE: HOSTILE}))
    run_id = engine.start("order", {})
    engine.call("cancel_workflow_run", run_id=run_id, reason=HOSTILE)
    for path in ("/workflows/order", "/workflows/order/versions"):
        assert_hostile_is_text(browser.get(path))
    page = browser.get("/workflows", params={"search": HOSTILE})
    assert "<script>alert" not in page.text


def test_links_stay_under_the_mount(browser: httpx.Client, slug: str) -> None:
    path = f"/workflows/{slug}"
    for place in ("/workflows", path, f"{path}/versions", f"{path}/durations"):
        links: list[str] = re.findall(r'(?:href|src|action)="([^"]*)"', browser.get(place).text)
        assert [link for link in links if link and not link.startswith(("/ops/", "#"))] == []
