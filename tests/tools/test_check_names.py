"""The check of the names in docs/internals.md and in the READMEs of the SQL folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check_names import ROOT, unknown_names

README = "sql/src/tasks/README.md"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "docs/internals.md": "# Internals\n",
        "python/stepgres/_turns.py": "class Turns:\n    async def turn(self) -> None: ...\n",
        "sql/src/structure/tasks.sql": "create table stepgres.tasks (\n    msg_id bigint\n);\n",
        "sql/src/tasks/_claim.sql": "create function stepgres._claim(capacity int) returns void\n"
        "as $$\n    select v_inner from a  -- a_comment\n$$;\n\n"
        "comment on function stepgres._claim(int) is\n'Claims a_word.';\n",
        README: "# work\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_checkout_names_what_it_has() -> None:
    assert list(unknown_names(ROOT)) == []


@pytest.mark.parametrize(
    "name",
    [
        "_claim",
        "tasks",
        "msg_id",
        "capacity",
        "_claim.sql",
        "sql/src/structure/tasks.sql",
        "Turns.turn",
        "pgmq.pop",
        "for key share",
    ],
)
def test_name_that_exists_is_accepted(checkout: Path, name: str) -> None:
    (checkout / README).write_text(f"# work\n\nSee `{name}`.\n")
    assert list(unknown_names(checkout)) == []


@pytest.mark.parametrize(
    "name",
    [
        "_claims",
        "task",
        "msg_ids",
        "v_inner",
        "a_comment",
        "a_word",
        "_pop.sql",
        "sql/src/structure/runs.sql",
        "Turn",
        "Turns.pause",
    ],
)
@pytest.mark.parametrize("page", ["docs/internals.md", README])
def test_wrong_name_is_found(checkout: Path, page: str, name: str) -> None:
    (checkout / page).write_text(f"# Page\n\n```\n`skipped_example`\n```\n\nSee `{name}`.\n")
    assert list(unknown_names(checkout)) == [f"{page}:7: `{name}` does not exist"]
