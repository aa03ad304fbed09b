"""Catching up: ids are taken in one order and committed in another, and nothing is lost by that."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

import stepgres
from stepgres import Client
from tests.conftest import Database
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE, wait_until

Connection = psycopg.Connection[Any]


class Reader:
    """Somebody who keeps a position, without a connection that listens."""

    def __init__(self, client: Client, after: str | None = None) -> None:
        self.client = client
        self.position = after or position(client)

    def read(self, limit: int | None = None, patience: float = 0) -> list[Any]:
        messages = self.client.catch_up("orders", self.position, limit, patience)
        if messages:
            self.position = messages[-1].position
        return [message.message for message in messages]

    def read_all(self) -> list[Any]:
        read = []
        while messages := self.read():
            read += messages
        return read


def position(client: Client) -> str:
    """Behind what was sent so far, as one who begins to listen gets it."""
    with client.listen("orders") as listener:
        return str(listener.position)


def send(connection: Connection, message: Any) -> None:
    Client(connection).send_with_notify("orders", message)


@pytest.fixture
def long(sessions: Sessions) -> Connection:
    """Of a sender who takes his time."""
    return sessions.connect()


def test_messages_are_read_once_in_order(client: Client) -> None:
    reader = Reader(client)
    for number in range(7):
        client.send_with_notify("orders", number)
    client.acknowledge("orders", "4")
    assert [reader.read(limit=3) for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6], []]
    assert reader.position == "7"


def test_each_message_comes_with_the_position_behind_it(client: Client) -> None:
    for number in range(5):
        client.send_with_notify("orders", number)
    for message in client.catch_up("orders", "0"):
        rest = client.catch_up("orders", message.position)
        assert [m.message for m in rest] == list(range(message.message + 1, 5))


def test_message_that_is_committed_late_comes_late(client: Client, long: Connection) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    with long.transaction():
        send(long, "late")
        client.send_with_notify("orders", "early")
        assert reader.read() == ["early"]
        assert reader.read() == []
        client.send_with_notify("orders", "next")
        assert reader.read() == ["next"]
    assert reader.read() == ["late"]
    assert reader.read() == []
    client.send_with_notify("orders", "last")
    assert reader.read() == ["last"]
    assert reader.position == "4"


def test_message_that_is_rolled_back_holds_up_nobody(client: Client, long: Connection) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    with long.transaction(force_rollback=True):
        send(long, "never")
        client.send_with_notify("orders", "early")
        assert reader.read() == ["early"]
        assert reader.position != "2"
    assert reader.read() == []
    client.send_with_notify("orders", "next")
    assert reader.read() == ["next"]
    assert reader.position == "3"


def test_gap_is_forgotten_when_those_who_sent_then_are_gone(
    client: Client, sessions: Sessions, long: Connection
) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    other = sessions.connect()
    with other.transaction():
        with long.transaction(force_rollback=True):
            send(long, "never")
            client.send_with_notify("orders", 2)
            assert reader.read() == [2]
        send(other, 3)  # began to send later: the gap is not his
        client.send_with_notify("orders", 4)
        assert reader.read() == [4]
        assert reader.position.startswith("4;3@")
    assert reader.read() == [3]


def test_own_gap_of_a_savepoint_is_no_gap(client: Client, long: Connection) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    with long.transaction():
        with long.transaction(force_rollback=True):
            send(long, "never")
        send(long, "late")
        client.send_with_notify("orders", "early")
        assert reader.read() == ["early"]
    assert reader.read() == ["late"]


def test_reader_waits_a_moment_for_a_sender_who_is_quick(
    db: Database, client: Client, long: Connection
) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    with db.connect() as observer, ThreadPoolExecutor() as threads:
        with long.transaction():
            send(long, "first")
            client.send_with_notify("orders", "second")
            reading = threads.submit(lambda: reader.read(patience=86_400))
            asleep = "select from pg_stat_activity where wait_event = 'PgSleep'"
            wait_until(lambda: reading.done() or observer.execute(asleep).fetchall())
        assert reading.result(PATIENCE) == ["first", "second"]


def test_who_begins_to_listen_gets_what_a_long_transaction_has_sent_before(
    client: Client, long: Connection
) -> None:
    for number in range(1, 4):
        client.send_with_notify("orders", number)
    with long.transaction(force_rollback=True):
        send(long, "never")
    with long.transaction():
        send(long, "late")
        client.send_with_notify("orders", "before")
        reader = Reader(client)
        assert reader.position.startswith("6;4-5@")
        assert reader.read() == []
        client.send_with_notify("orders", "after")
        assert reader.read() == ["after"]
    assert reader.read() == ["late"]
    assert reader.read() == []


def test_position_goes_on_within_a_batch_with_gaps(client: Client, long: Connection) -> None:
    client.create_channel("orders")
    with long.transaction():
        for number in range(1, 10):
            connection = long if number in {2, 3, 6} else None
            (Client(connection) if connection else client).send_with_notify("orders", number)
        messages = client.catch_up("orders", "0", patience=0)
        assert [message.message for message in messages] == [1, 4, 5, 7, 8, 9]
    for message in messages:
        reader = Reader(client, message.position)
        rest = [n for n in range(1, 10) if n > message.message or n in {2, 3, 6}]
        if message.message < 6:
            rest = [n for n in range(2, 10) if n in {2, 3} or n > message.message]
        if message.message == 1:
            rest = list(range(2, 10))
        assert reader.read_all() == rest
        assert reader.position == "9"


def test_filled_gaps_come_in_parts_too(client: Client, long: Connection) -> None:
    client.create_channel("orders")
    reader = Reader(client)
    with long.transaction():
        for number in range(1, 6):
            send(long, number)
        client.send_with_notify("orders", 6)
        assert reader.read() == [6]
    client.send_with_notify("orders", 7)
    assert [reader.read(limit=2) for _ in range(4)] == [[1, 2], [3, 4], [5, 7], []]
    assert reader.position == "7"


def test_large_messages_come_in_several_answers(client: Client) -> None:
    reader = Reader(client)
    for number in range(5):
        client.send_with_notify("orders", [number, "x" * 1_000_000])
    parts = [[message[0] for message in reader.read()] for _ in range(4)]
    assert parts == [[0, 1], [2, 3], [4], []]


def test_catching_up_needs_to_see_what_others_commit(db: Database, client: Client) -> None:
    client.send_with_notify("orders", 1)
    with psycopg.connect(db.dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(stepgres.InvalidInput, match="repeatable read"):
            Client(connection).catch_up("orders", "0")


@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_order_each_committed_message_is_read_once(
    client: Client, sessions: Sessions, seed: int
) -> None:
    """Senders take ids, commit and roll back in any order; readers come at any time."""
    rng = random.Random(seed)
    client.create_channel("orders")
    senders = [sessions.connect() for _ in range(4)]
    for sender in senders:
        sender.autocommit = False
    uncommitted: list[list[int]] = [[] for _ in senders]
    committed: list[int] = []
    readers: list[tuple[Reader, int]] = []
    got: list[list[int]] = []
    for number in range(150):
        place = rng.randrange(4)
        action = rng.choice(["send", "send", "send", "commit", "rollback", "read", "read", "join"])
        if action == "send":
            send(senders[place], number)
            uncommitted[place].append(number)
        elif action == "commit":
            senders[place].commit()
            committed += uncommitted[place]
            uncommitted[place] = []
        elif action == "rollback":
            senders[place].rollback()
            uncommitted[place] = []
        elif action == "join" and len(readers) < 5:
            readers.append((Reader(client), len(committed)))
            got.append([])
        else:
            for place, (reader, _) in enumerate(readers):
                got[place] += reader.read(limit=rng.choice([1, 3, 100]))
    for sender in senders:
        sender.rollback()
    for place, (reader, start) in enumerate(readers):
        assert sorted(got[place] + reader.read_all()) == sorted(committed[start:])
