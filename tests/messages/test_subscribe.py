"""Subscriptions of both clients: the events of runs as they happen."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from stepgres import AsyncClient, Client, RunEvent
from stepgres._listening import event_listeners as _event_listeners
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.pooler import find_pgbouncer, pooler
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker


class Diamond(stepgres.Workflow):
    """Every kind of thing that happens to a run that is completed."""

    execution = "distributed"
    base_delay = 0

    @staticmethod
    @stepgres.step
    def numbers(input: Any, context: Any) -> list[int]:
        if context.attempt == 1:
            raise RuntimeError("no luck")
        return list(range(20))

    @staticmethod
    @stepgres.step(depends_on=["numbers"], map=True)
    def double(number: int) -> int:
        return 2 * number

    @staticmethod
    @stepgres.step(depends_on=["numbers"], condition="$.never")
    def never(input: Any) -> None:
        pass

    @staticmethod
    @stepgres.step(depends_on=["double", "never"])
    def total(input: Any) -> int:
        return sum(input["double"])


def names(events: Iterable[RunEvent]) -> list[str]:
    return [" ".join(filter(None, (event.event_type, event.step_slug))) for event in events]


def subscribers(connection: psycopg.Connection[Any]) -> int:
    return len(connection.execute("select from stepgres.subscribers").fetchall())


def assert_in_order(events: list[RunEvent]) -> None:
    """Nothing comes before what it follows from, and nothing twice."""
    seen: set[tuple[Any, ...]] = set()
    for event in events:
        kind, step_slug = event.event_type, event.step_slug
        task = (step_slug, event.task_index, event.attempt)
        needed: dict[str, list[tuple[Any, ...]]] = {
            "task_completed": [("task_started", *task)],
            "task_failed": [("task_started", *task)],
            "task_started": [("step_started", step_slug, None, None)],
            "step_completed": [("step_started", step_slug, None, None)],
            "step_started": [
                (f"step_{'skipped' if parent == 'never' else 'completed'}", parent, None, None)
                for parent in {"double": ["numbers"], "total": ["double", "never"]}.get(
                    str(step_slug), []
                )
            ],
        }
        assert seen.issuperset(needed.get(kind, [])), event
        assert (kind, *task) not in seen
        seen.add((kind, *task))


def test_run_that_workers_execute(db: Database, client: Client) -> None:
    """From its start, or joined later: all of it, once, parents before children."""
    (run_id,) = register_and_start(client, Diamond)
    with ThreadPoolExecutor() as threads:
        subscriptions = [client.subscribe(run_id)]
        with running_worker(db.dsn, Diamond), running_worker(db.dsn, Diamond):
            first = threads.submit(list, subscriptions[0])
            subscriptions += [client.subscribe(run_id) for _ in range(3)]
            others = [threads.submit(list, each) for each in subscriptions[1:]]
            streams = [first.result(PATIENCE), *(other.result(PATIENCE) for other in others)]
    listed = client.list_run_events(run_id)
    for events in streams:
        assert_in_order(events)
        assert sorted(map(repr, events)) == sorted(map(repr, listed))
        assert events[0].event_type == "workflow_started"
        assert events[-1].event_type == "workflow_completed"
        assert {event.run_id for event in events} == {run_id}
        assert [event.error for event in events if event.error] == ["RuntimeError: no luck"]


def test_present_state_comes_first_then_each_change(engine: Engine, client: Client) -> None:
    engine.define("order", step("a"), step("b", "a"))
    run_id = engine.start("order", {})
    item = engine.claim_one()
    with client.subscribe(run_id) as events:
        present = ["workflow_started", "step_started a", "task_started a"]
        assert names(islice(events, 3)) == present
        engine.complete(item)
        assert names(islice(events, 3)) == [
            "task_completed a",
            "step_completed a",
            "step_started b",
        ]
        engine.call("pause_workflow_run", run_id=run_id)
        engine.call("resume_workflow_run", run_id=run_id)
        assert names(islice(events, 2)) == ["workflow_paused", "workflow_resumed"]
        engine.call("cancel_workflow_run", run_id=run_id, reason="enough")
        assert names(events) == ["step_cancelled b", "workflow_cancelled"]
        assert list(events) == []


def test_run_that_has_ended_is_told_and_over(engine: Engine, client: Client) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", {})
    engine.fail(engine.claim_one(), "broken")
    events = list(client.subscribe(run_id))
    assert events == client.list_run_events(run_id)
    assert events[-1].event_type == "workflow_failed"
    assert events[-1].is_end
    assert subscribers(engine.connection) == 0


def test_all_runs_of_a_workflow_or_of_any(engine: Engine, client: Client) -> None:
    for slug in ("order", "bill"):
        engine.define(slug, step("a"))
    before, active = engine.start("order", {}), engine.start("order", {})
    engine.call("cancel_workflow_run", run_id=before)
    with client.subscribe() as everything, client.subscribe(workflow_slug="order") as orders:
        bill, order = engine.start("bill", {}), engine.start("order", {})
        engine.drain()
        for events, run_ids in ((everything, {active, bill, order}), (orders, {active, order})):
            told: dict[UUID | None, list[RunEvent]] = {}
            while sum(stream[-1].is_end for stream in told.values()) < len(run_ids):
                event = next(events)
                told.setdefault(event.run_id, []).append(event)
            assert told == {run_id: client.list_run_events(run_id) for run_id in run_ids}


def test_subscriber_keeps_nothing_of_runs_that_have_ended(engine: Engine, client: Client) -> None:
    """Neither in memory nor in the database, however many runs it was told of."""
    engine.define("order", step("a"))
    with client.subscribe(workflow_slug="order") as events:
        listener: Any = events._listener
        sizes = []
        for _ in range(3):
            run_ids = [engine.start("order", {}) for _ in range(20)]
            engine.drain()
            ends = (event.run_id for event in events if event.is_end)
            assert sorted(map(str, islice(ends, 20))) == sorted(map(str, run_ids))
            sizes.append(len(pickle.dumps(state(listener))))
        assert max(sizes) - min(sizes) < 100


def state(listener: Any) -> dict[str, Any]:
    """What a listener remembers."""
    names = ("_read_position", "_rows", "_names", "_subscriber_id")
    remembered = {name: getattr(listener, name) for name in names}
    others = [value for value in vars(listener).values() if isinstance(value, (dict, set, list))]
    assert not any(others), others
    return remembered


def test_connection_that_the_server_ends_while_a_run_goes_on(
    engine: Engine, db: Database, client: Client
) -> None:
    engine.define("order", *[step(f"s{i}", *([f"s{i - 1}"] if i else [])) for i in range(6)])
    with Client(make_conninfo(db.dsn, application_name="listener")) as listening:
        everything, orders = listening.subscribe(), listening.subscribe(workflow_slug="order")
        run_id = engine.start("order", {})
        streams = [everything, orders, listening.subscribe(run_id)]
        told: list[list[RunEvent]] = [[], [], []]
        for number in range(6):
            for stream, events in zip(streams, told, strict=True):
                while names(events[-1:]) != [f"step_started s{number}"]:
                    events.append(next(stream))
            query = (
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'listener'"
            )
            assert engine.rows(query) == [True]
            engine.complete(engine.claim_one())
        for stream, events in zip(streams, told, strict=True):
            while not events[-1].is_end:
                events.append(next(stream))
        assert told == [client.list_run_events(run_id)] * 3


def test_run_that_comes_and_goes_while_there_is_no_connection(
    engine: Engine, db: Database, client: Client
) -> None:
    engine.define("order", step("a"))
    query = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'"
    )
    with (
        Client(make_conninfo(db.dsn, application_name="listener")) as listening,
        listening.subscribe() as events,
    ):
        for _ in range(3):
            with engine.connection.transaction():
                assert True in engine.rows(query)
                run_id = engine.start("order", {})
                engine.drain()
            story = client.list_run_events(run_id)
            engine.call("prune", older_than="0")
            assert list(islice(events, 6)) == story


def test_consumer_that_is_busy_for_longer_than_its_lease_misses_nothing(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runs end, and are pruned, meanwhile."""
    monkeypatch.setattr(_event_listeners, "_LEASE", 0.3)

    def expiry() -> list[Any]:
        return engine.rows("select expires_at::text from stepgres.subscribers")

    def changed(last: list[Any]) -> bool:
        return expiry() != last

    engine.define("order", step("a"))
    stories = []
    with client.subscribe() as events:
        for _ in range(4):
            last = expiry()
            run_id = engine.start("order", {})
            engine.drain()
            stories += client.list_run_events(run_id)
            engine.call("prune", older_than="0")
            engine.rows("delete from stepgres.sweeps returning 1")
            engine.call("tick")
            wait_until(partial(changed, last))
        assert list(islice(events, len(stories))) == stories


