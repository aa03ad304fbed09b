"""stepgres logs: what it prints."""

from __future__ import annotations

from uuid import UUID

from stepgres import Client
from tests.conftest import Database
from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step
from tests.support.steps import Failing
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, worker_process


def start(engine: Engine) -> UUID:
    engine.define("order", step("a"), step("each", map=True))
    run_id = engine.start("order", [1, 2])
    at = "2026-11-28T12:30:00Z"
    for item in engine.claim():
        logs = [
            {"at": at, "level": "info", "message": f"{item.step_slug} begins"},
            {"at": at, "level": "error", "message": "two\nlines \x1b[31m"},
            {"left_out": 3},
        ]
        assert engine.work([{**item.completed(), "logs": logs}]) == []
    return run_id


def test_lines_are_printed_by_attempt(cli: Cli, engine: Engine) -> None:
    run_id = start(engine)
    lines = cli("logs", run_id, "--step", "a").stdout.splitlines()
    assert lines[0] == "a/0, attempt 1:"
    assert lines[1].endswith(" INFO a begins")
    assert lines[2].endswith(" ERROR two")
    assert lines[3:] == ["    lines \\x1b[31m", "  [... 3 lines were left out ...]"]
    everything = cli("logs", run_id).stdout
    assert [line for line in everything.splitlines() if "attempt" in line] == [
        "a/0, attempt 1:",
        "each/0, attempt 1:",
        "each/1, attempt 1:",
    ]


def test_filters_and_json(cli: Cli, engine: Engine) -> None:
    run_id = start(engine)
    found = printed(
        cli("logs", run_id, "--step", "each", "--index", 1, "--level", "error", "--json")
    )
    assert [(line["task_index"], line["level"]) for line in found] == [(1, "error"), (1, None)]
    assert found[0]["message"] == "two\nlines \x1b[31m"


def test_run_without_lines_says_so(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    result = cli("logs", run_id)
    assert (result.stdout, result.stderr) == ("", "There are no lines.\n")
    assert printed(cli("logs", run_id, "--json")) == []


def test_unknown_step_and_run_are_refused(cli: Cli, engine: Engine) -> None:
    run_id = start(engine)
    assert cli("logs", run_id, "--step", "b").exit_code == 2
    assert cli("logs", UUID(int=1)).exit_code == 3


def test_worker_keeps_lines_with_an_option(cli: Cli, db: Database, client: Client) -> None:
    with worker_process(db.dsn, "Failing", options=("--logs", "info")):
        (run_id,) = register_and_start(client, Failing, [7])
        wait_until(lambda: client.get_run_status(run_id).status == "failed")
    found = printed(cli("logs", run_id, "--json"))
    assert [(line["attempt"], line["message"]) for line in found] == [
        (1, "charging 7"),
        (2, "charging 7"),
    ]
