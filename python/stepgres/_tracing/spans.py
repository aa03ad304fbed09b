"""The spans of starts, turns, steps and runs, made with the API of OpenTelemetry.

An application configures the SDK of OpenTelemetry. Without the SDK no span is recorded.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

try:
    from opentelemetry import trace
except ImportError as missing:
    raise ImportError('traces need OpenTelemetry: pip install "stepgres[otel]"') from missing
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from stepgres._execution.shared_reads import JointReads, SharedReads
from stepgres._tracing.start import Start
from stepgres._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from uuid import UUID

    from opentelemetry.trace import Span

    from stepgres._client.client_async import AsyncClient
    from stepgres._execution.failures import Failure
    from stepgres.types import RunTrace, WorkItem
    from stepgres.workflow import StepFunction

_KEPT_STEPS = 1_000  # steps whose traceparents are kept
_PAGE = 100  # ended runs that are read at a time
_EPOCH = datetime.fromtimestamp(0, timezone.utc)
_PROPAGATOR = TraceContextTextMapPropagator()


def _context_of(traceparent: str) -> Context:
    """Return a context whose current span is the one of a traceparent."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context())


def _traceparent_of(span: Span) -> str | None:
    """Return the traceparent of a span, or None if the SDK is not configured."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get("traceparent")


def _current(span: Span) -> AbstractContextManager[Any]:
    return trace.use_span(span, record_exception=False, set_status_on_exception=False)


def remote(traceparent: str) -> AbstractContextManager[Any]:
    """Make the span of another process the current one, for the code of a step."""
    return _current(trace.get_current_span(_context_of(traceparent)))


@dataclass
class Turn:
    """What a turn of a worker has sent and received."""

    results: int = 0
    tasks: int = 0


class StepSpan:
    """The span of an attempt. Its context reaches the code of the step in threads and processes."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.traceparent = _traceparent_of(span)

    def current(self) -> AbstractContextManager[Any]:
        """Make the span the current one, for the code of the step."""
        return _current(self._span)

    def end(self, failure: Failure | None, *, is_lost: bool) -> None:
        """End the span with the failure of the attempt."""
        if failure is not None:
            exception = {
                "exception.type": failure.error_type,
                "exception.message": failure.error,
                "exception.stacktrace": failure.traceback or "",
            }
            self._span.add_event("exception", exception)
            self._span.set_attribute("error.type", failure.error_type)
            self._span.set_status(Status(StatusCode.ERROR, failure.error))
        if is_lost:
            self._span.set_attribute("stepgres.is_given_up", True)
        self._span.end()


