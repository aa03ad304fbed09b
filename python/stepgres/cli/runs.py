"""stepgres runs: start, list, show, status, cancel, pause, resume, retry, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import explain
from stepgres.cli.output import print_json, printable, takes_json
from stepgres.cli.parameters import DURATION, INTEGER, JSON_VALUE
from stepgres.cli.run_views import print_reasons, print_run, print_runs, status_text
from stepgres.cli.watching import finish

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from stepgres._sync.client import Client

_run = click.argument("run_id", metavar="RUN", type=click.UUID)
_runs = click.argument("run_ids", metavar="RUN...", type=click.UUID, nargs=-1, required=True)
_wait = click.option(
    "--wait",
    is_flag=True,
    help="Watch the run until it ends, and print its output. Exit code 1 if it fails.",
)


@click.group()
def runs() -> None:
    """Start runs, look at them, and change their course.

    RUN is the id of a run, as start and list print it.
    """


@runs.command()
@click.argument("workflow", metavar="SLUG")
@click.option(
    "--input",
    type=JSON_VALUE,
    default="null",
    show_default=True,
    metavar="JSON|@FILE|-",
    help="The input: JSON, a file of it, or standard input.",
)
@click.option("--delay", type=DURATION, help="Begin after this time, such as 90s or 1h30m.")
@click.option("--deadline", type=DURATION, help="Fail if it has not ended after this time.")
@click.option("--tag", "tags", multiple=True, help="A tag to find it by; more than once for more.")
@click.option("--priority", type=INTEGER, help="Takes the place of the priorities of its steps.")
@click.option("--idempotency-key", metavar="KEY", help="If a run has it, print the id of that one.")
@click.option("--run-id", type=click.UUID, help="The id that it gets.")
@click.option("--parent", type=click.UUID, metavar="RUN", help="It is cancelled with this run.")
@click.option("--version", type=INTEGER, help="Of the workflow, instead of the current one.")
@_wait
@takes_json
@takes_dsn
def start(
    workflow: str,
    tags: tuple[str, ...],
    parent: UUID | None,
    wait: bool,
    as_json: bool,
    dsn: str | None,
    **options: Any,
) -> None:
    """Start a run of a workflow, and print its id.

    Its steps are executed by workers, also those that an executor would execute itself.
    """
    with connected(dsn) as client:
        run_id = client.start_workflow_run(
            workflow, tags=tags or None, parent_run_id=parent, **options
        )
        _started(client, run_id, wait=wait, as_json=as_json)


@runs.command("list")
@click.option("--status", metavar="STATUS", help="started, completed or failed.")
@click.option("--workflow", metavar="SLUG", help="Of this workflow: its slug, or class name.")
@click.option("--tag", "tags", multiple=True, help="With this tag; more than once: with all.")
@click.option("--limit", type=INTEGER, default=20, show_default=True, help="So many at most.")
@click.option("--offset", type=INTEGER, default=0, help="Leave out so many first.")
@click.option(
    "--order",
    default="inserted_at",
    show_default=True,
    metavar="COLUMN",
    help="inserted_at, finished_at, workflow_slug or status.",
)
@click.option("--asc", is_flag=True, help="The first ones first, not the last ones.")
@click.option("--quiet", "-q", is_flag=True, help="Print the ids alone.")
@takes_json
@takes_dsn
def list_(
    workflow: str | None,
    tags: tuple[str, ...],
    order: str,
    asc: bool,
    quiet: bool,
    as_json: bool,
    dsn: str | None,
    **filters: Any,
) -> None:
    """List runs, the newest first.

    A paused run has the status started, a cancelled one the status failed.
    """
    with connected(dsn) as client:
        found = client.list_workflow_runs(
            workflow_slug=workflow,
            tags=tags or None,
            order_by=("asc" if asc else "desc", order),
            **filters,
        )
    if as_json:
        print_json(found)
    elif quiet:
        for run in found:
            click.echo(run.run_id)
    elif found:
        print_runs(found)
    else:
        click.echo("There are no such runs.", err=True)


@runs.command()
@_run
@takes_json
@takes_dsn
def show(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Show all about a run: its steps, tasks and failed attempts."""
    with connected(dsn) as client:
        run = client.get_run(run_id)
    if as_json:
        print_json(run)
    else:
        print_run(run)


