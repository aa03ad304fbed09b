"""Runs that took exactly as long as a test says, and what the workflow "order" learns from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.engine import Engine, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import LiteralString

    from tests.conftest import Clock

Changes = dict[tuple[str | None, str], Any]


def record(
    engine: Engine,
    clock: Clock,
    workflow_slug: str,
    seconds: Mapping[str, float],
    *,
    runs: int = 1,
    input: Any = None,
    parallel: int = 1,
) -> None:
    """Execute runs one after the other, so many tasks at a time, each of which takes so long."""
    for _ in range(runs):
        run_id = engine.start(workflow_slug, input)
        while items := engine.claim(parallel):
            clock.advance(max(seconds.get(item.step_slug, 0) for item in items))
            assert engine.work([item.completed() for item in items]) == []
        assert engine.status(run_id)[0] == "completed"


def record_failures(
    engine: Engine, clock: Clock, workflow_slug: str, failures: int, *, seconds: float = 1
) -> None:
    """Execute a run of one step, whose first attempts take so long and fail; the next takes 1 s."""
    engine.start(workflow_slug)
    for attempt in range(1, failures + 2):
        item = engine.claim_one()
        assert item.attempt == attempt
        clock.advance(seconds if attempt <= failures else 1)
        if attempt <= failures:
            engine.fail(item, retry_after="1 second")
            clock.advance(2)
            engine.call("tick")
            if not engine.has_work():
                return  # it is exhausted
        else:
            engine.complete(item)


def chain_beside_short_steps(engine: Engine, **defaults: Any) -> None:
    """A chain of four steps, and four steps that depend on nothing."""
    links = [step(f"link_{i}", *([f"link_{i - 1}"] if i else [])) for i in range(4)]
    engine.define("order", *[step(f"short_{i}") for i in range(4)], *links, **defaults)


def recommend(engine: Engine, level: str = "basic") -> Changes:
    """The recommended value of each option that is to change."""
    query: LiteralString = """
        select step_slug, option, recommended from stepgres.recommend('order', %s)
        where option is not null
    """
    return {(step_slug, option): value for step_slug, option, value in engine.rows(query, level)}


def optimize(engine: Engine, level: str = "basic") -> int:
    version: int = engine.call("optimize_workflow", workflow_slug="order", level=level)
    return version
