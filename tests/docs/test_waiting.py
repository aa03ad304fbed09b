"""docs/waiting.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from stepgres import Client
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.waiting import wait_until
from tests.support.workers import running_worker

PAGE = DOCS / "waiting.md"


def test_examples(db: Database, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    names, outputs = run_python(PAGE)
    printed = [line for line in "".join(outputs).splitlines() if line]
    for line in printed[:2]:
        assert f"This prints `{line}`." in " ".join(PAGE.read_text(encoding="utf-8").split())
    assert printed[2] == "sent ['note']"
    assert printed[3:6] == [
        "paid waits for payment.succeeded under key 9",
        "paid waits for signal",
        "ship waits for dependency",
    ]
    script, table = blocks(PAGE, "sql")
    assert run_psql(db.dsn, script) == "sent\n"
    run_id = client.start_workflow_run(names["Order"], {"order_id": 11, "price": 25})
    run_psql(db.dsn, table)
    with running_worker(db.dsn, names["Order"], names["Contract"]):
        assert client.wait_for_run(run_id).output == "order 11, paid with transfer"
        wait_until(lambda: client.list_approvals("ann"))
        with redirect_stdout(StringIO()) as output:
            names["decide"]("ann")
        names["client"].close()
        assert output.getvalue() == "Sign the contract - contract with Eve\n"
        assert client.wait_for_run(names["contract"]).output == "signed, up to 500"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "run": str(names["run_id"])}
    for text in blocks(PAGE, "sh"):
        subprocess.run(["sh", "-e"], input=text, text=True, check=True, env=environment)
    assert [signal.signal for signal in client.list_signals(names["run_id"])] == ["note", "note"]
