"""Many senders, several listeners, and a server that keeps cutting the listeners off."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from random import Random
from threading import Event

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client, Listener
from stepgres._listening import listeners as _listeners
from tests.conftest import Database
from tests.support.waiting import PATIENCE, join

SENDERS = 4
MESSAGES = 1_000
LISTENERS = 3
KILL = """
    select pg_terminate_backend(pid) from (
        select pid from pg_stat_activity where application_name = 'listener'
        order by random() limit 1
    ) as l
"""


def send(dsn: str, sender: int) -> None:
    """A share of the messages, some of them several to a transaction, some rolled back."""
    rng = Random(sender)
    numbers = iter(range(sender, MESSAGES, SENDERS))
    with psycopg.connect(dsn) as connection:
        client = Client(connection)
        while batch := list(islice(numbers, rng.choice([1, 1, 1, 5]))):
            if rng.random() < 0.1:
                client.send_with_notify("storm", "rolled back")
                connection.rollback()
            for number in batch:
                client.send_with_notify("storm", number)
            if rng.random() < 0.1:
                time.sleep(rng.random() / 10)  # longer than others, and than listeners wait
            connection.commit()


def receive(listener: Listener) -> list[tuple[int, int]]:
    """The id and number of each message."""
    messages = islice(listener, MESSAGES)
    return [(int(str(message.message_id)), message.payload) for message in messages]


def kill_until(done: Event, database: Database) -> int:
    kills = 0
    with database.connect() as connection:
        while not done.wait(0.2):
            kills += len(connection.execute(KILL).fetchall())
    return kills


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("count", [1, LISTENERS], ids=["one client", "a client each"])
def test_every_listener_gets_every_message_once(
    db: Database, count: int, in_order: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_order:  # however long a sender is kept from committing by a busy machine
        monkeypatch.setattr(_listeners, "_PATIENCE", 86_400)
    dsn = make_conninfo(db.dsn, application_name="listener")
    clients = [Client(dsn) for _ in range(count)]
    done = Event()
    context = multiprocessing.get_context("spawn")
    senders = [context.Process(target=send, args=(db.dsn, n)) for n in range(SENDERS)]
    with ThreadPoolExecutor(LISTENERS + 1) as threads:
        listeners = [clients[n % len(clients)].listen("storm") for n in range(LISTENERS)]
        received = [threads.submit(receive, listener) for listener in listeners]
        kills = threads.submit(kill_until, done, db)
        for sender in senders:
            sender.start()
        for sender in senders:
            join(sender)
        results = [result.result(PATIENCE) for result in received]
        done.set()
        print(f"{kills.result(PATIENCE)} kills")
    for client in clients:
        client.close()
    for result in results:
        assert sorted(number for _, number in result) == list(range(MESSAGES))
        assert not in_order or result == sorted(result)
    assert [sender.exitcode for sender in senders] == [0] * SENDERS
