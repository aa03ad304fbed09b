"""Endpoints for Starlette and FastAPI: messages and events of runs for web pages, and metrics.

The endpoints send server-sent events and WebSockets straight from the database. Each open page is a
listener of the client, and all pages share the one connection of the client.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import UUID

import anyio
import anyio.lowlevel

try:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.websockets import WebSocket, WebSocketDisconnect
except ImportError as missing:
    raise ImportError('stepgres.web needs Starlette: pip install "stepgres[web]"') from missing

from stepgres._client.client_async import AsyncClient
from stepgres._postgres.json_text import dumps
from stepgres.errors import ConnectionFailed, InvalidChannel, InvalidInput, RunNotFound
from stepgres.web.streams import LAST, Events, Messages, Stream, next_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, MutableMapping

    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

    from stepgres._dashboard.security import Authorize as AuthorizeRole

__all__ = [
    "dashboard",
    "metrics",
    "run_events_sse",
    "run_events_websocket",
    "sse",
    "websocket",
]

T = TypeVar("T")
Maybe: TypeAlias = T | Callable[[HTTPConnection], T | Awaitable[T]]
Authorize = Callable[[HTTPConnection], bool | Awaitable[bool]]
Open = Callable[[HTTPConnection], Awaitable[Stream]]
SseEndpoint = Callable[[Request], Awaitable[Response]]
MetricsEndpoint = Callable[[Request], Awaitable[Response]]
WebSocketEndpoint = Callable[[WebSocket], Awaitable[None]]

logger = logging.getLogger("stepgres")

_HEARTBEAT = 15.0  # seconds; proxies close connections that are silent for a minute
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def sse(
    client: AsyncClient,
    channel: Maybe[str],
    *,
    authorize: Authorize | None = None,
    heartbeat: float = _HEARTBEAT,
) -> SseEndpoint:
    """Return an endpoint that sends the messages of a channel as server-sent events.

    channel is a name, or a function from the request to a name. authorize is a function of the
    request. A request for which authorize returns false gets 403. Both functions may be async. Each
    event is {"channel": ..., "message_id": ..., "payload": ..., "position": ...}, and its id is the
    position. A page that reconnects continues at its last position, and a new page can begin at
    one with ?after=. After `heartbeat` seconds of silence the endpoint sends a comment, so that
    proxies keep the connection open.
    """
    return _sse(_open_messages(client, channel), authorize, heartbeat)


def websocket(
    client: AsyncClient,
    channel: Maybe[str],
    *,
    authorize: Authorize | None = None,
    origins: Collection[str] = (),
) -> WebSocketEndpoint:
    """Return an endpoint that sends the messages of a channel to a WebSocket.

    The arguments are as for `sse`. The endpoint accepts pages of the same host and of `origins`,
    such as "https://app.example.com", or of any host with "*". The first message has only a channel
    and a position. A page that reconnects continues at a position with ?after=. The web server
    sends the heartbeats: uvicorn sends a ping every 20 seconds.
    """
    return _websocket(_open_messages(client, channel), authorize, _checked(origins))


def run_events_sse(
    client: AsyncClient,
    run_id: Maybe[UUID | str] | None = None,
    *,
    workflow_slug: Maybe[str] | None = None,
    authorize: Authorize | None = None,
    heartbeat: float = _HEARTBEAT,
) -> SseEndpoint:
    """Return an endpoint that sends the events of `AsyncClient.subscribe` as server-sent events.

    run_id and workflow_slug are values, or functions from the request to values. A page that
    reconnects gets all events again from the start. A page that has got the end of its run gets
    204, which stops its reconnects.
    """
    return _sse(_open_events(client, run_id, workflow_slug), authorize, heartbeat)


def run_events_websocket(
    client: AsyncClient,
    run_id: Maybe[UUID | str] | None = None,
    *,
    workflow_slug: Maybe[str] | None = None,
    authorize: Authorize | None = None,
    origins: Collection[str] = (),
) -> WebSocketEndpoint:
    """Return an endpoint that sends the events of `AsyncClient.subscribe` to a WebSocket.

    The arguments are as for `run_events_sse` and `websocket`. The endpoint closes the WebSocket
    with code 1000 when the run has ended.
    """
    return _websocket(_open_events(client, run_id, workflow_slug), authorize, _checked(origins))


def dashboard(
    client: AsyncClient, authorize: AuthorizeRole | None = None, *, read_only: bool = False
) -> Starlette:
    """Return the dashboard as an application that can be mounted under any path.

    authorize is a function of the request, which may be async. It returns "viewer" for people who
    may look, "operator" for people who may also act, and None for all others, who get 403. Without
    authorize, everybody who can reach the dashboard is an operator. With read_only nobody can act.
    The caller closes the client.
    """
    try:
        from stepgres._dashboard.app import make_app
    except ImportError as missing:
        raise ImportError('the dashboard needs Jinja: pip install "stepgres[web]"') from missing
    return make_app(client, authorize, read_only=read_only)


def metrics(client: AsyncClient, *, authorize: Authorize | None = None) -> MetricsEndpoint:
    """Return an endpoint that Prometheus can scrape: the metrics of `AsyncClient.list_metrics`.

    The format is that of Prometheus, or OpenMetrics if the scraper accepts it. authorize is as for
    `sse`.
    """
    from stepgres.web.prometheus import metrics_text

    _check_client(client)

    async def endpoint(request: Request) -> Response:
        if authorize is not None and not await _value(authorize, request):
            return PlainTextResponse("Forbidden", 403)
        try:
            found = await client.list_metrics()
        except ConnectionFailed:
            logger.warning("metrics cannot be read: there is no connection", exc_info=True)
            return PlainTextResponse("The database cannot be reached", 503)
        text, content_type = metrics_text(found, request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return endpoint


def _open_messages(client: AsyncClient, channel: Maybe[str]) -> Open:
    _check_client(client)

    async def open(connection: HTTPConnection) -> Stream:
        after = connection.headers.get("last-event-id") or connection.query_params.get("after")
        name = await _value(channel, connection)
        return Messages(await client.listen(name, after=after or None))

    return open


def _open_events(
    client: AsyncClient, run_id: Maybe[UUID | str] | None, workflow_slug: Maybe[str] | None
) -> Open:
    _check_client(client)

    async def open(connection: HTTPConnection) -> Stream:
        run = await _value(run_id, connection)
        slug = await _value(workflow_slug, connection)
        if isinstance(run, str):
            try:
                run = UUID(run)
            except ValueError as error:
                raise RunNotFound(f"no run has the id {run!a}") from error
        listener = await client.subscribe(run, workflow_slug=slug)
        return Events(listener, of_one_run=run is not None)

    return open


def _check_client(client: AsyncClient) -> None:
    if not isinstance(client, AsyncClient):
        raise TypeError(f"web pages are served by an AsyncClient, not {client!r}")


async def _value(given: Any, connection: HTTPConnection) -> Any:
    value = given(connection) if callable(given) else given
    return await value if inspect.isawaitable(value) else value


async def _try_open(
    open: Open, authorize: Authorize | None, connection: HTTPConnection
) -> Stream | Response:
    """Return an open stream, or the response that says why there is no stream."""
    if authorize is not None and not await _value(authorize, connection):
        return PlainTextResponse("Forbidden", 403)
    try:
        return await open(connection)
    except RunNotFound as error:
        return PlainTextResponse(str(error), 404)
    except (InvalidChannel, InvalidInput) as error:
        return PlainTextResponse(str(error), 400)
    except ConnectionFailed:
        logger.warning("a page was refused: there is no connection", exc_info=True)
        return PlainTextResponse("The database cannot be reached", 503)


def _sse(open: Open, authorize: Authorize | None, heartbeat: float) -> SseEndpoint:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("last-event-id") == LAST:
            return Response(status_code=204)  # stops the reconnects of a page
        return _EventStream(open, authorize, heartbeat)

    return endpoint


class _EventStream(StreamingResponse):
    """A response that listens only while it is sent, so that no listener is left over."""

    _stream: Stream

    def __init__(self, open: Open, authorize: Authorize | None, heartbeat: float) -> None:
        super().__init__(self._text(), media_type="text/event-stream", headers=_HEADERS)
        self._open = open
        self._authorize = authorize
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opened = await _try_open(self._open, self._authorize, Request(scope, receive))
        if isinstance(opened, Response):
            await opened(scope, receive, send)
            return
        self._stream = opened
        async with _closing(opened):
            if scope["method"] != "HEAD":
                await _while_there(self.stream_response(send), receive, "http.disconnect")
            else:
                await Response(headers=self.headers)(scope, receive, send)

    async def _text(self) -> AsyncIterator[str]:
        position = self._stream.position
        yield f"id: {position}\n\n" if position else ":\n\n"
        while True:
            with anyio.move_on_after(self._heartbeat) as silence:
                sent = await next_text(self._stream)
            if silence.cancelled_caught:
                yield ":\n\n"
            elif sent is None:
                return
            else:
                text, id = sent
                yield f"id: {id}\ndata: {text}\n\n" if id else f"data: {text}\n\n"
                await anyio.lowlevel.checkpoint()  # notices a closed page


def _checked(origins: Collection[str]) -> frozenset[str]:
    if isinstance(origins, str):
        raise TypeError(f"origins is a list of origins, not the string {origins!r}")
    return frozenset(origin.rstrip("/").lower() for origin in origins)


def _is_welcome(connection: HTTPConnection, origins: frozenset[str]) -> bool:
    """Return whether a connection has no origin, or the origin is the host or is in `origins`."""
    origin = connection.headers.get("origin")
    if origin is None or not origins.isdisjoint({origin.lower(), "*"}):
        return True
    host = connection.headers.get("host")
    return host is not None and origin.lower() in {
        f"http://{host.lower()}",
        f"https://{host.lower()}",
    }


def _websocket(
    open: Open, authorize: Authorize | None, origins: frozenset[str]
) -> WebSocketEndpoint:
    async def endpoint(websocket: WebSocket) -> None:
        if not _is_welcome(websocket, origins):
            await websocket.close()  # refused with 403
            return
        opened = await _try_open(open, authorize, websocket)
        if not isinstance(opened, Response):
            async with _closing(opened):
                await websocket.accept()
                await _while_there(
                    _send_all(websocket, opened), websocket.receive, "websocket.disconnect"
                )
        elif "websocket.http.response" in websocket.scope.get("extensions", {}):
            await websocket.send_denial_response(opened)
            # uvicorn treats the handshake as complete once the connection is closed
            await anyio.lowlevel.checkpoint()
        else:
            await websocket.close()  # refused with 403

    return endpoint


async def _send_all(websocket: WebSocket, stream: Stream) -> None:
    if stream.greeting is not None:
        await websocket.send_text(dumps(stream.greeting))
    while (sent := await next_text(stream)) is not None:
        await websocket.send_text(sent[0])
        await anyio.lowlevel.checkpoint()  # notices a closed page
    await websocket.close(1000 if stream.has_ended else 1011)


@asynccontextmanager
async def _closing(stream: Stream) -> AsyncIterator[None]:
    """Close the stream at the end of the block, also when the server cancels the block."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await stream.aclose()


async def _while_there(
    sending: Coroutine[Any, Any, None],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    goodbye: str,
) -> None:
    """Send until the end, or until the page is closed."""

    async def watch() -> None:
        while (await receive())["type"] != goodbye:
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        with suppress(OSError, WebSocketDisconnect):
            await sending
        tasks.cancel_scope.cancel()
