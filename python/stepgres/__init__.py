"""Durable workflows scheduled by PostgreSQL.

Names are loaded when they are first used: importing the package does not import psycopg.
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
    WorkerNotFound,
    WorkflowAlreadyExists,
    WorkflowFailed,
    WorkflowInUse,
    WorkflowNotFound,
    WorkflowTimeout,
)

if TYPE_CHECKING:
    from stepgres._async.client import AsyncClient
    from stepgres._async.composer import AsyncWorkflowComposer
    from stepgres._async.flow_builder import AsyncFlowBuilder
    from stepgres._async.orchestrator import AsyncOrchestrator
    from stepgres._embedded import embedded
    from stepgres._mermaid import to_mermaid
    from stepgres._runner import StepContext
    from stepgres._sync.client import Client
    from stepgres._sync.composer import WorkflowComposer
    from stepgres._sync.flow_builder import FlowBuilder
    from stepgres._sync.orchestrator import Orchestrator
    from stepgres.event_listener import AsyncEventListener, EventListener
    from stepgres.executor import AsyncExecutor, Executor
    from stepgres.installer import install, uninstall, upgrade, version
    from stepgres.listener import AsyncListener, Listener
    from stepgres.llm import LLMDecomposer
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
    from stepgres.worker import AsyncWorker, Worker
    from stepgres.workflow import Workflow, describe, sql_step, step
else:
    _MODULES = {
        "AsyncClient": "_async.client",
        "AsyncEventListener": "event_listener",
        "AsyncExecutor": "executor",
        "AsyncFlowBuilder": "_async.flow_builder",
        "AsyncOrchestrator": "_async.orchestrator",
        "AsyncListener": "listener",
        "AsyncWorker": "worker",
        "AsyncWorkflowComposer": "_async.composer",
        "ChannelInfo": "types",
        "Client": "_sync.client",
        "EventListener": "event_listener",
        "CompositionStats": "types",
        "Executor": "executor",
        "Flow": "types",
        "FlowBuilder": "_sync.flow_builder",
        "LLMDecomposer": "llm",
        "Orchestrator": "_sync.orchestrator",
        "Listener": "listener",
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
        "StepContext": "_runner",
        "StepStatistics": "types",
        "StuckStep": "types",
        "Subscription": "types",
        "TaskGraph": "task_graph",
        "Worker": "worker",
        "WorkerInfo": "types",
        "Workflow": "workflow",
        "WorkflowComposer": "_sync.composer",
        "WorkflowRun": "types",
        "WorkflowVersion": "types",
        "describe": "workflow",
        "embedded": "_embedded",
        "install": "installer",
        "sql_step": "workflow",
        "step": "workflow",
        "to_mermaid": "_mermaid",
        "uninstall": "installer",
        "upgrade": "installer",
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
