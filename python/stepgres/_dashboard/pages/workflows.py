"""The pages of workflows: the list, one workflow, its versions, and what recorded runs tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from stepgres._dashboard import graph, render
from stepgres._dashboard.view import Page, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepgres.types import WorkflowVersion

_SIZE = 50  # workflows of a page
_MOST_COUNTED = 10_000  # active runs
_MOST_STEPS = 100  # in the table
_MOST_VERSIONS = 50
_MOST_CHANGES = 200
_MOST_RUNS = 10
_SECONDS = 5.0  # how old counts of runs may be
_SECONDS_OF_STATISTICS = 60.0
_LEVELS = ("basic", "advanced", "aggressive", "none")
# Values of a step that a table shows already, or that are as they are without an option.
_SHOWN = {
    *("step_slug", "step_index", "depends_on", "queue", "max_attempts", "timeout"),
    *("map", "initial_tasks", "durable", "gathers", "wait_for", "workflow", "limits"),
    *("approval", "approval_title", "approval_description", "approval_form"),
}
_USUAL = {
    "base_delay": 1,
    "execution": "local",
    "map": False,
    "priority": 0,
    "resources": {},
    "start_delay": 0,
    "sticky": False,
    "transactional": False,
    "when_exhausted": "fail",
    "when_unmet": "skip",
}
_TIMES = {"base_delay", "timeout", "deadline", "start_delay", "keep", "approval_timeout"}


async def show_workflows(view: View) -> dict[str, Any]:
    """List the workflows whose slug has a text in it."""
    search, after = view.text("search"), view.text("after")
    found = await view.client.list_flows(search=search, after=after, limit=_SIZE + 1)
    active = await view.live.remember("active", _SECONDS, lambda: _active(view))
    return {
        "title": "Workflows",
        "flows": [(flow, active.get(flow.workflow_slug, 0)) for flow in found[:_SIZE]],
        "search": search,
        "after": after,
        "next_after": found[_SIZE - 1].workflow_slug if len(found) > _SIZE else None,
        # beyond this number some runs are not counted, and nobody knows of which workflow
        "is_counted": sum(active.values()) < _MOST_COUNTED,
    }


async def _active(view: View) -> dict[str, int]:
    counts = await view.client.count_runs("started", most=_MOST_COUNTED)
    return {count.workflow_slug: count.runs for count in counts}


async def show_workflow(view: View) -> dict[str, Any]:
    """Show a workflow: its graph, its options, its steps, and its newest runs."""
    client, slug, version = view.client, view.path("workflow_slug"), view.number("version")
    flow = await client.get_flow(slug, version=version)
    current = flow if version is None else await client.get_flow(slug)
    slug, steps = flow["workflow_slug"], flow["steps"]
    page, path = max(view.number("page") or 0, 0), f"/workflows/{slug}"
    shown = steps[page * _MOST_STEPS : (page + 1) * _MOST_STEPS]
    active = await client.count_runs("started", slug, most=_MOST_COUNTED)
    focus = view.text("focus")
    query = {"version": version, "focus": "FOCUS"}
    schedules = await client.list_schedules(slug, limit=_MOST_RUNS)
    return {
        "title": f"Workflow {slug}",
        "slug": slug,
        "version": flow["version"],
        "current_version": current["version"],
        "path": path,
        "active": sum(count.runs for count in active),
        "most": _MOST_COUNTED,
        "options": [
            (_words(name), text_of(name, value))
            for name, value in flow.items()
            if name not in {"workflow_slug", "version", "steps", "tasks", "limits", "schedule"}
            and value is not None
            and value != _USUAL.get(name)
        ],
        "limits": flow.get("limits") or [],
        "schedules": schedules,
        # a map over the input needs an array
        "input": "[]" if any(s["map"] and not s["depends_on"] for s in steps) else "{}",
        "graph": graph.draw(
            [_node(view, path, step) for step in steps],
            "The steps of the workflow",
            focus,
            render.url(view.request, path, query).replace("FOCUS", "{}") + "#graph",
        ),
        "focus": focus,
        "steps": [(step, kind_of(step), _other_options(step)) for step in shown],
        "number": len(steps),
        "page": page,
        "has_more": len(steps) > (page + 1) * _MOST_STEPS,
        "runs": await client.list_workflow_runs(
            workflow_slug=slug, limit=_MOST_RUNS, payloads=False
        ),
    }


def kind_of(step: Mapping[str, Any]) -> str:
    """Return in words how a step is executed."""
    if step.get("approval"):
        return f"approval: {step['approval'].get('title')}"
    if step.get("wait_for"):
        return f"waits for signal {step['wait_for']}"
    if step.get("workflow"):
        return f"workflow {step['workflow']}"
    if step.get("gathers"):
        return "group"
    if step.get("initial_tasks") is not None:
        return f"{step['initial_tasks']:,} tasks"
    kind = "durable" if step.get("durable") else "SQL" if step.get("sql_function") else "function"
    return f"map, {kind}" if step.get("map") else kind


def text_of(name: str, value: Any) -> str:
    """Return the value of an option as a person reads it."""
    if name in _TIMES and isinstance(value, dict):
        return ", ".join(f"{key} {render.duration(seconds)}" for key, seconds in value.items())
    if name in _TIMES and isinstance(value, (int, float)):
        return render.duration(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return render.pretty(value, 400)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _other_options(step: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = {**step, **{f"approval_{name}": v for name, v in (step.get("approval") or {}).items()}}
    return [
        (_words(name), text_of(name, value))
        for name, value in given.items()
        if name not in _SHOWN and value is not None and value != _USUAL.get(name)
    ]


def _node(view: View, path: str, step: Mapping[str, Any]) -> graph.Node:
    slug, kind = step["step_slug"], kind_of(step)
    return graph.Node(
        key=slug,
        label=slug,
        status="defined",
        after=step["depends_on"],
        note=kind,
        href=f"#step-{slug}",
        title=f"{slug}: {kind}",
    )


async def show_versions(view: View) -> dict[str, Any]:
    """List the versions of a workflow, and the differences of two of them."""
    client, slug = view.client, view.path("workflow_slug")
    after = view.number("after")
    found = await client.list_workflow_versions(
        slug, limit=_MOST_VERSIONS + 1, after=after, most=_MOST_COUNTED
    )
    versions = found[:_MOST_VERSIONS]
    old, new = _chosen(view, versions)
    changes: list[Change] = []
    if old is not None and new is not None:
        changes = differences(
            await client.get_flow(slug, version=old), await client.get_flow(slug, version=new)
        )
    return {
        "title": f"Versions of {slug}",
        "slug": slug,
        "path": f"/workflows/{slug}",
        "versions": versions,
        "next_after": versions[-1].version if len(found) > _MOST_VERSIONS else None,
        "after": after,
        "most": _MOST_COUNTED,
        "old": old,
        "new": new,
        "changes": changes[:_MOST_CHANGES],
        "more_changes": max(len(changes) - _MOST_CHANGES, 0),
    }


def _chosen(view: View, versions: list[WorkflowVersion]) -> tuple[int | None, int | None]:
    """Return the versions to compare: by default the current version with the one before it."""
    old, new = view.number("old"), view.number("new")
    if new is None:
        new = next((v.version for v in versions if v.is_current), None)
    if old is None and new is not None:
        old = next((v.version for v in versions if v.version < new), None)
    return old, new


# A change: the step, or None for the workflow; the option, or "" for a whole step; the value
# before and the value after.
Change = tuple["str | None", str, "str | None", "str | None"]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return what two versions of a workflow differ in: options, steps, and options of steps."""
    apart = {"workflow_slug", "version", "steps", "tasks", "keep"}
    changes = _changed(None, old, new, apart)
    steps = {step["step_slug"]: step for step in old["steps"]}
    for step in new["steps"]:
        slug = step["step_slug"]
        if slug not in steps:
            changes.append((slug, "", None, _summary(step)))
            continue
        changes += _changed(slug, steps.pop(slug), step, {"step_slug", "step_index"})
    left = [slug for slug in steps if slug not in {step["step_slug"] for step in new["steps"]}]
    return changes + [(slug, "", _summary(steps[slug]), None) for slug in left]


