"""WebSockets that are sent messages and events of runs, over real connections."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from starlette.routing import WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from stepgres import AsyncClient, Client
from stepgres.web import run_events_websocket, websocket
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE, wait_until
from tests.support.webserver import pages


@pytest.fixture
def listening(db: Database) -> AsyncClient:
    return AsyncClient(db.dsn)


def receive(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(PATIENCE))


def test_messages_and_going_on_where_it_was(listening: AsyncClient, client: Client) -> None:
    with pages(listening, WebSocketRoute("/orders", websocket(listening, "orders"))) as address:
        with connect(f"ws://{address}/orders") as socket:
            greeting = receive(socket)
            assert greeting["channel"] == "orders"
            socket.send("nobody listens to that")
            client.send_with_notify("orders", {"order": 7})
            message = receive(socket)
            assert (message["message_id"], message["payload"]) == ("1", {"order": 7})
        client.send_with_notify("orders", 8)
        for position, expected in (
            (greeting["position"], [{"order": 7}, 8]),
            (message["position"], [8]),
        ):
            with connect(f"ws://{address}/orders?after={position}") as socket:
                assert receive(socket)["position"] == position
                assert [receive(socket)["payload"] for _ in expected] == expected


def test_run_is_told_to_its_end(listening: AsyncClient, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    by_path = run_events_websocket(listening, lambda request: request.path_params["id"])
    with pages(listening, WebSocketRoute("/runs/{id}", by_path)) as address:
        with connect(f"ws://{address}/runs/{run_id}") as socket:
            assert receive(socket)["event_type"] == "workflow_started"
            engine.drain()
            types = [json.loads(text)["event_type"] for text in socket]
            assert types[-1] == "workflow_completed"
            assert socket.close_code == 1000
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{address}/runs/{uuid4()}")
        assert refused.value.response.status_code == 404


def test_whoever_is_not_authorized_is_refused(listening: AsyncClient) -> None:
    endpoint = websocket(listening, "orders", authorize=lambda _: False)
    with pages(listening, WebSocketRoute("/orders", endpoint)) as address:
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{address}/orders")
        assert refused.value.response.status_code == 403


def test_closing_the_socket_closes_the_subscription(listening: AsyncClient, engine: Engine) -> None:
    query = "select from stepgres.subscribers"
    endpoint = run_events_websocket(listening)
    with pages(listening, WebSocketRoute("/runs", endpoint)) as address:
        with connect(f"ws://{address}/runs"):
            assert len(engine.rows(query)) == 1
        wait_until(lambda: engine.rows(query) == [])
