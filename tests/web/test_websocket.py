"""WebSockets that are sent messages and events of runs, over real connections."""

from __future__ import annotations

import json
import logging
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


@pytest.mark.parametrize("kind", ["messages", "events"])
def test_page_of_another_origin_is_refused_unless_it_is_allowed(
    listening: AsyncClient, kind: str
) -> None:
    def endpoint(**options: Any) -> Any:
        if kind == "messages":
            return websocket(listening, "orders", **options)
        return run_events_websocket(listening, **options)

    routes = [
        WebSocketRoute("/mine", endpoint()),
        WebSocketRoute("/ours", endpoint(origins=["https://App.example.com/"])),
        WebSocketRoute("/all", endpoint(origins=["*"])),
    ]
    with pages(listening, *routes) as address:
        port = address.partition(":")[2]
        own = [None, f"http://{address}", f"https://{address}"]
        allowed = [*own, "https://app.example.com"]
        others = [
            "https://app.example.com.evil.example",
            "http://app.example.com",
            f"http://127.0.0.1:{int(port) + 1}",
            f"http://localhost:{port}",
            "null",
            "",
        ]

        def answer(path: str, origin: str | None) -> int:
            try:
                headers = {} if origin is None else {"Origin": origin}
                with connect(f"ws://{address}{path}", additional_headers=headers):
                    return 101
            except InvalidStatus as error:
                return error.response.status_code

        assert [answer("/mine", origin) for origin in own] == [101] * 3
        assert {answer("/mine", origin) for origin in [*others, allowed[3]]} == {403}
        assert [answer("/ours", origin) for origin in allowed] == [101] * 4
        assert {answer("/ours", origin) for origin in others} == {403}
        assert {answer("/all", origin) for origin in [*allowed, *others]} == {101}


def test_origins_as_one_string_are_refused(listening: AsyncClient) -> None:
    with pytest.raises(TypeError, match="origins is a list"):
        websocket(listening, "orders", origins="https://app.example.com")


def test_refused_handshakes_log_no_errors(
    listening: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    endpoints = {
        403: websocket(listening, "orders", authorize=lambda _: False),
        404: run_events_websocket(listening, str(uuid4())),
        400: websocket(listening, "no channel"),
    }
    routes = [WebSocketRoute(f"/{status}", endpoints[status]) for status in endpoints]
    with pages(listening, *routes) as address:
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        for status in endpoints:
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://{address}/{status}")
            assert refused.value.response.status_code == status
        with pytest.raises(InvalidStatus):
            connect(f"ws://{address}/403", additional_headers={"Origin": "http://evil.example"})
        logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
