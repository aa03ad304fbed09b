"""Steps whose inputs are more than PostgreSQL can hold."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest

from tests.support.engine import Engine, refused, step
from tests.support.limits import limit_inputs

HALF = 140_000_000  # bytes; jsonb holds less than 268,435,456


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    """A run of which a step is ready whose input cannot be made: it has "text", and "a" with it."""
    engine.define("order", step("a"), step("after", "a"))
    run_id = engine.start("order", {})
    engine.claim_one()
    engine.connection.execute(
        "select stepgres.complete_task("
        "    %s, %s, 'a', jsonb_build_object('text', repeat('x', %s)))",
        [engine.worker_id, run_id, HALF],
    )
    return run_id


def test_step_whose_input_is_too_large_fails_and_others_are_claimed(
    engine: Engine, run_id: UUID
) -> None:
    engine.define("small", step("a"))
    small = engine.start("small")
    with refused("54000"):
        engine.claim()
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 1
    status, error = engine.status(run_id)
    assert status == "failed"
    assert error.startswith('step "after" failed: its input is larger than the 256 MB')
    assert engine.steps(run_id)["after"] == "failed"
    assert engine.claim_one().run_id == small
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 0


@pytest.fixture
def limited(engine: Engine) -> None:
    limit_inputs(engine.connection)


@pytest.mark.usefixtures("limited")
def test_nothing_is_claimed_by_looking_for_what_is_too_large(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", priority=1), step("c"))
    small = engine.start("order", {})
    large = engine.start("order", {"large": True})
    before = engine.tasks(small)
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 3
    assert engine.status(large) == ("failed", ANY)
    assert engine.tasks(small) == before
    assert len(engine.claim()) == 3


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("input", [{}, {"large": True}])
def test_local_tasks_are_looked_at_too(engine: Engine, input: Any) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", input, executor_id=engine.worker_id)
    options = {"worker_id": engine.worker_id, "run_ids": [run_id]}
    assert engine.call("fail_oversized_tasks", **options) == len(input)
    assert engine.status(run_id)[0] == ("failed" if input else "in_progress")


@pytest.mark.usefixtures("limited")
def test_other_queues_are_left_alone(engine: Engine) -> None:
    engine.define("order", step("a", queue="other"))
    engine.start("order", {"large": True})
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 0
