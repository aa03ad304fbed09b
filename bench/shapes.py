"""The shapes of workflows that are measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A workflow, and how many runs of it make a measurement of about 20,000 steps."""

    name: str
    steps: list[dict[str, Any]]
    input: Any
    steps_per_run: int
    runs: int
    runs_per_start: int = 100
    outputs: dict[str, Any] = field(default_factory=dict)  # of steps; else the index of the task

    @property
    def definition(self) -> dict[str, Any]:
        return {"workflow_slug": self.name, "execution": "distributed", "steps": self.steps}


def step(slug: str, *depends_on: str, **options: Any) -> dict[str, Any]:
    return {"step_slug": slug, "depends_on": depends_on, **options}


_BRANCHES = [f"branch_{i}" for i in range(20)]

SHAPES = [
    Shape("single_step", [step("only")], {}, 1, 20_000),
    Shape(
        "chain_of_10",
        [step("link_0"), *(step(f"link_{i}", f"link_{i - 1}") for i in range(1, 10))],
        {},
        10,
        2_000,
    ),
    Shape(
        "diamond_1_20_1",
        [
            step("source"),
            *(step(branch, "source") for branch in _BRANCHES),
            step("join", *_BRANCHES),
        ],
        {},
        22,
        1_000,
    ),
    Shape("map_of_1000", [step("map", map=True)], list(range(1_000)), 1_000, 20, 1),
    Shape(
        "map_of_output",
        [step("list"), step("map", "list", map=True)],
        {},
        1_001,
        20,
        1,
        {"list": list(range(1_000))},
    ),
]
