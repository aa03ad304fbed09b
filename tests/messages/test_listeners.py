"""Listeners of both clients: what they deliver, how they end, what breaks under them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from queue import Queue
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

import stepgres
from stepgres import AsyncClient, Client, Listener, Notification
from stepgres._listening import hub as _hub
from stepgres._listening import listeners as _listeners
from tests.conftest import Database
from tests.support.proxy import Proxy
from tests.support.waiting import PATIENCE, wait_until

NAMED = {"application_name": "listener"}


def payloads(listener: Listener, count: int) -> list[Any]:
    return [notification.payload for notification in islice(listener, count)]


def backends(connection: psycopg.Connection[Any]) -> list[int]:
    """The connections that listen."""
    query = "select pid from pg_stat_activity where application_name = 'listener'"
    return [pid for (pid,) in connection.execute(query)]


def is_resting(connection: psycopg.Connection[Any]) -> bool:
    """Whether the connection that listens is in no transaction."""
    query = "select state = 'idle' from pg_stat_activity where application_name = 'listener'"
    return connection.execute(query).fetchall() == [(True,)]


def terminate(connection: psycopg.Connection[Any]) -> None:
    """End the connections that listen, and wait until they have ended."""
    pids = backends(connection)
    for pid in pids:
        connection.execute("select pg_terminate_backend(%s)", [pid])
    wait_until(lambda: not set(backends(connection)) & set(pids))


def test_both_kinds_arrive(client: Client) -> None:
    with client.listen("orders") as listener:
        message_id = client.send_with_notify("orders", {"id": 17})
        client.notify_only("orders", "hello")
        assert {next(listener).message_id, next(listener).message_id} == {message_id, None}
        client.notify_only("orders", "again")
        assert next(listener) == Notification("orders", None, "again")
        client.send_with_notify("orders", None)
        assert next(listener) == Notification("orders", "2", None)
        assert (listener.channel, listener.position) == ("orders", "2")


def test_listeners_of_a_channel_all_get_it_and_others_do_not(client: Client) -> None:
    with client.listen("a") as one, client.listen("a") as two, client.listen("A") as other:
        for number in range(5):
            client.send_with_notify("a", number)
        client.notify_only("A", "for the other")
        assert payloads(one, 5) == payloads(two, 5) == [0, 1, 2, 3, 4]
        assert next(other).payload == "for the other"


def test_listeners_of_a_client_share_a_connection_which_ends_with_the_last(db: Database) -> None:
    with Client(make_conninfo(db.dsn, **NAMED)) as client, db.connect() as connection:
        listeners = [client.listen(f"channel-{number % 20}") for number in range(40)]
        assert len(backends(connection)) == 1
        for listener in listeners[1:]:
            client.unlisten(listener)
        with Client(db.dsn) as sender:
            sender.send_with_notify("channel-0", "still there")
        assert next(listeners[0]).payload == "still there"
        client.unlisten(listeners[0])
        wait_until(lambda: backends(connection) == [])
        with client.listen("channel-1") as listener:  # and begins again
            client.send_with_notify("channel-1", "again")
            assert next(listener).payload == "again"


@pytest.mark.anyio
async def test_listeners_that_have_come_as_far_are_served_by_one_query(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = []
    catch_up = stepgres.AsyncListener._catch_up

    async def count(listener: stepgres.AsyncListener, connection: Any) -> Any:
        queries.append(listener)
        return await catch_up(listener, connection)

    async with AsyncClient(db.dsn) as client:
        listeners = [await client.listen("orders") for _ in range(100)]
        waiting = [asyncio.create_task(anext(listener)) for listener in listeners]
        await client.notify_only("orders", "begin")  # heard by all when they have nothing to read
        await asyncio.gather(*waiting)
        monkeypatch.setattr(stepgres.AsyncListener, "_catch_up", count)
        for number in range(3):
            waiting = [asyncio.create_task(anext(listener)) for listener in listeners]
            await client.send_with_notify("orders", number)
            assert {n.payload for n in await asyncio.gather(*waiting)} == {number}
        assert len(queries) <= 10


def test_message_that_was_acknowledged_meanwhile_is_delivered(client: Client) -> None:
    with client.listen("orders") as listener:
        for number in range(3):
            client.acknowledge("orders", client.send_with_notify("orders", number))
        assert payloads(listener, 3) == [0, 1, 2]


def test_listener_goes_on_where_another_has_ended(client: Client) -> None:
    with client.listen("orders") as listener:
        for number in range(10):
            client.send_with_notify("orders", number)
        assert payloads(listener, 4) == [0, 1, 2, 3]
    with client.listen("orders", after=listener.position) as listener:
        assert payloads(listener, 6) == [4, 5, 6, 7, 8, 9]
    with client.listen("orders", after="8") as listener:
        assert payloads(listener, 2) == [8, 9]


def test_closing_twice_or_in_mid_iteration_ends_the_iteration(client: Client) -> None:
    listener = client.listen("orders")
    client.send_with_notify("orders", "first")
    client.send_with_notify("orders", "never")
    seen = []
    for notification in listener:
        seen.append(notification.payload)
        client.unlisten(listener)
        client.unlisten(listener)
    assert seen == ["first"]
    assert list(listener) == []


def test_listener_that_waits_ends_when_another_thread_closes_it(client: Client) -> None:
    with ThreadPoolExecutor() as threads:
        listener = client.listen("orders")
        waiting = threads.submit(list, listener)
        client.notify_only("orders", "closes")
        listener.close()
        assert waiting.result(PATIENCE) in ([], [Notification("orders", None, "closes")])


def test_closing_the_client_ends_its_iterations(db: Database) -> None:
    with ThreadPoolExecutor() as threads:
        with Client(db.dsn) as client:
            listeners = [client.listen("orders") for _ in range(3)]
            waiting = [threads.submit(list, each) for each in listeners]
        assert [each.result(PATIENCE) for each in waiting] == [[], [], []]
    for listener in listeners:
        listener.close()


def test_callback_is_called_in_order_and_survives_its_own_errors(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    called: Queue[Any] = Queue()

    def note(notification: Notification) -> None:
        called.put(notification.payload)
        if notification.payload == 1:
            raise ValueError("no luck")

    with client.listen("orders", callback=note):
        for number in range(4):
            client.send_with_notify("orders", number)
        assert [called.get(timeout=PATIENCE) for _ in range(4)] == [0, 1, 2, 3]
    assert "no luck" in caplog.text


def test_connection_that_the_server_ends_is_replaced_and_nothing_is_lost(db: Database) -> None:
    with (
        Client(make_conninfo(db.dsn, **NAMED)) as listening,
        Client(db.dsn) as client,
        db.connect() as connection,
        listening.listen("orders") as listener,
    ):
        for number in range(0, 9, 3):
            client.send_with_notify("orders", number)
            assert next(listener).payload == number
            terminate(connection)
            client.send_with_notify("orders", number + 1)
            client.acknowledge("orders", client.send_with_notify("orders", number + 2))
            assert payloads(listener, 2) == [number + 1, number + 2]


@pytest.mark.parametrize("cut_early", [False, True])
def test_network_that_is_cut_while_messages_come(db: Database, cut_early: bool) -> None:
    with Proxy(db.dsn) as proxy, Client(proxy.dsn) as listening, Client(db.dsn) as client:
        proxy.cut_early = cut_early
        with listening.listen("orders") as listener:
            for number in range(10):
                proxy.cut_after = b"stepgres.catch_up"
                client.send_with_notify("orders", number)
                assert next(listener).payload == number
        assert proxy.cuts >= 10


def test_connection_that_has_gone_silent_is_replaced(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_hub, "_SILENCE", 0.05)
    monkeypatch.setattr(_hub, "_ANSWER", 0.5)
    monkeypatch.setattr(_hub, "_LONGEST_ANSWER", 0.5)
    with (
        Proxy(db.dsn) as proxy,
        Client(proxy.dsn) as listening,
        Client(db.dsn) as client,
        listening.listen("orders") as listener,
    ):
        for number in range(3):
            proxy.stall()
            client.send_with_notify("orders", number)
            assert next(listener).payload == number


def test_slow_consumer_keeps_nothing_waiting(db: Database) -> None:
    with (
        Client(make_conninfo(db.dsn, **NAMED)) as listening,
        Client(db.dsn) as client,
        db.connect() as connection,
        listening.listen("orders") as listener,
    ):
        for number in range(1_000):
            client.send_with_notify("orders", number)
        assert next(listener).payload == 0
        assert len(listener._listener._rows) < _listeners._BATCH
        query = (
            "select from pg_stat_activity where application_name = 'listener' and state <> 'idle'"
        )
        wait_until(lambda: connection.execute(query).fetchall() == [])
        assert payloads(listener, 999) == list(range(1, 1_000))


def test_payloads_for_a_slow_consumer_are_kept_up_to_a_number(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with client.listen("orders") as listener, client.listen("orders") as other:
        for number in range(_listeners._KEPT_PAYLOADS + 10):
            client.notify_only("orders", str(number))
            assert next(other).payload == str(number)  # so it has come
        assert payloads(listener, 1) == ["10"]
    assert "slow" in caplog.text


def test_flood_of_messages_does_not_keep_back_payloads(client: Client) -> None:
    with client.listen("orders") as listener:
        for number in range(50):
            client.send_with_notify("orders", number)
        client.notify_only("orders", "urgent")
        wait_until(lambda: listener._listener._payloads)
        assert "urgent" in payloads(listener, 2)


def test_server_that_cannot_be_reached_is_an_error_at_once(db: Database) -> None:
    with Client(make_conninfo(db.dsn, port=1)) as client:
        for _ in range(2):
            with pytest.raises(stepgres.ConnectionFailed):
                client.listen("orders")


def test_connection_of_the_caller_cannot_listen(db: Database) -> None:
    with db.connect() as connection, pytest.raises(stepgres.InvalidInput, match="of its own"):
        Client(connection).listen("orders")


def test_client_with_a_pool_listens_on_a_connection_of_its_own(db: Database) -> None:
    with (
        ConnectionPool(db.dsn, min_size=1, max_size=1, open=True) as pool,
        Client(pool) as client,
        client.listen("orders") as listener,
    ):
        client.send_with_notify("orders", 1)
        assert next(listener).payload == 1


def test_bad_channel_does_not_end_the_other_listeners(client: Client) -> None:
    with client.listen("orders") as listener:
        with pytest.raises(stepgres.InvalidChannel):
            client.listen("no good")
        client.send_with_notify("orders", 1)
        assert next(listener).payload == 1


def test_error_in_the_database_is_raised_and_the_listener_goes_on(
    db: Database, client: Client
) -> None:
    with db.connect() as connection, client.listen("orders") as listener:
        client.send_with_notify("orders", 1)
        connection.execute("alter table stepgres.channels rename to lost")
        with pytest.raises(psycopg.errors.UndefinedTable):
            next(listener)
        connection.execute("alter table stepgres.lost rename to channels")
        assert next(listener).payload == 1


def test_message_that_python_cannot_read_does_not_keep_back_the_next(
    db: Database, client: Client
) -> None:
    deep = "[" * 3_000 + "]" * 3_000
    with db.connect() as connection, client.listen("orders") as listener:
        connection.execute("select stepgres.send_with_notify('orders', %s)", [deep])
        client.send_with_notify("orders", "next")
        with pytest.raises(stepgres.StepgresError, match='message 1 of "orders" is nested'):
            next(listener)
        assert next(listener).payload == "next"


@pytest.mark.anyio
async def test_async_listener(db: Database) -> None:
    async with AsyncClient(db.dsn) as client:
        async with client.listen("orders") as listener:
            for number in range(3):
                await client.send_with_notify("orders", number)
            assert [(await anext(listener)).payload for _ in range(3)] == [0, 1, 2]
            waiting = asyncio.create_task(anext(listener))
            await client.notify_only("orders", "hello")
            assert await waiting == Notification("orders", None, "hello")
            waiting = asyncio.create_task(anext(listener))
            await client.unlisten(listener)
            with pytest.raises(StopAsyncIteration):
                await waiting
        assert [n async for n in listener] == []
        with pytest.raises(stepgres.InvalidChannel):
            await client.listen("no good")


@pytest.mark.anyio
async def test_listener_that_begins_while_the_last_one_ends(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncClient(db.dsn) as client:
        listener = await client.listen("orders")
        for number in range(30):
            waiting = asyncio.create_task(anext(listener))
            await asyncio.sleep(0)
            waiting.cancel()
            closing = asyncio.create_task(listener.aclose())
            for _ in range(number % 10):
                await asyncio.sleep(0)
            listener = await client.listen("orders")
            await closing
            await client.send_with_notify("orders", number)
            assert (await anext(listener)).payload == number
        await listener.aclose()
    assert caplog.text == ""


@pytest.mark.anyio
async def test_async_callback(db: Database) -> None:
    called: asyncio.Queue[Any] = asyncio.Queue()

    async def note(notification: Notification) -> None:
        await called.put(notification.payload)

    async with AsyncClient(db.dsn) as client:
        one = await client.listen("orders", callback=note)
        await client.listen("orders", callback=lambda n: called.put_nowait(n.payload))
        await client.send_with_notify("orders", "both")
        assert [await called.get(), await called.get()] == ["both", "both"]
        await client.unlisten(one)
        await client.unlisten(one)
        await client.send_with_notify("orders", "one")
        assert await called.get() == "one"


@pytest.mark.anyio
async def test_cancelled_wait_loses_nothing(db: Database) -> None:
    async with AsyncClient(db.dsn) as client, client.listen("orders") as listener:
        got: list[Any] = []
        for number in range(50):
            waiting = asyncio.create_task(anext(listener))
            await client.send_with_notify("orders", number)
            for _ in range(number % 7):
                await asyncio.sleep(0)
            waiting.cancel()
            result = (await asyncio.gather(waiting, return_exceptions=True))[0]
            if isinstance(result, Notification):
                got.append(result.payload)
        while len(got) < 50:
            got.append((await anext(listener)).payload)
        assert got == list(range(50))


@pytest.mark.anyio
async def test_listener_that_is_closed_while_it_starts_ends_its_iteration(db: Database) -> None:
    async with AsyncClient(db.dsn) as client, client.listen("other") as other:
        for listener in (client.listen("orders"), client.subscribe()):
            waiting = asyncio.create_task(anext(listener))
            await asyncio.sleep(0)  # now the task waits for the connection
            await listener.aclose()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(waiting, PATIENCE)
        assert client._notifications.listeners == {other}
        assert list(client._notifications.hub._members) == [other]


def test_payloads_cannot_be_heard_or_forged_by_a_login_without_rights(
    db: Database, client: Client
) -> None:
    with db.connect() as connection, client.listen("orders") as listener:
        listening = client._notifications.asynchronous.hub._members
        (names,) = {member._names for member in listening}
        assert names[1].startswith("stepgres_payloads_")
        guesses = [
            f"stepgres_payloads_{digest}"
            for (digest,) in connection.execute(
                "select md5('orders') union all select left(encode(sha256('orders'), 'hex'), 40)"
            )
        ]
        for name in guesses:
            connection.execute(f"listen {name}; notify {name}, 'forged'".encode())
        client.notify_only("orders", "genuine")
        assert next(listener).payload == "genuine"
        heard = {notify.payload for notify in connection.notifies(timeout=0)}
        assert heard == {"forged"}
    assert len(names[1]) == len("stepgres_payloads_") + 40


def test_secret_is_for_the_owner_alone_and_of_one_installation(
    db: Database, empty_db: Database
) -> None:
    roles = ("stepgres_observer", "stepgres_admin", "stepgres_client")
    secrets = "select secret from stepgres.secrets"
    with empty_db.connect() as connection:
        for role in roles:
            connection.execute(f"create role {role}".encode())
        try:
            stepgres.install(empty_db.dsn)
            for role in roles:
                query = f"select has_table_privilege('{role}', 'stepgres.secrets', 'select')"
                assert connection.execute(query.encode()).fetchone() == (False,)
            other = connection.execute(secrets).fetchall()
        finally:
            for role in roles:
                connection.execute(f"drop owned by {role}; drop role {role}".encode())
    with db.connect() as connection:
        assert connection.execute(secrets).fetchall() != other
