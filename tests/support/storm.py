"""A load of runs for workers that are killed, and the proof that nothing was lost or doubled."""

from __future__ import annotations

import operator
import os
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import psycopg

import stepgres
from tests.support.ledger import record
from tests.support.metrics import counted, recounted
from tests.support.waiting import join, wait_until
from tests.support.workflows import workflow

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess
    from uuid import UUID

    from stepgres._execution.runner import StepContext

SECONDS = float(os.environ.get("STEPGRES_CHAOS_SECONDS", "10"))
_LEASE = 2.0
_WORKERS = 4
_ELEMENTS = 10
_processes = get_context("forkserver")  # a worker starts in milliseconds, everything imported
_processes.set_forkserver_preload(["stepgres._execution.worker", "tests.support.storm"])


def work(input: Any, context: StepContext) -> Any:
    """A step that leaves a trace in the ledger."""
    record(context)
    return context.run_input


def split(input: Any, context: StepContext) -> list[Any]:
    record(context)
    return [context.run_input] * _ELEMENTS


def collect(input: Any, context: StepContext) -> Any:
    record(context)
    (number,) = set(input["each"])
    return number if len(input["each"]) == _ELEMENTS else None


def write(input: Any, context: StepContext) -> list[Any]:
    """A step whose effect belongs to its completion."""
    record(context)
    context.connection.execute(_EFFECT, [context.run_input, context.step_slug, context.task_index])
    return [context.run_input] * _ELEMENTS


def work_under_a_limit(input: Any, context: StepContext) -> Any:
    """A step that says when it began and ended, by the clock of the server."""
    record(context)
    key = [context.run_id, context.task_index, context.attempt]
    with psycopg.connect(os.environ["LEDGER_DSN"], autocommit=True) as connection:
        connection.execute(
            "insert into public.intervals values (%s, %s, %s, clock_timestamp())", key
        )
        sleep(random.uniform(0, 0.05))
        connection.execute(
            "update public.intervals set ended = clock_timestamp()"
            " where (run_id, task_index, attempt) = (%s, %s, %s)",
            key,
        )
    return input


async def write_each(input: Any, context: StepContext) -> Any:
    await anyio.to_thread.run_sync(record, context)
    effect = [context.run_input, context.step_slug, context.task_index]
    await context.connection.execute(_EFFECT, effect)
    return input


_EFFECT = "insert into public.effects values (%s, %s, %s)"
# no key: a second effect shall be seen by the test, and not by the step
_TABLES = """
    create table public.ledger (run_id uuid, step_slug text, task_index int, attempt int, pid int,
        claim int);
    create table public.intervals (run_id uuid, task_index int, attempt int, begun timestamptz,
        ended timestamptz);
    create table public.effects (number int, step_slug text, task_index int);
    create function public.write_in_sql(input jsonb) returns jsonb language sql as $$
        insert into public.effects values ((input #>> '{each,0}')::int, 'in_sql', 0)
        returning to_jsonb(number)
    $$;
    select stepgres.register_sql_function('public.write_in_sql');
"""
_TRANSACTIONAL = {"transactional": True}
# A step whose worker was killed counts until another worker could have its task.
_MOST_AT_A_TIME = """
    with held as (
        select i.begun, coalesce(i.ended, a.failed_at) as ended
        from public.intervals as i
        left join stepgres.attempts as a
            on (a.run_id, a.task_index, a.attempt) = (i.run_id, i.task_index, i.attempt)
            and a.step_slug = 'each' and a.error like 'worker%responding'
    )
    select max(count) from (
        select count(*) from held as a join held as b on a.begun between b.begun and b.ended
        group by a
    ) as o
"""
_OPTIONS: dict[str, Any] = {"max_attempts": 10_000, "base_delay": 0.01, "execution": "distributed"}
_AFTER = {"depends_on": ["first"]}
WORKFLOWS = {
    flow.slug: (flow, tasks)
    for flow, tasks in [
        (workflow(*((f"s{i}", work) for i in range(5)), slug="chain", **_OPTIONS), 5),
        (
            workflow(
                ("first", work, {"depends_on": []}),
                ("left", work, _AFTER),
                ("right", work, _AFTER),
                ("last", work, {"depends_on": ["left", "right"]}),
                slug="diamond",
                **_OPTIONS,
            ),
            4,
        ),
        (
            workflow(
                ("first", split, {"depends_on": []}),
                ("each", work, {**_AFTER, "map": True}),
                ("last", collect, {"depends_on": ["each"]}),
                slug="mapped",
                **_OPTIONS,
            ),
            _ELEMENTS + 2,
        ),
        (
            workflow(
                ("first", split, {"depends_on": []}),
                (
                    "each",
                    work_under_a_limit,
                    {**_AFTER, "map": True, "limits": [{"limit": "three"}]},
                ),
                ("last", collect, {"depends_on": ["each"]}),
                slug="limited",
                **_OPTIONS,
            ),
            _ELEMENTS + 2,
        ),
        (
            workflow(
                ("first", work, {"depends_on": []}),
                ("once", write, {**_AFTER, **_TRANSACTIONAL}),
                ("each", write_each, {"depends_on": ["once"], "map": True, **_TRANSACTIONAL}),
                ("in_sql", "public.write_in_sql"),
                slug="effects",
                **_OPTIONS,
            ),
            _ELEMENTS + 3,
        ),
    ]
}
_LIMIT = 3
_EFFECTS = [("once", 0), *(("each", index) for index in range(_ELEMENTS)), ("in_sql", 0)]


