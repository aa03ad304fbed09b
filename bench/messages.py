"""How soon a listener has a message."""

from __future__ import annotations

import multiprocessing
import random
import time
from typing import TYPE_CHECKING

import psycopg

from stepgres import Client

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_CHANNEL = "bench"
_GAP = (0.02, 0.05)  # seconds between messages


def measure_delivery(dsn: str, messages: int) -> list[float]:
    """Seconds from the commit of each message to its delivery in another process, in order of size.

    The clock is read before the commit is sent, so its round trip counts too.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_listen, args=(dsn, messages, theirs), daemon=True)
    process.start()
    ours.recv()
    committed = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        client = Client(connection)
        for number in range(messages):
            time.sleep(random.uniform(*_GAP))
            with connection.transaction():
                client.send_with_notify(_CHANNEL, number)
                committed.append(time.time())
    delivered = ours.recv()
    process.join()
    return sorted(after - before for before, after in zip(committed, delivered, strict=True))


def _listen(dsn: str, messages: int, parent: Connection) -> None:
    with Client(dsn) as client, client.listen(_CHANNEL) as listener:
        parent.send("listening")
        delivered = []
        for _ in range(messages):
            next(listener)
            delivered.append(time.time())
    parent.send(delivered)
