"""Actions by forms: a form that is sent acts, and leads to a page that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import psycopg
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from stepgres._dashboard import render
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.api import require_operator
from stepgres._dashboard.errors import problem
from stepgres._dashboard.pages import approvals
from stepgres._dashboard.pages.bulk import act_on_all
from stepgres._dashboard.values import parameters
from stepgres._dashboard.view import View
from stepgres.errors import InvalidInput, StepgresError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from stepgres._dashboard.actions import Action
    from stepgres._dashboard.app import Dashboard

_MOST_BYTES = 4_000_000  # of a form
_MOST_FIELDS = 2_000


def routes(dashboard: Dashboard) -> list[Route]:
    """Return the routes of forms."""

    async def show(request: Request) -> Response:
        """Show the form of an action on a page of its own."""
        action = _action(request)
        given = {name: request.query_params.getlist(name) for name in request.query_params}
        return _form(dashboard, request, action, given)

    async def act(request: Request) -> Response:
        require_operator(request)
        action = _action(request)
        given = await read_form(request)
        back = given.pop("back", [""])[0]
        given = {name: texts for name, texts in given.items() if name in parameters(action.method)}
        try:
            result = await action.run(dashboard.client, action.arguments(given))
        except (StepgresError, psycopg.Error) as error:
            return _form(dashboard, request, action, given, error, back)
        dashboard.live.forget()
        to = back
        if action.then:
            to = render.url(request, action.then.format(result=result))
        return done(request, to, action.done)

    async def act_on_many(request: Request) -> Response:
        require_operator(request)
        action = _action(request)
        given = await read_form(request)
        back = given.pop("back", [""])[0]
        text, is_over = await act_on_all(dashboard.client, action, given)
        dashboard.live.forget()
        # while there are more runs, the preview shows them and can be confirmed again
        query = {name: texts for name, texts in given.items() if name != "run_id"}
        more = render.url(request, f"/runs/bulk/{action.method}", query)
        return done(request, back if is_over else more, text)

    async def decide(request: Request) -> Response:
        require_operator(request)
        given = await read_form(request)
        view = View(dashboard.client, request, dashboard.live)
        try:
            approval = await approvals.decide(view, given)
        except (StepgresError, psycopg.Error) as error:
            refused = problem(error)
            context = await approvals.show_approval(view, given, refused)
            main = dashboard.draw(request, "approval.html", context)
            return dashboard.framed(request, main, status=refused.status)
        dashboard.live.forget()
        query = {"run_id": approval.run_id}
        to = render.url(request, f"/approvals/{approval.wait_id}", query)
        return done(request, to, approvals.said_of(approval))

    return [
        Route("/approvals/{wait_id}", decide, methods=["POST"]),
        Route("/actions/{method}", show, methods=["GET"]),
        Route("/actions/{method}", act, methods=["POST"]),
        Route("/runs/bulk/{method}", act_on_many, methods=["POST"]),
    ]


def _action(request: Request) -> Action:
    action = ACTIONS.get(request.path_params["method"])
    if action is None or action.is_bulk != ("/runs/bulk/" in request.scope["path"]):
        raise HTTPException(404, "There is no such action")
    return action


async def read_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form that is sent as application/x-www-form-urlencoded."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send the form as application/x-www-form-urlencoded")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, "The form is too large")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidInput(f"the form cannot be read: {error}") from error
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text.replace("\r\n", "\n"))
    return given


def done(request: Request, to: str, text: str) -> Response:
    """Lead to a page of the dashboard that says what was done."""
    from stepgres._dashboard.app import set_flash

    response = RedirectResponse(to if _is_ours(request, to) else render.url(request, "/"), 303)
    set_flash(response, request, "done", text)
    return response


def _is_ours(request: Request, to: str) -> bool:
    parts = urlsplit(to)
    is_path = not parts.scheme and not parts.netloc and not to.startswith("//") and "\\" not in to
    return is_path and to.startswith(render.url(request, "/"))


def _form(
    dashboard: Dashboard,
    request: Request,
    action: Action,
    given: dict[str, list[str]],
    error: Exception | None = None,
    back: str = "",
) -> Response:
    found = None if error is None else problem(error)
    known = parameters(action.method)
    asked = {field.name for field in action.fields}
    context: dict[str, Any] = {
        "title": action.title,
        "action": action,
        "problem": found,
        "given": {name: ", ".join(texts) for name, texts in given.items() if name in known},
        "fixed": {
            name: texts[-1] for name, texts in given.items() if name in known and name not in asked
        },
        "back": back if _is_ours(request, back) else "",
    }
    main = dashboard.draw(request, "action.html", context)
    return dashboard.framed(request, main, status=200 if found is None else found.status)
