"""Task graphs: goals, and the goal tasks that a decomposer returned for the goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepgres._mermaid import Node, bundle, flowchart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True)
class TaskGraph:
    """A stored goal and its goal tasks.

    status is "decomposed", then "approved" or "rejected". reason is the reason of this decision.
    tasks are the goal tasks: the dicts of the decomposer with "id", "description", "depends_on",
    and in groups "subtasks". steps are the same goal tasks as a flat list, as in the workflow
    workflow_slug. Each step has its "path", "step_slug" and "depends_on", and a group also has
    "gathers". The approval of a task graph names the fingerprint of the graph, which changes with
    the graph.
    """

    task_graph_id: str
    goal: str
    status: str
    reason: str | None
    workflow_slug: str
    defaults: dict[str, Any]
    tasks: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    decomposed_at: datetime
    decided_at: datetime | None
    fingerprint: str

    @property
    def id(self) -> str:
        """Return the task_graph_id, which is "htdag_" and a number."""
        return self.task_graph_id

    @property
    def execution(self) -> str:
        """Return the default execution of the goal tasks, "local" or "distributed"."""
        return str(self.defaults.get("execution", "local"))

    def walk(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each goal task and group with its path, and groups before their subtasks."""
        return walk(self.tasks)

    def to_mermaid(self) -> str:
        """Return a Mermaid flowchart of the goal tasks, with a box around each group."""
        return flowchart(_nodes(self, self.tasks, ""))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return bundle(self, self.to_mermaid())


def walk(goal_tasks: Any, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each goal task with its path. Skip values that are no goal tasks."""
    for goal_task in goal_tasks if isinstance(goal_tasks, list) else ():
        if isinstance(goal_task, dict):
            path = f"{prefix}{goal_task.get('id')}"
            yield path, goal_task
            yield from walk(goal_task.get("subtasks"), f"{path}/")


def _nodes(graph: TaskGraph, goal_tasks: list[dict[str, Any]], prefix: str) -> list[Node]:
    waits_for = {step["path"]: step["waits_for"] for step in graph.steps}
    return [
        Node(
            prefix + goal_task["id"],
            _label(goal_task),
            waits_for[prefix + goal_task["id"]],
            inner=_nodes(graph, goal_task.get("subtasks", []), f"{prefix}{goal_task['id']}/"),
        )
        for goal_task in goal_tasks
    ]


def _label(goal_task: dict[str, Any]) -> str:
    name, description = goal_task["id"], goal_task["description"]
    return name if description == name else f"{name}\n{description}"
