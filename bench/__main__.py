"""`python -m bench`: how much, how soon, and what it costs when there is nothing to do."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg import sql

import stepgres
from bench.latency import CONNECTIONS_OF_WORKER, measure_idle, measure_wake_up, percentile
from bench.messages import measure_delivery
from bench.optimizer import LEVELS, RECORDED, WORKERS, measure_levels
from bench.scale import FINISHED, LIFE, MANY, WAITING, Scale
from bench.shapes import SHAPES
from bench.throughput import measure_pgmq, measure_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PARTS = ["throughput", "latency", "messages", "optimizer", "scale"]
_STARTS = 200
_MESSAGES = 500
_IDLE_WORKERS = 64
_IDLE_PROCESSES = 4
_IDLE_SECONDS = 60.0

_HOT_UPDATES = """
    select relname, n_tup_upd, 100.0 * n_tup_hot_upd / n_tup_upd
    from pg_stat_user_tables
    where schemaname = 'stepgres' and relname in ('runs', 'step_states', 'tasks') and n_tup_upd > 0
    order by relname
"""


@click.command()
@click.option("--dsn", help="An empty database to use instead of a private server.")
@click.option("--workers", default=2, show_default=True, help="Worker processes.")
@click.option("--rounds", default=3, show_default=True, help="The median is printed.")
@click.option("--only", type=click.Choice(PARTS), help="By default, all of these.")
def main(dsn: str | None, workers: int, rounds: int, only: str | None) -> None:
    """Measure steps per second of several shapes of workflows, in ratios to pgmq in the same run.

    Then how long an idle worker takes to begin with a new run, what idle workers cost, how long a
    message takes to a listener, how much less time optimized workflows take, and whether a million
    finished runs make anything slower.
    """
    with _server(dsn) as dsn:
        if only in (None, "throughput"):
            _bench_throughput(dsn, workers, rounds)
        if only in (None, "latency"):
            _bench_latency(dsn)
        if only in (None, "messages"):
            _bench_messages(dsn)
        if only in (None, "optimizer"):
            _bench_optimizer(dsn)
        if only in (None, "scale"):
            _bench_scale(dsn)
        with psycopg.connect(dsn) as connection:
            violations = connection.execute("select count(*) from stepgres.fsck()").fetchone()
    if violations != (0,):
        raise click.ClickException("fsck() found violated invariants")


@contextmanager
def _server(dsn: str | None) -> Iterator[str]:
    if dsn is not None:
        stepgres.install(dsn)
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="stepgres-") as directory:
        with stepgres.embedded(directory) as server:
            connections = sql.Literal(_IDLE_WORKERS * CONNECTIONS_OF_WORKER + 50)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("alter system set max_connections = {}").format(connections)
                )
        with stepgres.embedded(directory) as server:
            yield server.dsn


def _bench_throughput(dsn: str, workers: int, rounds: int) -> None:
    pgmq: list[float] = []
    shapes: dict[str, list[float]] = {shape.name: [] for shape in SHAPES}
    for _ in range(rounds):  # in turn, so that all see the machine at its different speeds
        pgmq.append(measure_pgmq(dsn, workers))
        for shape in SHAPES:
            shapes[shape.name].append(measure_shape(dsn, shape, workers))

    click.echo(f"{workers} workers, batches of 100, median of {rounds} rounds\n")
    click.echo(f"{'':16} {'per second':>12} {'of pgmq':>8}")
    click.echo(f"{'pgmq messages':16} {median(pgmq):12,.0f} {1:8.2f}")
    for name, rates in shapes.items():
        ratio = median(rate / base for rate, base in zip(rates, pgmq, strict=True))
        click.echo(f"{name:16} {median(rates):12,.0f} {ratio:8.2f}")

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_stat_force_next_flush()")
        click.echo("\nupdates, and how many were HOT")
        for table, updates, share in connection.execute(_HOT_UPDATES):
            click.echo(f"{table:16} {updates:12,} {share:7.1f}%")
    click.echo("")


def _bench_latency(dsn: str) -> None:
    seconds = measure_wake_up(dsn, _STARTS)
    click.echo(f"{_STARTS} starts, from the commit of each to its step in an idle worker")
    _echo_percentiles(seconds)

    shares = measure_idle(dsn, _IDLE_WORKERS, _IDLE_PROCESSES, _IDLE_SECONDS)
    if shares is None:
        click.echo("\nidle workers: not measured, with a server elsewhere or few connections")
        return
    click.echo(
        f"\n{_IDLE_WORKERS} idle workers in {_IDLE_PROCESSES} processes for {_IDLE_SECONDS:.0f} s"
    )
    for name, share in zip(("workers", "server", "together"), (*shares, sum(shares)), strict=True):
        click.echo(f"{name:16} {100 * share:8.2f}% of a core")


def _bench_messages(dsn: str) -> None:
    seconds = measure_delivery(dsn, _MESSAGES)
    click.echo(f"\n{_MESSAGES} messages, from the commit of each to a listener in another process")
    _echo_percentiles(seconds)


def _echo_percentiles(seconds: Sequence[float]) -> None:
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        click.echo(f"{name:16} {1000 * percentile(seconds, share):9.1f} ms")


def _bench_optimizer(dsn: str) -> None:
    click.echo(f"\n{WORKERS} workers of one step at a time, after {RECORDED} recorded runs")
    click.echo(f"{'':28} {'seconds':>9} {''.join(f'{level:>12}' for level in LEVELS)}")
    for name, (seconds, *ratios) in measure_levels(dsn):
        click.echo(f"{name:28} {seconds:9.3f} {''.join(f'{ratio:12.2f}' for ratio in ratios)}")


def _bench_scale(dsn: str) -> None:
    scale = Scale(dsn)
    click.echo(f"\n{'ms for a run of':16} {'':>5} {'  '.join(f'{call:>8}' for call in LIFE)}")
    for name, times in scale.measure_large_runs():
        click.echo(f"{MANY:9,} {name:12} {'  '.join(f'{1000 * t:8.1f}' for t in times)}")

    scale.measure_speed()  # statements are prepared, and what they touch is in memory
    empty = scale.measure_speed()
    scale.fill()
    click.echo(f"\nbeside {FINISHED:,} finished, {WAITING:,} paused and {WAITING:,} waiting runs")
    click.echo(f"{'ms':24} {'empty':>8} {'full':>8} {'ratio':>6}")
    scale.measure_speed()
    for name, full in scale.measure_speed().items():
        before = empty[name]
        click.echo(f"{name:24} {1000 * before:8.2f} {1000 * full:8.2f} {full / before:6.2f}")
    for name, time in scale.measure_pages():
        click.echo(f"{'first page, ' + name:24} {'':8} {1000 * time:8.2f}")
    click.echo(f"{'prune of 1,000 runs':24} {'':8} {1000 * scale.measure_prune():8.2f}")


if __name__ == "__main__":
    main()
