"""stepgres runs critical-path: what it prints."""

from __future__ import annotations

from tests.conftest import Clock
from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step


def test_path_says_where_the_time_went(cli: Cli, engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    clock.advance(90)
    items = {item.step_slug: item for item in engine.claim()}
    engine.complete(items["a"])
    clock.advance(5)
    engine.complete(items["b"])
    result = cli("runs", "critical-path", run_id)
    assert (result.exit_code, result.stderr) == (0, "")
    heading, row = result.stdout.splitlines()
    assert heading.split()[:4] == ["STEP", "TASK", "STATUS", "QUEUED"]
    assert row.split() == ["b", "0", "completed", "1", "min", "30", "s", "5.0", "s"]
    (shown,) = printed(cli("runs", "critical-path", run_id, "--json"))
    assert (shown["step_slug"], shown["task_index"]) == ("b", 0)


def test_path_of_an_unknown_run_is_refused(cli: Cli) -> None:
    result = cli("runs", "critical-path", "01a22500-0000-7000-8000-000000000000")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "does not exist" in result.stderr
