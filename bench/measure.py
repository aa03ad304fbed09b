"""The private server, and what a measurement counts: time, processor time, WAL, commits."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import platform
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

import stepgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.process import BaseProcess
    from uuid import UUID

Figures = dict[str, float]
Rows = dict[str, Figures]

MAX_CONNECTIONS = 400  # the only setting that is not the default of PostgreSQL
PATIENCE = 900.0  # seconds; a measurement that waits longer is a failure
_POLL = 0.01  # seconds

_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "shared_buffers",
    "max_wal_size",
    "max_connections",
)


@dataclass
class Usage:
    """Resources that everything together has used during a measurement."""

    seconds: float = 0.0
    server: float = 0.0  # seconds of processor time, of all processes of the postmaster
    clients: float = 0.0  # the same, of this process and all its descendants
    wal: float = 0.0  # bytes

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.seconds + other.seconds,
            self.server + other.server,
            self.clients + other.clients,
            self.wal + other.wal,
        )

    def per(self, steps: int) -> Figures:
        """The figures of a step."""
        return {
            "per_second": steps / self.seconds,
            "server_us": 1e6 * self.server / steps,
            "clients_us": 1e6 * self.clients / steps,
            "wal": self.wal / steps,
        }


class Server:
    """A running server, whose processes are on this machine."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection = psycopg.connect(dsn, autocommit=True)
        self._postmaster = psutil.Process(self.connection.info.backend_pid).parent()
        self._this_process = psutil.Process()
        self._numbers = itertools.count(1)

    @contextmanager
    def database(self, *, is_empty: bool = False) -> Iterator[str]:
        """A new database with Stepgres, whose invariants hold at the end; or an empty one."""
        name = sql.Identifier(f"bench_{next(self._numbers)}")
        self.connection.execute(sql.SQL("create database {}").format(name))
        dsn = make_conninfo(self.dsn, dbname=name.as_string().strip('"'))
        if not is_empty:
            stepgres.install(dsn)
        yield dsn
        if not is_empty:
            with psycopg.connect(dsn) as connection:
                violations = connection.execute("select * from stepgres.fsck()").fetchall()
            if violations:
                raise SystemExit(f"fsck() found violated invariants: {violations[:3]}")
        self.connection.execute(sql.SQL("drop database {} (force)").format(name))

    @contextmanager
    def measure(self) -> Iterator[Usage]:
        """Measure the block; the usage is known when the block has ended."""
        usage = Usage()
        before = self._counters()
        started = time.perf_counter()
        yield usage
        usage.seconds = time.perf_counter() - started
        after = self._counters()
        usage.server, usage.clients, usage.wal = (
            new - old for new, old in zip(after, before, strict=True)
        )

    def commits(self, dsn: str) -> int:
        """Committed transactions of a database, all of them once its sessions have ended."""
        (commits,) = _row(
            self.connection,
            "select xact_commit from pg_stat_database where datname = %s",
            [psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]],
        )
        return int(commits)

    def settings(self) -> dict[str, str]:
        return {
            name: _row(self.connection, "select current_setting(%s)", [name])[0]
            for name in _SETTINGS
        }

    def _counters(self) -> tuple[float, float, float]:
        (wal,) = _row(self.connection, "select pg_current_wal_insert_lsn() - '0/0'")
        return cpu_seconds(self._postmaster), cpu_seconds(self._this_process), float(wal)


@contextmanager
def private_server(*, has_fsync: bool = True) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="stepgres-bench-") as directory:
        with (
            stepgres.embedded(directory) as embedded,
            psycopg.connect(embedded.dsn, autocommit=True) as connection,
        ):
            connection.execute(f"alter system set max_connections = {MAX_CONNECTIONS}".encode())
            connection.execute(f"alter system set fsync = {'on' if has_fsync else 'off'}".encode())
        with stepgres.embedded(directory) as embedded:
            server = Server(embedded.dsn)
            yield server
            server.connection.close()


