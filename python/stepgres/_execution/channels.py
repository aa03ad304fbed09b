"""The worker's end of the connections to steps in processes.

Each process connects to a socket in a private directory, with a key that comes with each call.
All messages are JSON: the worker unpickles no data of a step.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import pickle
import socket
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._durable.thread_body import ThreadBody

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from stepgres._execution.hooks import Hook
    from stepgres._execution.runner import Execution

# The methods of an execution that its step may call from a process.
_METHODS = ("heartbeat", "keep_line", "send_progress")
_BACKLOG = 64  # processes that connect at the same time


class Link(NamedTuple):
    """What a process needs to connect to its worker, and the hook that it calls before."""

    address: str
    key: bytes
    level: int  # of the log records that the process sends
    on_start: Hook | None = None


class Channels:
    """Cancels steps in processes, and receives their heartbeats, logs and log records."""

    def __init__(self, on_start: Hook | None = None) -> None:
        self._on_start = on_start
        self._directory = TemporaryDirectory(prefix="stepgres-")
        self._address = str(Path(self._directory.name) / "calls")
        self._key = os.urandom(32)
        self._listener = Listener(self._address, "AF_UNIX", _BACKLOG, self._key)
        self._numbers = itertools.count(1)
        self._executions: dict[int, Execution] = {}
        self._connections: dict[int, Connection[Any, Any]] = {}  # by the number of the call
        self._all_connections: set[Connection[Any, Any]] = set()
        self._stacks: dict[int, Future[str]] = {}
        self._lock = Lock()
        self._is_closed = False
        self._thread = Thread(target=self._accept, name="stepgres-processes", daemon=True)
        self._thread.start()

    def link(self) -> Link:
        """Return the link that a process gets with a call."""
        level = logging.getLogger("stepgres").getEffectiveLevel()
        return Link(self._address, self._key, level, self._on_start)

    def add(self, execution: Execution) -> int:
        """Return the number that names an execution in messages from now on."""
        number = next(self._numbers)
        self._executions[number] = execution
        return number

    def remove(self, number: int) -> None:
        """Forget an execution that has ended."""
        with self._lock:
            self._executions.pop(number, None)
            self._connections.pop(number, None)
            self._stacks.pop(number, None)

    def cancel(self, number: int) -> None:
        """Tell a step that its result is no longer needed."""
        self._send(number, {"cancel": number})

    def ask_for_stack(self, number: int) -> Future[str]:
        """Return a future of the stack of a step. A process that hangs may never send the stack."""
        stack = self._stacks[number] = Future[str]()
        self._send(number, {"stack": number})
        return stack

    def close(self) -> None:
        """Accept no more connections, and close those of processes that still execute a step."""
        self._is_closed = True
        with suppress(OSError, EOFError):  # this connection ends the current accept
            Client(self._address, authkey=self._key).close()
        self._thread.join()
        self._listener.close()
        self._directory.cleanup()
        for connection in list(self._all_connections):
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)  # ends the thread that reads from the connection

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue  # a process died while connecting, or had a wrong key
            Thread(
                target=self._listen, args=(connection,), name="stepgres-process", daemon=True
            ).start()

    def _listen(self, connection: Connection[Any, Any]) -> None:
        self._all_connections.add(connection)
        with suppress(OSError, EOFError), connection:  # the process has ended
            while not self._is_closed:
                self._take(json.loads(connection.recv_bytes()), connection)
        self._all_connections.discard(connection)

    def _take(self, message: dict[str, Any], connection: Connection[Any, Any]) -> None:
        match message:
            case {"begin": number}:
                self._begin(number, connection)
            case {"call": method, "of": number, "arguments": arguments} if method in _METHODS:
                execution = self._executions.get(number)
                if execution is not None:
                    getattr(execution, method)(*arguments)
            case {"save": number, "checkpoints": checkpoints, "waits": waits}:
                self._answer(number, lambda store: store.save(checkpoints, waits))
            case {"ask_for_connection": number}:
                self._answer(number, lambda store: store.connection_of_process())
            case {"record": fields}:
                _handle(logging.makeLogRecord(fields))
            case {"stack_of": number, "frames": frames}:
                stack = self._stacks.get(number)
                if stack is not None:
                    stack.set_result(frames)
            case {"end": number}:
                self._send_over(connection, {"ended": number})

    def _answer(self, number: int, ask: Callable[[Any], Any]) -> None:
        """Answer a durable step in a process. The step waits for the answer, and asks no more."""
        execution = self._executions.get(number)
        body = execution and execution.body

        def answer() -> None:
            assert isinstance(body, ThreadBody)
            try:
                message = {"answer": number, "value": ask(body.store)}
            except Exception as error:
                message = {"answer": number, "error": pickle.dumps(error).hex()}
            self._send(number, message)

        if body is not None:  # in a thread, since the next message may be a heartbeat
            Thread(target=answer, name="stepgres-answer", daemon=True).start()

    def _begin(self, number: int, connection: Connection[Any, Any]) -> None:
        execution = self._executions.get(number)
        if execution is not None:
            self._connections[number] = connection
            if execution.cancelled.is_set():
                self.cancel(number)

    def _send(self, number: int, message: dict[str, Any]) -> None:
        connection = self._connections.get(number)
        if connection is not None:  # else the process is told when the step begins
            self._send_over(connection, message)

    def _send_over(self, connection: Connection[Any, Any], message: dict[str, Any]) -> None:
        with self._lock, suppress(OSError):  # the process has ended
            connection.send_bytes(json.dumps(message).encode())


def _handle(record: logging.LogRecord) -> None:
    target = logging.getLogger(record.name)
    if target.isEnabledFor(record.levelno):
        target.handle(record)
