"""Prepare a release, or begin the version after it.

`release.py VERSION` writes the version into every place, dates its part of CHANGELOG.md, builds the
scripts of sql/ and freezes them by checksum, builds sdist and wheel, and tries both in a clean
environment. `release.py --next VERSION` begins a version: its part of the changelog, and the file
of sql/src/updates that takes the changes of tables and types from then on. Nothing is published and
nothing is committed: the last lines printed say how. `release.py --packages` only builds and tries
the packages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.build_sql import build, read_version, write  # noqa: E402

# Where the version stands: files, and what is around it there.
PLACES = [
    ("python/stepgres/_version.py", '__version__ = "{}"'),
    ("stepgres.control", "default_version = '{}'"),
    ("sql/src/checks/version.sql", "select '{}'"),
    ("sql/src/guard.sql", "v_own constant text := '{}'"),
    ("META.json", '"version": "{}",\n    "maintainer"'),
    ("META.json", "sql/stepgres--{}.sql"),
    ("META.json", '"version": "{}"\n'),
    ("docker/compose.yaml", "stepgres-worker:{}"),
    ("docker/compose.yaml", "stepgres-postgres:{}"),
]
UNRELEASED = "not released yet"


def main(arguments: list[str]) -> None:
    if arguments == ["--packages"]:
        build_packages(ROOT, ROOT / "dist")
        return
    begins = arguments[:1] == ["--next"]
    version = "".join(arguments[begins:])
    if len(arguments) != 1 + begins or not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise SystemExit("usage: make release VERSION=1.2.3, or make next VERSION=1.2.3")
    if begins:
        begin(ROOT, version)
        return
    released = release(ROOT, version)
    build_packages(ROOT, ROOT / "dist")
    files = " ".join(str(file.relative_to(ROOT)) for file in released)
    print(f"Commit and tag:\n  git add -f {files}\n  git commit -am 'Release {version}'")
    print(f"  git tag -a v{version} -m 'Stepgres {version}'\nThen upload dist/*{version}*.")


def begin(root: Path, version: str) -> None:
    """Begin a version after the one that was released last."""
    old = read_version(root)
    if numbers(version) <= numbers(old):
        raise SystemExit(f"{version} is not after {old}")
    if old not in read_checksums(root):
        raise SystemExit(f"{old} is not released yet: make release VERSION={old}")
    set_version(root, version)
    update = root / f"sql/src/updates/{old}--{version}.sql"
    update.parent.mkdir(exist_ok=True)
    update.write_text(
        f"-- Changes of tables and types, and drops, that lead from {old} to {version}.\n", "utf-8"
    )
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    section = f"## [{version}] - {UNRELEASED}\n\n### Upgrade\n\n"
    changelog.write_text(text.replace("## [", f"{section}## [", 1), "utf-8")


def release(root: Path, version: str) -> list[Path]:
    """Freeze a version; returns the files that are to be committed though git ignores them."""
    frozen = read_checksums(root)
    if version in frozen:
        raise SystemExit(f"{version} is released already")
    heading = f"## [{version}] - {UNRELEASED}"
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if heading not in text:
        raise SystemExit(f'CHANGELOG.md has no "{heading}"')
    updates = [file.stem for file in (root / "sql/src/updates").glob(f"*--{version}.sql")]
    if frozen and not updates:
        raise SystemExit(f"sql/src/updates has no file that leads to {version}")
    today = dt.datetime.now(dt.timezone.utc).date()
    changelog.write_text(text.replace(heading, f"## [{version}] - {today}"), "utf-8")
    set_version(root, version)
    write(root)
    scripts = [file for file in build(root) if version in file.name]
    with (root / "sql/releases.sha256").open("a", encoding="utf-8") as file:
        for script in scripts:
            file.write(f"{checksum(script)}  {script.name}\n")
    return [*scripts, root / "sql/releases.sha256"]


def set_version(root: Path, version: str) -> None:
    """Write a version into every place; SystemExit if one does not have that of the package."""
    old = read_version(root)
    for name, around in PLACES:
        file = root / name
        text = file.read_text("utf-8")
        if around.format(old) not in text:
            raise SystemExit(f"{name}: there is no {around.format(old)}")
        file.write_text(text.replace(around.format(old), around.format(version)), "utf-8")


def read_checksums(root: Path) -> dict[str, dict[str, str]]:
    """The scripts of each version that was released, with their checksums."""
    file = root / "sql/releases.sha256"
    frozen: dict[str, dict[str, str]] = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else []:
        digest, name = line.split()
        version = name.removesuffix(".sql").rpartition("--")[2]
        frozen.setdefault(version, {})[name] = digest
    return frozen


def checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def build_packages(root: Path, directory: Path) -> None:
    """Build the sdist and the wheel, and try both."""
    for kind in ("sdist", "wheel"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(directory)]
        subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL)
    for package in sorted(directory.glob(f"stepgres-{read_version(root)}*")):
        try_package(package)


def try_package(package: Path) -> None:
    """Install a package into a new environment, and see that it has what it needs."""
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        python = f"{directory}/bin/python"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, str(package)], check=True)
        code = "from stepgres._server import installer; installer._read_script('stepgres')"
        subprocess.run([python, "-c", code], check=True, cwd=directory)
        subprocess.run([f"{directory}/bin/stepgres", "--version"], check=True, cwd=directory)


if __name__ == "__main__":
    main(sys.argv[1:])
