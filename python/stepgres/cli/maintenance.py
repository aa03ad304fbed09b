"""stepgres prune, fsck."""

from __future__ import annotations

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import FAILED
from stepgres.cli.output import Column, print_json, print_table, takes_json
from stepgres.cli.parameters import DURATION, INTEGER


@click.command()
@click.option(
    "--older-than",
    type=DURATION,
    required=True,
    help="Time since the end of the run, such as 30d or 12h.",
)
@click.option("--workflow", metavar="SLUG", help="Only runs of this workflow.")
@click.option(
    "--batch-size",
    type=INTEGER,
    default=1000,
    show_default=True,
    help="Runs to delete in one transaction.",
)
@takes_json
@takes_dsn
def prune(
    older_than: float, workflow: str | None, batch_size: int, as_json: bool, dsn: str | None
) -> None:
    """Delete runs that ended long ago, with all of their data.

    Short transactions delete many runs in batches, so that active runs do not wait.
    """
    count = 0
    with connected(dsn) as client:
        while batch := client.prune(older_than, batch_size, workflow):
            count += batch
    if as_json:
        print_json({"deleted": count})
    else:
        click.echo(f"{count:,} {'run is' if count == 1 else 'runs are'} deleted.")


@click.command()
@takes_json
@takes_dsn
def fsck(as_json: bool, dsn: str | None) -> None:
    """Check all stored data against the invariants of the engine.

    The exit code is 1 if an invariant is violated.
    """
    with connected(dsn) as client:
        violations = client.fsck()
    if as_json:
        print_json(violations)
    elif violations:
        print_table(
            [Column("INVARIANT"), Column("RUN"), Column("FOUND", when_long="wrap")],
            violations,
        )
    else:
        click.echo("No invariant is violated.")
    if violations:
        raise click.exceptions.Exit(FAILED)
