"""Spans of OpenTelemetry: starts, turns, steps and ends of runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import stepgres
from stepgres import AsyncClient, AsyncExecutor, Client, Executor, NonRetryable, WorkflowFailed
from stepgres._execution.process_pool import ProcessPool
from stepgres._postgres.caller_async import AsyncCaller
from tests.conftest import Database
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import fail, workflow

EXPORTER = InMemorySpanExporter()


def span_id() -> str:
    """The id of the current span."""
    return f"{trace.get_current_span().get_span_context().span_id:016x}"


def here(input: Any) -> str:
    return span_id()


async def here_on_the_loop(input: Any) -> str:
    await asyncio.sleep(0)
    return span_id()


def here_in_a_branch(input: Any, context: Any) -> list[str]:
    return [context.run("once", span_id), *context.gather(span_id)]


def hang(input: Any) -> None:
    threading.Event().wait()


def fail_once(input: Any, context: Any) -> str:
    if context.attempt == 1:
        raise ValueError("not yet")
    return span_id()


@pytest.fixture(scope="module")
def provider() -> TracerProvider:
    """The one provider of the process, which sends its spans to EXPORTER."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(provider)
    assert trace.get_tracer_provider() is provider
    return provider


@pytest.fixture
def tracing(db: Database, provider: TracerProvider) -> Iterator[Client]:
    """A client that makes spans."""
    EXPORTER.clear()
    with Client(db.dsn, traces=True) as client:
        yield client


def spans(prefix: str) -> list[ReadableSpan]:
    """The ended spans whose names begin so, by name and start."""
    found = [span for span in EXPORTER.get_finished_spans() if span.name.startswith(prefix)]
    return sorted(found, key=lambda span: (span.name, span.start_time))


def only(name: str) -> ReadableSpan:
    (span,) = spans(name)
    return span


def hex_id(span: ReadableSpan) -> str:
    return f"{span.context.span_id:016x}"


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def assert_child(child: ReadableSpan, parent: ReadableSpan) -> None:
    assert child.parent is not None
    assert child.parent.span_id == parent.context.span_id
    assert child.context.trace_id == parent.context.trace_id


