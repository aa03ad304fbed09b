"""The process of `stepgres worker`."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from stepgres._process_pool import ProcessPool
from stepgres._sync.client import Client
from stepgres._task_functions import check_step_functions
from stepgres.errors import DefinitionError, InvalidInput
from stepgres.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    **options: Any,
) -> int:
    """Run a worker with the options of the command line until it is stopped."""
    _start_logging(log_level, log_format)
    sys.path.insert(0, "")  # as `python -m` does
    found = [_find(name, "workflow", "Workflow") for name in workflows]
    if goals is not None:
        options["step_functions"] = _find(goals, "mapping or function", "step_functions")
        check_step_functions(options["step_functions"])
    with ExitStack() as stack:
        if processes:
            pool = options["executor"] = ProcessPool(processes)
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        client = stack.enter_context(Client(conninfo))
        return Worker(
            client,
            found,
            [queue.strip() for queue in queues.split(",")],
            resources=dict(_parse_resource(resource) for resource in resources),
            listen=False if no_listen else listen_dsn or True,
            **options,
        ).run()


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
    module, _, attribute = name.partition(":")
    try:
        found = import_module(module)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError) as error:
        raise DefinitionError(
            f'there is no {kind} "{name}": {error}',
            hint=f"Write module:{example}, with a module that can be imported from here.",
        ) from error


def _parse_resource(resource: str) -> tuple[str, Any]:
    name, equals, value = resource.partition("=")
    if not name or not equals:
        raise InvalidInput(f'"{resource}" is not a resource', hint="Write name=value: gpu=true.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value  # a word
