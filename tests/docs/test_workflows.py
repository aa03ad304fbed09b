"""docs/workflows.md: the web application that starts runs, and the worker that executes them."""

from __future__ import annotations

import signal
import subprocess
from importlib import import_module
from pathlib import Path
from uuid import UUID

import httpx
import pytest

import stepgres
from tests.conftest import Database
from tests.support.pages import DOCS, examples
from tests.support.webserver import serving
from tests.support.workers import STEPGRES

HEADING = "A web application that starts runs, and a worker that executes them"


def test_web_application_starts_runs_and_a_worker_executes_them(
    db: Database, client: stepgres.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for example in examples(DOCS / "workflows.md"):
        if example.heading == HEADING and example.language == "python":
            path = tmp_path / example.text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(example.text)
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    monkeypatch.syspath_prepend(tmp_path)
    with serving(import_module("shop.app").app) as url:
        started = httpx.post(f"http://{url}/orders", json={"user": "Ada"}).json()
        worker = subprocess.Popen([STEPGRES, "worker", "shop.workflows"], cwd=tmp_path)
        try:
            run_id = UUID(started["run_id"])
            assert client.wait_for_run(run_id, timeout=120).output == "sent receipt of Ada"
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=60) == 0
        answer = httpx.get(f"http://{url}/orders/{run_id}").json()
    assert answer == {"status": "completed", "details": "sent receipt of Ada"}
