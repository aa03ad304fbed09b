"""The process of `stepgres worker`."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from contextlib import ExitStack
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from traceback import StackSummary, TracebackException
from typing import TYPE_CHECKING, Any, NoReturn

from stepgres._client.client import Client
from stepgres._execution.process_pool import process_pool
from stepgres._execution.worker import Worker
from stepgres._goals.goal_task_functions import check_step_functions
from stepgres.cli.errors import Failure
from stepgres.errors import DefinitionError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGE = str(Path(__file__).parent.parent)
_IMPORTERS = ("<frozen importlib", _PACKAGE, str(Path(importlib.__file__).parent))


def run(
    conninfo: str | None,
    workflows: Sequence[str],
    *,
    goals: str | None,
    queues: str,
    resources: Sequence[str],
    processes: int | None,
    listen_dsn: str | None,
    no_listen: bool,
    log_level: str,
    log_format: str,
    traces: bool,
    on_start: str | None,
    on_stop: str | None,
    middleware: Sequence[str],
    **options: Any,
) -> int:
    """Run a worker with the options of the command line until it is stopped."""
    _start_logging(log_level, log_format)
    sys.path.insert(0, "")  # the same as `python -m`
    found = [_find(name, "workflow", "Workflow") for name in workflows]
    if goals is not None:
        options["step_functions"] = _find(goals, "mapping or function", "step_functions")
        check_step_functions(options["step_functions"])
    if on_start is not None:
        options["on_start"] = _find(on_start, "function", "on_start")
    if on_stop is not None:
        options["on_stop"] = _find(on_stop, "function", "on_stop")
    options["middleware"] = [_find(name, "function", "middleware") for name in middleware]
    with ExitStack() as stack:
        options["executor"] = stack.enter_context(process_pool(processes))
        client = stack.enter_context(_client(conninfo, traces=traces))
        return Worker(
            client,
            found,
            [queue.strip() for queue in queues.split(",")],
            resources=dict(_parse_resource(resource) for resource in resources),
            listen=False if no_listen else listen_dsn or True,
            **options,
        ).run()


def _client(conninfo: str | None, *, traces: bool) -> Client:
    try:
        return Client(conninfo, traces=traces)
    except ImportError as missing:
        raise Failure(
            "--traces needs the package opentelemetry-api", 'Run: pip install "stepgres[otel]"'
        ) from missing


def _start_logging(level: str, format: str) -> None:
    handler = logging.StreamHandler()
    if format == "json":
        handler.setFormatter(_json_formatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _json_formatter() -> logging.Formatter:
    try:
        from pythonjsonlogger.json import JsonFormatter
    except ImportError as error:
        raise InvalidInput(
            "--log-format json needs the package python-json-logger",
            hint="pip install 'stepgres[cli]'",
        ) from error
    return JsonFormatter(
        ["levelname", "name", "message"],
        timestamp="time",
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
    )


def leave(code: int) -> NoReturn:
    """Exit without waiting for threads: a step that hangs does not keep its worker alive."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _find(name: str, kind: str, example: str) -> Any:
    module_name, _, attribute = name.partition(":")
    hint = f"Write module:{example}, with a module that can be imported from here."
    try:
        module = import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(
            f"{error.name}."
        ):
            raise DefinitionError(f'there is no {kind} "{name}": {error}', hint=hint) from error
        raise Failure(
            f"module {module_name} cannot be imported: {type(error).__name__}: {error}",
            getattr(error, "hint", None) or "The lines above say where; correct it and try again.",
            traceback=_own_traceback(error),
        ) from error
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        close = get_close_matches(attribute, vars(module), 1)
        raise DefinitionError(
            f'there is no {kind} "{name}": {error}',
            hint=f"Did you mean {module_name}:{close[0]}?" if close else hint,
        ) from error


def _own_traceback(error: BaseException) -> str:
    """Return the traceback of the user's code, without the frames that import this code."""
    lines = TracebackException.from_exception(error)
    link: TracebackException | None = lines
    while link is not None:
        link.stack = StackSummary.from_list(
            [frame for frame in link.stack if not frame.filename.startswith(_IMPORTERS)]
        )
        link = link.__cause__ or link.__context__
    return "".join(lines.format())


def _parse_resource(resource: str) -> tuple[str, Any]:
    name, equals, value = resource.partition("=")
    if not name or not equals:
        raise InvalidInput(f'"{resource}" is not a resource', hint="Write name=value: gpu=true.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # text that is not JSON
