"""Every error of Stepgres; an error from SQL keeps its message, hint, detail and SQLSTATE."""

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
        if hint is not None:  # a traceback shows notes, since Python 3.11
            self.__notes__ = [f"Hint: {hint}"]

    def __str__(self) -> str:
        return self.message


class DefinitionError(StepgresError):
    """A workflow definition breaks a rule; nothing of the definition was stored."""

    sqlstate = "SG001"


class WorkflowNotFound(StepgresError):
    """No workflow has this slug, or the workflow has no such version."""

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
    """The call would change a status, or a definition that runs use, in a forbidden way."""

    sqlstate = "SG008"


class RunAlreadyExists(StepgresError):
    """Another run has this id."""

    sqlstate = "SG009"


class InstallationError(StepgresError):
    """Stepgres is not installed in the database, or cannot be installed, removed or started."""

    sqlstate = "SG010"


class RunAlreadyFinished(StepgresError):
    """The run has ended, and the call needs a run that has not ended."""

    sqlstate = "SG011"


class RunNotPaused(StepgresError):
    """A run that is not paused cannot be resumed."""

    sqlstate = "SG012"


class RunNotFailed(StepgresError):
    """A run that has not failed cannot be retried."""

    sqlstate = "SG013"


class InvalidFilter(StepgresError):
    """The status, order, limit or offset of a list of runs is invalid."""

    sqlstate = "SG014"


class WorkflowInUse(StepgresError):
    """The workflow cannot be deleted while it has runs that have not ended."""

    sqlstate = "SG015"


class InvalidChannel(StepgresError):
    """The name of a channel breaks a rule."""

    sqlstate = "SG016"


class PayloadTooLarge(StepgresError):
    """A message or payload is larger than PostgreSQL or Stepgres allows."""

    sqlstate = "SG017"


class DecompositionError(StepgresError):
    """The goal tasks break a rule, and were not stored; the message names the goal task."""

    sqlstate = "SG018"


class TaskGraphNotFound(StepgresError):
    """No task graph has this id."""

    sqlstate = "SG019"


class TaskGraphNotApproved(StepgresError):
    """The task graph is not approved; task_graph is the task graph that execute_goal stored."""

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
    """No channel has this name: nothing was sent to the channel, or it was deleted."""

    sqlstate = "SG021"


class ChannelInUse(StepgresError):
    """The channel cannot be deleted while open transactions have sent to it, or read from it."""

    sqlstate = "SG022"


class NotPermitted(StepgresError):
    """The role may call the function, but not for this: another role must do it, or grant it."""

    sqlstate = "SG026"


class VersionMismatch(StepgresError):
    """The versions of the client and of the schema in the database cannot work together."""

    sqlstate = "SG027"


class TooManySignals(StepgresError):
    """The run, the key or the database has as many unread signals as it may have."""

    sqlstate = "SG028"


class WaitNotFound(StepgresError):
    """No approval has this wait_id."""

    sqlstate = "SG033"


class WaitAlreadyResolved(StepgresError):
    """The approval is decided already, or its run has ended; the message says what was decided."""

    sqlstate = "SG034"


class ScheduleNotFound(StepgresError):
    """No schedule has this slug."""

    sqlstate = "SG035"


class LimitNotFound(StepgresError):
    """No limit has this slug; create_limit declares one."""

    sqlstate = "SG036"


class LimitReached(StepgresError):
    """A limit has no room for the run, and on_limit of its workflow is "reject"."""

    sqlstate = "SG037"


class AlreadyRunning(StepgresError):
    """An active run of the workflow has the unique_key; run_id is the id of that run."""

    sqlstate = "SG038"

    @property
    def run_id(self) -> UUID | None:
        """The run that has the key."""
        from uuid import UUID

        return UUID(self.detail) if self.detail else None


class PayloadsDeleted(StepgresError):
    """The inputs and outputs of the run were deleted, as the option keep of its workflow says."""

    sqlstate = "SG040"


class ConnectionFailed(StepgresError):
    """The server cannot be reached, or refuses the connection."""


