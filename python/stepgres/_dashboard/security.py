"""What every request passes first: its origin, its role; and the headers of every response."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Role: TypeAlias = Literal["viewer", "operator"]
Authorize: TypeAlias = Callable[[Request], "Role | Awaitable[Role | None] | None"]

ROLE = "stepgres.role"  # where the scope of a request has its role

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Security:
    """Refuses requests of other sites and of people without a role."""

    def __init__(self, app: ASGIApp, authorize: Authorize | None, *, read_only: bool) -> None:
        self._app = app
        self._authorize = authorize
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope, receive)
        if is_foreign(request):
            refusal = PlainTextResponse("Requests of other sites are refused", 403)
            await refusal(scope, receive, send_with_headers)
            return
        role = await self._role(request)
        if role is None:
            await PlainTextResponse("Forbidden", 403)(scope, receive, send_with_headers)
            return
        scope[ROLE] = role
        await self._app(scope, receive, send_with_headers)

    async def _role(self, request: Request) -> Role | None:
        role: object = "operator"
        if self._authorize is not None:
            role = self._authorize(request)
            if inspect.isawaitable(role):
                role = await role
        if role is None:
            return None
        if role not in {"viewer", "operator"}:  # such as True
            raise TypeError(f'authorize returns "viewer", "operator" or None, not {role!r}')
        return "viewer" if self._read_only or role == "viewer" else "operator"


def is_foreign(request: Request) -> bool:
    """Return whether another site has made the browser send a request.

    A link of another site may open a page, which shows that site nothing. All else must come from
    the dashboard itself, from the address bar, or from a program that is no browser.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_link = (
            request.method in {"GET", "HEAD"}
            and request.headers.get("sec-fetch-mode") == "navigate"
            and request.headers.get("sec-fetch-dest") == "document"
        )
        return site not in {"same-origin", "none"} and not is_link
    # Browsers leave Sec-Fetch-Site out on plain http; then Origin has to be the host.
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
