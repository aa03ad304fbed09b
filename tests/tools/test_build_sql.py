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
    for name in ("stepgres--1.2.3.sql", "stepgres.sql"):
        text = built[checkout / "sql" / name]
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


def test_update_replaces_what_is_no_table_and_no_type(checkout: Path) -> None:
    source = checkout / "sql/src"
    (source / "a.sql").write_text("create function stepgres.a() returns int\n")
    (source / "structure").mkdir()
    (source / "structure/t.sql").write_text("create table stepgres.t (a int);\n")
    manifest = source / "install.sql"
    manifest.write_text(manifest.read_text() + "\\ir structure/t.sql\n")
    built = build(checkout)
    for name in ("stepgres--1.2.2--1.2.3.sql", "upgrade--1.2.2--1.2.3.sql"):
        text = built[checkout / "sql" / name]
        assert text.index("'update'") < text.index("create or replace function stepgres.a()")
        assert "create table" not in text
        assert "'guard'" not in text


def test_table_outside_of_structure_is_refused_in_an_update(checkout: Path) -> None:
    (checkout / "sql/src/a.sql").write_text("create table stepgres.t (a int);\n")
    with pytest.raises(SystemExit, match="cannot run this again: create table"):
        build(checkout)