class UnreadableValue(StepgresError):
    """A value in the database is nested more deeply, or has a longer number, than Python can read.

    In lists, and in the result of `get_run`, an UnreadableValue replaces the value.
    """


class WorkflowFailed(StepgresError):
    """The run failed with this error, in this step if a step failed the run.

    error_type is the name of the exception that the step raised. traceback says where the step
    raised the exception. When this process executed the step, __cause__ is the exception itself.
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
        # unpickling calls __init__ with args
        self.args = (run_id, step_slug, error, error_type, traceback)
        self.run_id = run_id
        self.step_slug = step_slug
        self.error = error
        self.error_type = error_type
        self.traceback = traceback


class GoalsFailed(StepgresError):
    """Some of several goals failed; failures and results have the errors and results by goal."""

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
    """The run did not end within the timeout of the caller; the run continues."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(
            f"run {run_id} has not ended in time",
            hint="It goes on: wait_for_run waits for it again, cancel_workflow_run ends it.",
        )
        self.args = (run_id,)
        self.run_id = run_id


class NonRetryable(Exception):
    """A step raises this error to fail its task for good, even if attempts are left."""


class UnwritableOutput(NonRetryable):
    """A step returned a value that JSON cannot store; the message names the part of the value."""


class RetryAfter(Exception):
    """A step raises this error to fail its attempt; the next attempt starts after seconds."""

    def __init__(self, seconds: float, message: str = "") -> None:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"seconds must be 0 or more, not {seconds}")
        super().__init__(seconds, message)
        self.seconds = seconds
        self.message = message

    def __str__(self) -> str:
        return self.message or f"retry after {self.seconds} s"


class Snooze(Exception):
    """A step raises this error to be executed again after seconds. No attempt is counted."""

    def __init__(self, seconds: float) -> None:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"seconds must be 0 or more, not {seconds}")
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"again after {self.seconds} s"


class CallFailed(Exception):
    """A call or a wait in the body of a durable step failed; the body may catch the error.

    name is the name of the operation, error_type the name of the exception, and error its text.
    Every execution of the body gets the same error. In the first one, __cause__ is the exception.
    """

    def __init__(self, name: str, error_type: str, error: str) -> None:
        super().__init__(name, error_type, error)
        self.name = name
        self.error_type = error_type
        self.error = error

    def __str__(self) -> str:
        return f'"{self.name}" failed: {self.error}'


class SignalTimeout(CallFailed):
    """The signal or approval that a durable step waited for has not come within the timeout."""

    def __init__(self, signal: str, kind: str = "signal") -> None:
        super().__init__(signal, "SignalTimeout", f'{kind} "{signal}" has not come in time')
        self.args = (signal, kind)
        self.signal = signal

    def __str__(self) -> str:
        return self.error


class Rejected(CallFailed):
    """The approval that a durable step waited for was rejected; error has the comment."""

    def __init__(self, name: str, error: str) -> None:
        super().__init__(name, "Rejected", error)
        self.args = (name, error)

    def __str__(self) -> str:
        return self.error


class Suspended(BaseException):
    """Ends the body of a durable step in a thread, which waits: the body must let it pass.

    The body runs again, from its beginning, when what it waits for has come.
    """


class TooManyCheckpoints(StepgresError, NonRetryable):
    """A task has 10,000 checkpoints and waits; context.restart begins anew without them."""

    sqlstate = "SG030"


_BY_SQLSTATE = {cls.sqlstate: cls for cls in StepgresError.__subclasses__() if cls.sqlstate}
# Two errors of PostgreSQL about an argument, and the hints for them.
_BAD_ARGUMENTS = {
    "22P02": "Pass a value of that type; strings in JSON without halves of surrogate pairs.",
    "22P05": "PostgreSQL stores any character but NUL: leave it out, or encode it.",
}


def from_postgres(error: Error) -> Exception:
    """Return the StepgresError for the SQLSTATE of a psycopg error, else the error itself.

    The session of the error sends UTF-8.
    """
    from psycopg import DataError
    from psycopg.pq import DiagnosticField

    def field(code: DiagnosticField) -> str | None:
        # not diag: after an error has ended its transaction, diag decodes as the connection does
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
