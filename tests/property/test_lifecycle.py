"""Whatever is done to runs, in whatever order: the database does what the model says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Server
from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.graphs import bodies, families
from tests.property.lifecycle.machine import OFFERS, Lifecycle, numbers
from tests.property.lifecycle.outcomes import deciders, payloads
from tests.property.lifecycle.paths import Predicate, predicates, values
from tests.support.engine import Engine, step
from tests.support.servers import all_postgres

CASES = int(os.environ.get("STEPGRES_PROPERTY_CASES", "160"))

checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def test_lifecycle_is_that_of_the_model(server: Server, engine: Engine, clock: Clock) -> None:
    # creating a queue is expensive, and here it would be done again in each case
    needs = [(queue, resources) for queues, resources in OFFERS for queue in queues]
    steps = [
        step(f"s{number}_{durable}".lower(), queue=queue, resources=resources, durable=durable)
        for number, (queue, resources) in enumerate(needs)
        for durable in (False, True)
    ]
    engine.define("all_queues", *steps)
    # the newest server gets all cases, the others are for what differs between servers
    cases = CASES if server.postgres == all_postgres()[0] else max(CASES // 10, 1)
    run_state_machine_as_test(
        type("Lifecycle", (Lifecycle,), {"engine": engine}),
        settings=settings(
            max_examples=cases,
            stateful_step_count=20,
            deadline=None,
            print_blob=True,
            suppress_health_check=checks,
        ),
    )


@given(data=st.data(), workflow=bodies("order"))
@settings(deadline=None, max_examples=max(CASES // 10, 1), suppress_health_check=checks)
def test_bodies_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, workflow: Workflow
) -> None:
    """Among all other lives, few have bodies that wait for long: these have nothing else."""
    with life(engine, workflow) as lived:
        for _ in range(data.draw(st.integers(3, 12))):
            lived.have_worker()
            match data.draw(st.sampled_from(["wait", "wait", "end", "fail", "signal", "time"])):
                case "wait":
                    lived.suspend_all(data, 2)
                case "end":
                    lived.end_all(data, 1)
                case "fail":
                    lived.fail_all(data, 1)
                case "signal":
                    lived.signal_all(data.draw(payloads))
                case "time":
                    lived.advance(data.draw(st.sampled_from([1, 5])))
                    lived.report()


@given(data=st.data(), workflows=families())
@settings(deadline=None, max_examples=max(CASES // 10, 1), suppress_health_check=checks)
def test_families_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, workflows: list[Workflow]
) -> None:
    """Children that fail, are paused or cancelled, and go on, and decisions of people."""
    with life(engine, *workflows) as lived:
        for _ in range(data.draw(st.integers(3, 16))):
            lived.have_worker()
            number = data.draw(numbers)
            events = ["complete", "fail", "pause", "resume", "cancel", "retry", "decide", "time"]
            match data.draw(st.sampled_from(events)):
                case "complete":
                    lived.complete_all(data, 1)
                case "fail":
                    lived.fail_all(data, 1)
                case "pause" | "resume" | "cancel" as action:
                    lived.steer(number, action)
                case "retry" if lived.has_room:
                    lived.retry(number, skip_completed=True, reset_all=False)
                case "decide":
                    decided_by, is_approval = data.draw(deciders), data.draw(st.booleans())
                    lived.decide(number, decided_by, is_approval, data.draw(payloads))
                case "time":
                    lived.advance_to_next_due(0)
                    lived.report()


@contextmanager
def life(engine: Engine, *workflows: Workflow) -> Iterator[Lifecycle]:
    """A run of the last one of these workflows."""
    lived = type("Lifecycle", (Lifecycle,), {"engine": engine})()
    try:
        for workflow in workflows:
            lived.actions.define(workflow)
        lived.actions.start(workflows[-1].workflow_slug, {})
        yield lived
    finally:
        lived.teardown()


@given(predicate=predicates(), value=values)
@settings(deadline=None, max_examples=300, suppress_health_check=checks)
def test_paths_find_in_the_database_what_they_find_in_the_model(
    engine: Engine, predicate: Predicate, value: Any
) -> None:
    (is_met,) = engine.rows(
        "select stepgres._is_met(%s::jsonpath, %s)", str(predicate), Jsonb(value)
    )
    assert is_met == predicate.is_met(value)
