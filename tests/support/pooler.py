"""A PgBouncer in front of a server, which lends a connection for one transaction at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.servers import account_for_server, wait_until_ready
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = {size}
max_prepared_statements = 0
"""


def find_pgbouncer() -> str | None:
    """The program, if it is installed."""
    places = [*os.get_exec_path(), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which("pgbouncer", path=os.pathsep.join(places))


@contextmanager
def pooler(dsn: str, size: int) -> Iterator[str]:
    """The DSN of a PgBouncer that has so many connections to each database of the server."""
    options = conninfo_to_dict(dsn)
    # short, because the path of a Unix socket may have no more than about 100 characters
    directory = Path(tempfile.mkdtemp(prefix="sg-"))
    account = account_for_server()
    program = find_pgbouncer()
    assert program is not None
    try:
        if account:
            os.chown(directory, account["user"], account["group"])
        config = directory / "pgbouncer.ini"
        settings = {"host": options["host"], "port": options.get("port", 5432)}
        config.write_text(_config(program).format(**settings, directory=directory, size=size))
        (directory / "users").write_text(f'"{options["user"]}" ""\n')
        process = subprocess.Popen([program, "--quiet", config], cwd=directory, **account)
        try:
            pooled = make_conninfo(dsn, host=str(directory), port=6432)
            wait_until_ready(process, pooled)
            yield pooled
        finally:
            process.terminate()
            process.wait(PATIENCE)
    finally:
        shutil.rmtree(directory)


def _config(program: str) -> str:
    """Without what versions before 1.21 do not know: they never keep prepared statements apart."""
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    major, minor = version.stdout.split()[1].split(".")[:2]
    if (int(major), int(minor)) >= (1, 21):
        return _CONFIG
    return _CONFIG.replace("max_prepared_statements = 0\n", "")
