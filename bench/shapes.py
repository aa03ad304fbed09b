"""The shapes of workflows that are measured, with steps that return constants at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from stepgres import describe

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["loop", "sync", "async"]


@dataclass(frozen=True)
class Shape:
    """A graph of steps; about `runs` runs of it make a measurement."""

    name: str
    depends_on: dict[str, list[str]]  # of every step
    runs: int
    steps_per_run: int  # tasks, for a map
    input: Any = None
    outputs: dict[str, Any] = field(default_factory=dict)  # null for the other steps
    maps: frozenset[str] = frozenset()
    queue: str | None = None

    def flow(self, kind: Kind) -> Flow:
        return Flow(f"{self.name}_{kind}", self, kind)

    def document(self, kind: Kind) -> dict[str, Any]:
        return describe(self.flow(kind)).document


@dataclass(frozen=True)
class Flow:
    """A workflow of a shape, with `def` or `async def` steps."""

    slug: str
    shape: Shape
    kind: Kind

    def workflow_steps(self) -> list[tuple[str, Callable[[Any], Any], dict[str, Any]]]:
        make = _async_step if self.kind == "async" else _step
        options = {} if self.shape.queue is None else {"queue": self.shape.queue}
        return [
            (
                slug,
                make(self.shape.outputs.get(slug)),
                {"depends_on": depends_on, "map": slug in self.shape.maps, **options},
            )
            for slug, depends_on in self.shape.depends_on.items()
        ]


def _step(output: Any) -> Callable[[Any], Any]:
    def step(input: Any) -> Any:
        return output

    return step


def _async_step(output: Any) -> Callable[[Any], Any]:
    async def step(input: Any) -> Any:
        return output

    return step


def chain(length: int, runs: int, name: str | None = None, text: str | None = None) -> Shape:
    """Steps one after the other, which pass a text on."""
    links = {f"link_{i}": [f"link_{i - 1}"] if i else [] for i in range(length)}
    outputs = {} if text is None else dict.fromkeys(links, text)
    return Shape(name or f"chain_of_{length}", links, runs, length, {"text": text}, outputs)


def diamond(width: int, runs: int) -> Shape:
    """A step, many that depend on it, and one that depends on them."""
    branches = [f"branch_{i}" for i in range(width)]
    depends_on = {"source": [], **{branch: ["source"] for branch in branches}, "join": branches}
    return Shape(f"diamond_1_{width}_1", depends_on, runs, width + 2)


def map_of(size: int, runs: int) -> Shape:
    """A map over the input of the run."""
    elements = list(range(size))
    return Shape(f"map_of_{size}", {"each": []}, runs, size, elements, maps=frozenset(["each"]))


def jobs(runs: int, name: str = "jobs", queue: str | None = None) -> Shape:
    """Runs of a single step."""
    return Shape(name, {"only": []}, runs, 1, queue=queue)


_KILOBYTE = "x" * 1000

SHAPES = [
    jobs(8_000),
    chain(10, 800),
    diamond(20, 400),
    map_of(1_000, 8),
    Shape(
        "map_of_output",
        {"list": [], "each": ["list"]},
        8,
        1_001,
        outputs={"list": list(range(1_000))},
        maps=frozenset(["each"]),
    ),
    chain(10, 800, "chain_of_10_with_1_kb", _KILOBYTE),
]
