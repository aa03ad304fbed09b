"""Messages are sent, read, acknowledged, listed and pruned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

import stepgres
from stepgres import Client
from tests.conftest import Clock, Database
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

BAD_CHANNELS = [
    "",
    " ",
    "a b",
    'a"b',
    "a'b",
    "a;b",
    "a\nb",
    "-a",
    ".a",
    "ä",
    "a\0b",
    "\ud800",
    "x" * 129,
]
GOOD_CHANNELS = ["a", "A", "_", "0", "user:17/orders.new@eu-1", "x" * 128]


def channels(database: Database) -> list[str]:
    with database.connect() as connection:
        rows = connection.execute("select channel from stepgres.channels")
        return sorted(channel for (channel,) in rows)


def stored(client: Client, channel: str = "orders") -> list[Any]:
    return [message.message for message in client.message_history(channel, limit=10_000)]


def test_message_is_any_json_value(client: Client) -> None:
    messages: list[Any] = [None, 0, False, "", [], {}, {"a": [1, None, "ä😀"]}]
    ids = [client.send_with_notify("orders", message) for message in messages]
    assert ids == ["1", "2", "3", "4", "5", "6", "7"]
    assert stored(client) == messages


def test_null_is_no_message(db: Database) -> None:
    with db.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("select stepgres.send_with_notify('orders', null)")
    assert raised.value.sqlstate == "SG003"
    assert channels(db) == []


def test_message_that_is_rolled_back_is_neither_stored_nor_notified(
    db: Database, client: Client
) -> None:
    with psycopg.connect(db.dsn) as connection, client.listen("orders") as listener:
        for message, end in ((1, connection.rollback), (2, connection.commit)):
            Client(connection).send_with_notify("orders", message)
            Client(connection).notify_only("orders", f"of {message}")
            end()
        assert {next(listener).payload, next(listener).payload} == {2, "of 2"}
        assert stored(client) == [2]
    with psycopg.connect(db.dsn) as connection:
        Client(connection).send_with_notify("never", 1)
        connection.rollback()
    assert channels(db) == ["orders"]


@pytest.mark.parametrize("channel", BAD_CHANNELS, ids=ascii)
def test_bad_channel_is_refused_everywhere(db: Database, client: Client, channel: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: client.send_with_notify(channel, 1),
        lambda: client.notify_only(channel, ""),
        lambda: client.create_channel(channel),
        lambda: client.delete_channel(channel),
        lambda: client.listen(channel),
        lambda: client.catch_up(channel, "0"),
        lambda: client.read_messages(channel),
        lambda: client.get_message(channel, "1"),
        lambda: client.acknowledge(channel, "1"),
        lambda: client.message_history(channel),
        lambda: client.prune_messages(channel, 1),
    ]
    for call in calls:
        with pytest.raises(stepgres.InvalidChannel, match="cannot be the name of a chan") as raised:
            call()
        assert raised.value.hint
    assert channels(db) == []


def test_good_channels_are_all_different(db: Database, client: Client) -> None:
    for number, channel in enumerate(GOOD_CHANNELS):
        client.send_with_notify(channel, number)
    assert channels(db) == sorted(GOOD_CHANNELS)
    assert [stored(client, channel) for channel in GOOD_CHANNELS] == [[n] for n in range(6)]
    client.create_channel("a")  # is there
    assert stored(client, "a") == [0]


def test_payload_has_up_to_7999_bytes(client: Client) -> None:
    with client.listen("orders") as listener:
        for payload in ("", "x" * 7_999, "ä" * 3_999):
            client.notify_only("orders", payload)
            assert next(listener) == ("orders", None, payload)
    for payload in ("x" * 8_000, "ä" * 4_000):
        with pytest.raises(stepgres.PayloadTooLarge, match="8000 bytes") as raised:
            client.notify_only("orders", payload)
        assert "send_with_notify" in str(raised.value.hint)
    with pytest.raises(stepgres.InvalidInput, match="NUL"):
        client.notify_only("orders", "a\0b")


def test_message_has_up_to_2_million_bytes(client: Client) -> None:
    big = "x" * 1_000_000
    with client.listen("orders") as listener:
        client.send_with_notify("orders", big)
        assert next(listener).payload == big
    client.send_with_notify("orders", "y" * 1_999_998)
    with pytest.raises(stepgres.PayloadTooLarge, match="2000001 bytes"):
        client.send_with_notify("orders", "y" * 1_999_999)
    with pytest.raises(stepgres.InvalidInput):
        client.send_with_notify("orders", "a\0b")
    assert [len(message) for message in stored(client)] == [1_000_000, 1_999_998]


def test_each_message_is_read_by_one_of_the_readers(client: Client, sessions: Sessions) -> None:
    for number in range(200):
        client.send_with_notify("orders", number)
    readers = [Client(sessions.connect()) for _ in range(8)]

    def read(reader: Client) -> list[int]:
        read = []
        while messages := reader.read_messages("orders", limit=7, visibility_timeout=3600):
            read += [message.message for message in messages]
            assert all(reader.acknowledge("orders", m.message_id) for m in messages)
        return read

    parts = sessions.at_once(*(partial(read, reader) for reader in readers))
    assert sorted(number for part in parts for number in part) == list(range(200))


def test_message_that_is_not_acknowledged_comes_again(client: Client) -> None:
    client.send_with_notify("orders", "first")
    client.send_with_notify("orders", "second")
    (message,) = client.read_messages("orders", visibility_timeout=0)
    assert (message.message, message.read_count, message.acknowledged_at) == ("first", 1, None)
    (again,) = client.read_messages("orders", visibility_timeout=3600)
    assert (again.message_id, again.read_count) == ("1", 2)
    (other,) = client.read_messages("orders", limit=5, visibility_timeout=3600)
    assert other.message == "second"
    assert client.read_messages("orders", limit=5) == []


def test_message_is_acknowledged_once(client: Client) -> None:
    message_id = client.send_with_notify("orders", "only")
    assert client.acknowledge("orders", message_id) is True
    assert client.acknowledge("orders", message_id) is False
    assert client.read_messages("orders") == []
    message = client.get_message("orders", message_id)
    assert message is not None
    assert message.message == "only"
    assert message.acknowledged_at is not None


@pytest.mark.parametrize("message_id", ["2", "0", "-1", "01", "1 ", "x", "", "9" * 30])
def test_id_that_no_message_has(client: Client, message_id: str) -> None:
    client.send_with_notify("orders", "only")
    assert client.get_message("orders", message_id) is None
    assert client.acknowledge("orders", message_id) is False


def test_channel_to_which_nothing_was_sent_is_empty(db: Database, client: Client) -> None:
    assert client.read_messages("orders") == []
    assert client.message_history("orders") == []
    assert client.get_message("orders", "1") is None
    assert client.acknowledge("orders", "1") is False
    assert client.catch_up("orders", "0") == []
    assert client.prune_messages("orders", 0) == 0
    client.notify_only("orders", "nobody hears it")
    assert channels(db) == []


def test_queues_that_are_no_channels_are_not_reached(db: Database, client: Client) -> None:
    with db.connect() as connection:
        connection.execute("select pgmq.create('mine'), pgmq.send('mine', '1')")
    client.register_workflow({"workflow_slug": "w", "steps": [{"step_slug": "a"}]})
    client.start_workflow_run("w", None)
    for channel in ("mine", "q_mine", "stepgres_default", "default"):
        assert client.read_messages(channel) == []
        assert client.message_history(channel) == []


def test_history_has_messages_in_order_acknowledged_or_not(client: Client) -> None:
    for number in range(1, 8):
        client.send_with_notify("orders", number)
    for message_id in ("2", "3", "7"):
        client.acknowledge("orders", message_id)

    def history(**options: Any) -> list[int]:
        return [message.message for message in client.message_history("orders", **options)]

    assert history() == [1, 2, 3, 4, 5, 6, 7]
    assert history(newest_first=True, limit=3) == [7, 6, 5]
    assert history(after_id="2", limit=2) == [3, 4]
    assert history(after_id="2", before_id="5") == [3, 4]
    assert history(before_id="5", newest_first=True, limit=2) == [4, 3]
    assert history(after_id="5", before_id="2") == history(after_id="7") == []


def test_arguments_that_make_no_sense(client: Client) -> None:
    client.send_with_notify("orders", 1)
    calls: list[Callable[[], Any]] = [
        lambda: client.message_history("orders", after_id="x"),
        lambda: client.message_history("orders", before_id="-1"),
        lambda: client.message_history("orders", limit=0),
        lambda: client.read_messages("orders", limit=0),
        lambda: client.read_messages("orders", visibility_timeout=-1),
        lambda: client.read_messages("orders", visibility_timeout=1e9),
        lambda: client.catch_up("orders", "0", limit=0),
        lambda: client.prune_messages("orders", -1),
        lambda: client.prune_messages("orders", 1, batch_size=0),
        lambda: client.listen("orders", after="x"),
        lambda: client.catch_up("orders", "1;2"),
        lambda: client.catch_up("orders", "1;2@3/4;"),
        lambda: client.catch_up("orders", "9" * 30),
    ]
    for call in calls:
        with pytest.raises(stepgres.InvalidInput) as raised:
            call()
        assert raised.value.hint


def test_prune_deletes_what_was_acknowledged_long_ago(client: Client, clock: Clock) -> None:
    for number in range(1, 6):
        client.send_with_notify("orders", number)
    for message_id in ("1", "2", "3"):
        client.acknowledge("orders", message_id)
    assert client.prune_messages("orders", 3600) == 0
    clock.advance(7200)
    assert client.prune_messages("orders", 3600, batch_size=2) == 2
    assert client.prune_messages("orders", 3600) == 1
    assert client.prune_messages("orders", 3600) == 0
    assert stored(client) == [4, 5]
    client.acknowledge("orders", "5")
    clock.advance(7200)
    assert client.prune_messages("orders", 3600, unacknowledged=True) == 2
    assert stored(client) == []
    assert client.send_with_notify("orders", 6) == "6"


def test_first_messages_to_a_channel_at_once(client: Client, sessions: Sessions) -> None:
    senders = [Client(sessions.connect()) for _ in range(8)]
    for number in range(10):
        send = partial(Client.send_with_notify, channel=f"channel-{number}", message=1)
        ids = sessions.at_once(*(partial(send, sender) for sender in senders))
        assert sorted(ids) == [str(n) for n in range(1, 9)]


@pytest.mark.parametrize("commits", [False, True])
def test_who_makes_a_channel_while_another_transaction_does_waits_for_its_end(
    db: Database, sessions: Sessions, commits: bool
) -> None:
    one, two = sessions.connect(), sessions.connect()
    with one.transaction(force_rollback=not commits):
        Client(one).send_with_notify("a", "one")
        waiting = sessions.until_blocked(two, lambda: Client(two).send_with_notify("a", "two"))
    assert waiting.result(PATIENCE) == ("2" if commits else "1")
    assert stored(Client(two), "a") == (["one", "two"] if commits else ["two"])


def test_two_transactions_that_make_the_same_channels_in_different_order_do_not_deadlock(
    sessions: Sessions,
) -> None:
    one, two = sessions.connect(), sessions.connect()

    def send(connection: psycopg.Connection[Any], *names: str) -> None:
        with connection.transaction():
            for name in names:
                Client(connection).send_with_notify(name, name)

    with one.transaction():
        Client(one).send_with_notify("a", 1)
        waiting = sessions.until_blocked(two, lambda: send(two, "b", "a"))
        Client(one).send_with_notify("b", 1)
    waiting.result(PATIENCE)
    assert [len(stored(Client(one), name)) for name in "ab"] == [2, 2]


def test_senders_do_not_wait_for_each_other(client: Client, sessions: Sessions) -> None:
    client.create_channel("orders")
    one, two = sessions.connect(), sessions.connect()
    with one.transaction():
        Client(one).send_with_notify("orders", 1)
        sessions.without_waiting(two, lambda: Client(two).send_with_notify("orders", 2))
    assert stored(client) == [1, 2]
