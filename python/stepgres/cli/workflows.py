"""stepgres workflows: list, show, statistics, recommend, optimize, delete."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.errors import NOT_NOW
from stepgres.cli.output import (
    Column,
    duration_text,
    local_time,
    print_json,
    print_table,
    takes_json,
)
from stepgres.cli.parameters import INTEGER

# WORKFLOW is a slug or a class name.
_slug = click.argument("workflow", metavar="WORKFLOW")
_level = click.option(
    "--level", default="basic", show_default=True, help="Or advanced, aggressive; none: as defined."
)


@click.group()
def workflows() -> None:
    """Show, optimize and delete registered workflows."""


@workflows.command("list")
@click.option("--goals", is_flag=True, help="Also list the workflows of task graphs.")
@takes_json
@takes_dsn
def list_(goals: bool, as_json: bool, dsn: str | None) -> None:
    """List workflows."""
    with connected(dsn) as client:
        flows = client.list_flows(goals=goals)
    if as_json:
        print_json(flows)
    elif flows:
        print_table(
            [
                Column("WORKFLOW"),
                Column("VERSION", is_number=True),
                Column("STEPS", is_number=True),
                Column("CREATED"),
            ],
            [
                [f.workflow_slug, f.current_version, f.step_count, local_time(f.created_at)]
                for f in flows
            ],
        )
    else:
        click.echo("There are no workflows.", err=True)


@workflows.command()
@_slug
@click.option("--version", type=INTEGER, help="Its steps in this version, not in the current one.")
@takes_json
@takes_dsn
def show(workflow: str, version: int | None, as_json: bool, dsn: str | None) -> None:
    """Show the steps of a workflow, and its versions."""
    with connected(dsn) as client:
        flow = client.get_flow(workflow, version=version)
        versions = client.list_workflow_versions(workflow)
    if as_json:
        print_json({**flow, "versions": versions})
        return
    click.echo(f"Workflow {flow['workflow_slug']}, version {flow['version']}")
    if flow.get("on_failure") is not None:
        click.echo(f"On failure: {flow['on_failure']}")
    if flow["steps"]:
        click.echo()
        _print_steps(flow["steps"])
    click.echo()
    print_table(
        [
            Column("VERSION", is_number=True),
            Column("CURRENT"),
            Column("STEPS", is_number=True),
            Column("ACTIVE RUNS", is_number=True),
            Column("CREATED"),
        ],
        [
            [
                v.version,
                "yes" if v.is_current else "",
                v.step_count,
                v.active_runs,
                local_time(v.created_at),
            ]
            for v in versions
        ],
    )


@workflows.command()
@_slug
@takes_json
@takes_dsn
def statistics(workflow: str, as_json: bool, dsn: str | None) -> None:
    """Show the statistics of the steps of a workflow in its last 1,000 ended runs."""
    with connected(dsn) as client:
        found = client.step_statistics(workflow)
    if as_json:
        print_json(found)
    elif found:
        numbers = ["RUNS", "TASKS", "FAILURES", "RETRIES", "P50", "P95", "P99", "WAIT P50", "P95"]
        print_table(
            [Column("STEP"), *(Column(head, is_number=True) for head in numbers)],
            [
                [
                    s.step_slug,
                    *(s.runs, s.tasks, s.failures, s.retries),
                    *(
                        None if d is None else f"{d.total_seconds():,.3f} s"
                        for d in (s.p50_duration, s.p95_duration, s.p99_duration)
                    ),
                    *(f"{d.total_seconds():,.3f} s" for d in (s.p50_wait, s.p95_wait)),
                ]
                for s in found
            ],
        )
    else:
        click.echo(f"No run of workflow {workflow} has ended.", err=True)


@workflows.command()
@_slug
@_level
@takes_json
@takes_dsn
def recommend(workflow: str, level: str, as_json: bool, dsn: str | None) -> None:
    """Print the changes that `optimize` would make, and the recorded figures for each change."""
    with connected(dsn) as client:
        found = client.recommend(workflow, level)
    if as_json:
        print_json(found)
        return
    for note in [r.reason for r in found if r.option is None]:
        click.echo(note, err=True)
    changes = [r for r in found if r.option is not None]
    if changes:
        print_table(
            [
                Column("STEP"),
                Column("OPTION"),
                Column("NOW", is_number=True),
                Column("BETTER", is_number=True),
                Column("BECAUSE", when_long="wrap"),
            ],
            [
                [
                    r.step_slug,
                    r.option,
                    _option_text(r.current),
                    _option_text(r.recommended),
                    r.reason,
                ]
                for r in changes
            ],
        )
    else:
        click.echo(f"Nothing is recommended for workflow {workflow}.", err=True)


@workflows.command()
@_slug
@_level
@takes_dsn
def optimize(workflow: str, level: str, dsn: str | None) -> None:
    """Make the version of `recommend` the current one for new runs; --level none undoes this."""
    with connected(dsn) as client:
        before = client.get_flow(workflow)["version"]
        version = client.optimize_workflow(workflow, level)
    if version == before:
        click.echo(f"Nothing is recommended: version {version} stays.")
    else:
        click.echo(f"New runs of workflow {workflow} get version {version}.")


@workflows.command()
@_slug
@click.option("--force", is_flag=True, help="Cancel its active runs, and delete it all the same.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@takes_dsn
def delete(workflow: str, force: bool, yes: bool, dsn: str | None) -> None:
    """Delete a workflow with all its versions, runs and messages."""
    with connected(dsn) as client:
        client.get_flow(workflow)  # a misspelt slug fails before the question
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("nobody can be asked here: give --yes")
            if not click.confirm(f"Delete workflow {workflow} with all its runs?"):
                click.echo("Nothing is deleted.", err=True)
                raise click.exceptions.Exit(NOT_NOW)
        client.delete_flow(workflow, force=force)
    click.echo(f"Workflow {workflow} is deleted.")


def _print_steps(steps: list[dict[str, Any]]) -> None:
    print_table(
        [
            Column("STEP"),
            Column("AFTER", when_long="wrap"),
            Column("KIND"),
            Column("EXECUTION"),
            Column("QUEUE"),
            Column("ATTEMPTS", is_number=True),
            Column("TIMEOUT", is_number=True),
        ],
        [
            [
                step["step_slug"],
                ", ".join(step["depends_on"]),
                _kind(step),
                step["execution"],
                step["queue"],
                step["max_attempts"],
                duration_text(float(step["timeout"])),
            ]
            for step in steps
        ],
    )


def _option_text(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _kind(step: dict[str, Any]) -> str:
    if step["initial_tasks"] is not None:
        return f"{step['initial_tasks']:,} tasks"
    return "map" if step["map"] else "single"
