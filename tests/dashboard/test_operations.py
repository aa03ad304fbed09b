"""The pages of queues, workers, schedules, limits and channels."""

from __future__ import annotations

import html
import json
import re
import shlex
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner
from psycopg.types.json import Jsonb

from stepgres._dashboard.action_table import ACTIONS
from stepgres.cli import main
from tests.conftest import Clock, Database
from tests.support.dashboards import browsing
from tests.support.engine import Engine, step

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\x07"


def rows(page: httpx.Response, kind: str) -> dict[str, str]:
    """The rows of a list by their keys, as text."""
    assert page.status_code == 200, page.text
    found = re.findall(rf'<tr data-key="{kind}-([^"]*)">(.*?)</tr>', page.text, re.DOTALL)
    return {
        html.unescape(key): " ".join(html.unescape(re.sub("<[^>]*>", " ", row)).split())
        for key, row in found
    }


def act(browser: httpx.Client, method: str, **form: str) -> httpx.Response:
    answer = browser.post(f"/actions/{method}", data=form)
    assert answer.status_code == 303, answer.text
    return answer


# Queues and workers


def test_queues_are_listed_paused_and_resumed(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"), step("g", resources={"gpu": True}))
    engine.start("order", priority=7)
    assert rows(browser.get("/queues"), "queue")["default"].startswith("default ▶ open 2 ")
    act(browser, "pause_queue", queue="default", back="/ops/queues/default")
    assert engine.claim() == []
    page = browser.get("/queues/default")
    assert "The queue is paused." in page.text
    assert "Workers claim nothing from this queue since" in page.text
    parts = list(rows(page, "part").values())
    assert [part.split()[:2] for part in parts] == [["7", "none"], ["7", "{"]]
    assert "‖ paused" in rows(browser.get("/queues"), "queue")["default"]
    act(browser, "resume_queue", queue="default")
    assert [task.step_slug for task in engine.claim()] == ["a"]
    assert browser.get("/queues/nowhere").status_code == 404


def test_worker_shows_what_it_executes_and_knows(
    browser: httpx.Client, engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", map=True))
    run_id = engine.start("order", list(range(30)))
    worker = engine.colleague(f"one/{HOSTILE}", workflows={"order": 1}, goals=["design/*"])
    worker.claim(25)
    engine.colleague("short", lease="5 seconds")
    clock.advance(6)
    page = browser.get("/queues")
    listed = rows(page, "worker")
    assert "✗ lost" in listed["short"]
    assert "◔ idle" in listed["worker"]
    (busy,) = (row for key, row in listed.items() if key.startswith("one/"))
    assert "▶ busy" in busy
    assert "order : a , order : a and 23 more" in busy
    (link,) = set(re.findall(r'href="/ops(/workers/one[^"]*)"', page.text))
    page = browser.get(link)
    tasks = rows(page, "task")
    assert len(tasks) == 20
    assert f"{run_id}-a-0" in tasks
    assert "Only the 20 oldest of 25 tasks." in page.text
    assert rows(page, "knows") == {"order": "order 1"}
    assert "design/*" in page.text
    assert browser.get("/workers/nobody").status_code == 404


# Schedules


@pytest.fixture
def nightly(engine: Engine) -> str:
    engine.define("order", step("a"))
    slug: str = engine.call(
        "create_schedule", schedule_slug="nightly", workflow_slug="order", cron="0 3 * * *"
    )
    return slug


def test_schedules_are_listed_and_paged(
    browser: httpx.Client, engine: Engine, nightly: str
) -> None:
    for number in range(60):
        engine.call(
            "create_schedule",
            schedule_slug=f"s{number:02}",
            workflow_slug="order",
            every=timedelta(minutes=15),
        )
    engine.call("trigger_schedule", schedule_slug=nightly)
    page = browser.get("/schedules")
    listed = rows(page, "schedule")
    assert len(listed) == 50
    assert "0 3 * * * (UTC) ▶ active" in listed[nightly]
    assert "run started" in listed[nightly]
    assert "every 15 min" in listed["s00"]
    (more,) = re.findall(r'href="/ops([^"]+)" rel="next"', page.text)
    assert len(rows(browser.get(more), "schedule")) == 11
    assert rows(browser.get("/schedules?workflow_slug=other"), "schedule") == {}


def test_schedule_shows_next_and_last_due_times(
    browser: httpx.Client, engine: Engine, nightly: str
) -> None:
    run_id = engine.call("trigger_schedule", schedule_slug=nightly)
    page = browser.get(f"/schedules/{nightly}")
    due_times = engine.rows("select stepgres.preview_schedule('nightly')")
    shown = re.findall(r'<li data-key="next-([^"]*)"', page.text)
    assert [datetime.fromisoformat(text) for text in shown] == due_times
    (row,) = rows(page, "due").values()
    assert "run started hand" in row
    assert str(run_id) in row
    assert browser.get("/schedules/nowhere").status_code == 404


def test_schedule_is_made_edited_paused_triggered_and_deleted(
    browser: httpx.Client, engine: Engine
) -> None:
    engine.define("order", step("a"))
    made = act(
        browser,
        "create_schedule",
        schedule_slug="report",
        workflow_slug="order",
        every="15m",
        input='{"x": 1}',
        timezone="UTC",
        overlap="skip",
        cron="",
    )
    assert made.headers["location"] == "/ops/schedules/report"
    slug = {"schedule_slug": "report"}
    act(browser, "update_schedule", **slug, every="2h", input='{"x": 2}', overlap="allow_all")
    act(browser, "pause_schedule", **slug, note="why")
    found = engine.call("get_schedule", schedule_slug="report")
    assert (found["every"], found["input"], found["overlap"]) == (7200, {"x": 2}, "allow_all")
    assert "why" in browser.get("/schedules/report").text
    act(browser, "resume_schedule", **slug)
    assert engine.call("get_schedule", schedule_slug="report")["paused_at"] is None
    run = act(browser, "trigger_schedule", **slug).headers["location"].rpartition("/")[2]
    assert engine.call("get_run_input", run_id=UUID(run)) == {"x": 2}
    assert act(browser, "delete_schedule", **slug).headers["location"] == "/ops/schedules"
    assert rows(browser.get("/schedules"), "schedule") == {}
    refused = browser.post("/actions/create_schedule", data={**slug, "workflow_slug": "order"})
    assert refused.status_code == 409
    assert "SG001" in refused.text


def test_backfill_is_previewed_first(browser: httpx.Client, engine: Engine, nightly: str) -> None:
    before = engine.snapshot()
    now = datetime.now(timezone.utc)
    page = browser.get(f"/schedules/{nightly}/backfill?since=30d")
    assert 'data-live=""' in page.text  # it stays what the person has read
    (number,) = map(int, re.findall(r"<h2>(\d+) runs would be started", page.text))
    assert number in {30, 31}
    assert f"and {number - 20} more" in page.text
    assert engine.snapshot() == before
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    fields = {name: html.unescape(value) for name, value in fields.items()}
    assert datetime.fromisoformat(fields["until"]) - now < timedelta(minutes=10)
    answer = act(browser, "backfill_schedule", **fields)
    assert answer.headers["location"] == f"/ops/schedules/{nightly}"
    assert engine.rows("select count(*) from stepgres.runs") == [number]
    assert "0 runs would be started" in browser.get(f"/schedules/{nightly}/backfill?since=30d").text
    assert browser.get(f"/schedules/{nightly}/backfill?since=odd").status_code == 400
    assert browser.get("/schedules/nowhere/backfill").status_code == 404


# Limits


def test_limits_show_their_keys_and_change_at_once(browser: httpx.Client, engine: Engine) -> None:
    made = act(browser, "create_limit", limit_slug="api", max_running="1", rate="50", per="1m")
    assert made.headers["location"] == "/ops/limits/api"
    engine.define("order", step("a", limits=[{"limit": "api", "key": "$.tenant"}]))
    for tenant in ("acme", "acme", HOSTILE):
        engine.start("order", {"tenant": tenant})
    worker = engine.colleague("limited", features=["limits"])
    assert len(worker.claim(5)) == 2
    assert rows(browser.get("/limits"), "limit")["api"].startswith("api 1 50 per 1 min 2 1 2")
    page = browser.get("/limits/api")
    assert rows(page, "key")['"acme"'].startswith('"acme" 1 1')
    assert 'value="60s"' in page.text
    act(browser, "update_limit", limit_slug="api", max_running="5", rate="0", per="", burst="")
    (limit,) = engine.rows("select max_running, rate from stepgres.list_limits()")
    assert limit == (5, None)
    assert len(worker.claim(5)) == 1
    refused = browser.post("/actions/delete_limit", data={"limit_slug": "api"})
    assert refused.status_code == 409
    assert "is in use by" in refused.text
    engine.define("order", step("a"))
    assert act(browser, "delete_limit", limit_slug="api").headers["location"] == "/ops/limits"
    assert browser.get("/limits/api").status_code == 404


def test_keys_of_a_limit_come_in_pages(browser: httpx.Client, engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "api", "key": "$.tenant"}]))
    for number in range(60):
        engine.start("order", {"tenant": f"t{number:02}"})
    engine.start("order", {"tenant": "t59"})
    engine.colleague("limited", features=["limits"]).claim(100)
    page = browser.get("/limits/api")
    assert "The 20 busiest keys" in page.text
    keys = rows(page, "key")
    assert len(keys) == 51  # the first 50, and the busiest
    assert keys['"t59"'].startswith('"t59" 1 1')
    (more,) = re.findall(r'href="/ops([^"]+)" rel="next"', page.text)
    assert list(rows(browser.get(html.unescape(more)), "key")) == [
        f'"t{number}"' for number in range(50, 60)
    ]


