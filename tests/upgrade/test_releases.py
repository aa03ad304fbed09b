"""Databases that have a released version, and what this version makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pgmq.install import get_embedded_install_sql

import stepgres
from tests.conftest import Database, add_guards
from tests.support.catalog import describe
from tests.support.engine import Engine, step
from tools.release import numbers, read_checksums

ROOT = Path(__file__).parents[2]
OLDER = [
    version for version in read_checksums(ROOT) if numbers(version) < numbers(stepgres.__version__)
]


@pytest.fixture(params=OLDER)
def released(request: pytest.FixtureRequest, empty_db: Database) -> Iterator[Database]:
    """A database with a released version, as psql installs it."""
    script = (ROOT / f"sql/stepgres--{request.param}.sql").read_text("utf-8")
    _, _, body = script.partition("set local standard_conforming_strings = on;\n")
    body, _, _ = body.partition("-- pg_dump leaves out what belongs to an extension")
    with empty_db.connect() as connection:
        connection.execute(get_embedded_install_sql().encode())
        with connection.transaction():
            connection.execute("set local search_path = pg_catalog, pg_temp")
            connection.execute("set local client_min_messages = warning")
            connection.execute(body.encode())
    yield empty_db
    with empty_db.connect() as connection:
        assert connection.execute("select * from stepgres.fsck()").fetchall() == []


def test_upgraded_equals_fresh(db: Database, released: Database) -> None:
    assert stepgres.upgrade(released.dsn).is_changed
    add_guards(released.dsn)
    with released.connect() as upgraded, db.connect() as fresh:
        before, after = describe(upgraded), describe(fresh)
    for kind, names in after.items():
        assert set(before[kind]) ^ set(names) == set(), kind


def test_runs_in_flight_go_on(released: Database) -> None:
    with released.connect() as connection:
        engine = Engine(connection)
        engine.define("chain", step("a"), step("b", "a"))
        engine.define("map", step("list"), step("each", "list", map=True), step("sum", "each"))
        engine.define("flaky", step("a", base_delay=0, max_attempts=2), step("b", "a"))
        runs = {slug: engine.start(slug) for slug in ("chain", "map", "flaky")}
        paused, delayed = engine.start("chain"), engine.start("chain", delay="1 hour")
        engine.call("pause_workflow_run", run_id=paused)
        tasks = {item.run_id: item for item in engine.claim()}
        engine.complete(tasks[runs["map"]], [1, 2, 3])
        engine.fail(tasks[runs["flaky"]])
        each, *_ = (item for item in engine.claim() if item.step_slug == "each")
        assert stepgres.upgrade(released.dsn).is_changed

        engine.complete(tasks[runs["chain"]], "claimed before")
        engine.complete(each, "claimed before")
        engine.call("tick")
        engine.call("resume_workflow_run", run_id=paused)
        connection.execute("update stepgres.timers set due_at = now()")
        engine.call("tick")
        engine.call("keep_tasks", worker_id=engine.worker_id, tasks="[]")
        engine.drain()
        for run_id in (*runs.values(), paused, delayed):
            assert engine.status(run_id)[0] == "completed"
