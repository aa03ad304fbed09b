"""`python -m bench [NAMES]`: what users get. `python -m bench --help` lists the names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench.dashboard import bench_dashboard
from bench.growth import bench_growth
from bench.history import bench_history
from bench.latency import bench_latency
from bench.limits import bench_limits
from bench.measure import Bench, describe_machine, private_server
from bench.optimizer import bench_optimizer
from bench.report import Table, write_pages, write_results
from bench.seen import bench_seen
from bench.snapshot import bench_snapshot
from bench.throughput import bench_throughput
from bench.workers import bench_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BENCHMARKS: dict[str, Callable[[Bench], Iterator[Table]]] = {
    "throughput": bench_throughput,
    "latency": bench_latency,
    "workers": bench_workers,
    "growth": bench_growth,
    "limits": bench_limits,
    "history": bench_history,
    "seen": bench_seen,
    "dashboard": bench_dashboard,
    "snapshot": bench_snapshot,
    "optimizer": bench_optimizer,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS]))
@click.option("--rounds", default=3, show_default=True, help="The medians are printed.")
@click.option("--quick", is_flag=True, help="Small sizes, one round, no fsync.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/bench"),
    show_default=True,
    help="The directory for results.json and the charts.",
)
@click.option(
    "--write-docs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Measure nothing, and write the figures of this results.json into the documentation.",
)
def main(
    names: tuple[str, ...], rounds: int, quick: bool, output: Path, write_docs: Path | None
) -> None:
    """Measure what users get, on a private server: all benchmarks, or those named.

    --quick shows in about two minutes that every benchmark works. Its figures mean nothing.
    """
    if write_docs is not None:
        missing = write_pages(write_docs)
        if missing:
            raise click.ClickException(f"{write_docs} has no table {', '.join(missing)}")
        return
    console = Console()
    console.width = max(console.width, 110)
    tables: list[Table] = []
    with private_server(has_fsync=not quick) as server:
        machine = describe_machine(server)
        bench = Bench(server, 1 if quick else rounds, quick)
        for name in names or BENCHMARKS:
            for table in BENCHMARKS[name](bench):
                console.print(table.rich(), "")
                tables.append(table)
                path = write_results(output, machine, tables)
    click.echo(f"written: {path}")


if __name__ == "__main__":
    main()