@runs.command()
@_run
@takes_json
@takes_dsn
def status(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Say in a line how a run is doing.

    The exit code is 0 whatever the answer is; that of `stepgres watch` tells how a run has ended.
    """
    with connected(dsn) as client:
        answer = client.get_run_status(run_id)
    if as_json:
        print_json(answer)
    else:
        click.echo(printable(status_text(answer)))


@runs.command()
@_runs
@click.option("--reason", help="The error that the runs end with.")
@click.option("--force", is_flag=True, help="Of a completed run, cancel those that it started.")
@takes_dsn
def cancel(run_ids: tuple[UUID, ...], dsn: str | None, **options: Any) -> None:
    """End runs, and the runs that they started, as failed.

    Nothing happens to a run that has failed already.
    """
    _change_each(dsn, run_ids, lambda client, run_id: client.cancel_workflow_run(run_id, **options))


@runs.command()
@_runs
@takes_dsn
def pause(run_ids: tuple[UUID, ...], dsn: str | None) -> None:
    """Let no further task of runs start.

    Those that are executed finish, and count; the time of retries and delays stands still.
    """
    _change_each(dsn, run_ids, lambda client, run_id: client.pause_workflow_run(run_id))


@runs.command()
@_runs
@takes_dsn
def resume(run_ids: tuple[UUID, ...], dsn: str | None) -> None:
    """Go on with paused runs."""
    _change_each(dsn, run_ids, lambda client, run_id: client.resume_workflow_run(run_id))


@runs.command()
@_run
@click.option("--reset-all", is_flag=True, help="From the beginning, also if it has not failed.")
@click.option("--no-skip-completed", is_flag=True, help="From the beginning.")
@_wait
@takes_json
@takes_dsn
def retry(
    run_id: UUID,
    reset_all: bool,
    no_skip_completed: bool,
    wait: bool,
    as_json: bool,
    dsn: str | None,
) -> None:
    """Start what is left of a failed run as a new run, and print the id of that.

    Steps that are completed are not executed again; of a map that is half finished only the
    unfinished tasks are. The steps are executed by workers.
    """
    with connected(dsn) as client:
        new_run_id = client.retry_failed_workflow(
            run_id, skip_completed=not no_skip_completed, reset_all=reset_all
        )
        _started(client, new_run_id, wait=wait, as_json=as_json)


@runs.command()
@_run
@takes_json
@takes_dsn
def why(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Say what each unfinished step of a run waits for."""
    with connected(dsn) as client:
        reasons = client.why_stuck(run_id)
        answer = client.get_run_status(run_id)
    if as_json:
        print_json(reasons)
    elif reasons:
        print_reasons(reasons)
    else:
        click.echo(f"It waits for nothing: {printable(status_text(answer))}", err=True)


def _started(client: Client, run_id: UUID, *, wait: bool, as_json: bool) -> None:
    if wait:
        click.echo(run_id, err=True)  # for whoever presses Ctrl-C
        finish(client, run_id, as_json=as_json)
    elif as_json:
        print_json({"run_id": run_id})
    else:
        click.echo(run_id)


def _change_each(
    dsn: str | None, run_ids: tuple[UUID, ...], change: Callable[[Client, UUID], None]
) -> None:
    """Change each run and say how it is doing then; an error is no reason to leave out others."""
    code = 0
    with connected(dsn) as client:
        for run_id in run_ids:
            try:
                change(client, run_id)
                answer = client.get_run_status(run_id)
            except Exception as error:
                failure = explain(error)
                if failure is None:
                    raise
                failure.show()
                code = code or failure.exit_code
            else:
                click.echo(f"{run_id}: {printable(status_text(answer))}")
    raise click.exceptions.Exit(code)
