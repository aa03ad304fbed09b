"""The pages of queues and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from stepgres._dashboard import render
from stepgres._dashboard.view import Page, View
from stepgres.errors import WorkerNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepgres.types import WorkerInfo

_MOST_COUNTED = 10_000  # tasks of a part of a queue
_SIZE = 50  # queues of a page
_MOST_SHOWN = 100  # workers
_MOST_RUNS = 10_000  # active runs, the newest, whose tasks are looked for
_SECONDS = 3.0  # how old the list of workers may be
_MOST_KNOWN = 200  # workflows that a worker knows


async def show_queues(view: View) -> dict[str, Any]:
    """List the queues and the workers."""
    after = view.text("after")
    found = await view.client.list_queues(most=_MOST_COUNTED, limit=_SIZE + 1, after=after)
    workers = await _workers(view)
    return {
        "title": "Queues and workers",
        "queues": found[:_SIZE],
        "after": after,
        "next_after": found[_SIZE - 1].queue if len(found) > _SIZE else None,
        "workers": [(worker, state_of(worker)) for worker in workers[:_MOST_SHOWN]],
        "more_workers": max(len(workers) - _MOST_SHOWN, 0),
        "most": _MOST_COUNTED,
    }


async def show_queue(view: View) -> dict[str, Any]:
    """Show a queue: its parts by priority, resources and lane, and its workers."""
    name = view.path("queue")
    found = await view.client.list_queues(most=_MOST_COUNTED, queue=name)
    if not found:
        raise HTTPException(404, "There is no such queue")
    (queue,) = found
    workers = [w for w in await _workers(view) if name in w.queues]
    return {
        "title": f"Queue {name}",
        "queue": queue,
        "parts_of_queue": [(part, _lane(part["lane"])) for part in queue.parts],
        "workers": [(worker, state_of(worker)) for worker in workers[:_MOST_SHOWN]],
        "more_workers": max(len(workers) - _MOST_SHOWN, 0),
        "most": _MOST_COUNTED,
    }


async def show_worker(view: View) -> dict[str, Any]:
    """Show a worker: what it is for, what it knows, and what it executes now."""
    name = view.path("worker_id")
    workers = await _workers(view)
    worker = next((worker for worker in workers if worker.worker_id == name), None)
    if worker is None:
        raise WorkerNotFound(
            f"worker {name[:200]!a} is not registered", hint="It has ended, or was found dead."
        )
    knows: Mapping[str, Any] = worker.knows or {}
    workflows = sorted(knows.get("workflows", {}).items())
    return {
        "title": f"Worker {render.visible(name)}",
        "worker": worker,
        "state": state_of(worker),
        "workflows": workflows[:_MOST_KNOWN],
        "more_workflows": max(len(workflows) - _MOST_KNOWN, 0),
        "goals": knows.get("goals"),
    }


async def _workers(view: View) -> list[WorkerInfo]:
    return await view.live.remember(
        "workers", _SECONDS, lambda: view.client.list_workers(most=_MOST_RUNS)
    )


def state_of(worker: WorkerInfo) -> str:
    """Return the state of a worker in one word."""
    if not worker.is_alive:
        return "lost"
    if worker.tasks:
        return "busy"
    return "idle"


def _lane(lane: Mapping[str, Any]) -> str:
    """Return for which workers a part of a queue is."""
    if not lane:
        return "all workers"
    if "goals" in lane:
        patterns = ", ".join(map(str, lane["goals"])) if isinstance(lane["goals"], list) else "all"
        return f"workers that know the goal tasks {patterns or 'that no worker knows yet'}"
    step = f", step {lane['step']}" if "step" in lane else ""
    return f"workers that know {lane.get('workflow')}, version {lane.get('version')}{step}"


PAGES = [
    Page("/queues", "queues.html", show_queues, nav="Queues"),
    Page("/queues/{queue}", "queue.html", show_queue, section="/queues"),
    Page("/workers/{worker_id:path}", "worker.html", show_worker, section="/queues"),
]
