"""Keeps a worker's lease alive, whatever the user's code does to the event loop."""

from __future__ import annotations

import logging
import threading
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

from stepgres._sync.client import Client
from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

logger = logging.getLogger("stepgres")


class Heartbeat:
    """A thread with a connection of its own; a lost connection is replaced at the next beat.

    A worker that has no tasks is heard of by its turns. rested_at returns when the last one was, by
    time.monotonic(), and only if no other follows for two intervals there is a beat.
    """

    def __init__(
        self,
        conninfo: str,
        worker_id: str,
        interval: float,
        rested_at: Callable[[], float] = lambda: -inf,
    ) -> None:
        self._client = Client(conninfo)
        self._worker_id = worker_id
        self._interval = interval
        self._rested_at = rested_at
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"heartbeat of {worker_id}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()

    def _run(self) -> None:
        with self._client:
            beats_at = monotonic() + self._interval
            while not self._stop.wait(max(beats_at - monotonic(), 0)):
                beats_at = self._rested_at() + 2 * self._interval
                if beats_at > monotonic():
                    continue
                beats_at = monotonic() + self._interval
                try:
                    self._client.heartbeat(self._worker_id)
                except (StepgresError, psycopg.Error) as error:
                    logger.warning("heartbeat of %s failed: %s", self._worker_id, error)