class Tracing:
    """Makes the spans of a client, and of the workers and executors that have this client."""

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("stepgres", __version__)

    def of_worker(self, client: AsyncClient) -> WorkerTraces:
        """Return the traces of a worker, which reads and sends with this client."""
        return WorkerTraces(self, client)

    @contextmanager
    def starting(self, workflow_slug: str) -> Iterator[Start]:
        """Make the span of a start, under the current span."""
        attributes = {
            **_messaging("send", workflow_slug),
            "stepgres.workflow_slug": workflow_slug,
        }
        with self._tracer.start_as_current_span(
            f"start {workflow_slug}", kind=SpanKind.PRODUCER, attributes=attributes
        ) as span:
            start = Start(_traceparent_of(span))
            yield start
            if len(start.run_ids) == 1:
                span.set_attribute("messaging.message.id", str(start.run_ids[0]))
                span.set_attribute("stepgres.run_id", str(start.run_ids[0]))
            else:
                span.set_attribute("messaging.batch.message_count", len(start.run_ids))

    @contextmanager
    def turn(self, worker_id: str) -> Iterator[Turn]:
        """Make the span of a turn, unless nothing happens in the turn.

        The span is not the current one, since the tasks of steps begin in a turn and outlive it.
        """
        span = self._tracer.start_span(
            "turn",
            Context(),
            kind=SpanKind.CLIENT,
            attributes={**_messaging("receive", "stepgres"), "stepgres.worker_id": worker_id},
        )
        turn = Turn()
        try:
            yield turn
        except Exception as error:
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, str(error)))
            span.end()
            raise
        if turn.results or turn.tasks:
            span.set_attribute("stepgres.results", turn.results)
            span.set_attribute("messaging.batch.message_count", turn.tasks)
            span.end()

    def step(
        self, item: WorkItem, function: StepFunction | None, traceparents: list[str]
    ) -> StepSpan:
        """Begin the span of an attempt, under the first traceparent, with links to the others."""
        parent, *others = traceparents
        links = [Link(trace.get_current_span(_context_of(o)).get_span_context()) for o in others]
        step = f"{item.workflow_slug}/{item.step_slug}"
        attributes = {
            **_messaging("process", step),
            "messaging.message.id": f"{item.run_id}/{item.step_slug}/{item.task_index}",
            "messaging.message.conversation_id": str(item.run_id),
            "stepgres.run_id": str(item.run_id),
            "stepgres.workflow_slug": item.workflow_slug,
            "stepgres.workflow_version": item.workflow_version,
            "stepgres.step_slug": item.step_slug,
            "stepgres.task_index": item.task_index,
            "stepgres.attempt": item.attempt,
            **_code(function, item.sql_function),
        }
        return StepSpan(
            self._tracer.start_span(
                f"process {step}",
                _context_of(parent),
                kind=SpanKind.CONSUMER,
                attributes=attributes,
                links=links,
            )
        )

    def run(self, run: RunTrace) -> None:
        """Make the span of a run that has ended."""
        attributes: dict[str, Any] = {
            "stepgres.run_id": str(run.run_id),
            "stepgres.workflow_slug": run.workflow_slug,
            "stepgres.workflow_version": run.version,
            "stepgres.status": "cancelled" if run.is_cancelled else run.status,
        }
        if run.parent_run_id is not None:
            attributes["stepgres.parent_run_id"] = str(run.parent_run_id)
        if run.failed_step is not None:
            attributes["stepgres.failed_step"] = run.failed_step
        span = self._tracer.start_span(
            f"run {run.workflow_slug}",
            _context_of(run.traceparent),
            attributes=attributes,
            start_time=_nanoseconds(run.started_at),
        )
        if run.status == "failed" and not run.is_cancelled:
            span.set_status(Status(StatusCode.ERROR, run.error))
        span.end(_nanoseconds(run.finished_at))


class WorkerTraces:
    """The spans of a worker, and what the worker reads and sends for them."""

    def __init__(self, tracing: Tracing, client: AsyncClient) -> None:
        self._tracing = tracing
        self._client = client
        self._traceparents = SharedReads(JointReads(self._read), _KEPT_STEPS)
        self.turn = tracing.turn

    async def step(self, item: WorkItem, function: StepFunction | None) -> StepSpan | None:
        """Begin the span of an attempt, or return None if the run is not traced."""
        traceparents = await self._traceparents((item.run_id, item.step_slug))
        return None if traceparents is None else self._tracing.step(item, function, traceparents)

    async def end_runs(self) -> None:
        """Make the spans of runs that have ended."""
        while True:
            ended = await self._client.take_ended_traces(_PAGE)
            for run in ended:
                self._tracing.run(run)
            if len(ended) < _PAGE:
                return

    async def _read(self, steps: list[tuple[UUID, str]]) -> list[list[str] | None]:
        return await self._client.get_traceparents(
            [run_id for run_id, _ in steps], [step_slug for _, step_slug in steps]
        )


def _messaging(operation: str, destination: str) -> dict[str, Any]:
    return {
        "messaging.system": "stepgres",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
    }


def _code(function: StepFunction | None, sql_function: str | None) -> dict[str, Any]:
    """Return the attributes that name the code of a step."""
    if function is None:
        return {} if sql_function is None else {"code.function.name": sql_function}
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    named: dict[str, Any] = {"code.function.name": f"{module}.{name}".lstrip(".")}
    code = getattr(function, "__code__", None)
    if code is not None:
        named |= {"code.file.path": code.co_filename, "code.line.number": code.co_firstlineno}
    return named


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
