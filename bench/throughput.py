"""How many steps a second do workers execute, and what does a step cost?

Two real workers with default settings execute runs of `def` and of `async def` steps. Beside them
two processes call the SQL function `work` in a bare loop, which is the figure of the engine alone,
and two processes send and pop messages of the size of a ticket with pgmq alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import psycopg

from bench.measure import processes, wait_for_runs, wait_for_workers
from bench.report import CLIENTS, OF_PGMQ, PER_SECOND, SERVER, WAL, Column, Table
from bench.shapes import SHAPES
from stepgres import AsyncClient, AsyncWorker, Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.synchronize import Barrier
    from uuid import UUID

    from bench.measure import Bench, Figures, Processes, Rows, Server
    from bench.shapes import Kind, Shape
    from stepgres.types import WorkItem

PROCESSES = 2
BATCH = 100
NAMES: dict[Kind, str] = {"async": "async def", "sync": "def", "loop": "bare loop"}
KINDS: tuple[Kind, ...] = ("async", "sync")  # of workers
PGMQ = "pgmq: send 100 + pop 100"
EXECUTION = [
    PER_SECOND,
    OF_PGMQ,
    SERVER,
    CLIENTS,
    WAL,
    Column("with_start", "with start"),
    Column("with_start_of_base", "of pgmq", ".2f"),
]
TITLE = (
    f"{PROCESSES} processes execute runs that were started before. def, async def: workers with "
    "default settings. Server: all its processes. Clients: all other processes. The last two "
    "columns add the time of the starts."
)
_PAUSE = 0.005  # seconds, of the bare loop without tasks

_HOT = """
    select relname, n_tup_upd, 100.0 * n_tup_hot_upd / n_tup_upd
    from pg_stat_user_tables
    where schemaname = 'stepgres' and relname in ('runs', 'step_states', 'tasks') and n_tup_upd > 0
    order by relname
"""


def bench_throughput(bench: Bench) -> Iterator[Table]:
    shapes = [smaller(shape, bench.size(1, 80)) for shape in SHAPES]
    with bench.server.database() as dsn:
        medians, rounds = bench.in_rounds(
            partial(_round, bench, dsn, shapes), PGMQ, ["per_second", "with_start"]
        )
        hot = list(_hot_updates(dsn))
    yield Table("throughput", TITLE, EXECUTION, medians, rounds)
    yield Table(
        "starts",
        f"The start of runs over {PROCESSES} connections in batches of {BATCH}, per step of the "
        "run. Server: all its processes. Clients: all other processes.",
        [PER_SECOND, SERVER, CLIENTS, WAL],
        {
            shape.name.replace("_", " "): {
                key.removeprefix("start_"): value
                for key, value in medians[f"{shape.name}: {NAMES['async']}"].items()
                if key.startswith("start_")
            }
            for shape in shapes
        },
    )
    yield steps_per_second([shape.name for shape in shapes], medians)
    yield Table(
        "hot",
        "Updates of the state tables in all of the above, and how many were HOT.",
        [Column("updates", "updates"), Column("hot", "HOT %", ".1f")],
        dict(hot),
    )


def steps_per_second(shapes: Sequence[str], medians: Rows) -> Table:
    """The same in short, without the bare loop, which no user runs."""
    rows = {}
    for shape in shapes:
        by_async, by_sync = (medians[f"{shape}: {NAMES[kind]}"] for kind in KINDS)
        rows[shape.replace("_", " ")] = {**by_async, "def": by_sync["per_second"]}
    return Table(
        "steps_per_second",
        f"{PROCESSES} worker processes with default settings execute runs that were started "
        "before. All columns except def are of async def steps.",
        [
            Column("per_second", "async def: steps/s"),
            Column("def", "def: steps/s"),
            OF_PGMQ,
            SERVER,
            CLIENTS,
            WAL,
        ],
        rows,
        bars=["per_second", "def"],
    )


def _round(bench: Bench, dsn: str, shapes: list[Shape]) -> Rows:
    rows = {PGMQ: measure_pgmq(bench, dsn)}
    for kind, name in NAMES.items():
        with working(dsn, shapes, kind) as workers, Starter(dsn) as starter:
            for shape in shapes:
                figures = starter.measure(bench.server, shape, kind, workers)
                rows[f"{shape.name}: {name}"] = figures
    names = [f"{shape.name}: {name}" for shape in shapes for name in NAMES.values()]
    return {name: rows[name] for name in [PGMQ, *names]}


def smaller(shape: Shape, divisor: int) -> Shape:
    return replace(shape, runs=max(1, shape.runs // divisor))


def measure_pgmq(bench: Bench, dsn: str) -> Figures:
    """Messages through a pgmq queue, sent and popped."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pgmq.create('bench_raw')")
    share = bench.size(20_000, 1_000) // PROCESSES
    barrier = multiprocessing.get_context("spawn").Barrier(PROCESSES + 1)
    with processes(PROCESSES, _send_and_pop, dsn, share, barrier):
        barrier.wait()  # all are ready
        with bench.server.measure() as usage:
            barrier.wait()
            barrier.wait()  # all have finished
    figures = usage.per(share * PROCESSES)
    return {**figures, "with_start": figures["per_second"]}


def _send_and_pop(dsn: str, messages: int, barrier: Barrier) -> None:
    # The client makes the messages before, and does not parse those it gets, since the ratio is
    # to the cost of pgmq and not to that of JSON in Python.
    ticket = r'"{\"run_id\": \"%s\", \"step_slug\": \"only\", \"task_index\": 0}"' % ("0" * 36)
    batch = "{" + ",".join([ticket] * BATCH) + "}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        _exchange(connection, batch, 10 * BATCH)  # statements are prepared, plans are made
        barrier.wait()
        barrier.wait()
        _exchange(connection, batch, messages)
        barrier.wait()


