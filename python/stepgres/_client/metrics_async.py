"""The part of the client that reads metrics and switches them on and off."""

from __future__ import annotations

from psycopg.rows import scalar_row

from stepgres._postgres.arguments import interval
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import Metric, Throughput


class AsyncMetrics(AsyncCaller):
    """The functions for metrics."""

    async def list_metrics(self) -> list[Metric]:
        """List the metrics with their values now, under the names that Prometheus wants."""
        return await self._all("list_metrics", row_of(Metric))

    async def list_throughput(
        self, since: float | None = None, bucket: float | None = None
    ) -> list[Throughput]:
        """Count what has happened in the last seconds, since (by default an hour), by parts.

        bucket is the length of a part in seconds, by default a minute. Raises InvalidFilter if
        since is not from a minute to two days, or bucket not from a minute to since.
        """
        return await self._all(
            "list_throughput", row_of(Throughput), since=interval(since), bucket=interval(bucket)
        )

    async def switch_metrics(self, is_on: bool) -> None:
        """Switch the counters of metrics on or off for the database; the gauges stay."""
        await self._all("switch_metrics", scalar_row, is_on=is_on)
