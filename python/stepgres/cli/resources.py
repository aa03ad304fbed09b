"""stepgres workers, queues, channels."""

from __future__ import annotations

import json

import click

from stepgres.cli.connection import connected, takes_dsn
from stepgres.cli.output import (
    Column,
    local_time,
    print_json,
    print_table,
    takes_json,
)


@click.command()
@takes_json
@takes_dsn
def workers(as_json: bool, dsn: str | None) -> None:
    """List workers with their queues, their last heartbeats and their numbers of running tasks.

    The list includes programs that execute runs themselves. Such programs have no queues.
    """
    with connected(dsn) as client:
        found = client.list_workers()
    if as_json:
        print_json(found)
    elif found:
        print_table(
            [
                Column("WORKER"),
                Column("STATUS"),
                Column("QUEUES", when_long="wrap"),
                Column("RESOURCES", when_long="wrap"),
                Column("TASKS", is_number=True),
                Column("SLOTS", is_number=True),
                Column("HEARD OF"),
                Column("STARTED"),
            ],
            [
                [
                    worker.worker_id,
                    "alive" if worker.is_alive else "dead",
                    ", ".join(worker.queues),
                    json.dumps(worker.resources) if worker.resources else None,
                    f"{worker.tasks:,}",
                    worker.slots,
                    local_time(worker.heartbeat_at),
                    local_time(worker.registered_at),
                ]
                for worker in found
            ],
        )
    else:
        click.echo("There are no workers.", err=True)


@click.group(invoke_without_command=True)
@takes_json
@takes_dsn
@click.pass_context
def queues(context: click.Context, as_json: bool, dsn: str | None) -> None:
    """List queues with their ready tasks, the wait of the first task, and their live workers."""
    if context.invoked_subcommand is not None:
        return
    with connected(dsn) as client:
        found = client.list_queues()
    if as_json:
        print_json(found)
    elif found:
        print_table(
            [
                Column("QUEUE"),
                Column("TASKS", is_number=True),
                Column("OLDEST"),
                Column("WORKERS", is_number=True),
                Column("PAUSED"),
            ],
            [
                [
                    q.queue,
                    f"{q.tasks:,}",
                    local_time(q.oldest_at),
                    q.workers,
                    local_time(q.paused_at),
                ]
                for q in found
            ],
        )
    else:
        click.echo("There are no queues.", err=True)


@queues.command()
@click.argument("queue")
@takes_dsn
def pause(queue: str, dsn: str | None) -> None:
    """Let workers claim no tasks from QUEUE. Tasks that are executed now go on."""
    with connected(dsn) as client:
        is_changed = client.pause_queue(queue)
    click.echo(f"Queue {queue} {'is paused' if is_changed else 'was paused before'}.")


@queues.command()
@click.argument("queue")
@takes_dsn
def resume(queue: str, dsn: str | None) -> None:
    """End the pause of QUEUE."""
    with connected(dsn) as client:
        is_changed = client.resume_queue(queue)
    click.echo(f"Queue {queue} is {'resumed' if is_changed else 'not paused'}.")


@click.command()
@takes_json
@takes_dsn
def channels(as_json: bool, dsn: str | None) -> None:
    """List channels with their numbers of unacknowledged messages."""
    with connected(dsn) as client:
        found = client.list_channels()
    if as_json:
        print_json(found)
    elif found:
        print_table(
            [
                Column("CHANNEL"),
                Column("MESSAGES", is_number=True),
                Column("OLDEST"),
                Column("CREATED"),
            ],
            [
                [c.channel, f"{c.messages:,}", local_time(c.oldest_at), local_time(c.created_at)]
                for c in found
            ],
        )
    else:
        click.echo("There are no channels.", err=True)
