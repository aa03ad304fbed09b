"""stepgres approvals: what the commands do, and what they print."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    form = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
    ask = {"title": "Ship it?", "assignees": ["Ann", "Ben"], "quorum": 2, "form": form}
    engine.define("order", step("ask", approval=ask))
    engine.define("other", step("ask", approval={"title": "Anything"}))
    return engine.start("order")


def test_list_is_an_inbox(cli: Cli, engine: Engine, run_id: UUID) -> None:
    table = cli("approvals", "list").stdout
    for word in ("Ship it?", "Ann, Ben", "0 of 2", str(run_id), "order", "ask"):
        assert word in table
    assert cli("approvals", "list", "--assignee", "Eve").stderr == "There are no such approvals.\n"
    other = engine.start("other")
    (found,) = json.loads(cli("approvals", "list", "--json", "--workflow", "Other").stdout)
    assert (found["run_id"], found["title"]) == (str(other), "Anything")
    assert cli("approvals", "list", "-q", "--run", other).stdout == f"{found['wait_id']}\n"


def test_decisions_from_the_command_line(cli: Cli, engine: Engine, run_id: UUID) -> None:
    wait_id = cli("approvals", "list", "--quiet").stdout.strip()
    words = ["approvals", "approve", wait_id, '{"amount": 5}', "--by"]
    assert cli(*words, "Ann").stdout == f"Stored: approval {wait_id} has 1 of 2.\n"
    done = printed(cli(*words, "Ben", "--comment", "fine", "--json"))
    assert done["outcome"] == "approved"
    assert engine.output(run_id)["payload"] == {"amount": 5}
    other = engine.start("other")
    wait_id = cli("approvals", "list", "--quiet").stdout.strip()
    result = cli("approvals", "reject", wait_id, "--comment", "no")
    assert result.stdout == f"Approval {wait_id} is rejected.\n"
    assert engine.status(other)[0] == "failed"


def test_what_cannot_be_decided_is_refused(cli: Cli, engine: Engine, run_id: UUID) -> None:
    wait_id = cli("approvals", "list", "--quiet").stdout.strip()
    for words, code, said in (
        (["approve", "0"], 3, "does not exist"),
        (["approve", wait_id, "--by", "Eve"], 5, "none of the assignees"),
        (["approve", wait_id, "--by", "Ann"], 2, "$ must be an object"),
        (["approve", wait_id, "{", "--by", "Ann"], 2, "is not JSON"),
        (["reject", wait_id, "--comment", "", "--by", "Ann"], 2, "without a comment"),
        (["reject", wait_id], 2, "--comment"),
    ):
        result = cli("approvals", *words)
        assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
    engine.call("cancel_workflow_run", run_id=run_id)
    result = cli("approvals", "approve", wait_id, '{"amount": 5}', "--by", "Ann")
    assert (result.exit_code, "was cancelled" in result.stderr) == (4, True)


def test_long_list_is_cut_in_a_table(cli: Cli, engine: Engine) -> None:
    engine.define("many", *(step(f"s{i}", approval={"title": "x"}) for i in range(25)))
    engine.start("many")
    result = cli("approvals", "list")
    assert len(result.stdout.splitlines()) == 21
    assert result.stderr == "There are more: see --limit, --quiet and --json.\n"
    assert len(cli("approvals", "list", "--quiet").stdout.split()) == 25
    assert len(cli("approvals", "list", "--quiet", "--limit", "3").stdout.split()) == 3
