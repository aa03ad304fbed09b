"""The pages of approvals: the inbox, and one approval with its form."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb

from stepgres._dashboard.questions import answers, questions
from stepgres.errors import InvalidInput
from tests.conftest import Clock, Database
from tests.support.chromium import launched
from tests.support.dashboards import (
    HOSTILE,
    assert_hostile_is_text,
    assert_sql_and_command_do,
    browsing,
    dashboard_served,
)
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE, wait_until

FORM: dict[str, Any] = {
    "type": "object",
    "required": ["limit", "region", "reason"],
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        "share": {"type": "number", "title": "Share", "description": "Between 0 and 1."},
        "region": {"enum": ["eu", 7, None, True]},
        "notify": {"type": "boolean", "title": "Notify them", "default": True},
        "reason": {"type": "string", "minLength": 3, "maxLength": 40},
        "story": {"type": "string", "maxLength": 5000},
        "day": {"type": "string", "format": "date", "default": "2026-11-28"},
        "at": {"type": "string", "format": "date-time", "default": "2026-11-28T14:30:00.5+02:00"},
        "hosts": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        "owner": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
}


def ask(engine: Engine, slug: str = "release", **options: Any) -> tuple[int, UUID]:
    """An open approval, and its run."""
    approval = {"title": "Ship it?", **options}
    engine.define(slug, step("build"), step("ship", "build", approval=approval))
    run_id = engine.start(slug, {"branch": "main"})
    engine.complete(engine.claim_one(), {"artifact": "build 7"})
    wait_id = engine.rows("select max(wait_id) from stepgres.waits")[0]
    return wait_id, run_id


def address(asked: tuple[int, UUID]) -> str:
    return f"/approvals/{asked[0]}?run_id={asked[1]}"


def payload_of(engine: Engine, wait_id: int) -> Any:
    (payload,) = engine.rows(
        "select payload from stepgres.decisions where wait_id = %s order by 1", wait_id
    )
    return payload


def listed(page: httpx.Response) -> list[int]:
    assert page.status_code == 200, page.text
    return [int(number) for number in re.findall(r'data-key="approval-(\d+)"', page.text)]


def test_inbox_is_filtered_and_paged(browser: httpx.Client, engine: Engine) -> None:
    for_ann, run_id = ask(engine, assignees=["ann", "ben"])
    for_all, _ = ask(engine, "deploy")
    assert listed(browser.get("/approvals")) == [for_ann, for_all]
    assert listed(browser.get("/approvals?assignee=ann")) == [for_ann, for_all]
    assert listed(browser.get("/approvals?assignee=cleo")) == [for_all]
    assert listed(browser.get("/approvals?workflow_slug=release")) == [for_ann]
    assert listed(browser.get(f"/approvals?run_id={run_id}")) == [for_ann]
    assert browser.get("/approvals?run_id=x").status_code == 400
    more = [ask(engine)[0] for _ in range(55)]
    first = browser.get("/approvals")
    assert listed(first) == [for_ann, for_all, *more[:48]]
    (newer,) = re.findall(r'href="([^"]+)" rel="next"', first.text)
    assert listed(browser.get(newer.removeprefix("/ops"))) == more[48:]


def test_inbox_reads_no_payloads(browser: httpx.Client, engine: Engine) -> None:
    engine.define("release", step("build"), step("ship", "build", approval={"title": "Ship it?"}))
    engine.start("release", {})
    engine.complete(engine.claim_one(), "x" * 900_000)
    (shown,) = browser.get("/api/list_approvals?payloads=false").json()["result"]
    assert shown["input"] is None
    assert len(browser.get("/approvals").text) < 20_000
    (shown,) = browser.get("/api/list_approvals").json()["result"]
    assert len(json.dumps(shown["input"])) > 900_000
    assert len(browser.get(f"/approvals/{shown['wait_id']}").text) < 20_000


def test_approval_shows_what_is_decided(
    browser: httpx.Client, engine: Engine, clock: Clock
) -> None:
    asked = ask(engine, description="Look first.", quorum=2, timeout=3600, assignees=["ann", "ben"])
    page = browser.get(f"/approvals/{asked[0]}?assignee=ben")
    assert "Look first." in page.text
    assert "build 7" in page.text
    assert "0 of 2" in page.text
    assert "Deadline" in page.text
    assert '<option selected value="ben">' in page.text
    assert browser.get("/approvals/999").status_code == 404
    for odd in ("x", "-1", "9" * 30, "%D9%A3"):
        assert browser.get(f"/approvals/{odd}").status_code == 404


def test_form_is_made_from_the_schema(browser: httpx.Client, engine: Engine) -> None:
    text = browser.get(address(ask(engine, form=FORM))).text
    fields = {
        name: (tag, attributes)
        for tag, attributes, name in re.findall(
            r'<(input|select|textarea)([^>]*name="answer\.(\w+)"[^>]*)>', text
        )
    }
    assert set(fields) == set(FORM["properties"])
    assert {name for name, (_, more) in fields.items() if " required" in more} == {
        "limit",
        "region",
        "reason",
    }
    tag, limit = fields["limit"]
    assert tag == "input"
    for part in ('type="number"', 'step="1"', 'min="1"', 'max="1000"', 'value="100"'):
        assert part in limit
    assert 'step="any"' in fields["share"][1]
    assert "Between 0 and 1." in text
    assert 'type="checkbox"' in fields["notify"][1]
    assert " checked" in fields["notify"][1]
    assert fields["region"][0] == "select"
    assert 'minlength="3" maxlength="40"' in fields["reason"][1]
    assert 'type="date" value="2026-11-28"' in fields_of(text, "day")
    assert 'type="datetime-local" step="1" value="2026-11-28T12:30:00"' in fields_of(text, "at")
    assert "In UTC." in text
    assert [fields[name][0] for name in ("story", "hosts", "owner")] == ["textarea"] * 3


def fields_of(page: str, name: str) -> str:
    """The field of a page with this name."""
    (field,) = re.findall(rf'<[^>]*name="answer\.{name}"[^>]*>', page)
    return str(field)


@pytest.mark.parametrize(
    ("typed", "payload"),
    [
        ("2026-12-24T18:00:05", "2026-12-24T18:00:05+00:00"),
        ("2026-12-24T18:00", "2026-12-24T18:00:00+00:00"),
        ("2026-12-24T18:00:05.25+05:30", "2026-12-24T12:30:05+00:00"),
        ("2026-12-24 18:00:05Z", "2026-12-24T18:00:05+00:00"),
        ("soon", "soon"),
        ("0001-01-01T00:00:00+05:30", "0001-01-01T00:00:00+05:30"),
    ],
)
def test_times_are_sent_in_utc(typed: str, payload: str) -> None:
    form = {"type": "string", "format": "date-time", "default": payload}
    assert answers(form, {"answer": [typed]}) == payload
    assert questions(form)[0].value in {payload, payload.removesuffix("+00:00")}


def test_answers_have_the_types_of_the_schema() -> None:
    given = {
        "answer.limit": ["7"],
        "answer.share": ["0.5"],
        "answer.region": ["null"],
        "answer.reason": [" because "],
        "answer.story": [""],
        "answer.hosts": ['["a", 1]'],
        "answer.owner": ['{"name": "Ada"}'],
    }
    assert answers(FORM, given) == {
        "limit": 7,
        "share": 0.5,
        "region": None,
        "notify": False,
        "reason": " because ",
        "hosts": ["a", 1],
        "owner": {"name": "Ada"},
    }
    assert answers(FORM, {}) == {"notify": False}
    # the database says that these do not fit
    assert answers(FORM, {"answer.limit": ["many"], "answer.share": ["NaN"]})["limit"] == "many"
    assert answers(FORM, {"answer.share": ["NaN"]})["share"] == "NaN"
    with pytest.raises(InvalidInput, match="hosts is not JSON"):
        answers(FORM, {"answer.hosts": ["[1"]})


@pytest.mark.parametrize(
    ("form", "kind", "text", "payload"),
    [
        (None, "json", "", None),
        (None, "json", '{"a": 1}', {"a": 1}),
        ({}, "json", "[1]", [1]),
        ({"type": "object"}, "json", "{}", {}),
        ({"type": "string"}, "text", "yes", "yes"),
        ({"type": "integer"}, "integer", "3", 3),
        ({"type": "boolean"}, "flag", "true", True),
        ({"type": "boolean"}, "flag", "", False),
        ({"enum": ["a", 1]}, "choice", "1", 1),
        ({"type": "null"}, "json", "", None),
        ({"type": "array", "properties": {"a": {}}}, "json", "[]", []),
    ],
)
def test_payload_that_is_no_object_is_one_field(
    form: dict[str, Any] | None, kind: str, text: str, payload: Any
) -> None:
    (question,) = questions(form)
    assert (question.name, question.kind) == (None, kind)
    assert answers(form, {"answer": [text]}) == payload


def test_approval_by_form(browser: httpx.Client, engine: Engine) -> None:
    asked = ask(engine, form=FORM, quorum=2)
    form = {
        "answer.limit": "500",
        "answer.region": "7",
        "answer.reason": "agreed",
        "answer.hosts": "",
        "comment": "as discussed",
        "decided_by": "ann",
        "decision": "approve",
    }
    answer = browser.post(address(asked), data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ops{address(asked)}")
    page = browser.get(address(asked))
    assert "Stored: 1 of 2 have approved." in page.text
    assert "as discussed" in page.text
    assert payload_of(engine, asked[0]) == {
        "limit": 500,
        "region": 7,
        "notify": False,
        "reason": "agreed",
    }
    browser.post(address(asked), data={**form, "decided_by": "ben"})
    page = browser.get(address(asked))
    assert "Approved: the run goes on." in page.text
    assert page.text.count("as discussed") == 2
    assert "Your decision" not in page.text
    assert engine.status(asked[1])[0] == "completed"
    assert listed(browser.get("/approvals")) == []
    assert browser.get(f"/approvals/{asked[0]}").status_code == 404  # without its run


def test_rejection_needs_a_comment_and_no_payload(browser: httpx.Client, engine: Engine) -> None:
    asked = ask(engine, form=FORM)
    refused = browser.post(address(asked), data={"decision": "reject", "decided_by": "ann"})
    assert refused.status_code == 400
    assert "cannot be rejected without a comment" in refused.text
    assert 'value="ann"' in refused.text
    form = {"decision": "reject", "comment": "not yet", "decided_by": "ann"}
    assert browser.post(address(asked), data=form).status_code == 303
    page = browser.get(address(asked))
    assert "The approval is rejected." in page.text
    assert "not yet" in page.text
    assert engine.status(asked[1])[0] == "failed"


def test_decision_on_a_paused_run_counts_later(browser: httpx.Client, engine: Engine) -> None:
    asked = ask(engine)
    engine.call("pause_workflow_run", run_id=asked[1])
    browser.post(address(asked), data={"decision": "reject", "comment": "no"})
    assert "counts when the run is resumed" in browser.get(address(asked)).text


@pytest.mark.parametrize(
    ("field", "text", "status", "error"),
    [
        ("answer.limit", "5000", 400, "$.limit must be at most 1000"),
        ("answer.limit", "many", 400, "$.limit must be an integer, not a string"),
        ("answer.reason", "", 400, "has no &#34;reason&#34;"),
        ("answer.hosts", "[1", 400, "hosts is not JSON"),
        ("answer.hosts", "[1]", 400, "$.hosts[0] must be a string"),
        ("decided_by", "eve", 403, "is none of the assignees"),
        ("decision", "perhaps", 400, "nothing is decided"),
    ],
)
def test_refused_decision_keeps_what_was_typed(
    browser: httpx.Client, engine: Engine, field: str, text: str, status: int, error: str
) -> None:
    asked = ask(engine, form=FORM, assignees=["ann"])
    before = engine.snapshot()
    form = {
        "answer.limit": "5",
        "answer.region": '"eu"',
        "answer.reason": "<typed> reason",
        "answer.story": "typed story",
        "answer.hosts": '["typed"]',
        "comment": "typed comment",
        "decided_by": "ann",
        "decision": "approve",
        field: text,
    }
    answer = browser.post(address(asked), data=form)
    assert answer.status_code == status, answer.text
    assert error in answer.text.replace("&#39;", "'")
    assert 'role="alert"' in answer.text
    for name, typed in form.items():
        if name not in {"decision", "decided_by", "answer.region"}:
            assert str(html.escape(typed)).replace("&quot;", "&#34;") in answer.text
    assert '<option value="&#34;eu&#34;" selected>' in answer.text
    assert " checked" not in answer.text
    assert 'data-live=""' in answer.text  # an update would take the form away
    assert engine.snapshot() == before


def test_decided_approval_is_shown_to_who_comes_late(browser: httpx.Client, engine: Engine) -> None:
    asked = ask(engine)
    engine.call("approve", wait_id=asked[0], decided_by="ben")
    answer = browser.post(address(asked), data={"decision": "approve", "decided_by": "ann"})
    assert answer.status_code == 409
    assert "it was approved by ben" in answer.text


def test_durable_step_asks_with_the_input_of_its_run(browser: httpx.Client, engine: Engine) -> None:
    engine.define("trip", step("book", durable=True))
    engine.start("trip", {"to": "Oslo"})
    worker = engine.colleague("other", features=["durable"])
    item = worker.claim_one()
    asked = item.operation("approval ok", kind="approval", title="Fly?")
    worker.call("save_checkpoints", worker_id="other", checkpoints=Jsonb([]), waits=Jsonb([asked]))
    (wait_id,) = engine.rows("select wait_id from stepgres.waits")
    assert "Oslo" in browser.get(f"/approvals/{wait_id}").text


def test_viewers_decide_nothing(db: Database, engine: Engine) -> None:
    asked = ask(engine)
    before = engine.snapshot()
    with browsing(db.dsn, read_only=True) as viewer:
        page = viewer.get(address(asked))
        assert "You may look, and not decide." in page.text
        assert "<button" not in page.text
        form = {"decision": "approve", "decided_by": "ann"}
        assert viewer.post(address(asked), data=form).status_code == 403
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("approve", {"payload": '{"it": "\'s"}', "comment": HOSTILE, "decided_by": "ann"}),
        ("reject", {"comment": HOSTILE}),
    ],
)
def test_sql_and_command_do_the_same(
    db: Database, engine: Engine, method: str, given: dict[str, str]
) -> None:
    wait_id, _ = ask(engine)

    def effects() -> list[Any]:
        return engine.rows(
            "select json_build_array(is_approval, decided_by, comment, payload)::text"
            " from stepgres.decisions"
        )

    assert_sql_and_command_do(db.dsn, engine, method, {"wait_id": str(wait_id), **given}, effects)


def test_hostile_texts_are_texts(browser: httpx.Client, engine: Engine) -> None:
    part = {"type": "string", "title": HOSTILE, "description": HOSTILE, "default": HOSTILE}
    form = {
        "type": "object",
        "properties": {HOSTILE: part, "choice": {"enum": [HOSTILE]}, "json": {"title": HOSTILE}},
    }
    asked = ask(
        engine, title=HOSTILE, description=HOSTILE, assignees=[HOSTILE, "ann"], form=form, quorum=2
    )
    assert_hostile_is_text(browser.get("/approvals"))
    assert_hostile_is_text(browser.get(address(asked)))
    page = browser.get(address(asked)).text
    (name,) = re.findall(r'name="(answer\.&lt;[^"]*)"', page)
    typed = {html.unescape(name): "typed by me", "decision": "approve", "decided_by": HOSTILE}
    assert browser.post(address(asked), data={**typed, "comment": HOSTILE}).status_code == 303
    assert payload_of(engine, asked[0]) == {HOSTILE: "typed by me"}
    assert_hostile_is_text(browser.get(address(asked)))
    engine.call("reject", wait_id=asked[0], comment=HOSTILE, decided_by="ann")
    assert_hostile_is_text(browser.get(address(asked)))
    refused = browser.post(
        address(asked), data={"decision": "approve", "decided_by": HOSTILE, "comment": HOSTILE}
    )
    assert "<script>alert" not in refused.text


def test_approval_by_keyboard_on_a_phone(db: Database, engine: Engine) -> None:
    """From the inbox to the decision; a field that does not fit keeps the focus."""
    asked = ask(engine, form=FORM, assignees=["ann", "ben"])
    with launched() as chromium, dashboard_served(db.dsn, "/ops") as served:
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{served}/approvals?assignee=ben")
        page.focus("a:has-text('Ship it?')")
        page.keyboard.press("Enter")
        page.wait_for_selector("#decide-head")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.input_value("#decided_by") == "ben"
        page.focus('[name="answer.reason"]')
        page.keyboard.type("agreed")
        page.focus('[name="answer.limit"]')
        page.keyboard.press("Control+A")
        page.keyboard.type("5000")
        page.select_option('[name="answer.region"]', '"eu"')
        assert page.evaluate("document.querySelector('[name=\"answer.day\"]').type") == "date"
        page.fill('[name="answer.day"]', "2026-12-24")
        page.fill('[name="answer.at"]', "2026-12-24T18:00:05")
        page.focus("button[value=approve]")
        page.keyboard.press("Enter")  # the browser refuses 5000, and sends nothing
        assert page.evaluate("document.activeElement.name") == "answer.limit"
        page.keyboard.press("Control+A")
        page.keyboard.type("50")
        page.keyboard.press("Tab")
        page.focus("button[value=approve]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#flash .done")
        assert "Approved" in page.inner_text("#flash")
        wait_until(lambda: engine.status(asked[1])[0] == "completed")
        payload = payload_of(engine, asked[0])
        assert payload["limit"] == 50
        assert (payload["day"], payload["at"]) == ("2026-12-24", "2026-12-24T18:00:05+00:00")
        page.close()
