"""An invented version after this one, and the scripts that are built for it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import stepgres
from stepgres._server import installer
from tools import release
from tools.build_sql import write

ROOT = Path(__file__).parents[2]

# What the invented version adds to tables and types; fresh installs have the same at the ends.
COLUMN = "note text"
DELTA = f"""\
alter table stepgres.steps add column {COLUMN};
comment on column stepgres.steps.note is 'Invented.';
create table stepgres.inventions (invention text primary key);
drop function stepgres.get_composition_stats(text);
"""
INVENTIONS = "create table stepgres.inventions (invention text primary key);\n"
FUNCTION = """\
create function stepgres.invent(invention text) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$ insert into stepgres.inventions values (invent.invention) $$;

comment on function stepgres.invent(text) is
'Invented.';
"""


@dataclass(frozen=True)
class NextVersion:
    """A checkout of the invented version."""

    root: Path
    version: str

    @property
    def upgrade(self) -> Path:
        return self.root / f"sql/upgrade--{stepgres.__version__}--{self.version}.sql"


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture(scope="session")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> NextVersion:
    """A version with a new column, table and function, a changed function, and one less."""
    root = tmp_path_factory.mktemp("next")
    for name in ("sql/src", "python/stepgres/_version.py", "META.json", "stepgres.control"):
        copy(name, root)
    copy("docker/compose.yaml", root)
    major, minor, patch = stepgres.__version__.split(".")
    version = f"{major}.{minor}.{int(patch) + 1}"
    release.set_version(root, version)
    source = root / "sql/src"
    definitions = source / "structure/definitions.sql"
    text = definitions.read_text("utf-8")
    # behind the last column, where `add column` puts it, too
    table = re.search(r"create table stepgres\.steps \(.*?\n\);", text, re.DOTALL)
    assert table is not None
    changed = re.sub(
        r"(?m)^(    (?:primary key|constraint|foreign key))",
        rf"    {COLUMN},\n\1",
        table[0],
        count=1,
    )
    definitions.write_text(
        text.replace(table[0], changed)
        + "comment on column stepgres.steps.note is 'Invented.';\n"
        + INVENTIONS,
        "utf-8",
    )
    (source / "goals/get_composition_stats.sql").unlink()
    replace(source / "install.sql", "\\ir goals/get_composition_stats.sql\n", "")
    (source / "checks/invent.sql").write_text(FUNCTION, "utf-8")
    replace(
        source / "install.sql",
        "\\ir checks/fsck.sql\n",
        "\\ir checks/fsck.sql\n\\ir checks/invent.sql\n",
    )
    replace(
        source / "inspection/why_stuck.sql", "in topological order", "in the order of the graph"
    )
    update = source / f"updates/{stepgres.__version__}--{version}.sql"
    update.parent.mkdir(exist_ok=True)
    update.write_text(DELTA, "utf-8")
    write(root)
    return NextVersion(root, version)


def copy(name: str, root: Path) -> None:
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, target)
    else:
        shutil.copyfile(ROOT / name, target)


@pytest.fixture
def next_package(next_version: NextVersion, monkeypatch: pytest.MonkeyPatch) -> NextVersion:
    """The Python package is of the invented version."""
    monkeypatch.setattr(installer, "__version__", next_version.version)
    monkeypatch.setattr(installer, "_scripts", lambda: next_version.root / "sql")
    return next_version
