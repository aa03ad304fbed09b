"""The dashboard of one person on one machine: a token in the address, and no other name of it."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import uvicorn
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from stepgres._client.client_async import AsyncClient
from stepgres._dashboard.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from stepgres._dashboard.live import Live

_LOCAL = {"localhost", "127.0.0.1", "[::1]"}


def serve(
    conninfo: str | None, host: str, port: int, *, read_only: bool, say: Callable[[str], Any]
) -> None:
    """Serve the dashboard until a signal, and say its address."""
    asyncio.run(_serve(conninfo, host, port, read_only=read_only, say=say))


async def _serve(
    conninfo: str | None, host: str, port: int, *, read_only: bool, say: Callable[[str], Any]
) -> None:
    async with AsyncClient(conninfo) as client:
        await client.version()  # an error comes now, and not on the first page
        token = secrets.token_urlsafe(32)
        app = make_app(client, read_only=read_only)
        config = uvicorn.Config(
            OnePerson(app, token, host),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(
            config, lambda address: say(f"http://{address}/?token={token}"), app.state.live
        )
        await server.serve()


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, say_address: Callable[[str], Any], live: Live
    ) -> None:
        super().__init__(config)
        self._say_address = say_address
        self._live = live

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._say_address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def shutdown(self, sockets: Any = None) -> None:
        self._live.close()
        await super().shutdown(sockets)


class OnePerson:
    """Lets in who has the token: in the address once, then in a cookie, or as a bearer token."""

    def __init__(self, app: ASGIApp, token: str, host: str) -> None:
        self._app = app
        self._token = token
        self._hosts = _LOCAL | {f"[{host}]" if ":" in host else host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        # A page of somebody else may call this machine by a name of its own. An address for all
        # interfaces, such as 0.0.0.0, is no name: then any name is taken.
        name, port = _split(Headers(scope=scope).get("host", ""))
        is_known = name in self._hosts or not self._hosts.isdisjoint({"0.0.0.0", "[::]"})
        if not is_known:
            await PlainTextResponse("Unknown host", 400)(scope, receive, send)
            return
        # cookies do not know ports: each port has a cookie
        cookie = f"stepgres-token-{port or 80}"
        given = request.query_params.get("token")
        if given is not None and self._is_token(given) and request.method == "GET":
            query = [item for item in request.query_params.multi_items() if item[0] != "token"]
            target = "/" + request.url.path.lstrip("/") + (f"?{urlencode(query)}" if query else "")
            response = RedirectResponse(target, 303, headers={"Referrer-Policy": "no-referrer"})
            response.set_cookie(cookie, self._token, httponly=True, samesite="strict", path="/")
            await response(scope, receive, send)
            return
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._is_token(request.cookies.get(cookie, "")) or self._is_token(bearer):
            await self._app(scope, receive, send)
            return
        text = "Open the address that stepgres dashboard has printed: it has a token."
        await PlainTextResponse(text, 401)(scope, receive, send)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode())


def _split(host: str) -> tuple[str, str]:
    """Return the name and the port of a Host header."""
    if host.startswith("["):
        name, _, port = host.partition("]")
        return f"{name}]".lower(), port.removeprefix(":")
    name, _, port = host.partition(":")
    return name.lower(), port
