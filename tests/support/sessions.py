"""Several sessions at once, stopped at locks instead of at times."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from tests.support.engine import Engine
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.conftest import Database

Result = TypeVar("Result")


class Sessions:
    """Connections and threads of one test. A deadlock is found at once, and is an error."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._stack = ExitStack()
        self._observer = self.connect()
        self._threads = self._stack.enter_context(ThreadPoolExecutor(32))

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> psycopg.Connection[Any]:
        connection = self.database.connect(options="-c deadlock_timeout=50ms")
        return self._stack.enter_context(connection)

    def worker(self, worker_id: str, **options: Any) -> Engine:
        """A worker with a connection of its own."""
        return Engine(self.connect(), worker_id, **options)

    def at_once(self, *actions: Callable[[], Result]) -> list[Result]:
        """The results of actions that run at the same time."""
        futures = [self._threads.submit(action) for action in actions]
        return [future.result(PATIENCE) for future in futures]

    def until_blocked(
        self, connection: psycopg.Connection[Any], action: Callable[[], Result]
    ) -> Future[Result]:
        """Starts an action, and returns when its connection waits for a lock of another one."""
        future = self.until_blocked_or_done(connection, action)
        assert not future.done(), f"did not wait, and returned {future.result()}"
        return future

    def until_blocked_or_done(
        self, connection: psycopg.Connection[Any], action: Callable[[], Result]
    ) -> Future[Result]:
        """Starts an action that may have to wait for a lock of another connection, or not."""
        future = self._threads.submit(action)
        wait_until(lambda: future.done() or self._is_blocked(connection), what="a lock or an end")
        return future

    def without_waiting(
        self, connection: psycopg.Connection[Any], action: Callable[[], Result]
    ) -> Result:
        """The result of an action that must not wait for a lock of another connection."""
        future = self.until_blocked_or_done(connection, action)
        assert future.done(), "waits for a lock"
        return future.result()

    def _is_blocked(self, connection: psycopg.Connection[Any]) -> bool:
        query = "select cardinality(pg_blocking_pids(%s)) > 0"
        row = self._observer.execute(query, [connection.info.backend_pid]).fetchone()
        return bool(row and row[0])
