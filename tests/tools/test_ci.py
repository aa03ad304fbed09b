"""The script of the CI installs the programs without which tests are skipped, where it may."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workers import ROOT

LOGGING = '#!/bin/bash\n>&2 echo "${0##*/} $*"\n'


def run_ci(directory: Path, **stubs: str) -> str:
    """What the script prints, errors included, where there are only these programs."""
    for name in ("bash", "dirname", "env", "timeout"):
        (directory / name).symlink_to(str(shutil.which(name)))
    for name, text in {"make": LOGGING, "pgbouncer": LOGGING, **stubs}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    result = subprocess.run(
        [ROOT / ".ci/run"],
        env={"PATH": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return str(result.stdout)


@pytest.mark.parametrize("status", [0, 1])
def test_missing_program_is_installed_by_root_or_said_to_be_missing(
    tmp_path: Path, status: int
) -> None:
    stubs = {"id": "#!/bin/bash\necho 0\n", "apt-get": f"{LOGGING}exit {status}\n"}
    lines = run_ci(tmp_path, **stubs).splitlines()
    installs = "apt-get -qq install --no-install-recommends chromium"
    failed = "apt-get could not install chromium: its tests are skipped"
    assert lines == ["apt-get -qq update", failed if status else installs, "make test"]


def test_nobody_but_root_installs(tmp_path: Path) -> None:
    stubs = {"id": "#!/bin/bash\necho 1000\n", "apt-get": LOGGING}
    (line, test) = run_ci(tmp_path, **stubs).splitlines()
    assert line.startswith("chromium is missing")
    assert test == "make test"
