"""stepgres worker."""

from __future__ import annotations

import traceback
from typing import Any

import click

from stepgres.cli.connection import running_server, takes_dsn
from stepgres.cli.errors import explain


@click.command()
@click.argument("workflows", nargs=-1, metavar="[MODULE[:WORKFLOW]...]")
@takes_dsn
@click.option("--goals", metavar="MODULE:NAME", help="Functions for the tasks of task graphs.")
@click.option("--queues", default="default", show_default=True, help="Names, with commas.")
@click.option("--concurrency", type=click.IntRange(1), help="Steps at a time.")
@click.option("--resources", multiple=True, metavar="NAME=VALUE", help="Such as gpu=true.")
@click.option("--processes", type=click.IntRange(1), help="Run `def` steps in so many processes.")
@click.option("--make-current", is_flag=True, help="Of definitions replaced by others, too.")
@click.option("--lease", default=15.0, show_default=True, help="Seconds until it counts as dead.")
@click.option("--grace", default=30.0, show_default=True, help="Seconds to finish when stopped.")
@click.option("--listen-dsn", metavar="DSN", help="To be notified by, past a pooler.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or an object a line.",
)
@click.option("--no-listen", is_flag=True, help="Poll only, without LISTEN.")
def worker(workflows: tuple[str, ...], dsn: str | None, goals: str | None, **options: Any) -> None:
    """Execute steps of workflows, and tasks of goals, from queues until SIGTERM or SIGINT.

    A workflow is MODULE:NAME; a MODULE alone is all Workflow classes in it, or the workflow whose
    workflow_steps() it has. --goals names a mapping of the
    paths or ids of tasks, or patterns of these, to functions, or one function for all tasks: it
    executes the tasks of all task graphs that are started. The first signal lets the running
    steps finish within the grace period; the second one ends at once. What is unfinished goes back
    to its queue.

    The DSN may lead through a transaction pooler. A worker finds that out and polls every second,
    unless --listen-dsn leads past the pooler: then it is notified of new tasks.

    Exit codes: 0 all that was begun is finished, 1 an error, 2 a wrong command line, 3 steps were
    given back unfinished.
    """
    from stepgres.cli import worker_process as _worker_process

    if not workflows and goals is None:
        raise click.UsageError(
            "There is nothing to execute: name workflows, or --goals MODULE:NAME, or both."
        )
    try:
        with running_server(dsn) as conninfo:
            code = 3 if _worker_process.run(conninfo, workflows, goals=goals, **options) else 0
    except Exception as error:
        failure = explain(error)
        if failure is None:
            traceback.print_exc()
        else:
            failure.show()
        code = 1
    _worker_process.leave(code)