def _be_a_worker(dsn: str) -> None:
    os.environ["LEDGER_DSN"] = dsn
    with stepgres.Client(dsn) as client:
        flows = [flow for flow, _ in WORKFLOWS.values()]
        stepgres.Worker(client, flows, concurrency=4, lease=_LEASE).run()


@dataclass
class Storm:
    """Runs that are started over and over, and the workers that execute them."""

    dsn: str
    workers: list[ForkServerProcess] = field(default_factory=list)
    started: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    kills: int = 0

    def __post_init__(self) -> None:
        self._client = stepgres.Client(self.dsn)
        with psycopg.connect(self.dsn) as connection:
            connection.execute(_TABLES)
        self._client.create_limit("three", max_running=_LIMIT)
        for flow, _ in WORKFLOWS.values():
            self._client.register_workflow(stepgres.describe(flow).document)
        self.workers += [self._new_worker() for _ in range(_WORKERS)]

    def start_runs(self, most: int = 60) -> None:
        """Start one run of each workflow, unless there is enough to do."""
        with suppress(stepgres.ConnectionFailed, psycopg.OperationalError):
            if self._one("select count(*) from stepgres.active_runs") < most:
                for slug in WORKFLOWS:
                    # the same id again, should the server have been killed before it answered
                    number = len(self.started)
                    run_id = self._client.start_workflow_run(
                        slug, number, idempotency_key=str(number)
                    )
                    self.started[run_id] = (slug, number)

    def kill_a_worker(self, chance: random.Random) -> None:
        """SIGKILL for one of them, whatever it is doing, and another in its place."""
        place = chance.randrange(_WORKERS)
        self.workers[place].kill()
        join(self.workers[place])
        self.workers[place] = self._new_worker()
        self.kills += 1

    def begun(self) -> int:
        """The number of executions that have begun."""
        return int(self._one("select count(*) from public.ledger"))

    def taken_over(self) -> int:
        """The number of attempts that were taken over from dead workers."""
        return int(
            self._one("select count(*) from stepgres.attempts where error like 'worker%responding'")
        )

    def settle(self) -> float:
        """Wait until every run has ended; how many seconds that took."""
        start = monotonic()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            active = "select from stepgres.active_runs limit 1"
            wait_until(lambda: connection.execute(active).fetchall(), operator.not_)
        seconds = monotonic() - start
        with stepgres.Client(self.dsn) as client:
            for run_id, (_, number) in self.started.items():
                assert client.wait_for_run(run_id).output == number
        return seconds

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
            join(worker)
        self._client.close()

    def check(self) -> dict[str, int]:
        """Every task was accepted once and executed at least once; no claim was executed twice.

        What belongs to the completion of a task happened once.
        """
        tasks = self._rows("select run_id, step_slug, task_index, status from stepgres.tasks")
        expected = sum(WORKFLOWS[slug][1] for slug, _ in self.started.values())
        assert Counter(status for *_, status in tasks) == {"completed": expected}
        columns = "run_id, step_slug, task_index"
        begun = self._rows(f"select {columns} from public.ledger")
        # a step in SQL leaves no trace but its effect
        assert set(begun) == {tuple(key) for *key, _ in tasks if key[1] != "in_sql"}
        twice = f"select {columns} from public.ledger group by {columns}, claim"
        assert self._rows(f"{twice} having count(*) > 1") == []
        numbers = [number for slug, number in self.started.values() if slug == "effects"]
        effects = Counter(self._rows("select number, step_slug, task_index from public.effects"))
        assert effects == {(number, *key): 1 for number in numbers for key in _EFFECTS}
        assert self._rows("select * from stepgres.fsck()") == []
        assert self._one(_MOST_AT_A_TIME) in range(1, _LIMIT + 1)
        assert self._rows("select * from stepgres.places") == []
        with psycopg.connect(self.dsn) as connection:
            assert counted(connection) == recounted(connection)
        counts = {"runs": len(self.started), "tasks": len(tasks), "executions": len(begun)}
        counts["effects"] = len(effects)
        counts["failed attempts"] = self._one("select count(*) from stepgres.attempts")
        counts["taken over"] = self.taken_over()
        counts["killed under the limit"] = self._one(
            "select count(*) from public.intervals where ended is null"
        )
        return counts

    def _new_worker(self) -> ForkServerProcess:
        process = _processes.Process(target=_be_a_worker, args=(self.dsn,))
        process.start()
        return process

    def _one(self, query: str) -> Any:
        return self._rows(query)[0][0]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()