def links(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def execute(db: Database, client: Client, flow: Any, input: Any = None, **options: Any) -> Any:
    """The output of a run of a traced worker, whose span has been made."""
    with running_worker(db.dsn, flow, traces=True, **options):
        (run_id,) = register_and_start(client, flow, [input])
        output = client.wait_for_run(run_id, timeout=60).output
        wait_until(lambda: spans("run "))
    return output


@pytest.mark.parametrize("function", [here, here_on_the_loop])
@pytest.mark.parametrize("option", [None, "transactional", "durable"])
def test_step_is_under_the_start_and_current_in_its_function(
    db: Database, tracing: Client, function: Any, option: str | None
) -> None:
    flow = workflow(("only", function, {} if option is None else {option: True}))
    output = execute(db, tracing, flow)
    start, step = only("start demo"), only("process demo/only")
    assert_child(step, start)
    assert output == hex_id(step)
    assert (start.kind, step.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    run_id = attributes(start)["stepgres.run_id"]
    named = attributes(step)
    assert named["stepgres.run_id"] == named["messaging.message.conversation_id"] == run_id
    assert named["messaging.system"] == "stepgres"
    assert named["code.function.name"] == f"{__name__}.{function.__qualname__}"
    assert named["code.line.number"] == function.__code__.co_firstlineno
    assert step.status.status_code == StatusCode.UNSET


def test_context_reaches_processes(db: Database, tracing: Client) -> None:
    with ProcessPool(1) as pool:
        output = execute(db, tracing, workflow(("only", here)), executor=pool)
    assert output == hex_id(only("process demo/only"))


def test_context_reaches_the_calls_and_branches_of_a_durable_step(
    db: Database, tracing: Client
) -> None:
    output = execute(db, tracing, workflow(("only", here_in_a_branch, {"durable": True})))
    assert set(output) == {hex_id(only("process demo/only"))}


def test_step_that_hangs_fails_its_span(db: Database, tracing: Client) -> None:
    flow = workflow(("only", hang), timeout=0.2, max_attempts=1)
    with ProcessPool(1) as pool, pytest.raises(WorkflowFailed):
        execute(db, tracing, flow, executor=pool)
    step = only("process demo/only")
    assert step.status.status_code == StatusCode.ERROR
    assert attributes(step)["error.type"] == "TimeoutError"


def test_each_attempt_has_a_span_and_a_failed_one_its_error(db: Database, tracing: Client) -> None:
    output = execute(db, tracing, workflow(("only", fail_once), base_delay=0))
    first, second = spans("process demo/only")
    assert [attributes(span)["stepgres.attempt"] for span in (first, second)] == [1, 2]
    assert first.status.status_code == StatusCode.ERROR
    assert first.status.description == "ValueError: not yet"
    (event,) = first.events
    assert event.name == "exception"
    assert "in fail_once" in str((event.attributes or {})["exception.stacktrace"])
    assert (second.status.status_code, hex_id(second)) == (StatusCode.UNSET, output)


def test_steps_link_to_the_steps_they_depend_on(db: Database, tracing: Client) -> None:
    flow = workflow(
        ("a", here),
        ("b", here_on_the_loop, {"depends_on": []}),
        ("both", here, {"depends_on": ["a", "b"]}),
    )
    execute(db, tracing, flow)
    a, b, both = spans("process demo/")
    assert links(both) == {a.context.span_id, b.context.span_id}
    assert links(a) == links(b) == set()


def test_step_behind_a_map_links_to_ten_of_its_tasks(db: Database, tracing: Client) -> None:
    flow = workflow(("each", here, {"map": True}), ("after", here, {"depends_on": ["each"]}))
    execute(db, tracing, flow, list(range(25)))
    tasks = {
        span.context.span_id
        for span in spans("process demo/each")
        if attributes(span)["stepgres.task_index"] < 10
    }
    assert len(tasks) == 10
    assert links(only("process demo/after")) == tasks


def test_span_of_a_run_ends_with_the_run(db: Database, tracing: Client) -> None:
    execute(db, tracing, workflow(("a", here), ("b", here, {"depends_on": ["a"]})))
    start, run = only("start demo"), only("run demo")
    assert_child(run, start)
    facts = tracing.get_run(UUID(str(attributes(run)["stepgres.run_id"])))
    assert facts.finished_at is not None
    for time, at in ((run.start_time, facts.inserted_at), (run.end_time, facts.finished_at)):
        assert time is not None
        assert abs(time / 1e9 - at.timestamp()) < 1e-5
    assert attributes(run)["stepgres.status"] == "completed"
    assert run.status.status_code == StatusCode.UNSET


def test_spans_of_a_failed_run_have_its_error(db: Database, tracing: Client) -> None:
    flow = workflow(("only", fail))
    with pytest.raises(WorkflowFailed):
        Executor(tracing).execute(flow, None)
    run = only("run demo")
    assert_child(run, only("start demo"))
    assert run.status.status_code == StatusCode.ERROR
    assert "no luck" in str(run.status.description)
    assert attributes(run)["stepgres.failed_step"] == "only"
    assert attributes(only("process demo/only"))["error.type"] == NonRetryable.__name__


def test_executor_follows_its_client(db: Database, tracing: Client) -> None:
    flow = workflow(("a", here), ("b", here_on_the_loop, {"depends_on": ["a"]}))
    for _ in range(2):  # the second run starts in another way: _start_unchanged
        EXPORTER.clear()
        with trace.get_tracer("test").start_as_current_span("request") as request:
            Executor(tracing).execute(flow, None)
        assert isinstance(request, ReadableSpan)
        start = only("start demo")
        assert_child(start, request)
        for span in (*spans("process demo/"), only("run demo")):
            assert_child(span, start)
        assert len(spans("process demo/")) == 2


def test_executor_on_a_loop_follows_its_client(db: Database, provider: TracerProvider) -> None:
    EXPORTER.clear()

    async def main() -> Any:
        async with AsyncClient(db.dsn, traces=True) as client:
            return await AsyncExecutor(client).execute(workflow(("a", here_on_the_loop)), None)

    assert asyncio.run(main()).output == hex_id(only("process demo/a"))
    assert_child(only("run demo"), only("start demo"))


def test_run_that_ends_while_its_worker_is_busy_gets_its_span(
    db: Database, tracing: Client
) -> None:
    let_go = threading.Event()
    busy = workflow(("only", lambda _: let_go.wait(PATIENCE)), slug="busy")
    flow = workflow(("only", here))
    with running_worker(db.dsn, busy, flow, traces=True, concurrency=2):
        register_and_start(tracing, busy)
        register_and_start(tracing, flow)
        wait_until(lambda: spans("run demo"))
        assert spans("run busy") == []
        let_go.set()
        wait_until(lambda: spans("run busy"))


def test_cancelled_run_has_a_span_that_is_no_error(db: Database, tracing: Client) -> None:
    (run_id,) = register_and_start(tracing, workflow(("only", here)))
    tracing.cancel_workflow_run(run_id)
    with running_worker(db.dsn, workflow(("only", here)), traces=True):
        wait_until(lambda: spans("run demo"))
    run = only("run demo")
    assert attributes(run)["stepgres.status"] == "cancelled"
    assert run.status.status_code == StatusCode.UNSET


def test_step_in_sql_has_a_span_and_is_linked(db: Database, tracing: Client) -> None:
    with db.connect() as connection:
        connection.execute(
            "create function public.record(input jsonb) returns jsonb language sql"
            " begin atomic select input; end"
        )
        connection.execute("select stepgres.register_sql_function('public.record')")
    execute(db, tracing, workflow(("write", "public.record"), ("after", here)))
    write = only("process demo/write")
    assert "record" in attributes(write)["code.function.name"]
    assert links(only("process demo/after")) == {write.context.span_id}


def test_child_run_is_in_the_trace_of_its_parent(db: Database, tracing: Client) -> None:
    child = workflow(("inner", here), slug="child")

    def call(input: Any, context: Any) -> Any:
        return context.run_workflow("child")

    flow = workflow(("outer", call, {"durable": True}))
    with running_worker(db.dsn, flow, child, traces=True):
        (run_id,) = register_and_start(tracing, flow)
        tracing.wait_for_run(run_id, timeout=60)
        wait_until(lambda: len(spans("run ")) == 2)
    start = only("start demo")
    for span in (*spans("process "), *spans("run ")):
        assert_child(span, start)
    assert attributes(only("run child"))["stepgres.parent_run_id"] == str(run_id)


def test_turns_with_work_have_spans(db: Database, tracing: Client) -> None:
    execute(db, tracing, workflow(("only", here)))
    turns = spans("turn")
    assert all(turn.parent is None for turn in turns)
    counts = [attributes(turn) for turn in turns]
    assert sum(count["stepgres.results"] for count in counts) == 1
    assert sum(count["messaging.batch.message_count"] for count in counts) == 1
    assert all(count["stepgres.worker_id"] for count in counts)


def test_run_that_is_not_traced_has_no_spans(db: Database, client: Client, tracing: Client) -> None:
    flow = workflow(("only", here))
    with running_worker(db.dsn, flow, traces=True):
        (run_id,) = register_and_start(client, flow)
        assert client.wait_for_run(run_id, timeout=60).output == "0" * 16
    assert {span.name for span in EXPORTER.get_finished_spans()} == {"turn"}


def test_run_can_be_under_a_span_of_another_program(
    db: Database, client: Client, tracing: Client
) -> None:
    flow = workflow(("only", here))
    client.register_workflow(stepgres.describe(flow).document)
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    run_id = tracing.start_workflow_run("demo", None, traceparent=traceparent)
    with running_worker(db.dsn, flow, traces=True):
        tracing.wait_for_run(run_id, timeout=60)
        wait_until(lambda: spans("run "))
    step = only("process demo/only")
    assert step.parent is not None
    assert (step.parent.trace_id, step.parent.span_id) == (int("a" * 32, 16), int("b" * 16, 16))
    assert spans("start") == []


def test_failed_start_has_an_error_in_its_span(tracing: Client) -> None:
    with pytest.raises(stepgres.WorkflowNotFound):
        tracing.start_workflow_run("missing", None)
    assert only("start missing").status.status_code == StatusCode.ERROR


def test_start_of_several_runs_is_one_span(tracing: Client) -> None:
    register_and_start(tracing, workflow(("only", here)), [1, 2, 3])
    assert attributes(only("start demo"))["messaging.batch.message_count"] == 3


def test_without_traces_nothing_is_imported_or_stored(db: Database, client: Client) -> None:
    program = """
import sys, stepgres
class Flow(stepgres.Workflow):
    @stepgres.step()
    def a(input): return 1
    @stepgres.step(depends_on=["a"])
    async def b(input): return 2
with stepgres.Client(sys.argv[1]) as client:
    stepgres.Executor(client).execute(Flow, None)
print([name for name in sys.modules if "opentelemetry" in name or name.endswith("_tracing.spans")])
"""
    printed = run_program(program, db.dsn)
    assert printed == "[]\n"
    with db.connect() as connection:
        for table in ("task_traces", "ended_traces"):
            query = f"select count(*) from stepgres.{table}"
            assert connection.execute(query.encode()).fetchone() == (0,)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that workers of this process have called."""
    called: list[str] = []
    query = AsyncCaller._query

    def note(self: AsyncCaller, function: str, *arguments: Any) -> Any:
        called.append(function)
        return query(self, function, *arguments)

    monkeypatch.setattr(AsyncCaller, "_query", note)
    return called


def test_steps_that_begin_together_are_asked_for_together(
    db: Database, tracing: Client, called: list[str]
) -> None:
    begun: list[int] = []
    all_have_begun = asyncio.Event()

    async def begin(input: int) -> str:
        begun.append(input)
        if len(begun) == 16:
            all_have_begun.set()
        await all_have_begun.wait()
        return span_id()

    flow = workflow(("only", begin))
    tracing.register_workflow(stepgres.describe(flow).document)
    run_ids = tracing.start_workflow_runs("demo", range(16))
    with running_worker(db.dsn, flow, traces=True, concurrency=16):
        for run_id in run_ids:
            tracing.wait_for_run(run_id, timeout=PATIENCE)
    assert len({span.context.span_id for span in spans("process ")}) == 16
    assert called.count("get_traceparents") <= 4


def test_without_traces_a_worker_asks_for_none(
    db: Database, client: Client, called: list[str]
) -> None:
    flow = workflow(("a", here), ("b", here, {"depends_on": ["a"]}))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id, timeout=PATIENCE)
    assert "work" in called
    assert [function for function in called if "trace" in function] == []


def test_missing_package_is_named(db: Database) -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
import stepgres
try:
    stepgres.Client(sys.argv[1], traces=True)
except ImportError as error:
    print(error)
"""
    assert 'pip install "stepgres[otel]"' in run_program(program, db.dsn)


def run_program(program: str, *arguments: str) -> str:
    """What a program prints, in a process of its own."""
    command: Sequence[str] = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
