"""stepgres prune, stepgres fsck."""

from __future__ import annotations

import pytest

from tests.conftest import Clock
from tests.support.cli import Cli, printed, refusal, rows
from tests.support.engine import Engine, step


def test_prune_goes_on_until_nothing_is_left(cli: Cli, engine: Engine, clock: Clock) -> None:
    for slug in ("order", "bill"):
        engine.define(slug, step("a"))
        for _ in range(5):
            engine.start(slug)
    engine.drain()
    clock.advance(86400)
    young = engine.start("order")
    engine.drain()
    clock.advance(1)
    options = ["--older-than", "23h59m", "--batch-size", 2]
    result = cli("prune", *options, "--workflow", "order")
    assert (result.exit_code, result.stdout) == (0, "5 runs are deleted.\n")
    assert printed(cli("prune", *options, "--json")) == {"deleted": 5}
    assert engine.rows("select run_id from stepgres.runs") == [young]
    assert cli("prune", "--older-than", "1ms").stdout == "1 run is deleted.\n"


@pytest.mark.parametrize(
    "options", [[], ["--older-than", "30"], ["--older-than", "1d", "--batch-size", "0"]]
)
def test_prune_needs_an_age_with_a_unit(cli: Cli, options: list[str]) -> None:
    assert refusal(cli("prune", *options))[0] == 2


def test_fsck_ends_with_1_when_it_finds_something(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    assert cli("fsck").stdout == "No invariant is violated.\n"
    assert printed(cli("fsck", "--json")) == []
    engine.connection.execute("set session_replication_role = replica")  # no triggers
    engine.connection.execute("update stepgres.runs set remaining_ends = 7")
    result = cli("fsck")
    assert (result.exit_code, result.stderr) == (1, "")
    assert str(run_id) in result.stdout
    result = cli("fsck", "--json")
    assert (result.exit_code, f'"run_id": "{run_id}"' in result.stdout) == (1, True)
    engine.connection.execute("update stepgres.runs set remaining_ends = 1")
    assert rows(cli("fsck")) == [["No", "invariant", "is", "violated."]]
