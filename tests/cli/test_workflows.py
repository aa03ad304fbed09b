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
        ["each", "fetch", "map", "distributed", "far", "3", "1", "min"],
        ["thrice", "fetch", "3", "tasks", "local", "default", "3", "1", "min"],
    ]
    current, first = (line.split()[:4] for line in versions[1:])
    assert (current, first[:3]) == (["2", "yes", "3", "0"], ["1", "1", "1"])
    document = printed(cli("workflows", "show", "order", "--version", 1, "--json"))
    assert [s["step_slug"] for s in document["steps"]] == ["fetch"]
    assert [version["is_current"] for version in document["versions"]] == [True, False]


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