# Channels


def test_channel_shows_its_messages_in_pages(browser: httpx.Client, engine: Engine) -> None:
    act(browser, "create_channel", channel="news/eu")
    for number in range(24):
        engine.call("send_with_notify", channel="news/eu", message=json.dumps({"n": number}))
    back = "/ops/channels/news/eu"
    act(browser, "send_with_notify", channel="news/eu", message='{"by": "hand"}', back=back)
    assert rows(browser.get("/channels"), "channel")["news/eu"].startswith("news/eu 25 ")
    page = browser.get("/channels/news/eu")
    first = list(rows(page, "message").values())
    assert len(first) == 20
    assert '"by": "hand"' in first[0]
    (older,) = re.findall(r'href="/ops([^"]+)" rel="next"', page.text)
    assert len(rows(browser.get(html.unescape(older)), "message")) == 5
    form = {"channel": "news/eu", "older_than": "0s", "unacknowledged": "true"}
    act(browser, "prune_messages", **form)
    assert "No message" in browser.get("/channels/news/eu").text
    act(browser, "delete_channel", channel="news/eu")
    assert browser.get("/channels/news/eu").status_code == 404
    assert browser.get("/channels/news/eu?before=x").status_code == 404


# All of them


@pytest.mark.parametrize("kind", ["queue", "channel", "limit"])
def test_long_lists_have_pages(browser: httpx.Client, engine: Engine, kind: str) -> None:
    calls = {
        "queue": "pause_queue(queue => %s)",
        "channel": "create_channel(channel => %s)",
        "limit": "create_limit(limit_slug => %s, max_running => 1)",
    }
    names = [f"name_{number:03}" for number in range(120)]
    for name in names:
        engine.connection.execute(f"select stepgres.{calls[kind]}".encode(), [name])
    found: list[str] = []
    path = f"/{kind}s"
    while path:
        page = browser.get(path)
        found += rows(page, kind)
        (path, *_) = [*re.findall(r'href="/ops([^"]+)" rel="next"', page.text), ""]
    assert found == [*(["default"] if kind == "queue" else []), *names]
    for name in (names[0], names[-1]):
        assert browser.get(f"/{kind}s/{name}").status_code == 200
    assert browser.get(f"/{kind}s/name_120").status_code == 404


