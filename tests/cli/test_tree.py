"""stepgres runs tree: what it prints."""

from __future__ import annotations

import pytest

from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step


@pytest.fixture
def order(engine: Engine) -> None:
    engine.define("ship", step("pack"))
    engine.define("order", step("ship", workflow="ship"))


@pytest.mark.usefixtures("order")
def test_tree_has_each_run_below_its_parent(cli: Cli, engine: Engine) -> None:
    run_id = engine.start("order")
    result = cli("runs", "tree", run_id)
    assert (result.exit_code, result.stderr) == (0, "")
    heading, root, child = result.stdout.splitlines()
    assert heading.split()[:3] == ["WORKFLOW", "RUN", "STEP"]
    assert root.startswith("order ")
    assert str(run_id) in root
    assert child.startswith("  ship ")
    assert [node["level"] for node in printed(cli("runs", "tree", run_id, "--json"))] == [0, 1]


def test_tree_of_an_unknown_run_is_refused(cli: Cli) -> None:
    result = cli("runs", "tree", "01a22500-0000-7000-8000-000000000000")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "does not exist" in result.stderr
