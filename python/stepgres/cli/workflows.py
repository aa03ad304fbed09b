"""stepgres workflows: list, show, delete."""

from __future__ import annotations

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

_slug = click.argument("workflow", metavar="SLUG")


@click.group()
def workflows() -> None:
    """Look at the workflows that are registered, and delete them."""


@workflows.command("list")
@takes_json
@takes_dsn
def list_(as_json: bool, dsn: str | None) -> None:
    """List workflows."""
    with connected(dsn) as client:
        flows = client.list_flows()
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
@click.option("--force", is_flag=True, help="Cancel its active runs, and delete it all the same.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@takes_dsn
def delete(workflow: str, force: bool, yes: bool, dsn: str | None) -> None:
    """Delete a workflow with all its versions, runs and messages."""
    with connected(dsn) as client:
        client.get_flow(workflow)  # who misspells it is not asked first
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


def _kind(step: dict[str, Any]) -> str:
    if step["initial_tasks"] is not None:
        return f"{step['initial_tasks']:,} tasks"
    return "map" if step["map"] else "single"
