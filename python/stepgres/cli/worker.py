"""The command `stepgres worker`."""

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
@click.option("--make-current", is_flag=True, help="Replace newer definitions, too.")
@click.option("--lease", default=15.0, show_default=True, help="Seconds until a worker is dead.")
@click.option("--grace", default=30.0, show_default=True, help="Seconds to finish when stopped.")
@click.option("--listen-dsn", metavar="DSN", help="DSN past a pooler, for LISTEN.")
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
@click.option(
    "--logs",
    type=click.Choice(["off", "warning", "info"]),
    default="off",
    show_default=True,
    help="The least of context.logger that is stored with attempts.",
)
@click.option("--traces", is_flag=True, help="Make spans of OpenTelemetry, of traced runs.")
@click.option("--on-start", metavar="MODULE:NAME", help="Function to call at the start.")
@click.option("--on-stop", metavar="MODULE:NAME", help="Function to call at the end.")
@click.option(
    "--middleware",
    multiple=True,
    metavar="MODULE:NAME",
    help="Function around each step; the first is outermost.",
)
@click.option("--no-listen", is_flag=True, help="Poll only, without LISTEN.")
def worker(workflows: tuple[str, ...], dsn: str | None, goals: str | None, **options: Any) -> None:
    """Execute steps of workflows, and goal tasks, from queues until SIGTERM or SIGINT.

    A workflow is MODULE:NAME. A MODULE alone stands for all of its Workflow classes, or for the
    workflow of its workflow_steps(). --goals names a mapping from paths, ids or patterns of goal
    tasks to functions, or one function for all goal tasks. These functions execute the goal tasks
    of all task graphs that are started. The first signal lets the running steps finish within the
    grace period. The second signal ends the worker at once. Unfinished tasks go back to their
    queues.

    --on-start and --on-stop name functions without parameters. --middleware names a function of
    (context, call_next), which returns call_next(). All of them may be async: see docs/logging.md.

    --traces needs the package opentelemetry-api, and a start as docs/tracing.md says.

    The DSN may lead through a transaction pooler. The worker detects a pooler and polls every
    second. With a --listen-dsn past the pooler, notifications of new tasks reach the worker.

    Exit codes: 0 all begun steps are finished, 1 an error, 2 a wrong command line, 3 unfinished
    steps were released.
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
