"""stepgres dashboard: serves one person until it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.support.waiting import PATIENCE
from tests.support.workers import ROOT, STEPGRES


@pytest.mark.parametrize("options", [[], ["--read-only"]])
def test_address_with_the_token_is_printed(db: Database, options: list[str]) -> None:
    command: list[Any] = [STEPGRES, "dashboard", "--dsn", db.dsn, "--port", "0", *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert "/?token=" in address, process.communicate(timeout=PATIENCE)
    start = address.partition("?")[0]
    assert httpx.get(start, timeout=PATIENCE).status_code == 401
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
        page = browser.get(address)
        assert str(page.url) == start
        assert "<h1>Runs</h1>" in page.text
        assert ("read-only" in page.text) == bool(options)
        foreign = browser.get(start, headers={"Host": "evil.example"})
        assert foreign.status_code == 400
        with browser.stream("GET", f"{start}live") as tab:
            lines = tab.iter_lines()
            while next(lines) != "event: changed":
                pass
            process.send_signal(signal.SIGINT)
            list(lines)  # an open tab does not keep it from ending
    _, said = process.communicate(timeout=PATIENCE)
    assert said.strip() == ""


def test_missing_package_is_named(db: Database) -> None:
    code = "import sys; sys.modules['jinja2'] = None; from stepgres.cli import main; main()"
    result: Any = subprocess.run(
        [sys.executable, "-c", code, "dashboard", "--dsn", db.dsn],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=dict(os.environ),
    )
    assert result.returncode == 5
    assert 'pip install "stepgres[web]"' in result.stderr


def test_unreachable_database_is_said_at_once(db: Database) -> None:
    result = subprocess.run(
        [STEPGRES, "dashboard", "--dsn", f"{db.dsn} dbname=nowhere", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert result.returncode == 5
    assert "nowhere" in result.stderr
    assert "Traceback" not in result.stderr
