"""The part of the client that declares, changes and lists limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import scalar_row

from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import interval
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import Limit, LimitKey

if TYPE_CHECKING:
    from collections.abc import Sequence


class AsyncLimits(AsyncCaller):
    """The functions for limits."""

    async def create_limit(
        self,
        limit_slug: str,
        *,
        max_running: int | None = None,
        rate: float | None = None,
        per: float | None = None,
        burst: int | None = None,
    ) -> str:
        """Declare a limit, and return its slug.

        max_running is how much runs at a time under a key; rate is how much starts in per seconds,
        and burst (by default 1) how much at once after a pause. Declaring it again changes only
        what differs from the last declaration: edits of operators stay. Raises DefinitionError.
        """
        return await self._scalar(
            str,
            "create_limit",
            limit_slug=limit_slug,
            max_running=max_running,
            rate=rate,
            per=interval(per),
            burst=burst,
        )

    async def update_limit(
        self,
        limit_slug: str,
        *,
        max_running: int | None = None,
        rate: float | None = None,
        per: float | None = None,
        burst: int | None = None,
    ) -> None:
        """Change a limit, at once; nothing that runs is cut off.

        A max_running or rate of 0 removes it. Raises LimitNotFound and DefinitionError.
        """
        await self._all(
            "update_limit",
            scalar_row,
            limit_slug=limit_slug,
            max_running=max_running,
            rate=rate,
            per=interval(per),
            burst=burst,
        )

    async def delete_limit(self, limit_slug: str) -> None:
        """Delete a limit that no current version of a workflow uses.

        Raises LimitNotFound, and DefinitionError if the limit is in use.
        """
        await self._all("delete_limit", scalar_row, limit_slug=limit_slug)

    async def list_limits(
        self, limit_slug: str | None = None, limit: int | None = None, after: str | None = None
    ) -> Sequence[Limit]:
        """List the limits by slug, or one limit, with their use and with what waits for them.

        To page, pass a limit, and the last limit_slug as after. Raises InvalidFilter.
        """
        return await self._all(
            "list_limits", row_of(Limit), limit_slug=limit_slug, limit=limit, after=after
        )

    async def list_limit_keys(
        self, limit_slug: str, limit: int | None = None, after: str | None = None
    ) -> list[LimitKey]:
        """List the keys of a limit that are in use, by default the first 100.

        For the next page pass the position of the last key as after. Raises InvalidFilter.
        """
        return await self._all(
            "list_limit_keys",
            row_of(LimitKey),
            adapters=TOLERANT_ADAPTERS,
            limit_slug=limit_slug,
            limit=limit,
            after=after,
        )
