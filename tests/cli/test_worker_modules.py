"""stepgres worker MODULE: all workflows of a module, and errors in the module of the user."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.workers import STEPGRES

WORKFLOWS = """
from stepgres import Workflow, step

class {name}(Workflow):
    @step
    def fetch(input):
        return 1
"""


TWICE = """
from stepgres import Workflow, step

class A(Workflow):
    @step
    def a(input): ...
    @step
    def a(input): ...
"""


def run_worker(folder: Path, dsn: str, *arguments: str) -> tuple[int, str]:
    """The exit code and standard error of a worker that is to end by itself."""
    result = subprocess.run(
        [STEPGRES, "worker", *arguments, "--dsn", dsn],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize(
    ("source", "last", "culprit"),
    [
        ("import json\nx = = 1\n", "SyntaxError: invalid syntax", "x = = 1"),
        ("import no_such_module\n", "No module named 'no_such_module'", "import no_such_module"),
        (
            "def f():\n    return 1 / 0\nf()\n",
            "ZeroDivisionError: division by zero",
            "return 1 / 0",
        ),
        ("from json import nothing\n", "cannot import name 'nothing'", "from json import nothing"),
        (
            TWICE,
            'A has two definitions of the step "a"',
            "def a(input)",
        ),
    ],
)
def test_error_in_the_module_shows_the_frames_of_the_user_alone(
    tmp_path: Path, source: str, last: str, culprit: str
) -> None:
    (tmp_path / "shop.py").write_text(source)
    code, printed = run_worker(tmp_path, "host=/nowhere", "shop")
    assert code == 1
    lines = printed.splitlines()
    (error,) = (line for line in lines if line.startswith("Error: "))
    assert error.startswith("Error: module shop cannot be imported: ")
    assert last in error
    assert "shop.py" in printed
    assert culprit in printed
    frames = [line for line in lines if line.startswith('  File "')]
    assert [frame for frame in frames if "shop.py" not in frame] == []


def test_module_that_is_missing_is_no_error_in_it(tmp_path: Path) -> None:
    code, printed = run_worker(tmp_path, "host=/nowhere", "no.such:Order")
    assert (code, len(printed.splitlines())) == (1, 2)
    assert "there is no workflow" in printed


def test_misspelt_workflow_gets_the_closest_name(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(WORKFLOWS.format(name="Order"))
    code, printed = run_worker(tmp_path, "host=/nowhere", "shop:Ordr")
    assert (code, "Did you mean shop:Order?" in printed) == (1, True)


def test_module_without_workflows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from stepgres import Workflow\n")
    code, printed = run_worker(tmp_path, "host=/nowhere", "shop")
    assert (code, "module shop has no workflow" in printed) == (1, True)


def test_module_alone_is_all_its_workflows(db: Database, tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "orders.py").write_text(WORKFLOWS.format(name="Order"))
    (package / "__init__.py").write_text(
        "from stepgres import Workflow\nfrom .orders import Order\n" + WORKFLOWS.format(name="Bill")
    )
    code, printed = run_worker(tmp_path, db.dsn, "shop", "--queues", "No queue")
    assert code == 1  # after it has registered them
    with db.connect() as connection:
        found = connection.execute("select workflow_slug from stepgres.workflows").fetchall()
    assert sorted(found) == [("bill",), ("order",)], printed
