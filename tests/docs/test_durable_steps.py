"""docs/waiting.md, "Durable steps": what it shows works."""

from __future__ import annotations

from typing import Any

from stepgres import Client
from tests.conftest import Clock, Database
from tests.support.pages import DOCS, blocks
from tests.support.waiting import wait_until
from tests.support.workers import running_worker


def test_purchase_waits_for_its_parcel(db: Database, client: Client, clock: Clock) -> None:
    names: dict[str, Any] = {}
    (text,) = (text for text in blocks(DOCS / "waiting.md", "python") if "class Purchase" in text)
    exec(text, names)
    clock.connection.execute("create table public.bookings (order_id int)")
    with running_worker(db.dsn, names["Purchase"]):
        run_id = client.start_workflow_run("purchase", {"order_id": 7})
        wait_until(lambda: client.list_waits(run_id))
        client.send_signal(run_id, "shipped", "box")
        wait_until(lambda: client.list_waits(run_id, kind="sleep"))
        clock.advance(2 * 86_400)
        assert client.wait_for_run(run_id).output == {"parcel": "box"}
    bookings = clock.connection.execute("select order_id from public.bookings").fetchall()
    assert bookings == [(7,)]
