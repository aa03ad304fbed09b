"""The example `python -m examples.live`, in a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from examples.live.app import make_app
from stepgres import Client
from tests.conftest import Database
from tests.support.chromium import foreign, launched
from tests.support.waiting import PATIENCE, wait_until
from tests.support.webserver import serving

CHECKOUT = Path(__file__).parents[2]
STEPS = ["list_files", "count_file", "folders", "vocabulary", "report"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.py").write_text(f"x{number} = {number}\n", encoding="utf-8")
    return folder


@pytest.fixture
def page(browser: Any, db: Database, folder: Path) -> Iterator[Any]:
    """The page, which writes down each status that it shows of a step."""
    dsn = make_conninfo(db.dsn, application_name="live")
    with serving(make_app(dsn, str(folder))) as address:
        page = browser.new_page()
        page.set_default_timeout(0)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.extend(foreign(request.url, address)))
        page.add_init_script(
            """
            window.shown = [];
            new MutationObserver((changes) => {
              for (const {target} of changes) {
                if (target.dataset.status) shown.push([target.id, target.dataset.status]);
              }
            }).observe(document, {subtree: true, attributeFilter: ["data-status"]});
            """
        )
        page.goto(f"http://{address}/")
        yield page
        page.close()
        assert problems == []


def statuses(page: Any) -> list[str]:
    boxes = "Array.from(document.querySelectorAll('.step'), box => box.dataset.status)"
    found: list[str] = page.evaluate(boxes)
    return found


def end(page: Any, status: str) -> UUID:
    """Wait until the page says that the run has ended so."""
    page.wait_for_selector(f"#run[data-status={status}]")
    found = re.search(r"Run (\S+) ", page.inner_text("#run"))
    assert found is not None
    return UUID(found[1])


def test_steps_turn_green_one_after_the_other(page: Any, db: Database) -> None:
    assert statuses(page) == ["created"] * 5
    page.evaluate("window.isTheSamePage = true")
    page.click("button")
    run_id = end(page, "completed")
    assert page.evaluate("window.isTheSamePage")
    assert statuses(page) == ["completed"] * 5
    assert page.inner_text("#step-count_file small") == "30 tasks"
    shown = [tuple(each) for each in page.evaluate("shown")]
    order = [shown.index((f"step-{step}", "completed")) for step in STEPS]
    assert order[0] < order[1] < min(order[2:4])
    assert max(order[2:4]) < order[4]
    for step in STEPS:
        assert shown.index((f"step-{step}", "started")) < shown.index((f"step-{step}", "completed"))
    with Client(db.dsn) as client:
        assert client.get_run(run_id).output["totals"]["files"] == 30


def test_dashboard_shows_the_same_run(page: Any) -> None:
    page.click("button")
    run_id = end(page, "completed")
    page.click("#more")
    page.wait_for_selector("h1 .badge.completed")
    assert page.url.endswith(f"/dashboard/runs/{run_id}")
    assert "30 of 30 tasks" in page.inner_text(".graph")


def test_failure_is_shown(page: Any, folder: Path) -> None:
    page.fill("textarea", json.dumps({"folder": str(folder)}))
    page.click("button")
    end(page, "failed")
    assert statuses(page) == ["failed", *["cancelled"] * 4]
    assert "KeyError: 'pattern'" in page.inner_text("#problem")
    assert page.inner_text("#step-list_files small").endswith("failed")
    page.fill("textarea", "{")
    page.click("button")
    page.wait_for_function("document.querySelector('#problem').innerText.startsWith('That is no')")


def test_connection_that_the_server_ends_is_not_noticed(page: Any, db: Database) -> None:
    """Nor what is done meanwhile; and the page can be loaded again."""
    listening = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'live' and query ~ 'catch_up_events|add_subscriber'"
    )
    with db.connect() as connection, Client(db.dsn) as client:
        run_id = client.start_workflow_run("corpus", {"folder": "/nowhere"}, delay=86_400)
        client.pause_workflow_run(run_id)
        page.evaluate(f"location.hash = '{run_id}'")
        page.wait_for_selector("#run[data-status=paused]")
        for _ in range(3):
            wait_until(lambda: connection.execute(listening).fetchall())
            client.resume_workflow_run(run_id)
            page.wait_for_selector("#run[data-status=resumed]")
            client.pause_workflow_run(run_id)
            page.wait_for_selector("#run[data-status=paused]")
        client.cancel_workflow_run(run_id, reason="enough")
        assert end(page, "cancelled") == run_id
        shown = page.evaluate("shown.filter(([id]) => id === 'run').map(([, status]) => status)")
        assert shown == ["started", *["paused", "resumed"] * 3, "paused", "cancelled"]
        page.reload()
        assert end(page, "cancelled") == run_id
        assert page.inner_text("#problem") == "enough"


def test_command_serves_until_it_is_interrupted(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "STEPGRES_DSN"}
    command = [sys.executable, "-m", "examples.live", str(folder), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    while (found := re.search(r"running on (http://\S+)", said)) is None:
        line = process.stderr.readline()
        assert line, said
        said += line
    answer = httpx.get(found[1], timeout=PATIENCE)
    assert json.dumps(str(folder)) in answer.text
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in said


def test_other_pages_and_other_names_of_the_machine_start_no_run(db: Database) -> None:
    json_type = {"Content-Type": "application/json"}
    refused: list[tuple[int, bytes, dict[str, str]]] = [
        (415, b'{"folder": "/etc"}', {"Content-Type": "text/plain"}),
        (415, b'{"folder": "/etc"}', {"Content-Type": "application/x-www-form-urlencoded"}),
        (415, b'{"folder": "/etc"}', {}),
        (400, b'{"folder": "/etc"}', {**json_type, "Host": "evil.example"}),
        (400, b'{"folder": "/etc"}', {**json_type, "Host": "localhost.evil.example:8000"}),
        (400, b"[" * 100_000, json_type),
        (400, b"[" * 100_000 + b"]" * 100_000, json_type),
        (400, b"{", json_type),
        (400, b'{"x": 1' + b"0" * 5_000 + b"}", json_type),
    ]
    with serving(make_app(db.dsn, "/nowhere")) as address, Client(db.dsn) as client:
        for status, content, headers in refused:
            answer = httpx.post(f"http://{address}/runs", content=content, headers=headers)
            assert answer.status_code == status, (content[:30], headers)
        foreign = {"Host": "evil.example"}
        assert httpx.get(f"http://{address}/", headers=foreign).status_code == 400
        assert client.list_workflow_runs() == []
        answer = httpx.post(f"http://{address}/runs", json={"folder": "/nowhere", "pattern": "*"})
        assert answer.status_code == 200
        client.cancel_workflow_run(UUID(answer.json()["run_id"]))
