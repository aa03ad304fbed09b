"""`python -m bench.peers [NAMES]`: other systems beside Stepgres, on one server, in turn."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench.measure import Bench, describe_machine, private_server
from bench.peers.installation import PEERS, NotInstalled
from bench.peers.measuring import install_schema, measure_peer
from bench.report import CLIENTS, OF_PGMQ, PER_SECOND, SERVER, WAL, Column, Table, write_results
from bench.shapes import SHAPES
from bench.throughput import KINDS, NAMES, PGMQ, measure_pgmq, measure_shape, smaller

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measure import Figures, Rows
    from bench.peers.installation import Peer


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([peer.name for peer in PEERS]))
@click.option("--rounds", default=3, show_default=True, help="The medians are printed.")
@click.option("--quick", is_flag=True, help="Small sizes, one round, no fsync.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/bench-peers"),
    show_default=True,
    help="The directory for results.json and the chart.",
)
def main(names: tuple[str, ...], rounds: int, quick: bool, output: Path) -> None:
    """Measure other systems, each in its best documented mode, beside workers of Stepgres.

    They are installed from the package registries into a folder for caches. A system that cannot
    be installed, or does not execute all tasks, is reported as missing.
    """
    console = Console()
    console.width = max(console.width, 110)
    peers = [peer for peer in PEERS if peer.name in (names or [p.name for p in PEERS])]
    missing: dict[str, str] = {}
    versions = {}
    for peer in peers:
        try:
            versions[peer.name] = peer.install()
        except NotInstalled as error:
            missing[peer.name] = str(error)
    with private_server(has_fsync=not quick) as server, ExitStack() as stack:
        bench = Bench(server, 1 if quick else rounds, quick)
        machine = describe_machine(server)
        dsn = stack.enter_context(server.database())
        cases = _stepgres(bench, dsn)
        for peer in peers:
            if peer.name in versions:
                database = server.database(is_empty=not peer.needs_pgmq)
                dsn = stack.enter_context(database)
                try:
                    install_schema(peer, dsn)
                except NotInstalled as error:
                    missing[peer.name] = str(error)
                    continue
                cases |= _cases(bench, peer, dsn, versions[peer.name])
        rows, every = bench.in_rounds(
            partial(_round, cases, missing), PGMQ, ["per_second", "with_start"]
        )
    table = Table(
        "peers",
        "2 processes execute what was started before by 2 others. The steps of a chain and of a "
        "map count one by one. Server: all its processes. Clients: all other processes.",
        [
            PER_SECOND,
            OF_PGMQ,
            Column("with_start", "with start"),
            SERVER,
            Column("start_server_us", "start: server µs/step"),
            CLIENTS,
            WAL,
        ],
        rows,
        every,
        bars=["per_second"],
    )
    console.print(table.rich())
    for name, reason in missing.items():
        click.echo(f"missing: {name}: {reason}")
    path = write_results(output, {**machine, "missing": missing}, [table])
    click.echo(f"written: {path}")


def _stepgres(bench: Bench, dsn: str) -> dict[str, Callable[[], Figures]]:
    cases: dict[str, Callable[[], Figures]] = {PGMQ: partial(measure_pgmq, bench, dsn)}
    for shape in SHAPES[:5]:
        for kind in KINDS:
            case = partial(measure_shape, bench, dsn, smaller(shape, bench.size(2, 80)), kind)
            cases[f"{shape.name}: Stepgres, {NAMES[kind]}"] = case
    return cases


def _cases(bench: Bench, peer: Peer, dsn: str, version: str) -> dict[str, Callable[[], Figures]]:
    shapes = {shape.name: shape for shape in SHAPES}
    return {
        f"{name}: {peer.name} {version}": partial(measure_peer, bench, peer, dsn, shapes[name])
        for name in peer.runs
    }


def _round(cases: dict[str, Callable[[], Figures]], missing: dict[str, str]) -> Rows:
    """Measure each case; a case that fails is missing from then on."""
    rows = {}
    for name in sorted(cases, key=lambda name: (name != PGMQ, name.partition(":")[0])):
        if name not in missing:
            try:
                rows[name] = cases[name]()
            except NotInstalled as error:
                missing[name] = str(error)
    return rows


if __name__ == "__main__":
    main()
