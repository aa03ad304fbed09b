"""A login without any right on Stepgres holds every advisory lock that it can think of."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock, Database

SOURCES = Path(__file__).parents[2] / "sql/src"
BOUND = "10s"  # on hanging


def test_no_function_takes_an_advisory_lock() -> None:
    taken = [
        path.name for path in SOURCES.rglob("*.sql") if re.search("pg_(try_)?adv", path.read_text())
    ]
    assert taken == []


@contextmanager
def stranger(db: Database, *names: str) -> Iterator[psycopg.Connection[Any]]:
    """Its session holds the keys that were once taken for these names, exclusively."""
    with db.connect() as owner:
        owner.execute("create role stranger_with_locks login")
        try:
            with db.connect(user="stranger_with_locks") as connection:
                for key in range(29543, 29548):
                    for number in range(10):
                        connection.execute("select pg_advisory_lock(%s, %s)", [key, number])
                    for text in names:
                        connection.execute("select pg_advisory_lock(%s, hashtext(%s))", [key, text])
                yield connection
        finally:
            owner.execute("drop role stranger_with_locks")


@pytest.fixture
def bounded(engine: Engine) -> Engine:
    engine.connection.execute(f"set statement_timeout = '{BOUND}'".encode())
    return engine


def test_stranger_with_advisory_locks_stops_no_tick(
    db: Database, bounded: Engine, clock: Clock
) -> None:
    bounded.define("order", step("a"))
    bounded.start("order", delay="1 minute")
    clock.advance(61)
    with stranger(db):
        assert bounded.call("tick") == 1
    bounded.drain()


def test_stranger_with_advisory_locks_stops_no_start_and_no_turn(
    db: Database, bounded: Engine
) -> None:
    bounded.define("order", step("a"))
    with stranger(db, "order", "worker", "orders"):
        run_id = bounded.start("order")
        item = bounded.claim_one()
        bounded.call("keep_tasks", worker_id="worker", tasks=Jsonb([item.released()]))
        bounded.complete(item)
        assert bounded.output(run_id) is None
        bounded.call("prune", older_than="0")


def test_stranger_with_advisory_locks_stops_no_queue_and_no_channel(
    db: Database, bounded: Engine
) -> None:
    with stranger(db, "order", "worker", "orders"):
        bounded.define("order", step("a"), queue="new")
        assert bounded.call("send_with_notify", channel="orders", message=Jsonb(1)) == "1"
        bounded.call("delete_channel", channel="orders")
        bounded.call("delete_flow", workflow_id="order")


def test_stranger_with_advisory_locks_is_taken_for_no_sender(db: Database, bounded: Engine) -> None:
    """Ids that are missing for good would else be waited for as long as the stranger likes."""
    bounded.call("send_with_notify", channel="orders", message=Jsonb(1))
    with bounded.connection.transaction(force_rollback=True):
        bounded.call("send_with_notify", channel="orders", message=Jsonb(2))
    bounded.call("send_with_notify", channel="orders", message=Jsonb(3))
    with stranger(db, "orders") as connection:
        connection.execute("select pg_advisory_lock_shared(29546, hashtext('orders'))")
        (found,) = bounded.connection.execute(
            "select array_agg(position) from stepgres.catch_up('orders', '0')"
        ).fetchone() or (None,)
    assert found == ["1", "3"]
