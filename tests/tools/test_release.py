"""Releases: the version in every place, the changelog, and frozen scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import stepgres
from tools import release

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a version that is not released yet, and is the first one."""
    shutil.copytree(ROOT / "sql/src", tmp_path / "sql/src")
    for name in {name for name, _ in release.PLACES} | {"CHANGELOG.md"}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.rmtree(tmp_path / "sql/src/updates", ignore_errors=True)
    release.set_version(tmp_path, "7.0.0")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(f"# Changelog\n\n## [7.0.0] - {release.UNRELEASED}\n", "utf-8")
    return tmp_path


def test_release_freezes_its_scripts_and_dates_its_changes(checkout: Path) -> None:
    files = release.release(checkout, "7.0.0")
    assert [file.name for file in files] == ["stepgres--7.0.0.sql", "releases.sha256"]
    digest = release.checksum(checkout / "sql/stepgres--7.0.0.sql")
    assert release.read_checksums(checkout) == {"7.0.0": {"stepgres--7.0.0.sql": digest}}
    assert release.UNRELEASED not in (checkout / "CHANGELOG.md").read_text("utf-8")
    with pytest.raises(SystemExit, match="is released already"):
        release.release(checkout, "7.0.0")


def test_next_version_begins_with_a_file_for_its_changes(checkout: Path) -> None:
    release.release(checkout, "7.0.0")
    release.begin(checkout, "7.1.0")
    assert (checkout / "sql/src/updates/7.0.0--7.1.0.sql").exists()
    files = release.release(checkout, "7.1.0")
    assert [file.name for file in files] == [
        "stepgres--7.1.0.sql",
        "stepgres--7.0.0--7.1.0.sql",
        "upgrade--7.0.0--7.1.0.sql",
        "releases.sha256",
    ]


@pytest.mark.parametrize(
    ("version", "problem"), [("7.0.0", "is not after"), ("7.0.1", "is not released yet")]
)
def test_next_version_of_what_is_not_released_is_refused(
    checkout: Path, version: str, problem: str
) -> None:
    with pytest.raises(SystemExit, match=problem):
        release.begin(checkout, version)


def test_release_without_its_part_of_the_changelog_is_refused(checkout: Path) -> None:
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md has no"):
        release.release(checkout, "7.0.1")


def test_second_release_needs_a_way_from_the_first(checkout: Path) -> None:
    release.release(checkout, "7.0.0")
    release.begin(checkout, "7.1.0")
    (checkout / "sql/src/updates/7.0.0--7.1.0.sql").unlink()
    with pytest.raises(SystemExit, match=r"no file that leads to 7\.1\.0"):
        release.release(checkout, "7.1.0")


def test_version_that_stands_nowhere_is_found_out(checkout: Path) -> None:
    (checkout / "stepgres.control").write_text("comment = 'no version'\n", "utf-8")
    with pytest.raises(SystemExit, match=r"stepgres\.control: there is no"):
        release.release(checkout, "7.0.0")


@pytest.mark.parametrize("arguments", [[], ["1.2"], ["--next"], ["1.2.3", "1.2.4"]])
def test_release_without_a_version_says_how(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage: make release VERSION="):
        release.main(arguments)


def test_version_of_the_package_is_the_one_that_is_released_next() -> None:
    frozen = release.read_checksums(ROOT)
    if stepgres.__version__ not in frozen:
        heading = f"## [{stepgres.__version__}] - {release.UNRELEASED}"
        assert heading in (ROOT / "CHANGELOG.md").read_text("utf-8")