@pytest.fixture
def paths(engine: Engine) -> list[str]:
    """The pages, with hostile texts wherever a text may stand."""
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "api", "key": "$.x"}]))
    engine.start("order", {"x": HOSTILE})
    worker = engine.colleague(
        f"w/{HOSTILE}",
        features=["limits"],
        resources=Jsonb({HOSTILE: HOSTILE}),
        workflows={"order": 1},
        goals=[HOSTILE],
    )
    worker.claim()
    engine.call(
        "create_schedule",
        schedule_slug="nightly",
        workflow_slug="order",
        cron="0 3 * * *",
        input=json.dumps({HOSTILE: HOSTILE}),
        due_key=HOSTILE,
        options=json.dumps({"tags": [HOSTILE]}),
    )
    engine.call("pause_schedule", schedule_slug="nightly", note=HOSTILE)
    for message in (HOSTILE, "x" * 1_000_000):
        engine.call("send_with_notify", channel="news", message=json.dumps(message))
    return [
        "/queues",
        "/queues/default",
        f"/workers/{quote(f'w/{HOSTILE}')}",
        "/schedules/nightly",
        "/limits/api",
        "/channels/news",
    ]


def test_hostile_texts_are_texts(browser: httpx.Client, paths: list[str]) -> None:
    for path in paths:
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text
        assert len(page.text) < 60_000
        # fields, SQL and keys have the exact text
        exact = r'<textarea.*?</textarea>|<code>.*?</code>|data-key="[^"]*"'
        shown = re.sub(exact, "", page.text, flags=re.DOTALL)
        for character in ("\x1b", "\x07", "\u202e"):
            assert character not in shown, path


def test_form_has_the_input_with_escapes(browser: httpx.Client, paths: list[str]) -> None:
    page = browser.get("/schedules/nightly").text
    (text,) = re.findall(r'<textarea id="update_schedule-input"[^>]*>(.*?)</textarea>', page)
    assert json.loads(html.unescape(text)) == {HOSTILE: HOSTILE}
    assert "\u202e" not in text


