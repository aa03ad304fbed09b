"""stepgres workflows."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli, printed, refusal, rows
from tests.support.engine import Engine, step


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    engine.define("order", step("fetch"))
    engine.start("order")
    engine.define(
        "order",
        step("fetch", timeout=90),
        step("each", "fetch", map=True, execution="distributed", queue="far"),
        step("thrice", "fetch", initial_tasks=3),
    )


def test_list(cli: Cli, engine: Engine) -> None:
    engine.define("bill", step("a"))
    heads, *lines = rows(cli("workflows", "list"))
    assert heads == ["WORKFLOW", "VERSION", "STEPS", "CREATED"]
    assert sorted(line[:3] for line in lines) == [["bill", "1", "1"], ["order", "2", "3"]]
    flows = printed(cli("workflows", "list", "--json"))
    assert {flow["workflow_slug"] for flow in flows} == {"bill", "order"}


def test_show(cli: Cli) -> None:
    result = cli("workflows", "show", "order")
    assert (result.exit_code, result.stderr) == (0, "")
    title, steps, versions = (block.splitlines() for block in result.stdout.split("\n\n"))
    assert title == ["Workflow order, version 2"]
    assert [line.split() for line in steps[1:]] == [
        ["fetch", "single", "local", "default", "3", "1", "min", "30", "s"],
        ["each", "fetch", "map", "distributed", "far", "3", "5", "min"],
        ["thrice", "fetch", "3", "tasks", "local", "default", "3", "5", "min"],
    ]
    current, first = (line.split()[:4] for line in versions[1:])
    assert (current, first[:3]) == (["2", "yes", "3", "0"], ["1", "1", "1"])
    document = printed(cli("workflows", "show", "order", "--version", 1, "--json"))
    assert [s["step_slug"] for s in document["steps"]] == ["fetch"]
    assert [version["is_current"] for version in document["versions"]] == [True, False]


def test_show_names_the_workflow_for_failures(cli: Cli, engine: Engine) -> None:
    assert "On failure" not in cli("workflows", "show", "order").stdout
    engine.define("order", step("fetch"), on_failure="alert")
    title, *_ = cli("workflows", "show", "order").stdout.split("\n\n")
    assert title.splitlines() == ["Workflow order, version 3", "On failure: alert"]


def learn(engine: Engine, runs: int) -> None:
    engine.define("quick", step("a"))
    for _ in range(runs):
        engine.start("quick")
    engine.work([item.completed() for item in engine.claim() if item.workflow_slug == "quick"])


def test_statistics(cli: Cli, engine: Engine) -> None:
    assert refusal(cli("workflows", "statistics", "bill"))[0] == 3
    assert cli("workflows", "statistics", "order").stderr == "No run of workflow order has ended.\n"
    learn(engine, 3)
    heads, line = rows(cli("workflows", "statistics", "quick"))
    assert heads[:5] == ["STEP", "RUNS", "TASKS", "FAILURES", "RETRIES"]
    assert line[:5] == ["a", "3", "3", "0", "0"]
    (found,) = printed(cli("workflows", "statistics", "quick", "--json"))
    assert (found["step_slug"], found["runs"]) == ("a", 3)


def test_recommend_and_optimize(cli: Cli, engine: Engine) -> None:
    learn(engine, 20)
    _, line = rows(cli("workflows", "recommend", "quick"))
    assert line[:4] == ["a", "timeout", "300", "5"]
    (found,) = printed(cli("workflows", "recommend", "quick", "--json"))
    assert (found["option"], found["recommended"]) == ("timeout", 5)
    said = [
        cli("workflows", "optimize", "quick", *more).stdout
        for more in [(), (), ("--level", "none")]
    ]
    assert said == [
        "New runs of workflow quick get version 2.\n",
        "Nothing is recommended: version 2 stays.\n",
        "New runs of workflow quick get version 1.\n",
    ]


def test_too_little_history_and_bad_levels_are_said(cli: Cli, engine: Engine) -> None:
    result = cli("workflows", "recommend", "order")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("too little history: 0 runs")
    exit_code, error = refusal(cli("workflows", "optimize", "order", "--level", "most"))
    assert (exit_code, '"most" is not a level' in error) == (2, True), error


def test_delete_refuses_what_is_in_use_unless_forced(cli: Cli, engine: Engine) -> None:
    exit_code, error = refusal(cli("workflows", "delete", "order", "--yes"))
    assert (exit_code, '"order"' in error) == (4, True), error
    result = cli("workflows", "delete", "order", "--yes", "--force")
    assert (result.exit_code, result.stdout) == (0, "Workflow order is deleted.\n")
    assert engine.rows("select workflow_slug from stepgres.workflows") == []


def test_delete_asks_only_somebody(cli: Cli, engine: Engine) -> None:
    assert refusal(cli("workflows", "delete", "order", input="y\n"))[0] == 2
    assert engine.rows("select workflow_slug from stepgres.workflows") == ["order"]


@pytest.mark.parametrize("arguments", [["show", "nothing"], ["delete", "nothing", "--yes"]])
def test_unknown_workflow(cli: Cli, arguments: list[str]) -> None:
    assert refusal(cli("workflows", *arguments)) == (3, 'workflow "nothing" does not exist')
