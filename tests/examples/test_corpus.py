"""The example `python -m examples.corpus`."""

from __future__ import annotations

import io
import json
import keyword
import os
import pty
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from examples.corpus import __main__ as command
from examples.corpus.files import count_file, find_files
from examples.corpus.plain import count_totals
from tests.conftest import Database
from tests.support.waiting import PATIENCE

CHECKOUT = Path(__file__).parents[2]

SOURCE = '''\
"""A name in a string is not a name, "however" it is quoted."""
import os  # nor one in a comment: 'os
def größe(path, *, name=r"\\", other=rb'\\'',):
    """It's one\\"""token."""
    return {'name': path} | {"it's": 0x1f, name: 1.5e3} if not os.path else [path != 'a\\
b']
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three readable sources, two of which are the same, one that is not, and a text."""
    files = {
        "a.py": b"x = x + 1\n",
        "package/b.py": b"# coding: latin-1\ndef f(x):\n    return '\xe9'",
        "package/deep/copy_of_a.py": b"x = x + 1\n",
        "package/broken.py": b"\xff\xfe\n",
        "package/text|1.txt": "It\u2019s the caf\u00e9, the\n".encode(),
    }
    for name, data in files.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "corpus"


def run(folder: Path, output: Path, dsn: str, *options: str) -> Result:
    return CliRunner().invoke(
        command.main, [str(folder), "--output", str(output), "--dsn", dsn, *options]
    )


def read(output: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((output / "report.json").read_text(encoding="utf-8"))
    return report


def test_report_has_both_summaries(folder: Path, tmp_path: Path, db: Database) -> None:
    result = run(folder, tmp_path, db.dsn)
    assert (result.exit_code, result.stderr) == (0, "")
    report = read(tmp_path)
    assert report["totals"] == {
        "files": 3,
        "unreadable": 1,
        "copies": 1,
        "lines": 5,
        "tokens": 19,
        "names": 2,
        "uses": 6,
    }
    assert report["folders"] == [
        {"folder": "package", "files": 2, "lines": 4, "tokens": 14},
        {"folder": ".", "files": 1, "lines": 1, "tokens": 5},
    ]
    assert report["most_used"] == [
        {"name": "x", "uses": 5, "files": 3},
        {"name": "f", "uses": 1, "files": 1},
    ]
    assert report["unreadable"] == {"package/broken.py": "invalid or missing encoding declaration"}


def test_report_says_what_ran_and_that_it_was_checked(
    folder: Path, tmp_path: Path, db: Database
) -> None:
    result = run(folder, tmp_path, db.dsn)
    report = read(tmp_path)
    assert [(step["step"], step["tasks"]) for step in report["run"]["steps"]] == [
        ("list_files", 1),
        ("count_file", 4),
        ("folders", 1),
        ("vocabulary", 1),
        ("report", 1),
    ]
    assert report["run"]["tasks"] == 8
    assert report["check"]["totals"] == report["totals"] == count_totals(str(folder), "*.py")
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    for text in (result.stdout, markdown):
        assert "5 steps with 8 tasks took " in text
        assert "Checked: the plain loop comes to the same totals." in text
    assert "| unreadable | 1 | 1 |\n" in markdown
    assert "| package | 2 | 4 | 14 |\n" in markdown
    assert "| x | 5 | 3 |\n" in markdown
    assert re.search(r"\| count_file \| 4 \| \d+\.", markdown)
    assert "| package/broken.py | invalid or missing encoding declaration |\n" in markdown


def test_progress_is_a_line_per_step_where_there_is_no_terminal(
    folder: Path, tmp_path: Path, db: Database
) -> None:
    lines = run(folder, tmp_path, db.dsn).stdout.splitlines()
    assert [line for line in lines if line.startswith("count_file: 4 tasks in ")]
    assert [line for line in lines if line.startswith("report: 1 task in ")]


def test_text_is_counted_in_words(folder: Path, tmp_path: Path, db: Database) -> None:
    assert run(folder, tmp_path, db.dsn, "--pattern", "*.txt").exit_code == 0
    report = read(tmp_path)
    assert report["totals"]["tokens"] == 5
    assert report["most_used"] == [
        {"name": "the", "uses": 2, "files": 1},
        {"name": "café", "uses": 1, "files": 1},
        {"name": "it\u2019s", "uses": 1, "files": 1},
    ]


def test_empty_folder_has_an_empty_report(tmp_path: Path, db: Database) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    result = run(folder, tmp_path / "new" / "output", db.dsn)
    assert result.exit_code == 0
    report = read(tmp_path / "new" / "output")
    assert set(report["totals"].values()) == {0}
    assert (report["folders"], report["most_used"], report["run"]["tasks"]) == ([], [], 4)


def test_mismatch_is_said_and_ends_with_exit_code_1(
    folder: Path, tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count_more(folder: str, pattern: str) -> dict[str, int]:
        return {**count_totals(folder, pattern), "lines": 1234}

    monkeypatch.setattr(command, "count_totals", count_more)
    result = run(folder, tmp_path, db.dsn)
    assert result.exit_code == 1
    mismatch = "MISMATCH: lines are 5 in the workflow and 1,234 in the plain loop."
    assert mismatch in result.stdout
    assert mismatch in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Checked" not in result.stdout


def test_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    result = run(tmp_path / "missing", tmp_path, "")
    assert result.exit_code == 2
    assert "missing' does not exist." in result.stderr


def test_output_that_cannot_be_written_is_an_error_before_the_run(
    folder: Path, tmp_path: Path, db: Database
) -> None:
    result = run(folder, folder / "a.py" / "output", db.dsn)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stdout == ""


def test_database_without_stepgres_is_an_error_with_a_hint(
    folder: Path, tmp_path: Path, empty_db: Database
) -> None:
    result = run(folder, tmp_path, empty_db.dsn)
    assert result.exit_code == 1
    error, hint = result.stderr.splitlines()
    assert error.startswith("Error: Stepgres is not installed in database ")
    assert "stepgres install" in hint


def test_command_uses_the_environment(folder: Path, tmp_path: Path, db: Database) -> None:
    # The resource tracker of Python may warn of a semaphore that is removed at that moment.
    python = [sys.executable, "-W", "ignore:resource_tracker:UserWarning"]
    result = subprocess.run(
        [*python, "-m", "examples.corpus", folder, "--output", tmp_path],
        env={**os.environ, "STEPGRES_DSN": db.dsn},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"Written: {tmp_path / 'report.md'}\n")
    assert read(tmp_path)["totals"]["files"] == 3


def test_command_draws_bars_on_a_terminal(folder: Path, tmp_path: Path, db: Database) -> None:
    terminal, stdout = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.corpus", folder, "--output", tmp_path, "--dsn", db.dsn],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        cwd=CHECKOUT,
        stdout=stdout,
    )
    os.close(stdout)
    screen = b""
    try:
        while part := os.read(terminal, 10_000):
            screen += part
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(terminal)
    assert process.wait(PATIENCE) == 0
    assert "━━━" in screen.decode()
    assert b"4 tasks in " in screen
    assert b"count_file: " not in screen


def test_command_starts_a_private_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPGRES_DSN", raising=False)
    result = CliRunner().invoke(command.main, [str(folder), "--output", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert read(tmp_path)["totals"]["files"] == 3


def test_names_are_those_that_tokenize_finds(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(SOURCE, encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(SOURCE).readline)
    names = Counter(token.string for token in tokens if token.type == tokenize.NAME)
    facts = count_file(str(tmp_path), "source.py")
    assert facts["names"] == {t: n for t, n in names.items() if not keyword.iskeyword(t)}


def test_links_and_installed_packages_are_left_out(folder: Path) -> None:
    (folder / "package" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "package" / "self.py").symlink_to("self.py")
    (folder / "package" / "link.py").symlink_to(folder / "a.py")
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / "other.py").touch()
    assert find_files(str(folder), "*.py") == [
        "a.py",
        "package/b.py",
        "package/broken.py",
        "package/deep/copy_of_a.py",
    ]


def test_name_that_is_not_unicode_is_counted_as_unreadable(
    folder: Path, tmp_path: Path, db: Database
) -> None:
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.py")).touch()
    except OSError:
        pytest.skip("the file system takes only names that are Unicode")
    assert run(folder, tmp_path, db.dsn).exit_code == 0
    assert "No such file" in read(tmp_path)["unreadable"]["\ufffd.py"]


def test_folder_that_cannot_be_listed_is_counted_as_unreadable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_folder = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("deep"):
            raise PermissionError(path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "package/deep" in find_files(str(folder), "*.py")
    assert "Is a directory" in str(count_file(str(folder), "package/deep")["error"])