def test_viewer_sees_the_pages_and_no_action(db: Database, paths: list[str]) -> None:
    with browsing(db.dsn, read_only=True) as browser:
        for path in [*paths, "/schedules", "/limits", "/channels", "/schedules/nightly/backfill"]:
            page = browser.get(path)
            assert page.status_code == 200
            assert 'method="post"' not in page.text, path


def test_links_stay_under_the_mount(browser: httpx.Client, paths: list[str]) -> None:
    for path in [*paths, "/schedules", "/limits", "/channels", "/schedules/nightly/backfill"]:
        text = browser.get(path).text
        links: list[Any] = re.findall(r'(?:href|src|action|formaction)="([^"]*)"', text)
        assert [link for link in links if link and not link.startswith(("/ops/", "#"))] == []


# The SQL and the command beside a form do the same as the form.

IT_IS = """it's "over"; drop table x; -- $(rm) `ls` \\ %s {x}"""
CASES: list[tuple[str, dict[str, str]]] = [
    ("pause_queue", {"queue": "slow"}),
    ("resume_queue", {"queue": "default"}),
    ("update_schedule", {"schedule_slug": "nightly", "cron": "*/5 * * * *", "catch_up": "3"}),
    ("update_schedule", {"schedule_slug": "nightly", "every": "90s", "overlap": "allow_all"}),
    (
        "update_schedule",
        {"schedule_slug": "nightly", "at": "2099-01-01T00:00Z", "input": '{"x": "it\'s"}'},
    ),
    ("pause_schedule", {"schedule_slug": "nightly", "note": IT_IS}),
    ("resume_schedule", {"schedule_slug": "paused"}),
    ("trigger_schedule", {"schedule_slug": "nightly"}),
    (
        "backfill_schedule",
        {"schedule_slug": "nightly", "since": "2026-01-01T00:00Z", "until": "2026-01-03T00:00Z"},
    ),
    ("delete_schedule", {"schedule_slug": "nightly"}),
    ("create_limit", {"limit_slug": "new", "max_running": "3", "rate": "1.5", "per": "1m"}),
    ("update_limit", {"limit_slug": "api", "max_running": "0", "rate": "2", "per": "30s"}),
    ("update_limit", {"limit_slug": "api", "max_running": "7"}),
    ("delete_limit", {"limit_slug": "api"}),
    ("create_schedule", {"schedule_slug": "more", "workflow_slug": "order", "every": "1h30m"}),
    ("create_channel", {"channel": "news/eu"}),
    ("send_with_notify", {"channel": "news", "message": json.dumps(IT_IS)}),
    ("prune_messages", {"channel": "news", "older_than": "0s", "unacknowledged": "true"}),
    ("delete_channel", {"channel": "news"}),
]


@pytest.fixture
def stocked(engine: Engine, nightly: str) -> Engine:
    engine.call("pause_queue", queue="default")
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.call("create_schedule", schedule_slug="paused", workflow_slug="order", cron="0 4 * * *")
    engine.call("pause_schedule", schedule_slug="paused")
    engine.call("send_with_notify", channel="news", message="1")
    return engine


def effects(engine: Engine) -> list[Any]:
    return engine.rows(
        """
        select 'queue', q.queue from stepgres.paused_queues as q
        union all
        select 'schedule', concat_ws(
            '|', s.schedule_slug, s.cron, s.every, s.at, s.input, s.overlap, s.catch_up,
            s.paused_at is null, s.pause_note
        ) from stepgres.schedules as s
        union all
        select 'due', concat_ws(
            '|', d.schedule_slug, case d.kind when 'backfill' then d.due_at end, d.outcome, d.kind
        ) from stepgres.schedule_runs as d
        union all
        select 'limit', concat_ws('|', l.limit_slug, l.max_running, l.rate, l.per, l.burst)
        from stepgres.limits as l
        union all
        select 'channel', c.channel || h.message
        from stepgres.channels as c
        left join lateral (
            select coalesce(string_agg(m.message::text, ','), '') as message
            from stepgres.message_history(c.channel) as m
        ) as h on true
        order by 1, 2
        """
    )


@pytest.mark.parametrize(("method", "given"), CASES)
def test_sql_and_command_do_the_same(
    db: Database, stocked: Engine, method: str, given: dict[str, str]
) -> None:
    action = ACTIONS[method]
    arguments = action.arguments({name: [text] for name, text in given.items()})
    with stocked.connection.transaction(force_rollback=True):
        before = effects(stocked)
        stocked.connection.execute(action.sql(arguments).encode())
        by_sql = effects(stocked)
    assert by_sql != before
    command = action.command(arguments)
    if command is not None:
        result = CliRunner().invoke(main, [*shlex.split(command)[1:], "--dsn", db.dsn])
        assert result.exit_code == 0, result.output
    else:
        with browsing(db.dsn) as browser:
            act(browser, method, **given)
    assert effects(stocked) == by_sql
