"""docs/waiting.md: what it shows works, in Python, in psql and in a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepgres import Client
from tests.conftest import Clock, Database
from tests.support.mortal import mortal_workers
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.waiting import wait_until
from tests.support.workers import running_worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

PAGE = DOCS / "waiting.md"
DAY = 86_400


@pytest.fixture(autouse=True)
def dsn(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)


def printed_by(function: Any, *arguments: Any) -> str:
    with redirect_stdout(StringIO()) as output:
        function(*arguments)
    return output.getvalue()


def later(clock: Clock, has_come: Callable[[], bool]) -> None:
    """Wait while time goes by: a body with waits side by side resumes about once a second."""

    def ask() -> bool:
        clock.advance(0.1)
        return has_come()

    wait_until(ask)


def output_later(clock: Clock, client: Client, run_id: UUID) -> Any:
    later(clock, lambda: client.get_run_status(run_id).status != "in_progress")
    return client.get_run_status(run_id).details


def test_examples(db: Database, client: Client) -> None:
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
    with running_worker(db.dsn, names["Order"], names["Deploy"]):
        assert client.wait_for_run(run_id).output == "order 11, paid with transfer"
        (found,) = wait_until(lambda: client.list_approvals(workflow_slug="deploy"))
        assert found.input["build"] == "build of main"
        for name in ("ann", "ben"):
            client.approve(found.wait_id, decided_by=name)
        assert client.wait_for_run(names["deploy"]).output == "build of main is published"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "run": str(names["run_id"])}
    for text in blocks(PAGE, "sh"):
        subprocess.run(["sh", "-e"], input=text, text=True, check=True, env=environment)
    assert [signal.signal for signal in client.list_signals(names["run_id"])] == ["note", "note"]


def test_contract_is_signed_after_a_reminder(
    db: Database, client: Client, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    names, _ = run_python(PAGE, "Story: an approval")
    with running_worker(db.dsn, names["Contract"]):
        wait_until(lambda: len(client.list_waits(names["contract"])) == 2)
        clock.advance(2 * DAY)
        later(clock, lambda: len(client.list_checkpoints(names["contract"], "sign")) == 3)
        assert printed_by(names["decide"], "ann") == "Contract with Eve\n"
        names["client"].close()
        assert output_later(clock, client, names["contract"]) == "signed, up to 500"
    assert capfd.readouterr().out == "a mail to ann and ben\n"


def test_contract_is_not_signed(
    db: Database, client: Client, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    names, _ = run_python(PAGE, "Story: an approval")
    with running_worker(db.dsn, names["Contract"]):
        (found,) = wait_until(lambda: client.list_approvals("ben"))
        client.reject(found.wait_id, comment="too much", decided_by="ben")
        output = output_later(clock, client, names["contract"])
        assert output == 'not signed: approval "Contract with Eve" was rejected by ben: too much'
        late = client.start_workflow_run("contract", {"name": "Max"})
        wait_until(lambda: len(client.list_waits(late)) == 2)
        clock.advance(3 * DAY)
        assert output_later(clock, client, late) == "not signed in time"
        assert not client.list_waits(late)


def test_agent_survives_a_death_at_each_line(db: Database, client: Client, tmp_path: Path) -> None:
    names, _ = run_python(PAGE, "Story: an agent")
    run_id, deaths = names["agent"], tmp_path / "deaths"
    names["review"](is_good=False, wish="longer")
    names["review"](is_good=True)
    text = next(text for text in blocks(PAGE, "python") if "class Agent" in text)
    with mortal_workers(db.dsn, text, ["Agent", "Research"], "work", deaths) as replace_the_dead:

        def has_ended() -> bool:
            replace_the_dead()
            if client.list_approvals():
                assert names["approve_plan"]() == "May I research trains, ships?"
            return client.get_run_status(run_id).status != "in_progress"

        wait_until(has_ended)
    names["client"].close()
    report = "report: longer, facts about trains, facts about ships"
    assert client.get_run_status(run_id).details == report
    assert [node.workflow_slug for node in client.get_run_tree(run_id)] == [
        "agent",
        "research",
        "research",
    ]
    body = text[text.index("async def work") :].splitlines()[1:]
    assert len(deaths.read_text().split()) == len([line for line in body if line.strip()])
