"""Every error of Stepgres; those that SQL raised have its message, hint, detail and SQLSTATE."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Error

    from stepgres.task_graph import TaskGraph
    from stepgres.types import RunResult


class StepgresError(Exception):
    """The base of all errors that Stepgres reports to its caller."""

    sqlstate: ClassVar[str | None] = None

    def __init__(self, message: str, *, hint: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def __str__(self) -> str:
        return self.message


class DefinitionError(StepgresError):
    """A workflow definition breaks a rule; nothing of it was stored."""

    sqlstate = "SG001"


class WorkflowNotFound(StepgresError):
    """No workflow has this slug, or it has no such version."""

    sqlstate = "SG002"


class InvalidInput(StepgresError):
    """The input of a run, or an argument, has the wrong shape."""

    sqlstate = "SG003"


class LeaseLost(StepgresError):
    """The task is no longer leased to this worker; discard the result."""

    sqlstate = "SG004"


class RunNotFound(StepgresError):
    """No run has this id."""

    sqlstate = "SG005"


class WorkerNotFound(StepgresError):
    """No worker is registered under this id."""

    sqlstate = "SG006"


class WorkflowAlreadyExists(StepgresError):
    """Another workflow has this name."""

    sqlstate = "SG007"


class IllegalTransition(StepgresError):
    """A status, or a definition that runs use, was to change in a way that it may not."""

    sqlstate = "SG008"


class RunAlreadyExists(StepgresError):
    """Another run has this id."""

    sqlstate = "SG009"


class InstallationError(StepgresError):
    """Stepgres is not installed here, or cannot be installed, removed or started."""

    sqlstate = "SG010"


class RunAlreadyFinished(StepgresError):
    """The run has ended, and what was asked for can only be done before that."""

    sqlstate = "SG011"


class RunNotPaused(StepgresError):
    """A run that is not paused cannot be resumed."""

    sqlstate = "SG012"


class RunNotFailed(StepgresError):
    """A run that has not failed is not retried."""

    sqlstate = "SG013"


class InvalidFilter(StepgresError):
    """Runs cannot be listed by that status, order or number."""

    sqlstate = "SG014"


class WorkflowInUse(StepgresError):
    """The workflow cannot be deleted while it has runs that have not ended."""

    sqlstate = "SG015"


class InvalidChannel(StepgresError):
    """That cannot be the name of a channel."""

    sqlstate = "SG016"


class PayloadTooLarge(StepgresError):
    """A message or payload is larger than PostgreSQL or Stepgres takes."""

    sqlstate = "SG017"


class DecompositionError(StepgresError):
    """The tasks of a goal break a rule, and were not stored; the message names the task."""

    sqlstate = "SG018"


class TaskGraphNotFound(StepgresError):
    """No task graph has this id."""

    sqlstate = "SG019"


class TaskGraphNotApproved(StepgresError):
    """Only an approved task graph is started; task_graph is what execute_goal has stored."""

    sqlstate = "SG020"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        detail: str | None = None,
        task_graph: TaskGraph | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.task_graph = task_graph


class ChannelNotFound(StepgresError):
    """There is no such channel: nothing was sent to it, or it was deleted."""

    sqlstate = "SG021"


class ChannelInUse(StepgresError):
    """The channel cannot be deleted while open transactions have sent to it, or read from it."""

    sqlstate = "SG022"


class NotPermitted(StepgresError):
    """The caller may call the function, but not for this: another role must do it, or grant it."""

    sqlstate = "SG026"


class VersionMismatch(StepgresError):
    """The client and the schema in the database are of versions that cannot work together."""

    sqlstate = "SG027"


class ConnectionFailed(StepgresError):
    """The server cannot be reached, or refuses the connection."""


class UnreadableValue(StepgresError):
    """A value in the database is nested more deeply, or has a longer number, than Python can read.

    In lists, and in what `get_run` returns, it stands in the place of the value.
    """


class WorkflowFailed(StepgresError):
    """The run ended as failed, because of this error, in this step if it was a step's.

    error_type is the name of the exception that the step raised, traceback where it was raised.
    When this process executed the step, __cause__ is the exception itself.
    """

    def __init__(
        self,
        run_id: UUID,
        step_slug: str | None,
        error: str,
        error_type: str | None = None,
        traceback: str | None = None,
    ) -> None:
        super().__init__(f"run {run_id} failed: {error}")
        # what unpickling calls __init__ with
        self.args = (run_id, step_slug, error, error_type, traceback)
        self.run_id = run_id
        self.step_slug = step_slug
        self.error = error
        self.error_type = error_type
        self.traceback = traceback


class GoalsFailed(StepgresError):
    """Of several goals some failed: their errors by goal, and the results of the others."""

    def __init__(self, results: dict[str, RunResult], failures: dict[str, Exception]) -> None:
        first, error = next(iter(failures.items()))
        super().__init__(
            f'{len(failures)} of {len(results) + len(failures)} goals failed, "{first}": {error}',
            hint="failures has all errors by goal, results what the other goals returned.",
        )
        self.args = (results, failures)
        self.results = results
        self.failures = failures


class WorkflowTimeout(StepgresError):
    """The run did not end within the time that its caller would wait; it goes on."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(
            f"run {run_id} has not ended in time",
            hint="It goes on: wait_for_run waits for it again, cancel_workflow_run ends it.",
        )
        self.args = (run_id,)
        self.run_id = run_id


class NonRetryable(Exception):
    """Raised by a step: the task has failed for good, whatever attempts are left."""


class UnwritableOutput(NonRetryable):
    """A step returned something that cannot be stored as JSON; the message has its place in it."""


class RetryAfter(Exception):
    """Raised by a step: this attempt has failed; the next one starts after so many seconds."""

    def __init__(self, seconds: float, message: str = "") -> None:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"seconds must be 0 or more, not {seconds}")
        super().__init__(seconds, message)
        self.seconds = seconds
        self.message = message

    def __str__(self) -> str:
        return self.message or f"retry after {self.seconds} s"


_BY_SQLSTATE = {cls.sqlstate: cls for cls in StepgresError.__subclasses__() if cls.sqlstate}
# Two errors of PostgreSQL that are about an argument, and what to do about it.
_BAD_ARGUMENTS = {
    "22P02": "Pass a value of that type; strings in JSON without halves of surrogate pairs.",
    "22P05": "PostgreSQL stores any character but NUL: leave it out, or encode it.",
}


def from_postgres(error: Error) -> Exception:
    """The StepgresError that the SQLSTATE of a psycopg error stands for, else the error itself.

    The error is one of a session that sends UTF-8.
    """
    from psycopg import DataError
    from psycopg.pq import DiagnosticField

    def field(code: DiagnosticField) -> str | None:
        # not diag, which decodes as the connection does when the error has ended its transaction
        text = error.pgresult.error_field(code) if error.pgresult is not None else None
        return text.decode("utf-8", "replace") if text is not None else None

    sqlstate = error.sqlstate or ""
    if not sqlstate and isinstance(error, DataError):  # psycopg has refused to send the value
        sqlstate = "22P05"
    cls = InvalidInput if sqlstate in _BAD_ARGUMENTS else _BY_SQLSTATE.get(sqlstate)
    if cls is None:
        return error
    return cls(
        field(DiagnosticField.MESSAGE_PRIMARY) or str(error),
        hint=field(DiagnosticField.MESSAGE_HINT) or _BAD_ARGUMENTS.get(sqlstate),
        detail=field(DiagnosticField.MESSAGE_DETAIL),
    )
