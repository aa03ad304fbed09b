"""The logs and the progress of steps, on the pages of runs and steps."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import httpx
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.dashboards import HOSTILE, assert_hostile_is_text
from tests.support.engine import Engine, WorkItem, step


def line(message: str, level: str = "info") -> dict[str, str]:
    return {"at": "2026-11-28T12:30:00Z", "level": level, "message": message}


def send(engine: Engine, item: WorkItem, *lines: dict[str, str]) -> None:
    assert engine.work([{**item.completed(), "logs": list(lines)}]) == []


def report(engine: Engine, item: WorkItem, **progress: Any) -> None:
    key = {**item.key, "run_id": str(item.run_id), "claim": item.claim}
    tasks = Jsonb([{**key, "progress": progress}])
    engine.items("heartbeat", worker_id=engine.worker_id, tasks=tasks)


def shown(page: httpx.Response) -> list[str]:
    """The rows of the log of a page, as texts."""
    assert page.status_code == 200, page.text
    rows = re.findall(r'<tr data-key="log-[^>]*>(.*?)</tr>', page.text, flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]


def next_of(page: httpx.Response) -> str:
    (link,) = re.findall(r'href="/ops([^"#]+)#log" rel="next"', page.text)
    return str(link).replace("&amp;", "&")


def test_step_shows_the_lines_of_its_attempts(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a", base_delay=0), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    trace = "it broke\nTraceback (most recent call last):\n  in charge"
    assert engine.work([{**a.failed(), "logs": [line(trace, "error")]}]) == []
    send(engine, b, line("of b"))
    engine.call("tick")
    send(engine, engine.claim_one(), line("again", "warning"))
    page = browser.get(f"/runs/{run_id}/steps/a")
    time = "2026-11-28 12:30:00 UTC"
    folded = "it broke More Traceback (most recent call last): in charge"
    assert shown(page) == [f"1 {time} error {folded}", f"2 {time} warning again"]
    assert '<span class="badge level-error">error</span>' in page.text
    assert '<details data-key="rest-log-a/0/1-0"><summary>' in page.text
    assert shown(browser.get(f"/runs/{run_id}/steps/b")) == [f"1 {time} info of b"]


def test_run_shows_the_newest_lines_with_their_steps(
    browser: httpx.Client, engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"), step("b", "a", map=True))
    run_id = engine.start("order")
    assert shown(browser.get(f"/runs/{run_id}")) == []
    a = engine.claim_one()
    logs = [line(f"a{number}") for number in range(80)]
    assert engine.work([{**a.completed(["x"]), "logs": logs}]) == []
    clock.advance(1)
    send(engine, engine.claim_one(), *(line(f"b{number}") for number in range(30)))
    page = browser.get(f"/runs/{run_id}")
    assert shown(page)[0].startswith("b , task 0, attempt 1 ")
    assert shown(page)[-1].startswith("a , attempt 1 ")
    messages = [row.split()[-1] for row in shown(page)]
    assert messages == [f"b{n}" for n in range(30)] + [f"a{n}" for n in range(10, 80)]
    assert "The 100 newest lines." in page.text
    assert f'href="/ops/runs/{run_id}/steps/b#log"' in page.text


def test_long_log_has_pages(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(25)))
    for item in engine.claim():
        send(engine, item, *(line(f"{item.task_index}-{number}") for number in range(7)))
    path = f"/runs/{run_id}/steps/each"
    first = browser.get(path)
    second = browser.get(next_of(first))
    rows = shown(first) + shown(second)
    assert len(shown(first)) == 105
    assert [row.split()[-1] for row in rows] == [f"{t}-{n}" for t in range(25) for n in range(7)]
    assert rows[0].startswith("task 0, attempt 1")
    assert 'rel="next"' not in second.text
    assert len(shown(browser.get(f"{path}?task=3"))) == 7
    assert "There are no more lines." in browser.get(f"{path}?after=each/24/1").text
    assert browser.get(f"{path}?after=odd").status_code == 400


def test_long_messages_are_cut(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    send(engine, engine.claim_one(), *(line("x" * 8_000) for _ in range(60)))
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/steps/a"):
        assert len(browser.get(path).text) < 60_000


def test_hostile_lines_and_reports_are_texts(browser: httpx.Client, engine: Engine) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    a, b = engine.claim()
    send(engine, a, line(f"{HOSTILE}\n{HOSTILE}"))
    report(engine, b, done=3, message=HOSTILE)
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/steps/a", f"/runs/{run_id}/steps/b"):
        assert_hostile_is_text(browser.get(path))


def progress_of(browser: httpx.Client, path: str) -> list[str]:
    """The reports of a page: the value of the bar, if there is one, and the text."""
    page = browser.get(path).text
    found = re.findall(r'<div class="progress">(.*?)</div>', page, flags=re.DOTALL)
    bars = [re.sub(r'<progress value="([^"]*)"[^>]*></progress>', r"[\1]", text) for text in found]
    return [re.sub("<[^>]*>", "", text) for text in bars]


def test_progress_of_started_tasks(browser: httpx.Client, engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("each", map=True))
    run_id: UUID = engine.start("order", list(range(30)))
    items = {(item.step_slug, item.task_index): item for item in engine.claim()}
    report(engine, items["a", 0], done=3, total=10, message="reading")
    for index in range(25):
        clock.advance(1)
        report(engine, items["each", index], done=1_000 + index, total=0)
    newest = [f"task {index}: {1_000 + index:,} of 0" for index in range(24, -1, -1)]
    page = f"/runs/{run_id}"
    assert progress_of(browser, f"{page}/steps/a") == ["[0.3] 3 of 10: reading"]
    assert progress_of(browser, f"{page}/steps/each") == newest[:20]
    assert "and 5 more tasks" in browser.get(f"{page}/steps/each").text
    assert progress_of(browser, f"{page}/steps/each?task=7") == ["task 7: 1,007 of 0"]
    listed = progress_of(browser, page)
    assert listed[0] == "[0.3] 3 of 10: reading"
    assert len(listed) == 4
    engine.complete(items["a", 0])
    assert progress_of(browser, f"{page}/steps/a") == []
