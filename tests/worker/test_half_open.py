"""Connections that stay open while nobody answers on them: they are given up in seconds."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stepgres import Client, Executor
from stepgres._execution import heartbeat as _heartbeat
from stepgres._execution import run_worker, worker
from stepgres._execution.heartbeat import Heartbeat
from stepgres._listening import hub as _hub
from stepgres._postgres.conninfo import own_conninfo
from stepgres._postgres.lost_connections import Limit
from tests.conftest import Clock, Database
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids
from tests.support.workflows import advance_loop, workflow

FLOW = workflow(("only", lambda i: i))


def test_worker_replaces_the_connections_of_its_turns_and_its_heartbeat(
    db: Database, client: Client, clock: Clock
) -> None:
    beat = "select from stepgres.workers where heartbeat_at = stepgres._now()"
    with Proxy(db.dsn) as proxy, running_worker(proxy.dsn, FLOW, listen=False, lease=4):
        before = worker_ids(db.dsn)
        for number in range(2):
            proxy.stall()
            (run_id,) = register_and_start(client, FLOW, [number])
            assert client.wait_for_run(run_id).output == number
            clock.advance(3)
            wait_until(lambda: clock.connection.execute(beat).fetchall())
            assert worker_ids(db.dsn) == before
        assert proxy.swallowed >= 2


def test_lost_beat_is_tried_again_at_once(
    db: Database, client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_heartbeat, "_LEAST_LIMIT", 0.1)
    beat = "select from stepgres.workers where heartbeat_at = stepgres._now()"
    worker_id = client.register_worker(lease=86_400)
    with Proxy(db.dsn) as proxy, Heartbeat(proxy.dsn, worker_id, 0) as heartbeat:
        clock.advance(dt.timedelta(days=1).total_seconds() / 2)
        wait_until(lambda: clock.connection.execute(beat).rowcount)
        proxy.stall()
        wait_until(lambda: proxy.swallowed)
        heartbeat._interval = 86_400  # the next beat but for this one
        clock.advance(dt.timedelta(days=1).total_seconds() / 2)
        wait_until(lambda: clock.connection.execute(beat).rowcount)
    client.unregister_worker(worker_id)


def test_listener_listens_again(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_hub, "_SILENCE", 0.1)
    monkeypatch.setattr(_hub, "_ANSWER", 0.1)
    monkeypatch.setattr(worker, "_PAUSES", (0.001, 86_400.0))  # it must be told of tasks
    monkeypatch.setattr(worker, "_LISTENING_PAUSE", 86_400.0)
    with Proxy(db.dsn) as proxy, running_worker(db.dsn, FLOW, listen=proxy.dsn):
        for number in range(3):
            (run_id,) = register_and_start(client, FLOW, [number])
            assert client.wait_for_run(run_id).output == number
            proxy.stall()
            wait_until(lambda: proxy.swallowed > number)  # noqa: B023


@pytest.mark.usefixtures("clock")  # no lease ends
def test_execution_goes_on(db: Database, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_worker, "_LEASE", 4)

    def stall(input: Any) -> int:
        proxy.stall()
        return 1

    flow = workflow(("a", stall), ("b", lambda i: i["a"]))
    with Proxy(db.dsn) as proxy, Client(proxy.dsn) as through:
        assert Executor(through).execute(flow, None).output == 1
        assert proxy.swallowed >= 1
    with db.connect() as connection:
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


@pytest.mark.anyio
async def test_answer_is_not_late_because_a_step_blocked_the_loop() -> None:
    with Limit(10, lambda: None) as limit:
        advance_loop(60)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not limit.is_exceeded
    ended = asyncio.Event()
    with Limit(0, ended.set) as limit:
        await ended.wait()
        assert limit.is_exceeded


def test_keepalives_of_the_user_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "77")
    options = conninfo_to_dict(own_conninfo("host=db keepalives_idle=99 tcp_user_timeout=0"))
    assert (options["keepalives_idle"], options["tcp_user_timeout"]) == ("99", "0")
    assert (options["keepalives_count"], options["connect_timeout"]) == ("2", "77")


def test_connections_of_a_worker_have_keepalives(db: Database, client: Client) -> None:
    asked = {"keepalives_idle": "5", "tcp_user_timeout": "10000"}
    found: list[dict[str, Any]] = []

    def look(input: Any, context: Any) -> None:
        found.append(context.connection.info.get_parameters())

    flow = workflow(("only", look, {"transactional": True}))
    with running_worker(make_conninfo(db.dsn), flow):
        (run_id,) = register_and_start(client, flow)
        client.wait_for_run(run_id)
    assert asked.items() <= found[0].items()