def _changed(
    slug: str | None, old: Mapping[str, Any], new: Mapping[str, Any], apart: set[str]
) -> list[Change]:
    names = [name for name in dict.fromkeys([*old, *new]) if name not in apart]
    return [
        (slug, _words(name), _shown(name, old.get(name)), _shown(name, new.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _shown(name: str, value: Any) -> str | None:
    return None if value is None else text_of(name, value) or "none"


def _summary(step: Mapping[str, Any]) -> str:
    after = ", ".join(step["depends_on"])
    return f"{kind_of(step)}, after {after}" if after else kind_of(step)


async def show_statistics(view: View) -> dict[str, Any]:
    """Show how long steps take, and what the optimizer recommends."""
    client, slug = view.client, view.path("workflow_slug")
    level = view.text("level") or "basic"
    if level not in _LEVELS:
        raise HTTPException(404, "There is no such level of optimization")
    flow = await client.get_flow(slug)
    slug = flow["workflow_slug"]
    order = {step["step_slug"]: step["step_index"] for step in flow["steps"]}
    statistics = await view.live.remember(
        ("statistics", slug), _SECONDS_OF_STATISTICS, lambda: client.step_statistics(slug)
    )
    advice = await view.live.remember(
        ("recommend", slug, level), _SECONDS_OF_STATISTICS, lambda: client.recommend(slug, level)
    )
    # steps of older versions have statistics too, and come last
    rows = sorted(statistics, key=lambda row: order.get(row.step_slug, len(order)))
    page = max(view.number("page") or 0, 0)
    return {
        "title": f"Durations of {slug}",
        "slug": slug,
        "path": f"/workflows/{slug}",
        "version": flow["version"],
        "level": level,
        "levels": _LEVELS,
        "statistics": rows[page * _MOST_STEPS : (page + 1) * _MOST_STEPS],
        "page": page,
        "has_more": len(rows) > (page + 1) * _MOST_STEPS,
        "changes": [
            (row, _shown(row.option, row.current), _shown(row.option, row.recommended))
            for row in advice
            if row.option is not None
        ][:_MOST_CHANGES],
        "remarks": [row.reason for row in advice if row.option is None],
    }


PAGES = [
    Page("/workflows", "workflows.html", show_workflows, nav="Workflows"),
    Page("/workflows/{workflow_slug}", "workflow.html", show_workflow, section="/workflows"),
    Page(
        "/workflows/{workflow_slug}/versions",
        "versions.html",
        show_versions,
        section="/workflows",
    ),
    Page(
        "/workflows/{workflow_slug}/durations",
        "durations.html",
        show_statistics,
        section="/workflows",
    ),
]
