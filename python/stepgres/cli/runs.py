"""stepgres runs: start, list, count, show, tree, status, and the changes of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import explain
from stepgres.cli.filters import iterate_runs, takes_filters
from stepgres.cli.output import (
    print_json,
    print_json_array,
    printable,
    takes_json,
    takes_quiet,
)
from stepgres.cli.parameters import DURATION, INTEGER, JSON_VALUE
from stepgres.cli.run_views import (
    print_counts,
    print_path,
    print_reasons,
    print_run,
    print_runs,
    print_tree,
    status_text,
)
from stepgres.cli.watching import finish
from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from stepgres._client.client import Client

_run = click.argument("run_id", metavar="RUN", type=click.UUID)
_runs = click.argument("run_ids", metavar="[RUN...]", type=click.UUID, nargs=-1)
_dry_run = click.option("--dry-run", is_flag=True, help="Only say which runs the filters choose.")
_LISTED = 20  # runs in a table without --limit
_wait = click.option(
    "--wait",
    is_flag=True,
    help="Watch the run until it ends, and print its output. Exit code 1 if it fails.",
)


@click.group()
def runs() -> None:
    """Start, show, pause, resume, wake, cancel, retry and fork runs.

    RUN is the id of a run, as start and list print it.
    """


@runs.command()
@click.argument("workflow", metavar="WORKFLOW")
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
@click.option("--idempotency-key", metavar="KEY", help="If a run has this key, print its id.")
@click.option("--unique-key", metavar="KEY", help="One active run of the workflow has this key.")
@click.option(
    "--if-running",
    metavar="WHAT",
    help="If a run with the unique key is active: return (its id), reject, or cancel (that run).",
)
@click.option(
    "--debounce",
    type=DURATION,
    help="Begin after this time; a further start with the unique key replaces the input.",
)
@click.option("--debounce-max", type=DURATION, help="Begin at most so long after the first start.")
@click.option("--run-id", type=click.UUID, help="The id that it gets.")
@click.option("--parent", type=click.UUID, metavar="RUN", help="It is cancelled with this run.")
@click.option("--version", type=INTEGER, help="Of the workflow, instead of the current one.")
@_wait
@click.option("--quiet", "-q", is_flag=True, help="Print the id alone; with --wait at the end.")
@takes_json
@takes_dsn
def start(
    workflow: str,
    tags: tuple[str, ...],
    parent: UUID | None,
    wait: bool,
    quiet: bool,
    as_json: bool,
    dsn: str | None,
    **options: Any,
) -> None:
    """Start a run of a workflow, and print its id. WORKFLOW is a slug, or the name of a class.

    Workers execute all of its steps, also the local steps, which an executor executes itself.
    """
    with connected(dsn) as client:
        run_id = client.start_workflow_run(
            workflow, tags=tags or None, parent_run_id=parent, **options
        )
        if quiet:
            if wait:
                client.wait_for_run(run_id)
            click.echo(run_id)
        else:
            _started(client, run_id, wait=wait, as_json=as_json)


@runs.command("list")
@takes_filters
@click.option(
    "--limit",
    type=INTEGER,
    help=f"So many at most. By default {_LISTED} in a table, and all with --quiet or --json.",
)
@click.option("--offset", type=INTEGER, default=0, help="Leave out so many first.")
@click.option(
    "--order",
    default="inserted_at",
    show_default=True,
    metavar="COLUMN",
    help="inserted_at, finished_at, workflow_slug or status.",
)
@click.option("--asc", is_flag=True, help="The first ones first, not the last ones.")
@click.option("--search", metavar="TEXT", help="Of the newest 10,000 of them, with TEXT in it.")
@click.option("--after", type=click.UUID, metavar="RUN", help="Only those that come behind a run.")
@takes_quiet
@takes_json
@takes_dsn
def list_(
    filters: dict[str, Any],
    limit: int | None,
    offset: int,
    order: str,
    asc: bool,
    search: str | None,
    after: UUID | None,
    quiet: bool,
    as_json: bool,
    dsn: str | None,
) -> None:
    """List runs, the newest first.

    A paused run has the status started, a cancelled one the status failed. --search finds text in
    the inputs and errors of runs, and says if it has not looked at all of them.
    """
    if search is not None and (asc or order != "inserted_at"):
        raise click.UsageError("--search lists the newest runs first")
    filters |= {
        "search": search,
        "after": after,
        "offset": offset,
        "order_by": ("asc" if asc else "desc", order),
    }
    with connected(dsn) as client:
        if as_json or quiet:
            found = iterate_runs(client, limit, **filters)
            if as_json:
                print_json_array(found)
            else:
                for run in found:
                    click.echo(run.run_id)
            return
        rows = list(iterate_runs(client, _LISTED + 1 if limit is None else limit, **filters))
    if not rows:
        click.echo("There are no such runs.", err=True)
    elif limit is None and len(rows) > _LISTED:
        print_runs(rows[:_LISTED])
        click.echo("There are more: see --limit, --quiet and --json.", err=True)
    else:
        print_runs(rows)


@runs.command()
@takes_filters
@takes_json
@takes_dsn
def count(filters: dict[str, Any], as_json: bool, dsn: str | None) -> None:
    """Count runs by their workflow and status."""
    with connected(dsn) as client:
        counts = client.count_runs(**filters)
    if as_json:
        print_json(counts)
    elif counts:
        print_counts(counts)
    else:
        click.echo("There are no such runs.", err=True)


@runs.command()
@_run
@takes_json
@takes_dsn
def show(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Show a run with its steps, tasks and failed attempts."""
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
def tree(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Show a run with all runs under it, each below its parent."""
    with connected(dsn) as client:
        nodes = client.get_run_tree(run_id)
    if as_json:
        print_json(nodes)
    else:
        print_tree(nodes)


@runs.command("critical-path")
@_run
@takes_json
@takes_dsn
def critical_path(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Show the steps that the time of a run went to, and where it went."""
    with connected(dsn) as client:
        path = client.critical_path(run_id)
    if as_json:
        print_json(path)
    else:
        print_path(path)


@runs.command()
@_run
@takes_json
@takes_dsn
def status(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Print the status of a run in a line.

    The exit code is 0 for any status. The exit code of `stepgres watch` tells how a run has ended.
    """
    with connected(dsn) as client:
        answer = client.get_run_status(run_id)
    if as_json:
        print_json(answer)
    else:
        click.echo(printable(status_text(answer)))


@runs.command()
@_runs
@takes_filters
@_dry_run
@click.option("--reason", help="The error that the runs end with.")
@click.option("--force", is_flag=True, help="Cancel the runs that a completed run started.")
@takes_quiet
@takes_json
@takes_dsn
def cancel(reason: str | None, force: bool, **chosen: Any) -> None:
    """End runs, and the runs that they started, as failed.

    Name the runs by their ids, or choose the runs by filters. A failed run does not change.
    """
    if force and not chosen["run_ids"]:
        raise click.UsageError("--force is for runs that are named by their ids")
    _change(
        lambda client, run_id: client.cancel_workflow_run(run_id, reason, force),
        lambda client, filters: client.cancel_runs(reason=reason, **filters),
        "cancelled",
        **chosen,
    )


@runs.command()
@_runs
@takes_filters
@_dry_run
@takes_quiet
@takes_json
@takes_dsn
def pause(**chosen: Any) -> None:
    """Pause runs: no further task of the runs starts.

    Name the runs by their ids, or choose the runs by filters. Running tasks finish, and their
    results count. The time of retries and delays stands still.
    """
    _change(
        lambda client, run_id: client.pause_workflow_run(run_id),
        lambda client, filters: client.pause_runs(**filters),
        "paused",
        **chosen,
    )


@runs.command()
@_runs
@takes_filters
@_dry_run
@takes_quiet
@takes_json
@takes_dsn
def resume(**chosen: Any) -> None:
    """Resume paused runs, named by their ids or chosen by filters."""
    _change(
        lambda client, run_id: client.resume_workflow_run(run_id),
        lambda client, filters: client.resume_runs(**filters),
        "resumed",
        **chosen,
    )


@runs.command()
@_run
@takes_json
@takes_dsn
def wake(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Let a run go on at once that waits for a time: a delay, a retry or a sleep.

    Prints how many of these are due now. The run waits for signals, approvals, child runs and
    limits as before.
    """
    with connected(dsn) as client:
        number = client.wake_workflow_run(run_id)
    if as_json:
        print_json({"woken": number})
    elif number:
        click.echo(f"{number:,} {'timer is' if number == 1 else 'timers are'} due now.")
    else:
        click.echo("The run waits for no time.")


@runs.command()
@_runs
@takes_filters
@_dry_run
@click.option("--reset-all", is_flag=True, help="From the beginning, also if it has not failed.")
@click.option("--no-skip-completed", is_flag=True, help="From the beginning.")
@click.option(
    "--idempotency-key", metavar="KEY", help="If the run was retried with this key, print that id."
)
@_wait
@takes_quiet
@takes_json
@takes_dsn
def retry(
    run_ids: tuple[UUID, ...],
    reset_all: bool,
    no_skip_completed: bool,
    idempotency_key: str | None,
    wait: bool,
    **chosen: Any,
) -> None:
    """Start the unfinished steps of a failed run as a new run, and print the id of the new run.

    Workers execute the steps. Completed steps are not executed again. Of a half finished map, only
    the unfinished tasks are executed.

    Filters choose many runs, also cancelled runs, which have the status failed. Filters skip runs
    that were retried before. With --quiet the command prints the ids of the retried runs.
    """
    if len(run_ids) != 1:
        if wait:
            raise click.UsageError("--wait is for one run that is named by its id")
        if idempotency_key is not None:
            raise click.UsageError("--idempotency-key is for one run that is named by its id")
        if reset_all and not run_ids:
            raise click.UsageError("--reset-all is for runs that are named by their ids")

    def retry_one(client: Client, run_id: UUID) -> UUID:
        return client.retry_failed_workflow(
            run_id,
            skip_completed=not no_skip_completed,
            reset_all=reset_all,
            idempotency_key=idempotency_key,
        )

    if len(run_ids) == 1:
        with connected(chosen["dsn"]) as client:
            _refuse_filters(chosen["filters"], chosen["dry_run"])
            _started(client, retry_one(client, run_ids[0]), wait=wait, as_json=chosen["as_json"])
        return
    _change(
        retry_one,
        lambda client, filters: client.retry_runs(skip_completed=not no_skip_completed, **filters),
        "retried",
        run_ids=run_ids,
        **chosen,
    )


@runs.command()
@_run
@click.option(
    "--from",
    "from_steps",
    multiple=True,
    required=True,
    metavar="STEP",
    help="Execute this step again, and all steps behind it; more than once for more.",
)
@click.option("--input", type=JSON_VALUE, metavar="JSON|@FILE|-", help="Another input.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=(str, JSON_VALUE),
    metavar="STEP JSON",
    help="Another output of a step that is kept; more than once for more.",
)
@click.option("--version", type=INTEGER, help="Another version of the workflow.")
@click.option(
    "--keep-checkpoints", is_flag=True, help="Durable steps go on, and do not begin anew."
)
@_wait
@takes_json
@takes_dsn
def fork(
    run_id: UUID,
    outputs: tuple[tuple[str, Any], ...],
    wait: bool,
    as_json: bool,
    dsn: str | None,
    **options: Any,
) -> None:
    """Start a new run that begins anew at some steps of a run, and print the id of the new run.

    Other steps keep their outputs and are not executed again. Workers execute the rest.
    """
    with connected(dsn) as client:
        forked = client.fork_run(run_id, outputs=dict(outputs) or None, **options)
        _started(client, forked, wait=wait, as_json=as_json)


@runs.command()
@_run
@takes_json
@takes_dsn
def why(run_id: UUID, as_json: bool, dsn: str | None) -> None:
    """Print the reason for which each unfinished step of a run waits."""
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
        click.echo(run_id, err=True)  # so that the id is known after Ctrl-C
        finish(client, run_id, as_json=as_json)
    elif as_json:
        print_json({"run_id": run_id})
    else:
        click.echo(run_id)


def _change(
    change: Callable[[Client, UUID], UUID | None],
    change_all: Callable[[Client, dict[str, Any]], list[UUID]],
    participle: str,
    *,
    run_ids: tuple[UUID, ...],
    filters: dict[str, Any],
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    dsn: str | None,
) -> None:
    """Change the runs that are named, or the runs that filters choose."""
    if run_ids:
        _refuse_filters(filters, dry_run)
        with connected(dsn) as client:
            code, changed = _change_each(client, run_ids, change, is_silent=quiet or as_json)
    else:
        if not any(value is not None for value in filters.values()):
            raise click.UsageError(
                "name runs by their ids, or choose them by --status, --workflow, --tag, --since or"
                " --until"
            )
        with connected(dsn) as client:
            code, changed = 0, change_all(client, {**filters, "dry_run": dry_run})
    if as_json:
        print_json({"run_ids": changed})
    elif quiet:
        for run_id in changed:
            click.echo(run_id)
    elif not run_ids:
        runs = "1 run" if len(changed) == 1 else f"{len(changed):,} runs"
        verb = "would be" if dry_run else "is" if len(changed) == 1 else "are"
        click.echo(f"{runs} {verb} {participle}.")
    raise click.exceptions.Exit(code)


def _refuse_filters(filters: dict[str, Any], dry_run: bool) -> None:
    if dry_run or any(value is not None for value in filters.values()):
        raise click.UsageError("runs are either named by their ids, or chosen by filters")


def _change_each(
    client: Client,
    run_ids: tuple[UUID, ...],
    change: Callable[[Client, UUID], UUID | None],
    *,
    is_silent: bool,
) -> tuple[int, list[UUID]]:
    """Change each run and print its new status. After an error, continue with the other runs."""
    code, changed = 0, []
    for run_id in run_ids:
        try:
            new_id = change(client, run_id)
            answer = client.get_run_status(new_id or run_id)
        except StepgresError as error:
            failure = explain(error)
            if failure is None:
                raise
            failure.show()
            code = code or failure.exit_code
        else:
            changed.append(run_id)
            if new_id is not None and not is_silent:
                click.echo(new_id)
            elif not is_silent:
                click.echo(f"{run_id}: {printable(status_text(answer))}")
    return code, changed
