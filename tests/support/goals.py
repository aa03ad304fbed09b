"""Task graphs by SQL alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.engine import Engine


def save_graph(engine: Engine, *task_ids: str, **options: Any) -> str:
    """The id of a task graph with goal tasks of these ids, which depend on nothing."""
    tasks = Jsonb([{"id": task_id} for task_id in task_ids or ("a",)])
    if "defaults" in options:
        options["defaults"] = Jsonb(options["defaults"])
    return str(engine.call("save_task_graph", goal="Build it", tasks=tasks, **options))


def approve_graph(engine: Engine, graph_id: str) -> None:
    engine.call("approve_task_graph", task_graph_id=graph_id)


def reject_graph(engine: Engine, graph_id: str, reason: str = "too vague") -> None:
    engine.call("reject_task_graph", task_graph_id=graph_id, reason=reason)


def start_graph(engine: Engine, graph_id: str) -> UUID:
    run_id: UUID = engine.call("start_task_graph", task_graph_id=graph_id)
    return run_id


def start_goal(engine: Engine, *task_ids: str, **options: Any) -> tuple[str, UUID]:
    """A task graph that is approved, and a run of it."""
    graph_id = save_graph(engine, *task_ids, **options)
    approve_graph(engine, graph_id)
    return graph_id, start_graph(engine, graph_id)
