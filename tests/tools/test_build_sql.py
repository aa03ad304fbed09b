"""The builder of the SQL installs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.build_sql import build


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "python/stepgres/_version.py": '__version__ = "1.2.3"\n',
        "sql/src/guard.sql": "select 'guard';\n",
        "sql/src/install.sql": "-- in order\n\\ir guard.sql\n\\ir b.sql\n\n\\ir a.sql\n",
        "sql/src/a.sql": "select 'a';\n",
        "sql/src/b.sql": "select 'b';\n",
        "sql/src/updates/1.2.2--1.2.3.sql": "select 'update';\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_files_stand_in_the_order_of_the_manifest(checkout: Path) -> None:
    built = build(checkout)
    assert [file.name for file in built] == ["stepgres--1.2.3.sql", "stepgres.sql"]
    for text in built.values():
        assert "Stepgres 1.2.3" in text
        assert text.index("'guard'") < text.index("'b'") < text.index("'a'")
        assert "'update'" not in text


def test_plain_install_is_one_transaction_without_meta_commands(checkout: Path) -> None:
    plain = build(checkout)[checkout / "sql/stepgres.sql"]
    assert "\\" not in plain
    assert "\nbegin;\n" in plain
    assert plain.endswith("\ncommit;\n")


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ("\\ir guard.sql\n\\ir a.sql\n", "not listed: b.sql"),
        ("\\ir guard.sql\n\\ir a.sql\n\\ir b.sql\n\\ir c.sql\n", "no such file: c.sql"),
        ("\\ir guard.sql\n\\ir a.sql\n\\ir b.sql\n\\ir a.sql\n", "listed twice: a.sql"),
        ("\\i a.sql\n", r"not a comment and not \\ir: \\i a.sql"),
    ],
)
def test_wrong_manifest_is_refused(checkout: Path, manifest: str, problem: str) -> None:
    (checkout / "sql/src/install.sql").write_text(manifest)
    with pytest.raises(SystemExit, match=problem):
        build(checkout)
