"""The part of the client that lists and decides approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import json_value
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import Approval

if TYPE_CHECKING:
    from uuid import UUID

    from stepgres.workflow import WorkflowName


class AsyncApprovals(AsyncCaller):
    """The functions for approvals."""

    async def list_approvals(
        self,
        assignee: str | None = None,
        run_id: UUID | None = None,
        workflow_slug: WorkflowName | None = None,
        limit: int | None = None,
        after: int | None = None,
        payloads: bool | None = None,
    ) -> list[Approval]:
        """List open approvals, the oldest first: by default the first 100 of all runs.

        With an assignee, only those that this name may decide and has not decided are listed. For
        the next page pass the last wait_id as after. With payloads=False the input and the payloads
        of decisions are None. Raises RunNotFound and InvalidFilter.
        """
        return await self._all(
            "list_approvals",
            row_of(Approval),
            adapters=TOLERANT_ADAPTERS,
            assignee=assignee,
            run_id=run_id,
            workflow_slug=workflow_slug,
            limit=limit,
            after=after,
            payloads=payloads,
        )

    async def approve(
        self,
        wait_id: int,
        payload: Any = None,
        comment: str | None = None,
        decided_by: str | None = None,
    ) -> Approval:
        """Approve what a run waits for; decided_by is the login by default.

        Returns the approval as it is then. Raises WaitNotFound, WaitAlreadyResolved with what was
        decided, NotPermitted (decided_by is none of the assignees), InvalidInput (the payload does
        not fit the form) and PayloadTooLarge (1,000,000 bytes).
        """
        return await self._one(
            "approve",
            row_of(Approval),
            adapters=TOLERANT_ADAPTERS,
            wait_id=wait_id,
            payload=json_value(payload, "payload"),
            comment=comment,
            decided_by=decided_by,
        )

    async def reject(self, wait_id: int, comment: str, decided_by: str | None = None) -> Approval:
        """Reject what a run waits for, and say why; one rejection decides.

        Returns the approval as it is then. Raises WaitNotFound, WaitAlreadyResolved with what was
        decided, NotPermitted (decided_by is none of the assignees) and InvalidInput (no comment).
        """
        return await self._one(
            "reject",
            row_of(Approval),
            adapters=TOLERANT_ADAPTERS,
            wait_id=wait_id,
            comment=comment,
            decided_by=decided_by,
        )
