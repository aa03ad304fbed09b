"""Draw graphs as Mermaid flowcharts, which GitHub and JupyterLab show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COLOURS = {
    "created": "fill:#eeeeee,stroke:#999999,color:#333333",
    "started": "fill:#cfe2ff,stroke:#2f6fd0,color:#0b2e63",
    "completed": "fill:#d1f0d6,stroke:#2e8b45,color:#123d1c",
    "failed": "fill:#f8d0d0,stroke:#c23030,color:#5c1010",
    "skipped": "fill:#ffffff,stroke:#999999,color:#777777,stroke-dasharray:4",
    "cancelled": "fill:#fbe3c0,stroke:#c07a1a,color:#5e3a08",
}


@dataclass(frozen=True)
class Node:
    """A step, or a group if it has inner nodes. Edges refer to a node by its name."""

    name: str
    label: str
    after: Iterable[str] = ()
    status: str | None = None
    inner: list[Node] = field(default_factory=list)
    waits: bool = False
    has_child: bool = False


def to_mermaid(workflow: Any) -> str:
    """Return a Mermaid flowchart of a workflow: an argument of `describe`, or a dict of get_flow.

    TaskGraph and RunDetails have a method of this name.
    """
    if not isinstance(workflow, Mapping):
        from stepgres.workflow import describe

        workflow = describe(workflow).document
    return steps_flowchart(
        (
            step["step_slug"],
            step.get("depends_on") or (),
            None,
            wait_label(step.get("wait_for"), step.get("approval")),
            step.get("workflow"),
        )
        for step in workflow["steps"]
    )


def wait_label(signal: str | None, approval: Mapping[str, Any] | None) -> str | None:
    """Return what a step waits for: its signal, or the title of its approval."""
    if signal is not None:
        return f"signal: {signal}"
    return None if approval is None else f"approval: {approval.get('title')}"


def steps_flowchart(
    steps: Iterable[tuple[str, Iterable[str], str | None, str | None, str | None]],
) -> str:
    """Return a flowchart of steps.

    Each is given by slug, dependencies, status or None, what it waits for or None, and the
    workflow of its child runs or None.
    """
    return flowchart([_step_node(*step) for step in steps])


def _step_node(
    slug: str, after: Iterable[str], status: str | None, wait: str | None, workflow: str | None
) -> Node:
    if wait is not None:
        return Node(slug, f"{slug}\n{wait}", after, status, waits=True)
    if workflow is not None:
        return Node(slug, f"{slug}\nworkflow: {workflow}", after, status, has_child=True)
    return Node(slug, slug, after, status)


def flowchart(nodes: list[Node]) -> str:
    """Return the text of a flowchart."""
    # Nodes have numbers, since names such as "end" and "class" are words of Mermaid.
    ids = {node.name: f"n{number}" for number, node in enumerate(_walk(nodes), 1)}
    lines = ["flowchart LR", *_lines(nodes, ids, "    ")]
    for node in _walk(nodes):
        lines += [f"    {ids[name]} --> {ids[node.name]}" for name in node.after]
    statuses = {node.status for node in _walk(nodes) if node.status is not None}
    lines += [f"    classDef {status} {_COLOURS[status]}" for status in sorted(statuses)]
    return "\n".join(lines) + "\n"


def bundle(shown: Any, source: str) -> dict[str, str]:
    """Return the MIME bundle that a notebook shows instead of the repr, if it supports Mermaid."""
    return {"text/plain": repr(shown), "text/vnd.mermaid": source}


def _walk(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(node.inner)


def _lines(nodes: list[Node], ids: dict[str, str], indent: str) -> Iterator[str]:
    for node in nodes:
        before, behind = (
            ("([", "])") if node.waits else ("[[", "]]") if node.has_child else ("[", "]")
        )
        shown = f'{ids[node.name]}{before}"{_escape(node.label)}"{behind}'
        if node.inner:
            yield f"{indent}subgraph {shown}"
            yield from _lines(node.inner, ids, indent + "    ")
            yield f"{indent}end"
        else:
            yield indent + shown + (f":::{node.status}" if node.status else "")


def _escape(label: str) -> str:
    """Escape the characters of a label that have a meaning in Mermaid."""
    escaped = re.sub(r"[^\w\s.,:;()!?'+/=-]", lambda found: f"#{ord(found[0])};", label)
    return re.sub(r"\s*\n\s*", "<br/>", escaped.strip())
