"""stepgres checkpoints: what it prints."""

from __future__ import annotations

import json

from psycopg.types.json import Jsonb

from tests.support.cli import Cli
from tests.support.engine import Engine, step


def test_checkpoints_are_listed_in_their_order(cli: Cli, engine: Engine) -> None:
    durable = engine.colleague("durable", features=["durable"])
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = durable.claim_one()
    assert cli("checkpoints", run_id, "body").stderr == "There are no checkpoints.\n"
    engine.call(
        "save_checkpoints",
        worker_id="durable",
        checkpoints=Jsonb(
            [
                item.operation("run charge", output={"id": 7}),
                item.operation("run ship", error="no luck", error_type="ValueError"),
            ]
        ),
        waits=Jsonb([item.operation("sleep", kind="sleep", seconds=60)]),
    )
    lines = [line.split() for line in cli("checkpoints", run_id, "body").stdout.splitlines()]
    assert lines == [
        ["PLACE", "OPERATION", "USE", "OUTCOME", "RESULT"],
        ["1", "run", "charge", "1", "completed", '{"id":', "7}"],
        ["2", "run", "ship", "1", "failed", "no", "luck"],
        ["3", "sleep", "1", "open"],
    ]
    found = json.loads(cli("checkpoints", run_id, "body", "--json").stdout)
    assert [(c["place"], c["outcome"]) for c in found] == [
        (1, "completed"),
        (2, "failed"),
        (3, None),
    ]
    assert cli("checkpoints", run_id, "body", "--index", "1", "--json").stdout == "[]\n"


def test_checkpoints_of_an_unknown_step_name_it(cli: Cli, engine: Engine) -> None:
    engine.define("agent", step("body"))
    run_id = engine.start("agent")
    for options in ((), ("--json",)):
        result = cli("checkpoints", run_id, "bodi", *options)
        assert result.exit_code == 2
        assert f'run {run_id} of workflow "agent" has no step "bodi"' in result.stderr


def test_run_shows_what_its_steps_wait_for(cli: Cli, engine: Engine) -> None:
    durable = engine.colleague("durable", features=["durable"])
    engine.define(
        "agent",
        step("body", durable=True),
        step("paid", wait_for="payment"),
        step("ok", approval={"title": "Ship it?"}),
    )
    run_id = engine.start("agent")
    item = durable.claim_one()
    waits = [
        item.operation(f"signal {name}", kind="signal", signal=name) for name in ("a", "b", "c")
    ]
    waits.append(item.operation("sleep", kind="sleep", seconds=60))
    engine.call("save_checkpoints", worker_id="durable", checkpoints=Jsonb([]), waits=Jsonb(waits))
    shown = " ".join(cli("runs", "show", run_id).stdout.split())
    assert "waits for signal a, signal b, signal c, and 1 more" in shown
    assert "waits for signal payment" in shown
    assert "waits for approval Ship it?" in shown
