"""`python -m examples.corpus`: execute the workflow, check what it found, and write the report."""

from __future__ import annotations

import math
import os
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
import psycopg
from rich.console import Console

import stepgres
from examples.corpus.plain import count_totals
from examples.corpus.progress import read_steps, show_progress
from examples.corpus.report import print_report, write_report
from examples.corpus.workflow import Corpus

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "folder",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    default=sysconfig.get_path("stdlib"),
)
@click.option(
    "--dsn",
    envvar="STEPGRES_DSN",
    show_envvar=True,
    help="A database with Stepgres. Without one, a private server is started for the while.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default="build/corpus",
    show_default=True,
    help="Where to write report.json and report.md.",
)
@click.option("--pattern", default="*.py", show_default=True, help="Which files to read.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=os.cpu_count(),
    show_default=True,
    help="Processes that count.",
)
def main(folder: str, dsn: str | None, output: Path, pattern: str, processes: int) -> None:
    """Count lines, tokens and names of the text files in FOLDER, in parallel.

    FOLDER is by default the standard library of this Python. The totals are checked against those
    of a plain loop over the same files; if they differ, the exit code is 1.
    """
    console = Console()
    input = {"folder": folder, "pattern": pattern}
    try:
        output.mkdir(parents=True, exist_ok=True)
        with _server(dsn, console) as dsn:
            click.echo(f"Counting {pattern} in {click.format_filename(folder)}")
            report = _execute(dsn, input, processes, console)
    except (stepgres.StepgresError, psycopg.Error, OSError) as error:
        hint = getattr(error, "hint", None)
        raise click.ClickException(f"{error}\nHint: {hint}" if hint else str(error)) from error

    click.echo("Checking the totals with a plain loop")
    report["check"] = _check(input)
    paths = write_report(report, output)
    print_report(report, console)
    for path in paths:
        click.echo(f"Written: {click.format_filename(path)}")
    if report["totals"] != report["check"]["totals"]:
        raise SystemExit(1)


@contextmanager
def _server(dsn: str | None, console: Console) -> Iterator[str]:
    if dsn:
        yield dsn
    else:
        with console.status("Starting a private PostgreSQL server"):
            server = stepgres.embedded()
        with server:
            yield server.dsn


def _execute(dsn: str, input: dict[str, str], processes: int, console: Console) -> dict[str, Any]:
    """Execute the workflow from this process, and return its output and how it went."""
    run_id = uuid4()  # chosen here, so that the run can be watched from its start
    with stepgres.Client(dsn) as client, show_progress(dsn, run_id, console):
        started = time.perf_counter()
        output, _ = stepgres.Executor(client, processes=processes).execute(
            Corpus, input, run_id=run_id, timeout=math.inf
        )
        seconds = time.perf_counter() - started
    with psycopg.connect(dsn) as connection:
        steps = read_steps(connection, run_id)
    return {
        **output,
        "run": {
            "run_id": str(run_id),
            "seconds": seconds,
            "processes": processes,
            "tasks": sum(step.tasks or 0 for step in steps),
            "steps": [
                {"step": step.slug, "tasks": step.tasks, "seconds": step.seconds} for step in steps
            ],
        },
    }


def _check(input: dict[str, str]) -> dict[str, Any]:
    started = time.perf_counter()
    totals = count_totals(**input)
    return {"totals": totals, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
