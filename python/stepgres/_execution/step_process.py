"""Execute a step in a process of a pool. This code runs in that process."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import threading
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Client
from queue import Queue
from typing import TYPE_CHECKING, Any

from stepgres._durable.thread_body import ThreadBody
from stepgres._durable.transaction import call_in_transaction
from stepgres._execution.attempts import Outcome, attempt, completed, failed
from stepgres._execution.context import StepContext, TaskData
from stepgres._execution.failures import describe_stack
from stepgres._postgres import connections
from stepgres.errors import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    from stepgres._execution.channels import Link
    from stepgres.workflow import StepFunction

_channels: dict[str, _Channel] = {}  # by address: workers may share a pool


def execute(call: bytes) -> Outcome:
    """Execute a pickled call, and return its outcome as plain data.

    A function that this process cannot unpickle is a failed attempt.
    """
    try:
        function, data, link, number = pickle.loads(call)
        channel = _channel_of(link)
    except BaseException as error:
        return failed(error)._replace(error=None)
    return channel.execute(function, data, number)


def execute_without_context(function: StepFunction, data: TaskData) -> Outcome:
    """Execute a function without a context, on any machine."""
    return _attempt(function, StepContext(data))


def _attempt(function: StepFunction, context: StepContext) -> Outcome:
    outcome = attempt(function, context)
    if outcome.pending is not None:
        pending = outcome.pending

        async def wait() -> Any:
            return await pending

        try:
            outcome = completed(asyncio.run(wait()), context)
        except BaseException as error:
            outcome = failed(error)
    return outcome._replace(error=None)


def _channel_of(link: Link) -> _Channel:
    channel = _channels.get(link.address)
    if channel is None:
        if link.on_start is not None:
            link.on_start()
        channel = _channels[link.address] = _Channel(link)
    return channel


class _Context(StepContext):
    """A context that sends its heartbeats, its progress and the lines of its log to the worker."""

    def __init__(self, data: TaskData, channel: _Channel, number: int) -> None:
        super().__init__(data)
        self._channel = channel
        self._number = number
        if data.checkpoints is not None:
            self.body = ThreadBody(data.checkpoints, data.step_slug, _Store(channel, number))

    def heartbeat(self) -> None:
        self._call("heartbeat")

    def keep_line(self, line: str) -> None:
        self._call("keep_line", line)

    def send_progress(self, progress: dict[str, Any]) -> None:
        self._call("send_progress", progress)

    def _call(self, method: str, *arguments: Any) -> None:
        self._channel.send({"call": method, "of": self._number, "arguments": arguments})


class _Store:
    """Saves the operations of a durable step through the worker."""

    def __init__(self, channel: _Channel, number: int) -> None:
        self._channel = channel
        self._number = number

    def save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        request = {"save": self._number, "checkpoints": checkpoints, "waits": waits}
        answers: list[dict[str, Any]] = self._channel.ask(request)
        return answers

    def call_in_transaction(
        self, function: Callable[[Any], Any], save: Callable[[Any], dict[str, Any]]
    ) -> Any:
        given = self._channel.ask({"ask_for_connection": self._number})
        return call_in_transaction(
            _transaction(given["conninfo"]), given["worker_id"], given["key"], function, save
        )


@contextmanager
def _transaction(conninfo: str) -> Iterator[Connection[Any]]:
    with closing(connections.connect(conninfo)) as connection, connection.transaction():
        yield connection


class _Channel:
    """The connection to the worker, for messages about the call that this process executes."""

    def __init__(self, link: Link) -> None:
        self._connection = Client(link.address, authkey=link.key)
        self._lock = threading.Lock()
        self._number = 0
        self._context: StepContext | None = None
        self._thread_id: int | None = None
        self._is_told = threading.Event()
        self._is_closed = False
        self._asking = threading.Lock()
        self._answers: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._listen, name="stepgres-worker", daemon=True).start()
        _forward_records(self, link.level)

    def execute(self, function: StepFunction, data: TaskData, number: int) -> Outcome:
        """Execute a function that the worker can cancel meanwhile."""
        context = _Context(data, self, number)
        self._thread_id = threading.get_ident()
        self._number, self._context = number, context
        self._is_told.clear()
        if self._is_closed:
            self._is_told.set()
        self.send({"begin": number})
        try:
            return _attempt(function, context)
        finally:
            self._context = None
            # the worker receives all log records before the outcome
            self.send({"end": number})
            self._is_told.wait()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message to the worker. Cancel the context if the worker has ended."""
        with self._lock, suppress(OSError):
            self._connection.send_bytes(json.dumps(message).encode())

    def ask(self, request: dict[str, Any]) -> Any:
        """Send a request to the worker, and return the answer, or raise the error of the worker."""
        with self._asking:
            self.send(request)
            if self._is_closed:
                raise LeaseLost("the worker of this process has ended")
            answer = self._answers.get()
        if "error" in answer:
            raise pickle.loads(bytes.fromhex(answer["error"]))
        return answer["value"]

    def _listen(self) -> None:
        try:
            while True:
                self._take(json.loads(self._connection.recv_bytes()))
        except (OSError, EOFError):  # the worker has ended
            for address in [a for a, channel in _channels.items() if channel is self]:
                del _channels[address]
            if self._context is not None:
                self._context.cancelled.set()
            self._is_closed = True
            self._is_told.set()
            lost = LeaseLost("the worker of this process has ended")
            self._answers.put({"error": pickle.dumps(lost).hex()})

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"cancel": number} if number == self._number and self._context is not None:
                self._context.cancelled.set()
            case {"stack": number} if number == self._number:
                self.send({"stack_of": number, "frames": describe_stack(self._thread_id) or ""})
            case {"answer": number} if number == self._number:
                self._answers.put(message)
            case {"ended": number} if number == self._number:
                self._is_told.set()


class _Forwarder(logging.Handler):
    """Sends log records to the worker, which handles the records like its own."""

    def __init__(self, channel: _Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {**record.__dict__, "msg": record.getMessage(), "args": None, "exc_info": None}
            if record.exc_info:
                fields["exc_text"] = logging.Formatter().formatException(record.exc_info)
            self._channel.send({"record": {k: _plain(v) for k, v in fields.items()}})
        except Exception:
            self.handleError(record)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def _forward_records(channel: _Channel, level: int) -> None:
    """Send the records of Stepgres to the worker, and all others unless the root has handlers."""
    forwarder = _Forwarder(channel)
    ours, root = logging.getLogger("stepgres"), logging.getLogger()
    ours.setLevel(level)
    ours.handlers, ours.propagate = [forwarder], False
    if all(isinstance(handler, _Forwarder) for handler in root.handlers):
        root.handlers = [forwarder]
        root.setLevel(level)
