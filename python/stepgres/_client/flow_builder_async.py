"""Workflows that a program builds at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepgres._client.client_async import AsyncClient


class AsyncFlowBuilder:
    """A builder of workflows, step by step; Executor.execute_dynamic executes the workflows.

    create_flow(name, ...) returns the id of a workflow. add_step(workflow_id, step_name,
    depends_on, ...) returns a Step. The builder also has get_flow, list_flows and delete_flow. All
    are the methods of the client, with all their options.
    """

    def __init__(self, client: AsyncClient) -> None:
        self.create_flow = client.create_flow
        self.add_step = client.add_step
        self.get_flow = client.get_flow
        self.list_flows = client.list_flows
        self.delete_flow = client.delete_flow
