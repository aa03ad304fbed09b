"""The other systems, and how they are installed from the registries into a folder for caches."""

from __future__ import annotations

import json
import shutil
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from bench.report import ROOT

ADAPTERS = Path("bench", "peers", "adapters")


class NotInstalled(Exception):
    """Says why a system cannot be measured."""


@dataclass(frozen=True)
class Peer:
    """A system, its packages, the first of which has its version, and its adapter."""

    name: str
    registry: Literal["pip", "npm"]
    packages: tuple[str, ...]
    adapter: str
    unfinished: str  # a query for the number of tasks or runs that are not finished
    runs: dict[str, int]  # by shape
    needs_pgmq: bool = False

    @property
    def folder(self) -> Path:
        return user_cache_path("stepgres-bench") / self.adapter.partition(".")[0]

    def command(self) -> list[str]:
        if self.registry == "npm":
            return ["node", str(ROOT / ADAPTERS / self.adapter)]
        module = ".".join((ADAPTERS / self.adapter).with_suffix("").parts)
        return [str(self.folder / "bin" / "python"), "-m", module]

    def environment(self) -> dict[str, str]:
        return {"NODE_PATH": str(self.folder / "node_modules"), "PYTHONPATH": str(ROOT)}

    def install(self) -> str:
        """Install the packages if they are missing, and return the version."""
        marker = self.folder / "installed.json"
        if not marker.exists() or json.loads(marker.read_text()) != list(self.packages):
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.registry == "pip":
                venv.create(self.folder, with_pip=True, clear=True)
                python = str(self.folder / "bin" / "python")
                run([python, "-m", "pip", "install", "--quiet", *self.packages])
            else:
                for program in ("node", "npm"):
                    if shutil.which(program) is None:
                        raise NotInstalled(f"{program} is not on this machine")
                run(["npm", "install", "--silent", "--prefix", str(self.folder), *self.packages])
            marker.write_text(json.dumps(self.packages))
        return self._version()

    def _version(self) -> str:
        package = self.packages[0].partition("[")[0]
        if self.registry == "npm":
            path = self.folder / "node_modules" / package / "package.json"
            return str(json.loads(path.read_text())["version"])
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        return run([self.command()[0], "-c", code]).strip()


def run(command: list[str], env: dict[str, str] | None = None) -> str:
    """The output of a program, or NotInstalled with the last line of its errors."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=env, timeout=600
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise NotInstalled(f"{Path(command[0]).name} failed: {lines[-1]}")
    return done.stdout


PEERS = [
    Peer(
        "graphile-worker",
        "npm",
        ("graphile-worker", "pg"),
        "graphile.cjs",
        "select count(*) from graphile_worker._private_jobs",
        {"jobs": 8_000},
    ),
    Peer(
        "PgQueuer",
        "pip",
        ("pgqueuer[asyncpg]",),
        "pgqueuer_peer.py",
        "select count(*) from pgqueuer",
        {"jobs": 8_000},
    ),
    Peer(
        "Procrastinate",
        "pip",
        ("procrastinate",),
        "procrastinate_peer.py",
        "select count(*) from procrastinate_jobs where status in ('todo', 'doing')",
        {"jobs": 2_000},
    ),
    Peer(
        "absurd",
        "pip",
        ("absurd-sdk", "absurdctl", "psycopg[binary]"),
        "absurd_peer.py",
        "select count(*) from absurd.t_bench where state <> 'completed'",
        {"jobs": 2_000, "chain_of_10": 100},
    ),
    Peer(
        "DBOS",
        "pip",
        ("dbos",),
        "dbos_peer.py",
        "select count(*) from dbos.workflow_status where status <> 'SUCCESS'",
        {"jobs": 1_000, "chain_of_10": 100},
    ),
    Peer(
        "pgflow",
        "npm",
        ("@pgflow/core", "postgres"),
        "pgflow.cjs",
        "select count(*) from pgflow.runs where status <> 'completed'",
        {"jobs": 1_000, "chain_of_10": 100, "diamond_1_20_1": 50, "map_of_output": 1},
        needs_pgmq=True,
    ),
]
