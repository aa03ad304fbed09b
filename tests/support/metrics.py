"""The view stepgres.metrics, and a recount of the tables that its counters must agree with."""

from __future__ import annotations

from typing import Any

import psycopg

_OUTCOMES = ("completed", "failed", "skipped", "cancelled")


def metrics(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], float]:
    """The value of each metric, by its name and the value of its label."""
    rows = connection.execute("select name, labels, value from stepgres.metrics").fetchall()
    return {(name, "".join(labels.values())): value for name, labels, value in rows}


def counted(connection: psycopg.Connection[Any]) -> dict[str, float]:
    """The counters of tasks, runs and failed attempts."""
    found = metrics(connection)
    tasks = {f"tasks {o}": found["stepgres_tasks_total", o] for o in _OUTCOMES}
    runs = {
        f"runs {o}": found["stepgres_runs_total", o] for o in ("completed", "failed", "cancelled")
    }
    failed = (
        found["stepgres_task_retries_total", ""] + tasks["tasks failed"] + tasks["tasks skipped"]
    )
    return {**tasks, **runs, "failed attempts": failed}


def recounted(connection: psycopg.Connection[Any]) -> dict[str, float]:
    """The same numbers, counted in the tables: while no run was deleted, retried or forked."""
    return dict(
        connection.execute(
            """
            select 'tasks ' || o, (select count(*) from stepgres.tasks as t where t.status = o)
            from unnest(%s::text[]) as o
            union all
            select 'failed attempts', count(*) from stepgres.attempts
            union all
            select 'runs ' || k.outcome, (
                select count(*) from stepgres.runs as r
                where k.outcome = case
                    when r.cancelled_at is not null then 'cancelled' else r.status
                end
            )
            from unnest('{completed,failed,cancelled}'::text[]) as k (outcome)
            """,
            [list(_OUTCOMES)],
        ).fetchall()
    )
