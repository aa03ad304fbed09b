"""stepgres signal and stepgres waits: what they do, and what they print."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from stepgres import Client
from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    engine.define("order", step("ask", wait_for="approved"))
    engine.define("keyed", step("pay", wait_for="paid", key="$.id", timeout=60))
    return engine.start("order")


def test_signal_resolves_the_wait_of_a_run(cli: Cli, engine: Engine, run_id: UUID) -> None:
    result = cli("signal", run_id, "approved", '{"by": "Ann"}', "--source", "me")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Sent as signal ")
    engine.call("tick")
    assert engine.output(run_id) == {"by": "Ann"}


def test_payload_is_null_or_comes_from_standard_input(
    cli: Cli, client: Client, run_id: UUID
) -> None:
    cli("signal", run_id, "note")
    cli("signal", run_id, "note", "-", input="[1]")
    assert [signal.payload for signal in client.list_signals(run_id)] == [None, [1]]


def test_signal_by_key_and_its_duplicate(cli: Cli, engine: Engine, run_id: UUID) -> None:
    words = ["signal", "--key", "7", "paid", "5", "--keep", "1h", "--idempotency-key", "k"]
    sent = printed(cli(*words, "--json"))
    assert sent["outcome"] == "sent"
    assert cli(*words).stdout == f"It was sent before, as signal {sent['signal_id']}.\n"
    waiting = engine.start("keyed", {"id": 7})
    assert engine.output(waiting) == 5


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody", "approved"], 2, "is not a valid UUID"),
        (["RUN"], 2, "Pass RUN, NAME"),
        (["RUN", "a", "1", "2"], 2, "Pass RUN, NAME"),
        (["RUN", "a", "{"], 2, "is not JSON"),
        (["RUN", "a", "--keep", "1h"], 2, "--keep is for --key"),
        (["RUN", "a b"], 2, "is not the name of a signal"),
        (["01a22500-0000-7000-8000-000000000000", "a"], 3, "does not exist"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    cli: Cli, run_id: UUID, words: list[str], code: int, said: str
) -> None:
    result = cli("signal", *(str(run_id) if word == "RUN" else word for word in words))
    assert result.exit_code == code
    assert said in result.stderr


def test_signal_to_a_run_that_has_ended_is_refused(cli: Cli, client: Client, run_id: UUID) -> None:
    client.cancel_workflow_run(run_id)
    assert cli("signal", run_id, "approved").exit_code == 4


def test_waits_are_a_table_or_json(cli: Cli, engine: Engine, run_id: UUID) -> None:
    keyed = engine.start("keyed", {"id": 7})
    table = cli("waits").stdout
    assert f"{run_id}" in table
    assert "signal approved" in table
    assert "signal paid" in table
    found = json.loads(cli("waits", "--json", "--workflow", "Keyed").stdout)
    assert [(wait["run_id"], wait["key"]) for wait in found] == [(str(keyed), "7")]
    assert json.loads(cli("waits", run_id, "--json").stdout)[0]["signal"] == "approved"
    engine.call("cancel_workflow_run", run_id=run_id)
    assert cli("waits", run_id).stderr == "There are no such waits.\n"
    assert "cancelled" in cli("waits", run_id, "--all").stdout


def test_long_list_of_waits_is_cut_in_a_table_and_whole_as_json(cli: Cli, engine: Engine) -> None:
    engine.define("order", *(step(f"s{i}", wait_for="go") for i in range(25)))
    engine.start("order")
    result = cli("waits")
    assert len(result.stdout.splitlines()) == 21
    assert result.stderr == "There are more: see --limit and --json.\n"
    assert len(json.loads(cli("waits", "--json").stdout)) == 25
    assert len(json.loads(cli("waits", "--json", "--limit", "3").stdout)) == 3
