"""The pages of goals: the list of task graphs, and one task graph to look at and decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepgres._dashboard import graph, render
from stepgres._dashboard.pages.workflows import kind_of, text_of
from stepgres._dashboard.view import Page, View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepgres.task_graph import TaskGraph

_SIZE = 20  # task graphs of a page; each has all of its goal tasks
_MOST_TASKS = 300
_MOST_LEVELS = 20
_MOST_RUNS = 10
_MOST_EVENTS = 50
_STATUSES = ("decomposed", "approved", "rejected")
_SHOWN = {"id", "description", "depends_on", "subtasks", "options"}


@dataclass(frozen=True)
class GoalTask:
    """A goal task as the page shows it, with those of its group."""

    path: str
    anchor: str
    id: str
    description: str
    kind: str
    after: Sequence[str]
    more: list[tuple[str, str]]
    inner: list[GoalTask] = field(default_factory=list)


async def show_goals(view: View) -> dict[str, Any]:
    """List task graphs, the newest first."""
    status, after = view.text("status"), view.text("after")
    found = await view.client.list_task_graphs(status, _SIZE + 1, after=after)
    return {
        "title": "Goals",
        "goals": found[:_SIZE],
        "status": status,
        "choices": _STATUSES,
        "after": after,
        "next_after": found[_SIZE - 1].task_graph_id if len(found) > _SIZE else None,
    }


async def show_goal(view: View) -> dict[str, Any]:
    """Show a goal: its goal tasks as a graph and as a list, its decisions and its runs."""
    client = view.client
    found = await client.get_task_graph(view.path("task_graph_id"))
    path, focus = f"/goals/{found.task_graph_id}", view.text("focus")
    steps = {step["path"]: step for step in found.steps}
    events = await client.list_goal_events(found.task_graph_id)
    runs = await client.list_workflow_runs(
        workflow_slug=found.workflow_slug, limit=_MOST_RUNS, payloads=False
    )
    tasks = _listed(found, steps)
    return {
        "title": f"Goal {render.visible(render.cut(found.goal, 60))}",
        "goal": found,
        "path": path,
        "graph": graph.draw(
            [_node(step) for step in found.steps],
            "The goal tasks",
            focus,
            render.url(view.request, path, {"focus": "FOCUS"}).replace("FOCUS", "{}") + "#graph",
        ),
        "focus": focus,
        "tasks": tasks,
        "more_tasks": max(len(steps) - _MOST_TASKS, 0),
        "defaults": [
            (name.replace("_", " "), text_of(name, value)) for name, value in found.defaults.items()
        ],
        "events": [event for event in events if event.run_id is None][-_MOST_EVENTS:],
        "runs": [run for run in runs if run.task_graph_id == found.task_graph_id],
    }


def _listed(found: TaskGraph, steps: Mapping[str, Any]) -> list[GoalTask]:
    """Return the first goal tasks of a task graph, groups with their goal tasks in them."""
    left = _MOST_TASKS

    def read(tasks: Any, prefix: str, level: int) -> list[GoalTask]:
        nonlocal left
        shown = []
        for task in tasks if isinstance(tasks, list) and level < _MOST_LEVELS else ():
            if left == 0:
                break
            left -= 1
            path = f"{prefix}{task['id']}"
            step = steps.get(path, {})
            shown.append(
                GoalTask(
                    path,
                    f"task-{step.get('step_slug', path)}",
                    str(task["id"]),
                    str(task.get("description") or ""),
                    "" if task.get("subtasks") else _kind(step),
                    step.get("waits_for", []),
                    _more(task),
                    read(task.get("subtasks"), f"{path}/", level + 1),
                )
            )
        return shown

    return read(found.tasks, "", 0)


def _more(task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what else a goal task says: its options, and keys such as acceptance criteria."""
    options = task.get("options")
    pairs = list(options.items()) if isinstance(options, dict) else []
    pairs += [(name, value) for name, value in task.items() if name not in _SHOWN]
    return [(name.replace("_", " "), text_of(name, value)) for name, value in pairs]


def _kind(step: Mapping[str, Any]) -> str:
    kind = kind_of({**step.get("options", {}), **step})
    return "" if kind == "function" else kind


def _node(step: Mapping[str, Any]) -> graph.Node:
    label = step["path"].rpartition("/")[2]
    kind = "group" if step.get("gathers") else _kind(step) or "goal task"
    return graph.Node(
        key=step["step_slug"],
        label=label,
        status="defined",
        after=step["depends_on"],
        note=kind,
        href=f"#task-{step['step_slug']}",
        title=f"{step['path']}: {kind}",
    )


PAGES = [
    Page("/goals", "goals.html", show_goals, nav="Goals"),
    Page("/goals/{task_graph_id}", "goal.html", show_goal, section="/goals"),
]