def _exchange(connection: psycopg.Connection[Any], batch: str, messages: int) -> None:
    for _ in range(messages // BATCH):
        connection.execute("select pgmq.send_batch('bench_raw', %s::jsonb[])", [batch])
    popped = 0
    while popped < messages:
        query = "select msg_id, message::text from pgmq.pop('bench_raw', %s)"
        popped += len(connection.execute(query, [BATCH]).fetchall())


def measure_shape(
    bench: Bench,
    dsn: str,
    shape: Shape,
    kind: Kind,
    workers: int = PROCESSES,
    traces: bool = False,
    **options: Any,
) -> Figures:
    """Figures of the execution of runs that were started before, and of their start."""
    with (
        working(dsn, [shape], kind, workers, traces=traces, **options) as processes,
        Starter(dsn, traces=traces) as starter,
    ):
        return starter.measure(bench.server, shape, kind, processes)


@contextmanager
def working(
    dsn: str,
    shapes: Sequence[Shape],
    kind: Kind,
    workers: int = PROCESSES,
    traces: bool = False,
    **options: Any,
) -> Iterator[Processes]:
    """Workers that wait for runs of the shapes, in at most 4 processes."""
    with Client(dsn) as client:
        for shape in shapes:
            client.register_workflow(shape.document(kind))
    count = min(workers, 4)
    target = _loop if kind == "loop" else _work_with_traces if traces else _work
    with (
        processes(count, target, dsn, shapes, kind, workers // count, options) as every,
        psycopg.connect(dsn, autocommit=True) as connection,
    ):
        wait_for_workers(connection, workers, every)
        yield every


class Starter:
    """Starts runs over two connections, and waits for their end."""

    def __init__(self, dsn: str, *, traces: bool = False) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self._clients = [Client(dsn, traces=traces) for _ in range(PROCESSES)]
        self._pool = ThreadPoolExecutor(PROCESSES)

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for client in self._clients:
            client.close()
        self.connection.close()

    def measure(self, server: Server, shape: Shape, kind: Kind, workers: Processes) -> Figures:
        """Figures of the execution of runs that were started before, and of their start.

        The workers are warm. They stand still while the runs are started.
        """
        self.execute(shape, kind, workers, runs=max(1, shape.runs // 4))
        with ExitStack() as stack:
            stack.enter_context(workers.suspended())
            with server.measure() as started:
                run_ids = self.start(shape, kind, shape.runs)
            with server.measure() as executed:
                stack.close()
                wait_for_runs(self.connection, run_ids, workers.check)
        steps = shape.runs * shape.steps_per_run
        return {
            **executed.per(steps),
            "with_start": steps / (started + executed).seconds,
            **{f"start_{name}": value for name, value in started.per(steps).items()},
        }

    def execute(self, shape: Shape, kind: Kind, workers: Processes, runs: int) -> None:
        wait_for_runs(self.connection, self.start(shape, kind, runs), workers.check)

    def start(self, shape: Shape, kind: Kind, runs: int) -> list[UUID]:
        per_start = max(1, BATCH // (100 if shape.steps_per_run > BATCH else 1))
        sizes = [min(per_start, runs - first) for first in range(0, runs, per_start)]
        shares = self._pool.map(
            partial(_start_batches, shape, kind),
            self._clients,
            [sizes[number::PROCESSES] for number in range(PROCESSES)],
        )
        return [run_id for share in shares for run_id in share]


def _start_batches(shape: Shape, kind: Kind, client: Client, sizes: list[int]) -> list[UUID]:
    slug = shape.flow(kind).slug
    return [
        run_id
        for size in sizes
        for run_id in client.start_workflow_runs(slug, [shape.input] * size)
    ]


def _work(
    dsn: str,
    shapes: Sequence[Shape],
    kind: Kind,
    count: int,
    options: dict[str, Any],
    *,
    traces: bool = False,
) -> None:
    async def work() -> None:
        async with AsyncClient(dsn, traces=traces) as client:
            flows = [shape.flow(kind) for shape in shapes]
            workers = [AsyncWorker(client, flows, **options) for _ in range(count)]

            def stop() -> None:
                for worker in workers:
                    worker.stop()

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
            await asyncio.gather(*(worker.run() for worker in workers))

    asyncio.run(work())


def _work_with_traces(*arguments: Any) -> None:
    record_spans()
    _work(*arguments, traces=True)


def record_spans() -> None:
    """Let the SDK of OpenTelemetry record the spans of this process, and send them nowhere."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Sequence[Any]) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)


def _loop(
    dsn: str, shapes: Sequence[Shape], kind: Kind, count: int, options: dict[str, Any]
) -> None:
    """Call work() with constant results, in one process that stands for a worker."""
    is_over = Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    outputs = {shape.flow(kind).slug: shape.outputs for shape in shapes}
    with Client(dsn) as client:
        worker_id = client.register_worker(lease=600, **options)
        results: list[dict[str, Any]] = []
        while not is_over.is_set():
            items = client.work(worker_id, results, BATCH, is_waiting=not results)
            results = [constant_result(item, outputs[item.workflow_slug]) for item in items]
            if not items:
                time.sleep(_PAUSE)
        client.unregister_worker(worker_id)


def constant_result(item: WorkItem, outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": str(item.run_id),
        "step_slug": item.step_slug,
        "task_index": item.task_index,
        "attempt": item.attempt,
        "status": "completed",
        "output": outputs.get(item.step_slug),
    }


def _hot_updates(dsn: str) -> Iterator[tuple[str, Figures]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table, updates, share in connection.execute(_HOT):
            yield table, {"updates": float(updates), "hot": float(share)}
