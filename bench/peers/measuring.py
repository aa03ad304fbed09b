"""The processes of another system: two that start runs, and two that execute them."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.measure import wait_until
from bench.peers.installation import NotInstalled, run
from bench.throughput import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.measure import Bench, Figures
    from bench.peers.installation import Peer
    from bench.shapes import Shape


class Adapter:
    """A running adapter, and the last line that it has printed."""

    def __init__(self, peer: Peer, dsn: str, role: str, shape: str) -> None:
        self._last = {"stdout": "", "stderr": "it said nothing"}
        self._process = subprocess.Popen(
            [*peer.command(), role, shape],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(peer, dsn),
        )
        for name in self._last:
            Thread(target=self._read, args=[name], daemon=True).start()

    def _read(self, name: str) -> None:
        for line in getattr(self._process, name):
            self._last[name] = line.strip() or self._last[name]

    @property
    def line(self) -> str:
        return self._last["stdout"]

    def tell(self, number: int) -> None:
        self._last["stdout"] = ""
        if self._process.stdin:
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()

    def check(self) -> None:
        if self._process.poll() is not None:
            raise NotInstalled(f"its adapter ended early: {self._last['stderr']}")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        psutil.Process(self._process.pid).suspend()
        try:
            yield
        finally:
            psutil.Process(self._process.pid).resume()


def environment(peer: Peer, dsn: str) -> dict[str, str]:
    options = conninfo_to_dict(dsn)
    host, user, database = (str(options[name]) for name in ("host", "user", "dbname"))
    return {
        **os.environ,
        **peer.environment(),
        "PGHOST": host,
        "PGUSER": user,
        "PGDATABASE": database,
        "BENCH_URL": f"postgresql://{user}@/{database}?host={host}",
    }


def install_schema(peer: Peer, dsn: str) -> None:
    run([*peer.command(), "install"], environment(peer, dsn))


def measure_peer(bench: Bench, peer: Peer, dsn: str, shape: Shape) -> Figures:
    """Execute runs that were started before, as bench.throughput does; all tasks are counted."""
    runs = max(4, peer.runs[shape.name] // bench.size(1, 40))
    warm_up = max(2, runs // 4)
    steps = runs * shape.steps_per_run
    with ExitStack() as stack:
        starters, workers = (
            [
                stack.enter_context(closing(Adapter(peer, dsn, role, shape.name)))
                for _ in range(PROCESSES)
            ]
            for role in ("start", "work")
        )
        every = [*starters, *workers]
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True))
        _wait_for_lines(starters, "ready")
        _start(starters, warm_up)
        _wait(peer, connection, workers, warm_up * shape.steps_per_run, every)
        with ExitStack() as pause:
            for worker in workers:
                pause.enter_context(worker.suspended())
            with bench.server.measure() as started:
                _start(starters, runs)
            with bench.server.measure() as executed:
                pause.close()
                _wait(peer, connection, workers, warm_up * shape.steps_per_run + steps, every)
    return {
        **executed.per(steps),
        "with_start": steps / (started + executed).seconds,
        "start_server_us": 1e6 * started.server / steps,
    }


@contextmanager
def closing(adapter: Adapter) -> Iterator[Adapter]:
    try:
        yield adapter
    finally:
        adapter.close()


def _start(starters: Sequence[Adapter], runs: int) -> None:
    for number, starter in enumerate(starters):
        starter.tell(runs // PROCESSES + (number < runs % PROCESSES))
    _wait_for_lines(starters, "started")


def _wait_for_lines(adapters: Sequence[Adapter], line: str) -> None:
    for adapter in adapters:
        wait_until(lambda a=adapter: a.line == line, line, adapter.check)  # type: ignore[misc]


def _wait(
    peer: Peer,
    connection: psycopg.Connection[Any],
    workers: Sequence[Adapter],
    steps: int,
    every: Sequence[Adapter],
) -> None:
    """Wait until all steps were executed and are recorded as finished, and none was repeated."""

    def check() -> None:
        for adapter in every:
            adapter.check()

    def executed() -> int:
        return sum(int(worker.line or 0) for worker in workers)

    wait_until(lambda: executed() >= steps, f"{steps} steps of {peer.name}", check)
    wait_until(partial(_is_finished, connection, peer.unfinished), f"{peer.name}'s end", check)
    if executed() != steps:
        raise NotInstalled(f"it executed {executed()} steps instead of {steps}")


def _is_finished(connection: psycopg.Connection[Any], query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return bool(row and row[0] == 0)
