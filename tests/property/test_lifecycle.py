"""Whatever is done to runs, in whatever order: the database does what the model says."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Server
from tests.property.lifecycle.graphs import bodies
from tests.property.lifecycle.machine import OFFERS, Lifecycle
from tests.property.lifecycle.outcomes import payloads
from tests.property.lifecycle.paths import Predicate, predicates, values
from tests.support.engine import Engine, step
from tests.support.servers import all_postgres

CASES = int(os.environ.get("STEPGRES_PROPERTY_CASES", "200"))

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


@given(data=st.data())
@settings(deadline=None, max_examples=max(CASES // 10, 1), suppress_health_check=checks)
def test_bodies_are_those_of_the_model(engine: Engine, clock: Clock, data: st.DataObject) -> None:
    """Among all other lives, few have bodies that wait for long: these have nothing else."""
    life = type("Lifecycle", (Lifecycle,), {"engine": engine})()
    try:
        life.actions.define(data.draw(bodies("order")))
        life.actions.start("order", {})
        for _ in range(data.draw(st.integers(3, 12))):
            if not life.model.workers:
                life.actions.register("anna", OFFERS[0], timedelta(seconds=100))
            match data.draw(st.sampled_from(["wait", "wait", "end", "fail", "signal", "time"])):
                case "wait":
                    life.suspend_all(data, 2)
                case "end":
                    life.end_all(data, 1)
                case "fail":
                    life.fail_all(data, 1)
                case "signal":
                    life.signal_all(data.draw(payloads))
                case "time":
                    life.advance(data.draw(st.sampled_from([1, 5])))
                    life.report()
    finally:
        life.teardown()


@given(predicate=predicates(), value=values)
@settings(deadline=None, max_examples=300, suppress_health_check=checks)
def test_paths_find_in_the_database_what_they_find_in_the_model(
    engine: Engine, predicate: Predicate, value: Any
) -> None:
    (is_met,) = engine.rows(
        "select stepgres._is_met(%s::jsonpath, %s)", str(predicate), Jsonb(value)
    )
    assert is_met == predicate.is_met(value)
