"""Durable workflows scheduled by PostgreSQL.

The package loads a name at its first use: importing the package does not import psycopg.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stepgres import errors
from stepgres._version import __version__
from stepgres.errors import (
    ChannelInUse,
    ChannelNotFound,
    ConnectionFailed,
    DecompositionError,
    DefinitionError,
    GoalsFailed,
    IllegalTransition,
    InstallationError,
    InvalidChannel,
    InvalidFilter,
    InvalidInput,
    LeaseLost,
    NonRetryable,
    NotPermitted,
    PayloadTooLarge,
    RetryAfter,
    RunAlreadyExists,
    RunAlreadyFinished,
    RunNotFailed,
    RunNotFound,
    RunNotPaused,
    StepgresError,
    TaskGraphNotApproved,
    TaskGraphNotFound,
    UnreadableValue,
    VersionMismatch,
    WorkerNotFound,
    WorkflowAlreadyExists,
    WorkflowFailed,
    WorkflowInUse,
    WorkflowNotFound,
    WorkflowTimeout,
)

if TYPE_CHECKING:
    from stepgres._client.client import Client
    from stepgres._client.client_async import AsyncClient
    from stepgres._client.flow_builder import FlowBuilder
    from stepgres._client.flow_builder_async import AsyncFlowBuilder
    from stepgres._execution.executor import Executor
    from stepgres._execution.executor_async import AsyncExecutor
    from stepgres._execution.runner import StepContext
    from stepgres._execution.worker import AsyncWorker, Worker
    from stepgres._goals.composer import WorkflowComposer
    from stepgres._goals.composer_async import AsyncWorkflowComposer
    from stepgres._goals.llm import LLMDecomposer
    from stepgres._goals.orchestrator import Orchestrator
    from stepgres._goals.orchestrator_async import AsyncOrchestrator
    from stepgres._listening.event_listeners import AsyncEventListener, EventListener
    from stepgres._listening.listeners import AsyncListener, Listener
    from stepgres._mermaid import to_mermaid
    from stepgres._server.embedded import embedded
    from stepgres._server.installer import install, uninstall, upgrade, version
    from stepgres.task_graph import TaskGraph
    from stepgres.types import (
        ChannelInfo,
        CompositionStats,
        Flow,
        Message,
        NewEvent,
        NewMessage,
        Notification,
        QueueInfo,
        Recommendation,
        RunCount,
        RunDetails,
        RunEvent,
        RunResult,
        RunStatus,
        RunStep,
        Step,
        StepStatistics,
        StuckStep,
        Subscription,
        WorkerInfo,
        WorkflowRun,
        WorkflowVersion,
    )
    from stepgres.workflow import Workflow, describe, sql_step, step
else:
    _MODULES = {
        "AsyncClient": "_client.client_async",
        "AsyncEventListener": "_listening.event_listeners",
        "AsyncExecutor": "_execution.executor_async",
        "AsyncFlowBuilder": "_client.flow_builder_async",
        "AsyncOrchestrator": "_goals.orchestrator_async",
        "AsyncListener": "_listening.listeners",
        "AsyncWorker": "_execution.worker",
        "AsyncWorkflowComposer": "_goals.composer_async",
        "ChannelInfo": "types",
        "Client": "_client.client",
        "EventListener": "_listening.event_listeners",
        "CompositionStats": "types",
        "Executor": "_execution.executor",
        "Flow": "types",
        "FlowBuilder": "_client.flow_builder",
        "LLMDecomposer": "_goals.llm",
        "Orchestrator": "_goals.orchestrator",
        "Listener": "_listening.listeners",
        "Message": "types",
        "NewEvent": "types",
        "NewMessage": "types",
        "Notification": "types",
        "QueueInfo": "types",
        "Recommendation": "types",
        "RunCount": "types",
        "RunDetails": "types",
        "RunEvent": "types",
        "RunResult": "types",
        "RunStatus": "types",
        "RunStep": "types",
        "Step": "types",
        "StepContext": "_execution.runner",
        "StepStatistics": "types",
        "StuckStep": "types",
        "Subscription": "types",
        "TaskGraph": "task_graph",
        "Worker": "_execution.worker",
        "WorkerInfo": "types",
        "Workflow": "workflow",
        "WorkflowComposer": "_goals.composer",
        "WorkflowRun": "types",
        "WorkflowVersion": "types",
        "describe": "workflow",
        "embedded": "_server.embedded",
        "install": "_server.installer",
        "sql_step": "workflow",
        "step": "workflow",
        "to_mermaid": "_mermaid",
        "uninstall": "_server.installer",
        "upgrade": "_server.installer",
        "version": "_server.installer",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value  # the next use does not call __getattr__
        return value

    def __dir__():
        return sorted({*globals(), *_MODULES})


__all__ = [
    "AsyncClient",
    "AsyncEventListener",
    "AsyncExecutor",
    "AsyncFlowBuilder",
    "AsyncListener",
    "AsyncOrchestrator",
    "AsyncWorker",
    "AsyncWorkflowComposer",
    "ChannelInUse",
    "ChannelInfo",
    "ChannelNotFound",
    "Client",
    "CompositionStats",
    "ConnectionFailed",
    "DecompositionError",
    "DefinitionError",
    "EventListener",
    "Executor",
    "Flow",
    "FlowBuilder",
    "GoalsFailed",
    "IllegalTransition",
    "InstallationError",
    "InvalidChannel",
    "InvalidFilter",
    "InvalidInput",
    "LLMDecomposer",
    "LeaseLost",
    "Listener",
    "Message",
    "NewEvent",
    "NewMessage",
    "NonRetryable",
    "NotPermitted",
    "Notification",
    "Orchestrator",
    "PayloadTooLarge",
    "QueueInfo",
    "Recommendation",
    "RetryAfter",
    "RunAlreadyExists",
    "RunAlreadyFinished",
    "RunCount",
    "RunDetails",
    "RunEvent",
    "RunNotFailed",
    "RunNotFound",
    "RunNotPaused",
    "RunResult",
    "RunStatus",
    "RunStep",
    "Step",
    "StepContext",
    "StepStatistics",
    "StepgresError",
    "StuckStep",
    "Subscription",
    "TaskGraph",
    "TaskGraphNotApproved",
    "TaskGraphNotFound",
    "UnreadableValue",
    "VersionMismatch",
    "Worker",
    "WorkerInfo",
    "WorkerNotFound",
    "Workflow",
    "WorkflowAlreadyExists",
    "WorkflowComposer",
    "WorkflowFailed",
    "WorkflowInUse",
    "WorkflowNotFound",
    "WorkflowRun",
    "WorkflowTimeout",
    "WorkflowVersion",
    "__version__",
    "describe",
    "embedded",
    "errors",
    "install",
    "sql_step",
    "step",
    "to_mermaid",
    "uninstall",
    "upgrade",
    "version",
]
