"""Short words for the calls of the SQL API, so that a test is about what it tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString


def step(step_slug: str, *depends_on: str, **options: Any) -> dict[str, Any]:
    """A step as the document of register_workflow has it."""
    return {"step_slug": step_slug, "depends_on": list(depends_on), **options}


@dataclass(frozen=True)
class WorkItem:
    """stepgres.work_item: a claimed task, or the key of a refused result."""

    run_id: UUID
    workflow_slug: str
    workflow_version: int
    step_slug: str
    task_index: int
    attempt: int
    claim: int
    input: Any
    timeout: timedelta
    transactional: bool
    sql_function: str | None
    priority: int | None
    is_last_attempt: bool | None
    must_begin: bool | None
    is_refused: bool
    checkpoints: Any = None

    @property
    def key(self) -> dict[str, Any]:
        """What complete_task and fail_task want to know about the task."""
        return {
            "run_id": self.run_id,
            "step_slug": self.step_slug,
            "task_index": self.task_index,
            "claim": self.claim,
        }

    @property
    def place(self) -> tuple[str, int]:
        return (self.step_slug, self.task_index)

    def completed(self, output: Any = None) -> dict[str, Any]:
        """The result that completes the task, for work."""
        return self._result(status="completed", output=output)

    def failed(self, error: str = "no luck", **options: Any) -> dict[str, Any]:
        return self._result(status="failed", error=error, **options)

    def released(self) -> dict[str, Any]:
        return self._result(status="released")

    def suspended(self, *waits_for: int) -> dict[str, Any]:
        """The body lets go until one of these waits is resolved, or any wait."""
        return self._result(status="suspended", **({"waits_for": waits_for} if waits_for else {}))

    def restarted(self, input: Any) -> dict[str, Any]:
        return self._result(status="restarted", input=input)

    def operation(self, name: str, number: int = 1, **more: Any) -> dict[str, Any]:
        """A checkpoint or a wait of the body, for save_checkpoints."""
        return self._result(name=name, number=number, **more)

    def _result(self, **more: Any) -> dict[str, Any]:
        return {**self.key, "run_id": str(self.run_id), **more}


class Engine:
    """A connection and a worker on it."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        worker_id: str = "worker",
        queues: Iterable[str] = ("default",),
        lease: str = "1 day",
        **more: Any,
    ) -> None:
        self.connection = connection
        self.worker_id = worker_id
        self.call("register_worker", worker_id=worker_id, queues=list(queues), lease=lease, **more)

    def on(self, connection: psycopg.Connection[Any]) -> Engine:
        """The same worker on another connection."""
        engine = copy(self)
        engine.connection = connection
        return engine

    def call(self, function: str, **arguments: Any) -> Any:
        """The value that a function of schema stepgres returns; arguments go by their names."""
        row = self._execute(function, arguments).fetchone()
        return row[0] if row else None

    def answer(self, function: str, **arguments: Any) -> Any:
        """The row that a function returns."""
        return self._execute(function, arguments).fetchone()

    def items(self, function: str, **arguments: Any) -> list[WorkItem]:
        """The work items that a function returns, by run, step and index."""
        items = self._execute(function, arguments, class_row(WorkItem)).fetchall()
        return sorted(items, key=lambda item: (item.run_id, item.step_slug, item.task_index))

    def _execute(
        self, function: str, arguments: Mapping[str, Any], row_factory: Any = None
    ) -> psycopg.Cursor[Any]:
        query = sql.SQL("select * from stepgres.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
                for name in arguments
            ),
        )
        cursor = self.connection.cursor(row_factory=row_factory)
        return cursor.execute(query, arguments)

    def rows(self, query: LiteralString, *arguments: Any) -> list[Any]:
        """Rows, or bare values where a row has one column."""
        rows = self.connection.execute(query, arguments).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def colleague(self, worker_id: str, **options: Any) -> Engine:
        """Another worker on the same connection, which knows what `workflows` and `goals` say."""
        knows = {name: options.pop(name) for name in ("workflows", "goals") if name in options}
        if knows:
            options["knows"] = Jsonb(knows)
        return Engine(self.connection, worker_id, **options)

    # Definition and start

    def define(self, workflow_slug: str, *steps: dict[str, Any], **defaults: Any) -> Any:
        """The version of a workflow with these steps, current if it is new."""
        return self._register({"workflow_slug": workflow_slug, "steps": list(steps), **defaults})

    def define_current(self, workflow_slug: str, *steps: dict[str, Any]) -> Any:
        """The version of a workflow with these steps, current also if it is an old one."""
        document = {"workflow_slug": workflow_slug, "steps": list(steps)}
        return self._register(document, make_current=True)

    def _register(self, document: dict[str, Any], **options: Any) -> Any:
        return self.call("register_workflow", definition=Jsonb(document), **options)

    def start(self, workflow_slug: str, input: Any = None, **options: Any) -> UUID:
        run_id: UUID = self.call(
            "start_workflow_run", workflow_slug=workflow_slug, input=Jsonb(input), **options
        )
        return run_id

    # Work

    def claim(self, capacity: int = 10_000, **options: Any) -> list[WorkItem]:
        return self.items("claim_tasks", worker_id=self.worker_id, capacity=capacity, **options)

    def claim_one(self) -> WorkItem:
        """The one task that there is to claim."""
        (item,) = self.claim()
        return item

    def complete(self, item: WorkItem, output: Any = None) -> None:
        self.call("complete_task", worker_id=self.worker_id, output=Jsonb(output), **item.key)

    def fail(self, item: WorkItem, error: str | None = "no luck", **options: Any) -> None:
        self.call("fail_task", worker_id=self.worker_id, error=error, **item.key, **options)

    def work(self, results: list[dict[str, Any]], capacity: int = 0) -> list[WorkItem]:
        """Sends results in one batch; returns what was refused or claimed."""
        return self.items(
            "work", worker_id=self.worker_id, results=Jsonb(results), capacity=capacity
        )

    def drain(
        self,
        callables: Mapping[str, Callable[[Any], Any]] | None = None,
        *,
        run_ids: list[UUID] | None = None,
    ) -> list[WorkItem]:
        """Works until nothing is left to claim; a step without a callable returns null."""
        executed: list[WorkItem] = []
        while items := self.claim(run_ids=run_ids):
            results = []
            for item in items:
                execute = (callables or {}).get(item.step_slug)
                results.append(item.completed(execute(item.input) if execute else None))
            assert self.work(results) == []
            executed += items
        return executed

    # What has become of it

    def status(self, run_id: UUID) -> tuple[str, Any]:
        query: LiteralString = "select status, details from stepgres.get_run_status(%s)"
        (status,) = self.rows(query, run_id)
        return (status[0], status[1])

    def output(self, run_id: UUID) -> Any:
        status, details = self.status(run_id)
        assert status == "completed", details
        return details

    def steps(self, run_id: UUID) -> dict[str, str]:
        """The status of each step."""
        query: LiteralString = (
            "select step_slug, status from stepgres.step_states where run_id = %s"
        )
        return dict(self.rows(query, run_id))

    def tasks(self, run_id: UUID) -> dict[tuple[str, int], str]:
        """The status of each task."""
        query: LiteralString = (
            "select step_slug, task_index, status from stepgres.tasks where run_id = %s"
        )
        return {(slug, index): status for slug, index, status in self.rows(query, run_id)}

    def tickets(self) -> list[tuple[UUID, str, int]]:
        """The tasks that have a ticket in any queue, as often as they have one."""
        tickets = []
        for queue in self.rows("select pgmq_queue from stepgres.queues"):
            query = sql.SQL("select message from pgmq.{}").format(sql.Identifier(f"q_{queue}"))
            for (ticket,) in self.connection.execute(query):
                tickets.append(
                    (UUID(ticket["run_id"]), ticket["step_slug"], int(ticket["task_index"]))
                )
        return sorted(tickets)

    def has_work(self) -> bool:
        """Whether a task is started or waiting, or has a ticket: a broken run is not waited for."""
        unfinished = "select 1 from stepgres.tasks where status in ('started', 'waiting') limit 1"
        return bool(self.rows(unfinished) or self.tickets())

    def stray_tickets(self) -> list[tuple[UUID, str, int]]:
        """The tickets of runs that are over: there must be none."""
        active = set(self.rows("select run_id from stepgres.runs where status = 'started'"))
        return [ticket for ticket in self.tickets() if ticket[0] not in active]

    def snapshot(self) -> dict[str, list[str]]:
        """All rows of all tables, to see that nothing changed; heartbeats do not count."""
        tables = self.rows(
            "select format('%%I.%%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('stepgres', 'pgmq') and tablename <> 'workers' order by 1"
        )
        found: dict[str, list[str]] = {table: [] for table in tables}
        # One statement: random cases look at all tables thousands of times.
        query = " union all ".join(
            f"select '{table}', t::text from {table} as t" for table in tables
        )
        for table, row in self.connection.execute(query.encode()):
            found[table].append(row)
        return {table: sorted(rows) for table, rows in found.items()}


@dataclass
class Refusal:
    """What else the error said, known after the block."""

    hint: str = ""
    detail: str = ""


@contextmanager
def refused(sqlstate: str, *words: str) -> Iterator[Refusal]:
    """The block ends with this SQLSTATE and these words; an error of Stepgres also has a hint."""
    refusal = Refusal()
    with pytest.raises(psycopg.Error) as raised:
        yield refusal
    message = str(raised.value.diag.message_primary)
    refusal.hint = raised.value.diag.message_hint or ""
    refusal.detail = raised.value.diag.message_detail or ""
    assert raised.value.sqlstate == sqlstate, message
    assert [word for word in words if word not in message] == [], message
    assert refusal.hint or not sqlstate.startswith("SG"), message
