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
from tests.property.lifecycle.definitions import Use, Workflow
from tests.property.lifecycle.graphs import LIMITS, bodies, crowds, families, limited, sometimes
from tests.property.lifecycle.machine import (
    OFFERS,
    Lifecycle,
    capacities,
    limit_slugs,
    numbers,
    schedule_actions,
    schedule_slugs,
    sizes,
)
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


@given(data=st.data(), workflow=crowds("order"))
@settings(deadline=None, max_examples=max(CASES // 16, 1), suppress_health_check=checks)
def test_limits_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, workflow: Workflow
) -> None:
    """More tasks than places, and workers that have room for few of them."""
    with life(engine, workflow) as lived:
        lived.have_workers()
        lived.start_crowd(data)
        for _ in range(data.draw(st.integers(3, 20))):
            lived.have_worker()
            number = data.draw(numbers)
            events = ["end"] * 7 + ["start", "edit", "edit", "pause", "resume", "cancel", "retry"]
            match data.draw(st.sampled_from([*events, "unregister", "time", "time"])):
                case "end":
                    worker_id = data.draw(st.sampled_from(sorted(lived.model.workers)))
                    room, is_ahead = data.draw(capacities), number == 9
                    lived.work(data, worker_id, room, is_executor=True, is_ahead=is_ahead)
                case "start":
                    lived.start_crowd(data)
                case "edit":
                    lived.actions.update_limit(data.draw(limit_slugs), data.draw(sizes))
                case "pause" | "resume" | "cancel" as action:
                    lived.steer(number, action)
                case "retry" if lived.has_room:
                    lived.retry(number, skip_completed=True, reset_all=False)
                case "unregister":
                    lived.unregister(data.draw(st.sampled_from(sorted(lived.model.workers))))
                case "time":
                    lived.advance(data.draw(st.sampled_from([0, 3, 16])))
                    lived.tick()
                    lived.report()


@given(data=st.data(), workflows=limited())
@settings(deadline=None, max_examples=max(CASES // 25, 1), suppress_health_check=checks)
def test_limits_of_runs_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, workflows: list[Workflow]
) -> None:
    """More runs than places, which lend their places, are retried, and overtake one another."""
    with life(engine, *workflows) as lived:
        lived.have_workers()
        lived.start_limited(data)
        for _ in range(data.draw(st.integers(3, 20))):
            lived.have_worker()
            number = data.draw(numbers)
            events = ["end"] * 6 + ["start"] * 3 + ["edit", "pause", "resume", "cancel", "retry"]
            match data.draw(
                st.sampled_from([*events, "edit", "edit", "retry", "suspend", *["time"] * 4])
            ):
                case "end":
                    lived.work_on(data, data.draw(st.integers(1, 2)))
                case "start":
                    lived.start_limited(data)
                case "edit":
                    limit_slug = data.draw(st.sampled_from(["runs", "api"]))
                    lived.actions.update_limit(limit_slug, data.draw(sizes))
                case "pause" | "resume" | "cancel" as action:
                    lived.steer(number, action)
                case "retry" if lived.has_room:
                    lived.retry(number, skip_completed=True, reset_all=False)
                case "suspend":
                    lived.work_on(data, 1, "suspended")
                case "time":
                    lived.advance(data.draw(st.sampled_from([0, 0, 3])))
                    lived.tick()
                    lived.report()


@given(data=st.data(), is_limited=st.sampled_from([False, False, True]))
@settings(deadline=None, max_examples=max(CASES // 20, 1), suppress_health_check=checks)
def test_schedules_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, is_limited: bool
) -> None:
    """Due times that come in time, late, in a pause, and while runs of the schedule are active."""
    rejecting: dict[str, Any] = {"limits": [Use("runs")], "on_limit": "reject"}
    order = Workflow("order", [{"step_slug": "s0"}], **(rejecting if is_limited else {}))
    mapping = Workflow("invoice", [{"step_slug": "s0", "map": True}])
    with life(engine, mapping, order) as lived:
        for _ in range(data.draw(st.integers(1, 2))):
            lived.declare_schedule(data, data.draw(schedule_slugs), "order")
        for _ in range(data.draw(st.sampled_from([8, 15, 20]))):
            lived.have_worker()
            slug, number = data.draw(schedule_slugs), data.draw(numbers)
            match data.draw(st.sampled_from(["time"] * 8 + ["end"] * 3 + ["change"] * 4 + ["run"])):
                case "time":
                    lived.advance(data.draw(st.sampled_from([45, 60, 20, 130, 2, 400])))
                    lived.tick()
                    lived.report()
                case "end":
                    lived.work_on(data, 1, "completed")
                case "change" if number < 3:
                    workflow_slug = data.draw(st.sampled_from(["order", "order", "invoice"]))
                    lived.declare_schedule(data, slug, workflow_slug)
                case "change":
                    lived.change_schedule(data, slug, data.draw(schedule_actions))
                case "run":
                    lived.steer(number, data.draw(st.sampled_from(["pause", "cancel"])))


@given(data=st.data(), deadline=sometimes(st.just(12)), has_child=st.booleans())
@settings(deadline=None, max_examples=max(CASES // 16, 1), suppress_health_check=checks)
def test_unique_keys_are_those_of_the_model(
    engine: Engine, clock: Clock, data: st.DataObject, deadline: int | None, has_child: bool
) -> None:
    """Starts that meet active runs with their key, and runs that wait until these have ended."""
    single = [{"step_slug": "s0", "max_attempts": 1}]
    child = [{"step_slug": "s1", "workflow": "parcel"}] if has_child else []
    order = Workflow("order", [*single, *child], deadline=deadline)
    with life(engine, Workflow("parcel", single), order) as lived:
        for _ in range(data.draw(st.integers(3, 16))):
            lived.have_worker()
            number = data.draw(numbers)
            events = ["start"] * 6 + ["completed", "failed", "pause", "resume", "cancel", "retry"]
            match data.draw(st.sampled_from([*events, "time", "time", "time"])):
                case "start" if lived.has_room:
                    lived.start_unique(data)
                case "completed" | "failed" as status:
                    lived.work_on(data, 1, status)
                case "pause" | "resume" | "cancel" as action:
                    lived.steer(number, action)
                case "retry" if lived.has_room:
                    lived.retry(number, skip_completed=True, reset_all=False)
                case "time":
                    lived.advance_to_next_due(data.draw(st.sampled_from([0, 0, 2])))
                    lived.report()


@contextmanager
def life(engine: Engine, *workflows: Workflow) -> Iterator[Lifecycle]:
    """A run of the last one of these workflows."""
    lived = type("Lifecycle", (Lifecycle,), {"engine": engine})()
    try:
        for limit_slug in LIMITS:
            lived.actions.create_limit(limit_slug, 2)
        for workflow in workflows:
            lived.actions.define(workflow)
        lived.actions.start(workflows[-1].workflow_slug, {"n": 1, "x": "a"})
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