def test_lease_that_is_over_is_noticed_and_the_position_catches_up(
    engine: Engine, client: Client
) -> None:
    """As of a process that was stopped, or a computer that was asleep."""
    engine.define("order", step("a"))
    before = engine.start("order", {})
    with client.subscribe() as events:
        assert len(list(islice(events, 2))) == 2
        engine.connection.execute("delete from stepgres.subscribers")
        engine.drain()
        during = engine.start("order", {})
        listener: Any = events._listener
        client._notifications.background.run(listener._hub.call(listener._subscribe))
        listener._hear(None, "")
        engine.drain()
        told = list(islice(events, 10))
        stories = {run_id: client.list_run_events(run_id) for run_id in (before, during)}
        assert [e for e in told if e.run_id == before] == stories[before][2:]
        assert [e for e in told if e.run_id == during] == stories[during]


def test_events_of_many_runs_are_told_at_once_and_not_ever_more_seldom(
    engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is followed by a look, and nothing but a change is."""
    looks = []
    catch_up = stepgres.AsyncEventListener._catch_up

    async def count(listener: Any, connection: Any) -> Any:
        looks.append(listener._read_position)
        return await catch_up(listener, connection)

    monkeypatch.setattr(stepgres.AsyncEventListener, "_catch_up", count)
    engine.define("order", step("a"))
    with client.subscribe() as events:
        for _ in range(50):
            run_id = engine.start("order", {})
            assert {event.run_id for event in islice(events, 2)} == {run_id}
            engine.drain()
            assert {event.run_id for event in islice(events, 4)} == {run_id}
    assert len(looks) <= 4 * 50


def test_event_that_is_committed_after_later_ones_is_not_lost(
    engine: Engine, db: Database, client: Client
) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {})
    with client.subscribe(run_id) as events, db.connect() as other:
        assert len(list(islice(events, 3))) == 3
        with other.transaction():
            slow = Engine(other, "slow")
            (late,) = slow.claim(1)
            engine.complete(engine.claim_one())
            early = names(islice(events, 3))
        assert {event.split(" ")[1] for event in early} == {"a", "b"} - {late.step_slug}
        assert names(islice(events, 1)) == [f"task_started {late.step_slug}"]
        slow.complete(late)
        assert names(events)[-1] == "workflow_completed"


def test_closing_removes_the_subscriber_and_ends_the_iteration(
    engine: Engine, client: Client
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with ThreadPoolExecutor() as threads:
        streams = [client.subscribe(run_id), client.subscribe(), client.subscribe()]
        assert subscribers(engine.connection) == 3
        waiting = [threads.submit(list, stream) for stream in streams]
        for stream in streams[:2]:
            stream.close()
            stream.close()
        assert subscribers(engine.connection) == 1
        client.close()
        assert subscribers(engine.connection) == 0
        present = ["workflow_started", "step_started a"]
        for each in waiting:
            assert names(each.result(PATIENCE)) == present[: len(each.result(PATIENCE))]


def test_lease_is_renewed(engine: Engine, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_event_listeners, "_LEASE", 0.2)
    query = "select max(expires_at)::text from stepgres.subscribers"
    with ThreadPoolExecutor() as threads, client.subscribe() as events:
        (first,) = engine.rows(query)
        waiting = threads.submit(next, events, None)
        wait_until(lambda: engine.rows(query) != [first])
        assert subscribers(engine.connection) == 1
        events.close()
        assert waiting.result(PATIENCE) is None


def test_unknown_run_and_two_subjects_are_refused(engine: Engine, client: Client) -> None:
    with pytest.raises(stepgres.RunNotFound):
        client.subscribe(uuid4())
    with pytest.raises(stepgres.RunNotFound):
        client.list_run_events(uuid4())
    with pytest.raises(stepgres.InvalidInput, match="not both"):
        client.subscribe(uuid4(), workflow_slug="order")
    assert subscribers(engine.connection) == 0


def test_run_that_is_deleted_meanwhile(engine: Engine, client: Client) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with client.subscribe(run_id) as one, client.subscribe() as everything:
        assert names(islice(one, 2)) == names(islice(everything, 2))
        engine.call("cancel_workflow_run", run_id=run_id)
        client.prune(older_than=0)
        for events in (one, everything):
            assert names(islice(events, 2)) == ["step_cancelled a", "workflow_cancelled"]
        assert list(one) == []
        with pytest.raises(stepgres.RunNotFound):
            client.subscribe(run_id)
        engine.start("order", {})
        assert names(islice(everything, 1)) == ["workflow_started"]


@pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed")
def test_behind_a_transaction_pooler(engine: Engine, db: Database) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with (
        pooler(db.dsn, size=2) as dsn,
        Client(dsn) as client,
        client.subscribe(run_id) as one,
        client.subscribe() as everything,
    ):
        engine.drain()
        events = list(one)
        assert names(events)[-1] == "workflow_completed"
        assert list(islice(everything, len(events))) == events


def test_role_that_may_only_look(engine: Engine, db: Database) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    connection = engine.connection
    connection.execute("create role onlooker login")
    try:
        connection.execute("grant usage on schema stepgres to onlooker")
        for function in ("add_subscriber", "remove_subscriber", "catch_up_events"):
            connection.execute(
                f"grant execute on function stepgres.{function} to onlooker".encode()
            )
        with (
            Client(make_conninfo(db.dsn, user="onlooker")) as client,
            client.subscribe(run_id) as one,
            client.subscribe() as everything,
        ):
            engine.drain()
            events = list(one)
            assert names(events)[-1] == "workflow_completed"
            assert list(islice(everything, len(events))) == events
    finally:
        connection.execute("drop owned by onlooker; drop role onlooker")


@pytest.mark.anyio
async def test_async_subscription(engine: Engine, db: Database) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    async with AsyncClient(db.dsn) as client:
        async with client.subscribe(run_id) as events:
            assert names([await anext(events), await anext(events)])[1] == "step_started a"
            waiting = asyncio.create_task(anext(events))
            engine.drain()
            told = [await waiting, *[event async for event in events]]
            assert names(told)[-1] == "workflow_completed"
        told = [event async for event in client.subscribe(run_id)]
        assert told == await client.list_run_events(run_id)
        assert await client.list_active_runs() == []
        assert await client.list_active_runs("order", started_within=3600) == [run_id]


@pytest.mark.anyio
async def test_cancelled_wait_loses_nothing(engine: Engine, db: Database) -> None:
    engine.define("order", *[step(f"s{i}", *([f"s{i - 1}"] if i else [])) for i in range(10)])
    run_id = engine.start("order", {})
    told: list[RunEvent] = []
    async with AsyncClient(db.dsn) as client, client.subscribe(run_id) as events:
        for number in range(10):
            waiting = asyncio.create_task(anext(events))
            engine.complete(engine.claim_one())
            for _ in range(number):
                await asyncio.sleep(0)
            waiting.cancel()
            result = (await asyncio.gather(waiting, return_exceptions=True))[0]
            if isinstance(result, RunEvent):
                told.append(result)
        told += [event async for event in events]
        assert told == await client.list_run_events(run_id)
