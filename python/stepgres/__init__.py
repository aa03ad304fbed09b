"""Durable workflows scheduled by PostgreSQL.

Names are loaded when they are first used: importing the package does not import psycopg.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stepgres import errors
from stepgres._version import __version__
from stepgres.errors import (
    ConnectionFailed,
    DefinitionError,
    IllegalTransition,
    InstallationError,
    InvalidInput,
    LeaseLost,
    NonRetryable,
    RetryAfter,
    RunAlreadyExists,
    RunNotFound,
    StepgresError,
    UnreadableValue,
    WorkerNotFound,
    WorkflowAlreadyExists,
    WorkflowFailed,
    WorkflowNotFound,
    WorkflowTimeout,
)

if TYPE_CHECKING:
    from stepgres._async.client import AsyncClient
    from stepgres._embedded import embedded
    from stepgres._runner import StepContext
    from stepgres._sync.client import Client
    from stepgres.executor import AsyncExecutor, Executor
    from stepgres.installer import install, uninstall, version
    from stepgres.types import RunResult, RunStatus
    from stepgres.worker import AsyncWorker, Worker
    from stepgres.workflow import Workflow, describe, sql_step, step
else:
    _MODULES = {
        "AsyncClient": "_async.client",
        "AsyncExecutor": "executor",
        "AsyncWorker": "worker",
        "Client": "_sync.client",
        "Executor": "executor",
        "RunResult": "types",
        "RunStatus": "types",
        "StepContext": "_runner",
        "Worker": "worker",
        "Workflow": "workflow",
        "describe": "workflow",
        "embedded": "_embedded",
        "install": "installer",
        "sql_step": "workflow",
        "step": "workflow",
        "uninstall": "installer",
        "version": "installer",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value  # the next use does not come here
        return value

    def __dir__():
        return sorted({*globals(), *_MODULES})


__all__ = [
    "AsyncClient",
    "AsyncExecutor",
    "AsyncWorker",
    "Client",
    "ConnectionFailed",
    "DefinitionError",
    "Executor",
    "IllegalTransition",
    "InstallationError",
    "InvalidInput",
    "LeaseLost",
    "NonRetryable",
    "RetryAfter",
    "RunAlreadyExists",
    "RunNotFound",
    "RunResult",
    "RunStatus",
    "StepContext",
    "StepgresError",
    "UnreadableValue",
    "Worker",
    "WorkerNotFound",
    "Workflow",
    "WorkflowAlreadyExists",
    "WorkflowFailed",
    "WorkflowNotFound",
    "WorkflowTimeout",
    "__version__",
    "describe",
    "embedded",
    "errors",
    "install",
    "sql_step",
    "step",
    "uninstall",
    "version",
]
