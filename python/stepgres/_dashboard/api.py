"""The JSON API: a route for each function that reads, and for each action."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

import stepgres.types
from stepgres._client.client_async import AsyncClient
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.security import ROLE
from stepgres._dashboard.values import parameters, schema_of
from stepgres._postgres.jsonable import jsonable
from stepgres._version import __version__
from stepgres.errors import InvalidInput, NotPermitted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

# The methods that only read. Each is GET /api/NAME, with its arguments in the query.
READS = [
    "count_runs",
    "critical_path",
    "get_composition_stats",
    "get_flow",
    "get_payload",
    "get_run",
    "get_run_status",
    "get_run_tree",
    "get_schedule",
    "get_search_end",
    "get_task_graph",
    "list_approvals",
    "list_channels",
    "list_checkpoints",
    "list_flows",
    "list_goal_events",
    "list_limit_keys",
    "list_limits",
    "list_logs",
    "list_metrics",
    "list_queues",
    "list_run_events",
    "list_schedules",
    "list_signals",
    "list_step_times",
    "list_task_graphs",
    "list_throughput",
    "list_waits",
    "list_workers",
    "list_workflow_runs",
    "list_workflow_versions",
    "message_history",
    "preview_schedule",
    "recommend",
    "step_statistics",
    "version",
    "why_stuck",
]


def routes(client: AsyncClient, acted: Callable[[], None]) -> list[Route]:
    """Return the routes under /api. acted is called after each action."""

    def reader(method: str) -> Callable[[Request], Awaitable[Response]]:
        async def read(request: Request) -> Response:
            known = parameters(method)
            given = {}
            for name in request.query_params:
                if name not in known:
                    raise InvalidInput(
                        f"{method} has no argument {name[:100]}",
                        hint=f"It has {', '.join(known) or 'no arguments'}.",
                    )
                given[name] = known[name].from_texts(request.query_params.getlist(name))
            return _answer(await getattr(client, method)(**_complete(method, given)))

        return read

    def actor(method: str) -> Callable[[Request], Awaitable[Response]]:
        async def act(request: Request) -> Response:
            require_operator(request)
            # which no form of another page can send
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                return PlainTextResponse("Send the arguments as application/json", 415)
            try:
                document = await request.json()
            except (ValueError, RecursionError) as error:
                raise InvalidInput(f"the body is not JSON: {error}") from error
            action = ACTIONS[method]
            result = await action.run(client, action.arguments_of_json(document))
            acted()
            return _answer(result)

        return act

    async def describe(request: Request) -> Response:
        return JSONResponse(openapi(request.scope.get("root_path", "")))

    return [
        Route("/api/openapi.json", describe),
        *(Route(f"/api/{method}", reader(method)) for method in READS),
        *(Route(f"/api/{method}", actor(method), methods=["POST"]) for method in ACTIONS),
    ]


def require_operator(request: Request) -> None:
    """Raise NotPermitted unless the person may act."""
    if request.scope[ROLE] != "operator":
        raise NotPermitted(
            "you may look, and not act", hint="The role viewer, and --read-only, change nothing."
        )


def _complete(method: str, given: dict[str, Any]) -> dict[str, Any]:
    for name, parameter in parameters(method).items():
        if parameter.is_needed and given.get(name) is None:
            raise InvalidInput(f"{method} needs {name}", hint=f"Add ?{name}=... to the address.")
    return given


def _answer(value: Any) -> Response:
    if hasattr(value, "document") and not isinstance(value, dict):
        value = value.document
    return JSONResponse({"result": jsonable(value)})


def openapi(root_path: str) -> dict[str, Any]:
    """Return the OpenAPI document of the API, made from the signatures of the client."""
    paths: dict[str, Any] = {}
    for method in READS:
        found = _operation(method)
        found["parameters"] = [
            {
                "name": name,
                "in": "query",
                "required": parameter.is_needed,
                "schema": _schema(parameter),
            }
            for name, parameter in parameters(method).items()
        ]
        paths[f"/api/{method}"] = {"get": found}
    for method in ACTIONS:
        found = _operation(method)
        known = parameters(method)
        found["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {name: _schema(known[name]) for name in known},
                        "required": [name for name in known if known[name].is_needed],
                        "additionalProperties": False,
                    }
                }
            },
        }
        paths[f"/api/{method}"] = {"post": found}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stepgres",
            "version": __version__,
            "description": "Each path calls the SQL function of its name. The reference of the "
            "functions says more.",
        },
        "servers": [{"url": root_path or "/"}],
        "paths": paths,
        "components": {"schemas": {"error": _ERROR, **_types()}},
    }


_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": ["string", "null"], "description": "the SQLSTATE, such as SG005"},
                "message": {"type": "string"},
                "hint": {"type": ["string", "null"]},
                "detail": {"type": ["string", "null"]},
            },
            "required": ["code", "message", "hint", "detail"],
        }
    },
    "required": ["error"],
}


def _operation(method: str) -> dict[str, Any]:
    function = getattr(AsyncClient, method)
    summary, _, description = (inspect.getdoc(function) or "").partition("\n\n")
    result = _result(str(inspect.signature(function).return_annotation))
    return {
        "operationId": method,
        "summary": summary,
        "description": description,
        "responses": {
            "200": {
                "description": "the result",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"result": result},
                            "required": ["result"],
                        }
                    }
                },
            },
            "default": {
                "description": "an error",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}},
            },
        },
    }


def _schema(parameter: Any) -> dict[str, Any]:
    schema = schema_of(parameter.kind)
    return {"type": "array", "items": schema} if parameter.is_list else schema


def _result(annotation: str) -> dict[str, Any]:
    if annotation.startswith("list["):
        return {"type": "array", "items": _result(annotation[5:-1])}
    if annotation in _named_types():
        return {"$ref": f"#/components/schemas/{annotation}"}
    return schema_of(annotation)


def _named_types() -> dict[str, type]:
    return {
        name: kind
        for name, kind in vars(stepgres.types).items()
        if isinstance(kind, type) and (hasattr(kind, "_fields") or is_dataclass(kind))
    }


def _types() -> dict[str, Any]:
    found = {}
    for name, kind in _named_types().items():
        fields = {
            field: getattr(annotation, "__forward_arg__", annotation)
            for base in reversed(kind.__mro__)
            for field, annotation in vars(base).get("__annotations__", {}).items()
            if not field.startswith("_")
        }
        found[name] = {
            "type": "object",
            "description": inspect.getdoc(kind) or "",
            "properties": {field: _result(text) for field, text in fields.items()},
        }
    return found