@dataclass(frozen=True)
class Bench:
    """The server to measure on, and how thoroughly."""

    server: Server
    rounds: int
    is_quick: bool

    def size(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full

    def in_rounds(
        self, measure: Callable[[], Rows], base: str | None = None, keys: Sequence[str] = ()
    ) -> tuple[Rows, list[Rows]]:
        """Measure all rows in each round, and return the medians and the rounds.

        So all rows see the machine at its different speeds. For each of the keys, the figure
        `KEY_of_base` is the median of the ratios to the base within a round.
        """
        rounds = [measure() for _ in range(self.rounds)]
        for rows in rounds:
            for key in keys:
                unit = rows[base or ""][key]
                for figures in rows.values():
                    figures[f"{key}_of_base"] = figures[key] / unit
        medians = {
            name: {key: median(rows[name][key] for rows in rounds) for key in figures}
            for name, figures in rounds[0].items()
            if all(name in rows for rows in rounds)
        }
        return medians, rounds


def ratio(figure: float, unit: float) -> float:
    """The quotient; 0 if the unit is less than the clock of the processor shows."""
    return figure / unit if unit else 0.0


def one_by_one(cases: Mapping[str, Callable[[], Figures]]) -> Callable[[], Rows]:
    return lambda: {name: case() for name, case in cases.items()}


@contextmanager
def processes(count: int, target: Callable[..., None], *arguments: Any) -> Iterator[Processes]:
    """Processes that run until the end of the block."""
    context = multiprocessing.get_context("spawn")
    every = [context.Process(target=target, args=arguments) for _ in range(count)]
    for process in every:
        process.start()
    try:
        yield Processes(every)
    finally:
        for process in every:
            process.terminate()
        for process in every:
            process.join(60)
            process.kill()
            process.join()


class Processes:
    def __init__(self, every: Sequence[BaseProcess]) -> None:
        self._every = every
        self.pids = [process.pid for process in every if process.pid]

    def check(self) -> None:
        for process in self._every:
            if not process.is_alive():
                raise SystemExit(f"a process ended early, with exit code {process.exitcode}")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The processes stand still during the block."""
        for pid in self.pids:
            psutil.Process(pid).suspend()
        try:
            yield
        finally:
            for pid in self.pids:
                psutil.Process(pid).resume()


def wait_until(is_true: Callable[[], bool], what: str, check: Callable[[], object] = int) -> None:
    """Ask until it is true; `check` raises if waiting is in vain."""
    end = time.monotonic() + PATIENCE
    while not is_true():
        check()
        if time.monotonic() > end:
            raise SystemExit(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(_POLL)


def wait_for_runs(
    connection: psycopg.Connection[Any], run_ids: Sequence[UUID], check: Callable[[], object] = int
) -> None:
    """Wait for the end of runs; the last one is asked for alone, which costs the server little."""
    query = """
        select count(*) filter (where finished_at is null), count(*) filter (where error <> '')
        from stepgres.runs where run_id = any(%s)
    """
    for ids in (run_ids[-1:], list(run_ids)):
        wait_until(
            lambda ids=ids: _row(connection, query, [ids])[0] == 0,  # type: ignore[misc]
            f"{len(ids)} runs",
            check,
        )
    if _row(connection, query, [list(run_ids)])[1]:
        raise SystemExit("a run of the benchmark has failed")


def wait_for_workers(connection: psycopg.Connection[Any], count: int, workers: Processes) -> None:
    """Wait until so many workers have nothing to do."""
    query = "select count(*) from stepgres.workers where is_waiting"
    wait_until(
        lambda: bool(_row(connection, query)[0] == count), f"{count} idle workers", workers.check
    )


def cpu_seconds(process: psutil.Process) -> float:
    """The processor time of a process and its descendants, also of those that have ended."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue  # ended just now: its parent, which comes first here, counts it next time
        total += times.user + times.system + times.children_user + times.children_system
    return total


def describe_machine(server: Server) -> dict[str, Any]:
    """What figures depend on."""
    data = _row(server.connection, "select current_setting('data_directory')")[0]
    return {
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(Path(data).resolve()),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "psycopg": psycopg.__version__,
        "stepgres": stepgres.__version__,
        "commit": _commit(),
        "settings": server.settings(),
    }


def _row(connection: psycopg.Connection[Any], query: str, values: Sequence[Any] = ()) -> Any:
    return connection.execute(query.encode(), values).fetchone()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _file_system(path: Path) -> str:
    """The type of the file system that holds a path; on tmpfs, fsync costs nothing."""
    mounts = [
        (len(Path(mount.mountpoint).parts), mount.fstype)
        for mount in psutil.disk_partitions(all=True)
        if path.is_relative_to(mount.mountpoint)
    ]
    return max(mounts)[1] if mounts else "unknown"


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
