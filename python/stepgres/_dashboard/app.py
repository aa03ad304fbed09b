"""The application: routes, rendering, actions by forms, and errors."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

import psycopg
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stepgres._client.client_async import AsyncClient
from stepgres._dashboard import api, forms, render
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.errors import Problem, problem
from stepgres._dashboard.live import Live
from stepgres._dashboard.pages import PAGES
from stepgres._dashboard.security import ROLE, Authorize, Security
from stepgres._dashboard.view import Page, View
from stepgres._version import __version__
from stepgres.errors import ConnectionFailed, InvalidInput, StepgresError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from stepgres._dashboard.actions import Action

_STATIC = Path(__file__).with_name("static")
_FLASH = "stepgres-flash"  # a cookie with the message of the action that led to a page


class Main(NamedTuple):
    """The content of a page, without the frame around it."""

    title: str
    html: str
    etag: str


class Dashboard:
    """The parts that all requests share."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.live = Live(client)
        self._templates = render.environment()
        self._version = hashlib.sha256(
            b"".join(path.read_bytes() for path in sorted(_STATIC.iterdir()))
        ).hexdigest()[:12]

    def routes(self) -> list[Any]:
        """Return all routes."""
        return [
            *(Route(page.path, self._page(page)) for page in PAGES),
            *forms.routes(self),
            *api.routes(self.client, self.live.forget),
            Route("/runs/{run_id}/payload", self._payload),
            Route("/live", self._stream),
            Mount("/static", _Static(directory=_STATIC)),
        ]

    async def _stream(self, request: Request) -> Response:
        return Response() if request.method == "HEAD" else self.live.stream()

    async def _payload(self, request: Request) -> Response:
        """Return a payload of any size as a file of text, which no browser runs."""
        view = View(self.client, request, self.live)
        text = await self.client.get_payload(
            view.run_id(), view.text("kind"), view.text("step"), view.number("task")
        )
        if text is None:
            raise HTTPException(404, "There is no such value")
        disposition = {"Content-Disposition": 'attachment; filename="payload.txt"'}
        return PlainTextResponse(text.encode("utf-8", "replace"), headers=disposition)

    def _page(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            view = View(self.client, request, self.live)

            async def draw() -> Main:
                try:
                    context = await page.read(view)
                except ConnectionFailed:  # the next call opens another connection
                    context = await page.read(view)
                return self.draw(request, page.template, context)

            if not _is_fragment(request):
                return self.framed(request, await draw(), page)
            scope = request.scope
            key = (scope[ROLE], _root(request), scope["path"], scope["query_string"])
            main = await self.live.fragment(key, draw)
            headers = {"ETag": main.etag, "X-Title": quote(main.title)}
            if request.headers.get("if-none-match") == main.etag:
                return Response(status_code=304, headers=headers)
            return HTMLResponse(main.html, headers=headers)

        return show

    def draw(self, request: Request, template: str, context: dict[str, Any]) -> Main:
        """Render the content of a page."""
        html = self._templates.get_template(template).render(**self._common(request), **context)
        digest = hashlib.sha256(html.encode("utf-8", "surrogatepass")).hexdigest()[:20]
        return Main(context["title"], html, f'"{digest}"')

    def framed(
        self, request: Request, main: Main, page: Page | None = None, status: int = 200
    ) -> Response:
        """Return a whole page: the content in its frame."""
        flash = _read_flash(request)
        html = self._templates.get_template("layout.html").render(
            **self._common(request),
            title=main.title,
            main=Markup(main.html),
            etag=main.etag,
            flash=flash,
            links=[p for p in PAGES if p.nav],
            section="" if page is None else page.section or page.path,
            version=__version__,
            static=self._version,
            is_live=page is not None and page.is_live,
        )
        response = HTMLResponse(html.encode("utf-8", "replace"), status)
        if flash is not None:
            response.delete_cookie(_FLASH, path=_root(request) or "/")
        return response

    def _common(self, request: Request) -> dict[str, Any]:
        def url(path: str, query: Any = None, **more: Any) -> str:
            return render.url(request, path, {**(query or {}), **more})

        return {
            "url": url,
            "here": url(request.scope["path"].removeprefix(_root(request)), _query(request)),
            "is_operator": request.scope.get(ROLE) == "operator",
            "actions": ACTIONS,
            "statuses": render.status_word,
            "typed": _typed,
        }

    async def explain(self, request: Request, error: Exception) -> Response:
        """Return an error as a page, as its content, or as JSON."""
        if isinstance(error, HTTPException):
            found = Problem(error.status_code, None, str(error.detail), None, None)
        else:
            found = problem(error)
        path = request.scope["path"].removeprefix(_root(request))
        if path.startswith("/api/"):
            document = found._asdict()
            status = document.pop("status")
            return JSONResponse({"error": document}, status)
        context = {"title": "Not possible", "problem": found}
        main = self.draw(request, "error.html", context)
        if _is_fragment(request):
            return HTMLResponse(main.html.encode("utf-8", "replace"), found.status)
        return self.framed(request, main, status=found.status)


class _Static(StaticFiles):
    """Files whose address changes with their content."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
        return response


def make_app(
    client: AsyncClient, authorize: Authorize | None = None, *, read_only: bool = False
) -> Starlette:
    """Return the application: see stepgres.web.dashboard."""
    if not isinstance(client, AsyncClient):
        raise TypeError(f"web pages are served by an AsyncClient, not {client!r}")
    shared = Dashboard(client)
    app = Starlette(
        routes=shared.routes(),
        middleware=[Middleware(Security, authorize=authorize, read_only=read_only)],
        exception_handlers={
            StepgresError: shared.explain,
            psycopg.Error: shared.explain,
            HTTPException: shared.explain,
        },
    )
    app.state.live = shared.live
    return app


def _typed(action: Action, *given: dict[str, str]) -> dict[str, Any]:
    """Return the arguments that a form begins with, for the SQL and the command beside it."""
    arguments: dict[str, Any] = {}
    for texts in given:
        for name, text in texts.items():
            with suppress(InvalidInput):  # the form says so when it is sent
                arguments |= action.arguments({name: [text]})
    return arguments


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _is_fragment(request: Request) -> bool:
    return request.headers.get("x-fragment") == "1"


def set_flash(response: Response, request: Request, kind: str, text: str) -> None:
    """Let the next page show a message."""
    value = quote(json.dumps([kind, text[:600]]))
    response.set_cookie(
        _FLASH, value, max_age=60, path=_root(request) or "/", httponly=True, samesite="strict"
    )


def _read_flash(request: Request) -> tuple[str, str] | None:
    try:
        kind, text = json.loads(unquote(request.cookies.get(_FLASH, "")))
    except (ValueError, TypeError):  # no cookie, or one that is not ours
        return None
    return ("error" if kind == "error" else "done"), str(text)
