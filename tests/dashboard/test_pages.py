"""Pages as text: filters, forms, escaping, fragments."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import Database
from tests.support.dashboards import browsing
from tests.support.engine import Engine, step

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\u0000".replace("\u0000", "\x07")


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    engine.define("order", step("a", max_attempts=1), step("b", "a"))
    run_id: UUID = engine.start("order", {"x": 1}, tags=["eu"])
    return run_id


def listed(page: httpx.Response) -> list[str]:
    """The runs in the list of a page."""
    assert page.status_code == 200, page.text
    return re.findall(r'<tr data-key="([-0-9a-f]{36})"', page.text)


def test_runs_are_filtered_and_paged(browser: httpx.Client, engine: Engine, run_id: UUID) -> None:
    runs = [run_id, *(engine.start("order", {"n": f"number {i}"}) for i in range(60))]
    engine.call("cancel_workflow_run", run_id=runs[3], reason="a needle")
    newest = [str(run) for run in reversed(runs)]
    first = browser.get("/")
    assert listed(first) == newest[:50]
    (older,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    assert older.startswith("/ops/?after=")
    assert listed(browser.get(older.removeprefix("/ops"))) == newest[50:]
    assert listed(browser.get("/?tag=eu")) == [str(run_id)]
    assert listed(browser.get("/?status=failed")) == [str(runs[3])]
    assert listed(browser.get("/?search=needle")) == [str(runs[3])]
    assert listed(browser.get("/?search=number+17&workflow_slug=order")) == [str(runs[18])]
    assert listed(browser.get("/?workflow_slug=other")) == []
    assert listed(browser.get("/?since=1h&until=30m")) == []
    assert len(listed(browser.get("/?since=1h&status=started"))) == 50


@pytest.mark.parametrize("query", ["status=odd", "since=soon", "after=x", f"after={UUID(int=1)}"])
def test_bad_filter_is_explained(browser: httpx.Client, query: str) -> None:
    page = browser.get(f"/?{query}")
    assert page.status_code in {400, 404}
    assert 'role="alert"' in page.text


def test_charts_count_the_runs_that_have_ended(
    browser: httpx.Client, engine: Engine, run_id: UUID
) -> None:
    engine.drain()
    engine.call("cancel_workflow_run", run_id=engine.start("order", {}))
    engine.call("tick")
    page = browser.get("/").text
    assert page.count("1 completed, 0 failed, 1 cancelled. At most 2 in a bar.") == 2
    assert page.count('<rect class="completed"') == 2


def test_unknown_runs_and_steps_are_not_found(browser: httpx.Client, run_id: UUID) -> None:
    for path in ("/runs/x", f"/runs/{uuid4()}", "/nowhere"):
        assert browser.get(path).status_code == 404
    assert browser.get(f"/runs/{run_id}/steps/odd").status_code == 400
    assert browser.get(f"/runs/{run_id}/payload?kind=output").status_code == 404


def test_hostile_texts_are_texts(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", {HOSTILE: HOSTILE}, tags=[HOSTILE])
    engine.call(
        "send_signal",
        run_id=run_id,
        signal="paid",
        payload=json.dumps(HOSTILE),
        source=HOSTILE,
    )
    engine.fail(engine.claim_one(), HOSTILE, error_type=HOSTILE, traceback=HOSTILE)
    for path in ("/", f"/runs/{run_id}", f"/runs/{run_id}/steps/a"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
        assert "\x1b" not in text
        assert "\x07" not in text
        # fields and SQL have the exact text, and are isolated from the text around them
        shown = re.sub("<textarea.*?</textarea>|<code>.*?</code>", "", text, flags=re.DOTALL)
        assert "\u202e" not in shown
        assert "\\u202e" in shown
    for place in ("search", "tag", "workflow_slug"):
        page = browser.get("/", params={place: HOSTILE})
        assert "<script>alert" not in page.text
    page = browser.get("/actions/cancel_workflow_run", params={"reason": HOSTILE, "run_id": "x"})
    assert page.status_code == 200
    assert "<script>alert" not in page.text


def test_large_values_are_cut_and_given_as_text(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", "x" * 1_000_000)
    engine.complete(engine.claim_one(), "<b>" + "y" * 900_000)
    page = browser.get(f"/runs/{run_id}")
    assert len(page.text) < 60_000
    raw = browser.get(f"/runs/{run_id}/payload?kind=input")
    assert raw.text == '"' + "x" * 1_000_000 + '"'
    assert raw.headers["content-type"].startswith("text/plain")
    assert raw.headers["content-disposition"].startswith("attachment")
    raw = browser.get(f"/runs/{run_id}/payload?kind=output&step=a")
    assert raw.text.startswith('"<b>')


def test_lists_do_not_read_payloads(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    for _ in range(3):
        engine.start("order", "x" * 1_000_000)
    with browsing(db.dsn) as browser:
        assert len(browser.get("/").text) < 60_000


def test_form_acts_and_says_so(browser: httpx.Client, engine: Engine, run_id: UUID) -> None:
    back = f"/ops/runs/{run_id}"
    form = {"run_id": str(run_id), "back": back}
    answer = browser.post("/actions/pause_workflow_run", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    page = browser.get(f"/runs/{run_id}")
    assert "The run is paused." in page.text
    assert "The run is paused." not in browser.get(f"/runs/{run_id}").text
    assert engine.call("get_run_status", run_id=run_id) is not None
    refused = browser.post("/actions/resume_workflow_run", data={**form, "run_id": str(uuid4())})
    assert refused.status_code == 404
    assert "SG005" in refused.text


def test_only_a_run_that_sleeps_can_be_woken(browser: httpx.Client, engine: Engine) -> None:
    def offers(run_id: UUID) -> bool:
        return "/actions/wake_workflow_run" in browser.get(f"/runs/{run_id}").text

    engine.define("order", step("a"))
    assert not offers(engine.start("order", 1))
    engine.fail(engine.claim_one(), retry_after="1 hour")
    (retrying,) = engine.rows("select run_id from stepgres.runs")
    delayed = engine.start("order", 1, delay="1 hour")
    for run_id in (retrying, delayed):
        assert offers(run_id)
        form = {"run_id": str(run_id), "back": f"/ops/runs/{run_id}"}
        assert browser.post("/actions/wake_workflow_run", data=form).status_code == 303
        engine.call("tick")
        assert not offers(run_id)
        assert engine.claim_one().run_id == run_id
        engine.call("pause_workflow_run", run_id=run_id)
        assert not offers(run_id)


def test_refused_form_keeps_what_was_typed(browser: httpx.Client, run_id: UUID) -> None:
    form = {"run_id": str(run_id), "from_steps": "a", "input": '{"half": ', "back": "/ops/"}
    answer = browser.post("/actions/fork_run", data=form)
    assert answer.status_code == 400
    assert "input cannot be" in answer.text
    assert html.escape('{"half": ').replace("&quot;", "&#34;") in answer.text
    assert f'name="run_id" value="{run_id}"' in answer.text


def test_fork_starts_a_run_with_the_edited_input(
    browser: httpx.Client, engine: Engine, run_id: UUID
) -> None:
    form = {"run_id": str(run_id), "from_steps": "a", "input": '{"x": 2}'}
    answer = browser.post("/actions/fork_run", data=form)
    forked = answer.headers["location"].removeprefix("/ops/runs/")
    assert engine.call("get_run_input", run_id=UUID(forked)) == {"x": 2}


def test_bulk_action_is_previewed_first(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"))
    runs = engine.rows("select stepgres.start_workflow_runs('order', '[1, 2, 3]')")
    before = engine.snapshot()
    preview = browser.get("/runs/bulk/cancel_runs?workflow_slug=order")
    assert "3 runs will be cancelled" in preview.text
    assert 'data-live=""' in preview.text, "what is confirmed does not change"
    assert engine.snapshot() == before
    late = engine.start("order", 4)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', preview.text))
    fields = {name: html.unescape(value) for name, value in fields.items()}
    answer = browser.post("/runs/bulk/cancel_runs", data={**fields, "reason": "enough"})
    assert answer.status_code == 303
    assert "3 runs were cancelled." in browser.get("/").text
    assert [engine.status(run) for run in runs] == [("failed", "enough")] * 3
    assert engine.status(late)[0] != "failed"
    assert browser.get("/runs/bulk/cancel_runs").status_code == 400
    assert browser.post("/runs/bulk/cancel_runs", data={"reason": "x"}).status_code == 400


def test_selection_is_changed_one_by_one(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"))
    runs = engine.rows("select stepgres.start_workflow_runs('order', '[1, 2, 3]')")
    engine.call("cancel_workflow_run", run_id=runs[0])
    chosen = [str(run) for run in runs[:2]]
    preview = browser.get("/runs/bulk/pause_runs", params={"run_id": chosen})
    assert "2 runs will be paused" in preview.text
    browser.post("/runs/bulk/pause_runs", data={"run_id": chosen})
    said = browser.get("/").text
    assert "1 run was paused. 1 not: run" in said
    counts = browser.get("/api/count_runs").json()["result"]
    assert sum(count["paused"] for count in counts) == 1


def test_fragment_is_the_content_alone(browser: httpx.Client, run_id: UUID) -> None:
    path = f"/runs/{run_id}/steps/a"
    whole = browser.get(path)
    (etag,) = re.findall(r'data-etag="([^"]+)"', whole.text)
    fragment = browser.get(path, headers={"X-Fragment": "1"})
    assert "<html" not in fragment.text
    assert fragment.text in whole.text
    assert fragment.headers["etag"] == html.unescape(etag)
    again = {"X-Fragment": "1", "If-None-Match": fragment.headers["etag"]}
    assert browser.get(path, headers=again).status_code == 304
    browser.post("/actions/cancel_workflow_run", data={"run_id": str(run_id)})
    assert browser.get(path, headers=again).status_code == 200


def test_links_stay_under_the_mount(browser: httpx.Client, run_id: UUID) -> None:
    run = f"/runs/{run_id}"
    for path in ("/", run, f"{run}/steps/a", "/runs/bulk/cancel_runs?tag=eu"):
        text = browser.get(path).text
        links: list[Any] = re.findall(r'(?:href|src|action|formaction|data-live)="([^"]*)"', text)
        assert links
        assert [link for link in links if link and not link.startswith(("/ops/", "#"))] == []


def test_failed_run_leads_to_the_run_of_on_failure(browser: httpx.Client, engine: Engine) -> None:
    engine.define("alert", step("tell", map=True))
    engine.define("order", step("a", max_attempts=1), on_failure="alert")

    def shown(run_id: UUID) -> str:
        found = re.search("<dt>On failure</dt><dd>(.*?)</dd>", browser.get(f"/runs/{run_id}").text)
        return html.unescape(re.sub("<[^>]*>", "", found[1])) if found else ""

    run_id = engine.start("order")
    assert shown(run_id) == "workflow alert"
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert shown(run_id).startswith("workflow alert, not started: ")
    engine.define("alert", step("tell"))
    other = engine.start("order")
    engine.fail(engine.claim_one())
    engine.call("tick")
    failure = engine.call("get_run", run_id=other)["failure_run_id"]
    assert shown(other) == f"workflow alert, run {failure}"
    page = browser.get(f"/runs/{failure}").text
    assert f'<dt>Failure of</dt><dd><a class="id" href="/ops/runs/{other}">' in page
    assert shown(UUID(failure)) == ""


def test_child_runs_unfold(browser: httpx.Client, engine: Engine) -> None:
    engine.define("inner", step("first"), step("second", "first"))
    engine.define("outer", step("a", workflow="inner"))
    run_id = engine.start("outer", {})
    page = browser.get(f"/runs/{run_id}").text
    (child,) = re.findall(r"child=([-0-9a-f]{36})", page)
    assert "second" not in page
    unfolded = browser.get(f"/runs/{run_id}?child={child}").text
    assert f'href="/ops/runs/{child}/steps/second"' in unfolded
    assert f"/ops/runs/{run_id}" in browser.get(f"/runs/{child}").text, "the parent"
    stranger = engine.start("inner", {})
    assert "second" not in browser.get(f"/runs/{run_id}?child={stranger}").text
