"""stepgres metrics and stepgres check: what they print, and their exit codes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stepgres import Client
from tests.conftest import Clock
from tests.support.cli import Cli, printed, rows
from tests.support.engine import Engine, step


@pytest.fixture
def fail(engine: Engine) -> Callable[[int], None]:
    """Lets so many runs fail."""
    engine.define("order", step("a", max_attempts=1))

    def fail(count: int) -> None:
        for _ in range(count):
            engine.start("order", {})
            engine.fail(engine.claim_one())

    return fail


def test_metrics_are_a_table(cli: Cli, fail: Callable[[int], None]) -> None:
    fail(2)
    table = rows(cli("metrics"))
    assert table[0] == ["METRIC", "LABELS", "VALUE"]
    assert ["stepgres_runs_total", "outcome=failed", "2"] in table
    assert ["stepgres_workers", "1"] in table


def test_metrics_are_json(cli: Cli, client: Client) -> None:
    found = printed(cli("metrics", "--json"))
    assert [metric["name"] for metric in found] == [m.name for m in client.list_metrics()]


def test_metrics_are_text_of_prometheus(cli: Cli, fail: Callable[[int], None]) -> None:
    fail(1)
    text = cli("metrics", "--prometheus").stdout
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["stepgres_runs"].type == "counter"
    values = {s.labels["outcome"]: s.value for s in families["stepgres_runs"].samples}
    assert values == {"cancelled": 0, "completed": 0, "failed": 1}


def test_metrics_are_not_two_things_at_once(cli: Cli) -> None:
    assert cli("metrics", "--prometheus", "--json").exit_code == 2


def test_all_is_well(cli: Cli, engine: Engine) -> None:
    engine.call("tick")
    result = cli("check")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith("STEPGRES OK - 0 failed runs in 10 min; 0 expired leases in 10 min; ")
    told, _, data = line.partition(" | ")
    assert "every queue with tasks has a worker" in told
    assert [part.split("=")[0] for part in data.split()] == [
        "failures",
        "leases",
        "oldest",
        "workers",
        "tick",
        "paused",
        "on_failure",
    ]
    assert "failures=0;1;10;0 leases=0;1;10;0 oldest=0s;300;1800;0 " in data


def test_failures_warn_and_are_critical(cli: Cli, fail: Callable[[int], None]) -> None:
    fail(1)
    result = cli("check", "--only", "failures")
    assert (result.exit_code, result.stdout) == (
        1,
        "STEPGRES WARNING - 1 failed runs in 10 min | failures=1;1;10;0\n",
    )
    fail(2)
    result = cli("check", "--only", "failures", "-w", "failures=2", "-c", "failures=3")
    assert (result.exit_code, result.stdout) == (
        2,
        "STEPGRES CRITICAL - 3 failed runs in 10 min | failures=3;2;3;0\n",
    )
    assert cli("check", "--only", "failures", "--warning", "failures=4").exit_code == 0


def test_old_failures_are_out_of_the_window(
    cli: Cli, engine: Engine, clock: Clock, fail: Callable[[int], None]
) -> None:
    fail(1)
    engine.call("tick")
    clock.advance(3600)
    assert cli("check", "--only", "failures").exit_code == 0
    assert cli("check", "--only", "failures", "--window", "2h").exit_code == 1


def test_oldest_task(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    assert cli("check", "--only", "oldest").exit_code == 0
    result = cli("check", "--only", "oldest", "--critical", "oldest=0s")
    assert result.exit_code == 2
    assert 'STEPGRES CRITICAL - the first task of queue "default" waits for' in result.stdout


def test_queue_without_a_worker(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a", queue="lonely"))
    engine.start("order", {})
    result = cli("check", "--only", "workers", "--warning", "workers=0s")
    assert result.exit_code == 1
    assert 'STEPGRES WARNING - queue "lonely" has tasks and no worker' in result.stdout
    engine.colleague("friend", queues=["lonely"])
    result = cli("check", "--only", "workers", "--warning", "workers=1ms")
    assert result.exit_code == 0


def test_late_tick(cli: Cli, engine: Engine, clock: Clock) -> None:
    assert cli("check", "--only", "tick").stdout == (
        "STEPGRES UNKNOWN - tick was never called | tick=U;60;300;0\n"
    )
    engine.call("tick")
    assert cli("check", "--only", "tick").exit_code == 0
    clock.advance(100)
    result = cli("check", "--only", "tick")
    assert (result.exit_code, result.stdout) == (
        1,
        "STEPGRES WARNING - tick was not at work for 1 min 40 s | tick=100s;60;300;0\n",
    )
    clock.advance(200)
    assert cli("check", "--only", "tick").exit_code == 2


def test_nothing_needs_tick(cli: Cli, engine: Engine, clock: Clock) -> None:
    engine.call("tick")
    engine.call("unregister_worker", worker_id="worker")
    clock.advance(86400)
    assert cli("check", "--only", "tick").exit_code == 0
    engine.define("order", step("a"))
    engine.call("create_schedule", schedule_slug="often", workflow_slug="order", every="1 minute")
    clock.advance(86400)
    assert cli("check", "--only", "tick").exit_code == 2


def test_expired_leases(cli: Cli, engine: Engine, clock: Clock) -> None:
    engine.colleague("mortal", lease="10 seconds")
    clock.advance(11)
    engine.call("tick")
    result = cli("check", "--only", "leases")
    assert (result.exit_code, result.stdout) == (
        1,
        "STEPGRES WARNING - 1 expired leases in 10 min | leases=1;1;10;0\n",
    )


def test_paused_queue(cli: Cli, engine: Engine, clock: Clock) -> None:
    for queue in ("slow", "fast"):
        engine.call("pause_queue", queue=queue)
        assert cli("check", "--only", "paused").exit_code == 0
        clock.advance(59)
    result = cli("check", "--only", "paused")
    assert (result.exit_code, result.stdout) == (
        1,
        'STEPGRES WARNING - queue "slow" has been paused for 1 min 58 s | paused=118s;60;86400;0\n',
    )
    clock.advance(86_400)
    assert cli("check", "--only", "paused").exit_code == 2
    assert cli("check", "--only", "paused", "-w", "paused=9d", "-c", "paused=30d").exit_code == 0
    for queue in ("slow", "fast"):
        engine.call("resume_queue", queue=queue)
    result = cli("check", "--only", "paused")
    assert (result.exit_code, result.stdout) == (
        0,
        "STEPGRES OK - no queue is paused | paused=0s;60;86400;0\n",
    )


def test_failures_that_start_nothing(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), on_failure="alert")
    for _ in range(2):
        engine.start("order", {})
        engine.fail(engine.claim_one())
    assert cli("check", "--only", "on_failure").exit_code == 0
    engine.call("tick")
    result = cli("check", "--only", "on_failure")
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "STEPGRES WARNING - on_failure could not be started for 2 failed runs | on_failure=2;1;"
    )


def test_the_worst_state_counts(cli: Cli, fail: Callable[[int], None]) -> None:
    fail(1)
    result = cli("check", "--only", "failures", "--only", "tick")
    assert result.stdout.startswith("STEPGRES WARNING - 1 failed runs in 10 min | failures=1;")
    assert "tick=U" in result.stdout
    findings = cli("check", "--json", "--only", "tick", "--only", "failures")
    assert findings.exit_code == 1
    assert '"state": "WARNING"' in findings.stdout
    assert '"state": "UNKNOWN"' in findings.stdout


def test_metrics_that_are_off_are_unknown(cli: Cli, client: Client) -> None:
    client.switch_metrics(False)
    result = cli("check", "--only", "failures", "--only", "oldest")
    assert result.exit_code == 3
    assert "STEPGRES UNKNOWN - metrics are off" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "nothing"],
        ["--warning", "failures"],
        ["--warning", "nothing=1"],
        ["--warning", "oldest=5"],
        ["--critical", "failures=many"],
        ["--window", "soon"],
        ["--window", "1s"],
        ["--window", "30d"],
        ["--dsn", "host=/nowhere dbname=nothing"],
    ],
)
def test_wrong_command_lines_are_unknown(cli: Cli, arguments: list[str]) -> None:
    assert cli("check", *arguments).exit_code == 3
