"""Task graphs: goals, and the tasks that a decomposer returned for the goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepgres._mermaid import Node, bundle, flowchart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True)
class TaskGraph:
    """A stored goal and its tasks.

    status is "decomposed", then "approved" or "rejected". reason is the reason of this decision.
    tasks are the dicts of the decomposer with "id", "description", "depends_on", and in groups
    "subtasks". steps are the same tasks as a flat list, as in the workflow workflow_slug. Each step
    has its "path", "step_slug" and "depends_on", and a group also has "gathers". The approval of a
    task graph names the fingerprint of the graph, which changes with the graph.
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
        """Return the default execution of the tasks, "local" or "distributed"."""
        return str(self.defaults.get("execution", "local"))

    def walk(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each task and group with its path, and groups before their subtasks."""
        return walk(self.tasks)

    def to_mermaid(self) -> str:
        """Return a Mermaid flowchart of the tasks, with a box around each group."""
        return flowchart(_nodes(self, self.tasks, ""))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return bundle(self, self.to_mermaid())


def walk(tasks: Any, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each task with its path. Skip values in unchecked tasks that are not tasks."""
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, dict):
            path = f"{prefix}{task.get('id')}"
            yield path, task
            yield from walk(task.get("subtasks"), f"{path}/")


def _nodes(graph: TaskGraph, tasks: list[dict[str, Any]], prefix: str) -> list[Node]:
    waits_for = {step["path"]: step["waits_for"] for step in graph.steps}
    return [
        Node(
            prefix + task["id"],
            _label(task),
            waits_for[prefix + task["id"]],
            inner=_nodes(graph, task.get("subtasks", []), f"{prefix}{task['id']}/"),
        )
        for task in tasks
    ]


def _label(task: dict[str, Any]) -> str:
    name, description = task["id"], task["description"]
    return name if description == name else f"{name}\n{description}"
