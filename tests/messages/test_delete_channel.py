"""Channels are deleted, and made anew by the next message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

import stepgres
from stepgres import Client
from tests.conftest import Database
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE


def tables(database: Database) -> list[tuple[str]]:
    with database.connect() as connection:
        return connection.execute(
            "select tablename from pg_tables where tablename ~ '^[qa]_stepgres__'"
            " union all select channel from stepgres.channels"
            " union all select queue_name from pgmq.meta where queue_name ~ '^stepgres__'"
        ).fetchall()


def test_nothing_is_left_of_a_channel(db: Database, client: Client) -> None:
    client.send_with_notify("orders", 1)
    client.acknowledge("orders", client.send_with_notify("orders", 2))
    client.delete_channel("orders")
    assert tables(db) == []


def test_deleted_channel_is_as_one_that_nothing_was_sent_to(client: Client) -> None:
    message_id = client.send_with_notify("orders", 1)
    client.delete_channel("orders")
    assert client.read_messages("orders") == client.message_history("orders") == []
    assert client.get_message("orders", message_id) is None
    assert client.acknowledge("orders", message_id) is False
    assert client.catch_up("orders", "0") == []
    assert client.prune_messages("orders", 0, unacknowledged=True) == 0


def test_unknown_channel_is_not_deleted(client: Client) -> None:
    client.send_with_notify("orders", 1)
    for channel in ("Orders", "order", "q_orders"):
        with pytest.raises(stepgres.ChannelNotFound, match=f'"{channel}" does not exist') as raised:
            client.delete_channel(channel)
        assert raised.value.hint
    client.delete_channel("orders")
    with pytest.raises(stepgres.ChannelNotFound):
        client.delete_channel("orders")


def test_listener_gets_what_is_sent_to_the_channel_that_was_made_anew(client: Client) -> None:
    with client.listen("orders") as listener:
        for number in range(5):
            client.send_with_notify("orders", number)
        assert [next(listener).payload for _ in range(5)] == [0, 1, 2, 3, 4]
        client.delete_channel("orders")
        client.send_with_notify("orders", "anew")
        client.delete_channel("orders")
        client.send_with_notify("orders", "again")
        payload = next(listener).payload
        assert payload in ("anew", "again")  # the first one may be deleted before it is read
        assert payload == "again" or next(listener).payload == "again"


def test_position_from_before_is_before_all_that_comes(client: Client) -> None:
    for number in range(5):
        client.send_with_notify("orders", number)
        client.send_with_notify("other", number)
    client.delete_channel("orders")
    client.delete_channel("other")
    for channel in ("orders", "other"):
        message_id = client.send_with_notify(channel, "anew")
        assert int(message_id) > 5
        (message,) = client.catch_up(channel, "5")
        assert (message.message_id, message.message) == (message_id, "anew")


def test_deletion_that_is_rolled_back_leaves_the_channel(db: Database, client: Client) -> None:
    client.send_with_notify("orders", 1)
    with psycopg.connect(db.dsn) as connection:
        Client(connection).delete_channel("orders")
        connection.rollback()
    assert client.send_with_notify("orders", 2) == "2"
    assert [message.message for message in client.message_history("orders")] == [1, 2]


def use(name: str, *arguments: Any) -> Callable[[Client], Any]:
    return lambda client: getattr(client, name)("orders", *arguments)


USES = [
    use("send_with_notify", 2),
    use("create_channel"),
    use("read_messages"),
    use("catch_up", "0"),
    use("message_history"),
    use("acknowledge", "1"),
    use("prune_messages", 0),
]


@pytest.mark.parametrize("call", USES)
def test_channel_is_not_deleted_while_a_transaction_uses_it(
    client: Client, sessions: Sessions, call: Callable[[Client], Any]
) -> None:
    client.send_with_notify("orders", 1)
    connection = sessions.connect()
    with connection.transaction():
        call(Client(connection))
        with pytest.raises(stepgres.ChannelInUse, match='"orders" is in use') as raised:
            client.delete_channel("orders")
        assert raised.value.hint
    client.delete_channel("orders")


@pytest.mark.parametrize("call", USES)
@pytest.mark.parametrize("is_committed", [True, False])
def test_who_comes_while_a_channel_is_being_deleted_waits_and_finds_it_empty_or_as_it_was(
    client: Client, sessions: Sessions, call: Callable[[Client], Any], is_committed: bool
) -> None:
    client.send_with_notify("orders", 1)
    one, two = sessions.connect(), sessions.connect()
    with one.transaction(force_rollback=not is_committed):
        Client(one).delete_channel("orders")
        waiting = sessions.until_blocked(two, lambda: call(Client(two)))
    waiting.result(PATIENCE)
    if is_committed:
        messages = [message.message for message in client.message_history("orders")]
        assert messages in ([], [2])


def test_snapshot_from_before_the_deletion_shows_an_empty_channel(
    client: Client, sessions: Sessions
) -> None:
    client.send_with_notify("orders", 1)
    connection = sessions.connect()
    connection.execute("begin isolation level repeatable read")
    connection.execute("select from stepgres.channels")
    client.delete_channel("orders")
    assert Client(connection).message_history("orders") == []
    connection.execute("rollback")


def test_deletion_does_not_stand_in_the_way_of_those_whom_it_waits_for(
    client: Client, sessions: Sessions
) -> None:
    """One has sent and makes a channel, which waits for another that is about to send, too."""
    client.create_channel("orders")
    one, two, deleting = (sessions.connect() for _ in range(3))

    def send(connection: psycopg.Connection[Any], *channels: str) -> None:
        for channel in channels:
            Client(connection).send_with_notify(channel, 1)

    with two.transaction():
        send(two, "second")
        one.execute("begin")
        send(one, "orders")
        making = sessions.until_blocked(one, partial(send, one, "first"))
        with pytest.raises(stepgres.ChannelInUse):
            Client(deleting).delete_channel("orders")
        sessions.without_waiting(two, partial(send, two, "orders"))
    making.result(PATIENCE)
    one.execute("commit")
    assert len(client.message_history("orders")) == 2


def test_messages_and_deletions_at_once(client: Client, sessions: Sessions) -> None:
    def send(sender: Client) -> None:
        for number in range(100):
            sender.send_with_notify(f"channel-{number % 3}", number)

    def delete(deleter: Client) -> None:
        for number in range(30):
            try:
                deleter.delete_channel(f"channel-{number % 3}")
            except (stepgres.ChannelNotFound, stepgres.ChannelInUse):
                continue

    sessions.at_once(
        *(partial(send, Client(sessions.connect())) for _ in range(3)),
        *(partial(delete, Client(sessions.connect())) for _ in range(2)),
    )
    for number in range(3):
        client.send_with_notify(f"channel-{number}", "last")
        assert client.message_history(f"channel-{number}")[-1].message == "last"


def test_channel_of_events_is_made_anew_at_once_while_workflows_send_them(
    db: Database, client: Client
) -> None:
    step = {"step_slug": "a"}
    client.register_workflow({"workflow_slug": "w", "events": "run", "steps": [step]})
    with client.listen("workflow_events") as listener:
        client.start_workflow_run("w", None)
        assert next(listener).payload["type"] == "workflow_started"
        client.delete_channel("workflow_events")
        assert ("workflow_events",) in tables(db)
        assert client.message_history("workflow_events") == []
        client.start_workflow_run("w", None)
        assert next(listener).payload["type"] == "workflow_started"


def test_channel_of_events_is_deleted_for_good_where_none_are_sent(
    db: Database, client: Client
) -> None:
    client.send_with_notify("workflow_events", 1)
    client.delete_channel("workflow_events")
    assert tables(db) == []


def test_only_admins_delete_channels(db: Database, client: Client) -> None:
    client.create_channel("orders")
    with db.connect() as connection:
        allowed = connection.execute(
            "select grantee::regrole::text from pg_proc, aclexplode(proacl)"
            " where proname = 'delete_channel' and privilege_type = 'EXECUTE'"
        ).fetchall()
    assert {role for (role,) in allowed} <= {"postgres", "stepgres_admin"}
