"""stepgres limits: what it does, and what it prints."""

from __future__ import annotations

from stepgres import Client
from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step


def test_limits_are_declared_listed_changed_and_deleted(cli: Cli, client: Client) -> None:
    assert cli("limits", "list").stderr == "There are no limits.\n"
    cli("limits", "create", "openai", "--max-running", "5", "--rate", "50", "--per", "60s")
    cli("limits", "create", "pages", "--rate", "0.5", "--per", "1s", "--burst", "3")
    lines = cli("limits", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["LIMIT", "openai", "pages"]
    assert "50 per 1 min" in lines[1]
    assert "0.5 per 1.0 s, burst 3" in lines[2]
    assert cli("limits", "update", "openai", "--max-running", "0").exit_code == 0
    (limit,) = client.list_limits("openai")
    assert (limit.max_running, limit.rate) == (None, 50)
    cli("limits", "delete", "pages")
    assert [row["limit_slug"] for row in printed(cli("limits", "list", "--json"))] == ["openai"]


def test_limit_is_shown_with_its_busiest_keys(cli: Cli, client: Client, engine: Engine) -> None:
    client.create_limit("openai", max_running=1)
    engine.define("chat", step("a", limits=[{"limit": "openai", "key": "$.tenant"}]))
    for tenant in ("acme", "acme", "zeta"):
        engine.start("chat", {"tenant": tenant})
    engine.colleague("limited", features=["limits"]).claim()
    shown = cli("limits", "show", "openai").stdout
    (acme,) = (line for line in shown.splitlines() if "acme" in line)
    assert acme.split() == ['"acme"', "1", "1"]
    assert printed(cli("limits", "show", "openai", "--json"))["waiting"] == 1


def test_unknown_and_bad_limits_are_named(cli: Cli) -> None:
    for command in (["show"], ["delete"], ["update", "--max-running", "1"]):
        result = cli("limits", command[0], "nobody", *command[1:])
        assert result.exit_code == 3
        assert 'limit "nobody" does not exist' in result.stderr
    result = cli("limits", "create", "openai")
    assert result.exit_code == 2
    assert "a limit needs max_running or rate" in result.stderr
