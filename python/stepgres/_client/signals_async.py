"""The part of the client that sends signals, and lists what runs wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import scalar_row

from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import array, interval, json_value
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import SentSignal, Signal, Wait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from stepgres.workflow import WorkflowName


class AsyncSignals(AsyncCaller):
    """The functions for signals and waits."""

    async def send_signal(
        self,
        run_id: UUID,
        signal: str,
        payload: Any = None,
        idempotency_key: str | None = None,
        source: str | None = None,
    ) -> SentSignal:
        """Send a signal to a run, which need not wait for it yet.

        A signal with an idempotency_key that the run has got before is not sent again. source says
        who sends. Raises RunNotFound, RunAlreadyFinished, TooManySignals (1,000 unread signals of
        the run), PayloadTooLarge (1,000,000 bytes) and InvalidInput.
        """
        return await self._one(
            "send_signal",
            row_of(SentSignal),
            run_id=run_id,
            signal=signal,
            payload=json_value(payload, "payload"),
            idempotency_key=idempotency_key,
            source=source,
        )

    async def send_signal_by_key(
        self,
        signal: str,
        key: str,
        payload: Any = None,
        idempotency_key: str | None = None,
        source: str | None = None,
        keep: float | None = None,
    ) -> SentSignal:
        """Send a signal to the run that waits for it under a key, or to the next run that does.

        The signal is kept for `keep` seconds, by default a day. Raises TooManySignals (1,000
        unread signals of a key, 100,000 in all), PayloadTooLarge (1,000,000 bytes) and
        InvalidInput.
        """
        return await self._one(
            "send_signal_by_key",
            row_of(SentSignal),
            signal=signal,
            key=key,
            payload=json_value(payload, "payload"),
            idempotency_key=idempotency_key,
            source=source,
            keep=interval(keep),
        )

    async def signal_on(
        self,
        table_name: str,
        signal: str,
        key_column: str,
        condition: str,
        payload_columns: Sequence[str] | None = None,
    ) -> None:
        """Let a table of yours send a signal by key when a row begins to match a condition.

        table_name has its schema, as in "app.payments". condition is SQL over the row, as in
        "new.status = 'paid'". The payload has payload_columns, by default all. Calling it again
        with the same table and signal changes the rest. Raises InvalidInput and NotPermitted (you
        are not the owner of the table).
        """
        await self._all(
            "signal_on",
            scalar_row,
            table_name=table_name,
            signal=signal,
            key_column=key_column,
            condition=condition,
            payload_columns=array(payload_columns),
        )

    async def drop_signal_on(self, table_name: str, signal: str) -> bool:
        """End what signal_on began for a table and a signal; return whether there was anything.

        Raises InvalidInput and NotPermitted (you are not the owner of the table).
        """
        return await self._scalar(bool, "drop_signal_on", table_name=table_name, signal=signal)

    async def list_signals(
        self, run_id: UUID, limit: int | None = None, after: int | None = None
    ) -> list[Signal]:
        """List the signals that a run has got, by default the first 1,000.

        For the next page pass the last signal_id as after. Raises RunNotFound and InvalidFilter.
        """
        return await self._all(
            "list_signals",
            row_of(Signal),
            adapters=TOLERANT_ADAPTERS,
            run_id=run_id,
            limit=limit,
            after=after,
        )

    async def list_waits(
        self,
        run_id: UUID | None = None,
        kind: str | None = None,
        workflow_slug: WorkflowName | None = None,
        limit: int | None = None,
        after: int | None = None,
        include_resolved: bool | None = None,
    ) -> list[Wait]:
        """List open waits, the oldest first: by default the first 100 of all runs.

        With include_resolved the resolved waits of one run are listed too. For the next page pass
        the last wait_id as after. Raises RunNotFound and InvalidFilter.
        """
        return await self._all(
            "list_waits",
            row_of(Wait),
            adapters=TOLERANT_ADAPTERS,
            run_id=run_id,
            kind=kind,
            workflow_slug=workflow_slug,
            limit=limit,
            after=after,
            include_resolved=include_resolved,
        )
