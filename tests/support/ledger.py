"""What steps did, written by themselves in sessions of their own, and a gate that holds them."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from stepgres._execution.runner import StepContext

_GATE = 20_260_101


class Ledger:
    """The side of the test: it reads the table, and holds the gate as long as it is shut."""

    def __init__(self, connection: psycopg.Connection[Any], dsn: str) -> None:
        self.connection = connection
        self.dsn = dsn
        connection.execute(
            "create table public.ledger (run_id uuid, step_slug text, task_index int,"
            " attempt int, pid int, claim int, backend int default pg_backend_pid())"
        )

    def rows(self) -> list[tuple[str, int, int]]:
        """(step, index, attempt) of all executions that began, in their order."""
        query = "select step_slug, task_index, attempt from public.ledger order by ctid"
        return self.connection.execute(query).fetchall()

    def tasks(self) -> Counter[tuple[UUID, str, int]]:
        """How often each task was begun."""
        query = "select run_id, step_slug, task_index from public.ledger"
        return Counter(self.connection.execute(query).fetchall())

    def wait_for(self, count: int) -> list[tuple[str, int, int]]:
        """Wait until so many executions have begun."""
        return wait_until(
            self.rows, lambda rows: len(rows) >= count, what=f"{count} executions to begin"
        )

    @contextmanager
    def shut_gate(self) -> Iterator[None]:
        """Within the block a step that passes the gate waits."""
        self.connection.execute("select pg_advisory_lock(%s)", [_GATE])
        try:
            yield
        finally:
            self.connection.execute("select pg_advisory_unlock(%s)", [_GATE])


def record(context: StepContext, *, gate: bool = False) -> None:
    """The side of the step: write down that it began, then wait for the gate."""
    claim = getattr(context, "claim", None)  # a step in another process does not know it
    record_task(
        context.run_id, context.step_slug, context.task_index, context.attempt, claim, gate=gate
    )


def record_task(
    run_id: UUID | None,
    step_slug: str,
    task_index: int,
    attempt: int,
    claim: int | None = None,
    *,
    gate: bool = False,
) -> None:
    """The same for a step that has no context."""
    with psycopg.connect(os.environ["LEDGER_DSN"], autocommit=True) as connection:
        _insert(connection, run_id, step_slug, task_index, attempt, os.getpid(), claim)
        if gate:
            connection.execute("select pg_advisory_lock_shared(%s)", [_GATE])


def write(connection: Any, context: StepContext) -> Any:
    """Write down on that connection that the step began; to be awaited if the connection is."""
    return _insert(
        connection,
        context.run_id,
        context.step_slug,
        context.task_index,
        context.attempt,
        os.getpid(),
        None,
    )


def _insert(connection: Any, *key: Any) -> Any:
    return connection.execute("insert into public.ledger values (%s, %s, %s, %s, %s, %s)", key)
