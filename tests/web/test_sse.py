"""Pages that are sent messages and events of runs, over real connections."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from itertools import islice
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.requests import HTTPConnection, Request
from starlette.routing import Route

from stepgres import AsyncClient, Client
from stepgres.web import run_events_sse, run_events_websocket, sse, websocket
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.goals import save_graph
from tests.support.waiting import wait_until
from tests.support.webserver import Page, page, pages


@pytest.fixture
def listening(db: Database) -> AsyncClient:
    return AsyncClient(make_conninfo(db.dsn, application_name="listener"))


def backends(connection: psycopg.Connection[Any]) -> list[int]:
    query = "select pid from pg_stat_activity where application_name = 'listener'"
    return [pid for (pid,) in connection.execute(query)]


def payloads(page: Page, count: int) -> list[Any]:
    return [sent.data["payload"] for sent in islice(page.events(), count)]


def test_page_gets_messages_and_goes_on_where_it_was(
    listening: AsyncClient, client: Client
) -> None:
    with pages(listening, Route("/orders", sse(listening, "orders"))) as address:
        url = f"http://{address}/orders"
        with page(url) as first:
            assert first.response.headers["content-type"].startswith("text/event-stream")
            assert first.response.headers["cache-control"] == "no-store"
            begin = next(iter(first))
            client.send_with_notify("orders", {"line\nbreak": "größe"})
            client.notify_only("orders", "hello")
            one, two = sorted(islice(first.events(), 2), key=lambda sent: sent.id is None)
        assert one.data == {
            "channel": "orders",
            "message_id": "1",
            "payload": {"line\nbreak": "größe"},
            "position": one.id,
        }
        assert (two.id, two.data["message_id"], two.data["payload"]) == (None, None, "hello")
        for number in range(3):
            client.send_with_notify("orders", number)
        with page(url, **{"Last-Event-ID": str(one.id)}) as again:
            assert payloads(again, 3) == [0, 1, 2]
        with page(f"{url}?after={begin.id}") as from_the_start:
            assert payloads(from_the_start, 4)[1:] == [0, 1, 2]


def test_channel_from_the_path(listening: AsyncClient, client: Client) -> None:
    async def channel(request: HTTPConnection) -> str:
        return f"user:{request.path_params['user']}"

    def same(request: HTTPConnection) -> str:
        return f"user:{request.path_params['user']}"

    routes = Route("/a/{user}", sse(listening, channel)), Route("/b/{user}", sse(listening, same))
    with pages(listening, *routes) as address:
        for path in ("a", "b"):
            with page(f"http://{address}/{path}/17") as mine:
                client.send_with_notify("user:18", "not mine")
                client.send_with_notify("user:17", path)
                assert payloads(mine, 1) == [path]
        assert httpx.get(f"http://{address}/a/no good").status_code == 400
        assert httpx.get(f"http://{address}/a/17?after=nowhere").status_code == 400


def test_whoever_is_not_authorized_gets_403(listening: AsyncClient, client: Client) -> None:
    async def knows(request: HTTPConnection) -> bool:
        return request.query_params.get("word") == "sesame"

    routes = (
        Route("/a", sse(listening, "orders", authorize=knows)),
        Route("/b", sse(listening, "orders", authorize=lambda _: False)),
        Route("/c", run_events_sse(listening, authorize=knows)),
    )
    with pages(listening, *routes) as address:
        for path in "abc":
            assert httpx.get(f"http://{address}/{path}").status_code == 403
        with page(f"http://{address}/a?word=sesame") as mine:
            client.send_with_notify("orders", 1)
            assert payloads(mine, 1) == [1]


def test_silence_is_filled_with_comments(listening: AsyncClient, client: Client) -> None:
    routes = (
        Route("/messages", sse(listening, "orders", heartbeat=0.01)),
        Route("/events", run_events_sse(listening, heartbeat=0.01)),
    )
    with pages(listening, *routes) as address:
        with page(f"http://{address}/events") as quiet:
            assert all(sent.is_comment for sent in islice(quiet, 5))
        with page(f"http://{address}/messages") as mine:
            next(iter(mine))
            assert all(sent.is_comment for sent in islice(mine, 5))
            for number in range(20):
                client.send_with_notify("orders", number)
            assert payloads(mine, 20) == list(range(20))


def test_closing_the_page_closes_the_subscription(listening: AsyncClient, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    routes = (
        Route("/orders", sse(listening, "orders")),
        Route("/runs/{id}", run_events_sse(listening, lambda request: request.path_params["id"])),
    )
    query = "select from stepgres.subscribers"
    with pages(listening, *routes) as address:
        with page(f"http://{address}/runs/{run_id}"):
            with page(f"http://{address}/orders"):
                assert len(engine.rows(query)) == 1
                assert len(backends(engine.connection)) == 1
            assert httpx.head(f"http://{address}/orders").status_code == 200
        wait_until(lambda: engine.rows(query) == [])
        wait_until(lambda: backends(engine.connection) == [])


def test_page_sees_nothing_of_a_connection_that_the_server_ends(
    listening: AsyncClient, db: Database, client: Client
) -> None:
    with (
        pages(listening, Route("/orders", sse(listening, "orders"))) as address,
        page(f"http://{address}/orders") as mine,
        db.connect() as connection,
    ):
        for number in range(3):
            for pid in wait_until(lambda: backends(connection)):
                connection.execute("select pg_terminate_backend(%s)", [pid])
            client.send_with_notify("orders", number)
            assert payloads(mine, 1) == [number]


def test_message_that_cannot_be_read_does_not_keep_back_the_next(
    listening: AsyncClient, db: Database, client: Client
) -> None:
    with (
        pages(listening, Route("/orders", sse(listening, "orders"))) as address,
        page(f"http://{address}/orders") as mine,
        db.connect() as connection,
    ):
        for text in ("[" * 3_000 + "]" * 3_000, "1" + 400 * "0" + ".5"):
            connection.execute("select stepgres.send_with_notify('orders', %s)", [text])
        client.send_with_notify("orders", "next")
        assert payloads(mine, 1)[0] == "next"


def test_run_is_told_to_its_end_and_then_the_page_stays_away(
    listening: AsyncClient, engine: Engine, client: Client
) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", {})
    by_path = run_events_sse(listening, lambda request: request.path_params["id"])
    with pages(listening, Route("/runs/{id}", by_path)) as address:
        url = f"http://{address}/runs/{run_id}"
        with page(url) as mine:
            events = list(islice(mine.events(), 2))
            engine.fail(engine.claim_one(), "broken")
            events += mine.events()
        with page(url) as late:
            assert list(late.events()) == events
        assert [sent.id for sent in events] == [None] * (len(events) - 1) + ["end"]
        assert [sent.data for sent in events] == [
            {**e._asdict(), "run_id": str(run_id), "occurred_at": e.occurred_at.isoformat()}
            for e in client.list_run_events(run_id)
        ]
        assert httpx.get(url, headers={"Last-Event-ID": "end"}).status_code == 204
        for unknown in (uuid4(), "17"):
            answer = httpx.get(f"http://{address}/runs/{unknown}")
            assert (answer.status_code, str(unknown) in answer.text) == (404, True)


def test_runs_of_a_workflow(listening: AsyncClient, engine: Engine) -> None:
    for slug in ("order", "bill"):
        engine.define(slug, step("a"))
    endpoint = run_events_sse(listening, workflow_slug="order")
    with (
        pages(listening, Route("/orders", endpoint)) as address,
        page(f"http://{address}/orders") as mine,
    ):
        engine.start("bill", {})
        run_ids = [str(engine.start("order", {})) for _ in range(2)]
        engine.drain()
        events = list(islice(mine.events(), 12))
        assert {sent.data["run_id"] for sent in events} == set(run_ids)
        assert {sent.id for sent in events} == {None}


def test_goal_that_has_no_run_yet(listening: AsyncClient, engine: Engine) -> None:
    route = Route("/events", run_events_sse(listening))
    with pages(listening, route) as address, page(f"http://{address}/events") as everything:
        graph_id = save_graph(engine)
        told = next(everything.events()).data
    assert (told["event_type"], told["task_graph_id"]) == ("goal_decomposed", graph_id)
    assert told["run_id"] is None


def test_database_that_is_away_is_503(db: Database) -> None:
    client = AsyncClient(make_conninfo(db.dsn, port=1))
    with pages(client, Route("/orders", sse(client, "orders"))) as address:
        answer = httpx.get(f"http://{address}/orders")
        assert (answer.status_code, answer.text) == (503, "The database cannot be reached")


def test_client_for_threads_is_refused(client: Client) -> None:
    wrong: Any = client
    for make in (lambda: sse(wrong, "orders"), lambda: websocket(wrong, "orders")):
        with pytest.raises(TypeError, match="AsyncClient"):
            make()
    for make_events in (run_events_sse, run_events_websocket):
        with pytest.raises(TypeError, match="AsyncClient"):
            make_events(wrong)


@pytest.mark.anyio
async def test_page_that_goes_away_while_much_is_sent_gets_nothing_more(
    listening: AsyncClient, client: Client
) -> None:
    """Or the server would log each try."""
    for number in range(50):
        client.send_with_notify("orders", number)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/orders",
        "query_string": b"after=0",
        "headers": [],
    }
    sent: list[Any] = []
    gone = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if b"data" in message.get("body", b""):
            asyncio.get_running_loop().call_soon(gone.set)

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async with listening:
        response = await sse(listening, "orders")(Request(scope, receive))
        await response(scope, receive, send)
    assert 1 <= len([message for message in sent if b"data" in message.get("body", b"")]) <= 5


def test_without_starlette_the_extra_is_named() -> None:
    code = "import sys; sys.modules['starlette.requests'] = None; import stepgres.web"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'stepgres.web needs Starlette: pip install "stepgres[web]"' in result.stderr
