"""The application: a page that starts and shows a run, and the dashboard beside it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

import stepgres
from examples.corpus.workflow import Corpus
from stepgres.web import dashboard, run_events_sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

_HOSTS = ["localhost", "127.0.0.1"]  # what a browser calls this machine
_PAGE = Path(__file__).with_name("page.html")


def make_app(dsn: str, folder: str) -> Starlette:
    """An application on a database with Stepgres; folder is what the page proposes to read.

    It has a worker with it, so that nothing else need be started. With more of them elsewhere the
    page would look the same: it is fed by the database.
    """
    client = stepgres.AsyncClient(dsn)
    worker = stepgres.AsyncWorker(client, [Corpus])
    definition = stepgres.describe(Corpus).document
    steps = [
        {"slug": step["step_slug"], "dependsOn": step.get("depends_on", [])}
        for step in definition["steps"]
    ]
    page = (
        _PAGE.read_text(encoding="utf-8")
        .replace("{{steps}}", _json(steps))
        .replace("{{input}}", _json({"folder": folder, "pattern": "*.py"}))
    )

    async def show(request: Request) -> Response:
        return HTMLResponse(page)

    async def start(request: Request) -> Response:
        # which no form of another page can send
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            return PlainTextResponse("Send the input as application/json", 415)
        try:
            run_id = await client.start_workflow_run("corpus", await request.json())
        except (ValueError, RecursionError, stepgres.InvalidInput) as error:
            return PlainTextResponse(f"That is no input: {error}", 400)
        return JSONResponse({"run_id": str(run_id)})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client, anyio.create_task_group() as tasks:
            await client.register_workflow(definition)  # a page may come before the worker
            tasks.start_soon(worker.run)
            yield
            worker.stop()

    return Starlette(
        routes=[
            Route("/", show),
            Route("/runs", start, methods=["POST"]),
            Route(
                "/runs/{run_id}/events",
                run_events_sse(client, lambda request: str(request.path_params["run_id"])),
            ),
            Mount("/dashboard", dashboard(client)),
        ],
        # a page of somebody else may call this machine by a name of its own
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)],
        lifespan=lifespan,
    )


def _json(value: object) -> str:
    """JSON that can stand in a script of a page."""
    return json.dumps(value).replace("<", "\\u003c")
