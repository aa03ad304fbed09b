"""Runs that are under way survive a dump, and a new version of PostgreSQL."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import stepgres
from tests.conftest import Server
from tests.support.servers import Cluster, embedded_postgres
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

FLOW = workflow(
    ("split", lambda i: [i, i, i]),
    ("each", lambda i: i, {"map": True, "depends_on": ["split"]}),
    ("total", lambda i: sum(i["each"])),
    execution="distributed",
    base_delay=0.01,
)


def start_and_leave(dsn: str) -> list[UUID]:
    """Runs of which some have begun; some are held by a worker that will not be back."""
    with stepgres.Client(dsn) as client:
        run_ids = register_and_start(client, FLOW, list(range(20)))
        worker_id = client.register_worker(lease=0.1)
        for item in client.claim_tasks(worker_id, 10)[:5]:
            client.complete_task(worker_id, item.run_id, item.step_slug, [item.input] * 3)
    return run_ids


def finish(dsn: str, run_ids: list[UUID]) -> None:
    with stepgres.Client(dsn) as client, running_worker(dsn, FLOW):
        outputs = [client.wait_for_run(run_id).output for run_id in run_ids]
        assert outputs == [3 * number for number in range(20)]
        assert client.fsck() == []


def call(cluster: Cluster, *command: str | Path) -> None:
    options: dict[str, Any] = {"cwd": cluster.directory, **cluster.account}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def test_runs_go_on_after_dump_and_restore(server: Server) -> None:
    with server.postgres.cluster() as cluster:
        cluster.start()
        stepgres.install(cluster.dsn)
        run_ids = start_and_leave(cluster.dsn)
        with psycopg.connect(cluster.dsn, autocommit=True) as connection:
            connection.execute("create database copy")
        dump = cluster.directory / "dump"
        copy = cluster.dsn.replace("/postgres?", "/copy?")
        call(cluster, cluster.bin_dir / "pg_dump", "-Fc", "-f", dump, cluster.dsn)
        call(cluster, cluster.bin_dir / "pg_restore", "--exit-on-error", "-d", copy, dump)
        finish(copy, run_ids)


def test_runs_go_on_after_pg_upgrade(server: Server) -> None:
    embedded = embedded_postgres()
    if server.postgres != embedded[-1] or len(embedded) == 1:
        pytest.skip("goes from the oldest embedded server to the newest")
    with embedded[0].cluster() as old, embedded[-1].cluster() as new:
        old.start()
        stepgres.install(old.dsn)
        run_ids = start_and_leave(old.dsn)
        old.stop()
        call(new, new.bin_dir / "pg_checksums", "--disable", new.directory / "data")
        upgrade: list[str | Path] = [new.bin_dir / "pg_upgrade", "--username=postgres", "--no-sync"]
        upgrade += ["-b", old.bin_dir, "-d", old.directory / "data"]
        upgrade += ["-B", new.bin_dir, "-D", new.directory / "data", "-s", new.directory]
        call(new, *upgrade)
        new.start()
        finish(new.dsn, run_ids)
