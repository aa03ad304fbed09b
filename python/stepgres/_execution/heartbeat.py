"""Renew the lease of a worker, also while the code of a step blocks the event loop."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

from stepgres._client.client import Client
from stepgres._postgres.backoff import Backoff
from stepgres._postgres.lost_connections import CONNECTION_ERRORS, cut
from stepgres.errors import StepgresError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from stepgres._execution.runner import Execution

logger = logging.getLogger("stepgres")

_PAUSES = (0.0, 0.1, 0.5, 1.0)  # seconds before the retry of a lost heartbeat
_LEAST_LIMIT = 1.0  # seconds
_PROGRESS_INTERVAL = 1.0  # seconds at least between two reports of progress


class _Client(Client):
    def cut(self) -> None:
        """End the current wait of the client in another thread."""
        if self._own is not None:
            cut(self._own)


class Heartbeat:
    """A thread with its own connection, which sends heartbeats for the worker and its tasks.

    There are three heartbeats in a lease. A heartbeat without an answer within half of an interval
    is retried at once, on a new connection.

    The turns of a worker without tasks renew its lease. rested_at returns the time.monotonic() of
    the last turn. Such a worker sends a heartbeat only if no turn follows for two intervals.

    Progress of a step makes the next heartbeat come earlier, a second after the last one.
    """

    def __init__(
        self,
        conninfo: str,
        worker_id: str,
        interval: float,
        rested_at: Callable[[], float] = lambda: -inf,
    ) -> None:
        self._client = _Client(conninfo)
        self._worker_id = worker_id
        self._interval = interval
        self._rested_at = rested_at
        self._limit = max(interval / 2, _LEAST_LIMIT)
        self._contexts: set[Execution] = set()
        self._wake = threading.Event()
        self._is_stopping = False
        self._has_progress = False
        self._thread = threading.Thread(
            target=self._run, name=f"heartbeat of {worker_id}", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopping = True
        self._wake.set()

    @contextmanager
    def speaking_for(self, context: Execution) -> Iterator[None]:
        """Execute a task in the block, and tell its step when the task is lost."""
        context.on_progress = self._expect_progress
        self._contexts.add(context)
        try:
            yield
        finally:
            self._contexts.discard(context)

    def _expect_progress(self) -> None:
        """Send the progress of a step soon. Any thread may call this."""
        if not self._has_progress:
            self._has_progress = True
            self._wake.set()

    def _run(self) -> None:
        with self._client:
            beats_at, progress_at = monotonic() + self._interval, monotonic()
            pauses = Backoff(_PAUSES)
            while True:
                self._wake.clear()
                if self._is_stopping:
                    return
                if self._has_progress:
                    beats_at = min(beats_at, progress_at)
                if beats_at > monotonic():
                    self._wake.wait(beats_at - monotonic())
                    continue
                if not self._has_progress:
                    beats_at = self._rested_at() + 2 * self._interval
                    if beats_at > monotonic():
                        continue
                beats_at = monotonic() + self._interval
                progress_at = monotonic() + _PROGRESS_INTERVAL
                self._has_progress = False
                try:
                    self._beat()
                except CONNECTION_ERRORS as error:
                    logger.warning("heartbeat of %s was lost: %s", self._worker_id, error)
                    beats_at = monotonic() + pauses.pause()
                    progress_at = max(progress_at, beats_at)
                    continue
                except (StepgresError, psycopg.Error) as error:
                    logger.warning("heartbeat of %s failed: %s", self._worker_id, error)
                pauses.reset()

    def _beat(self) -> None:
        contexts = list(self._contexts)
        timer = threading.Timer(self._limit, self._client.cut)
        timer.daemon = True
        timer.start()
        try:
            reports = [context.report() for context in contexts]
            lost = self._client.heartbeat(self._worker_id, reports)
        finally:
            timer.cancel()
        for context, report in zip(contexts, reports, strict=True):
            context.was_reported(report)
        keys = {(item.run_id, item.step_slug, item.task_index, item.claim) for item in lost}
        for context in contexts:
            if (context.run_id, context.step_slug, context.task_index, context.claim) in keys:
                context.lose()
