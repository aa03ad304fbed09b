"""Print errors as a line, a hint and an exit code. Only a bug prints its traceback."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from stepgres import errors
from stepgres.cli.output import printable

if TYPE_CHECKING:
    from stepgres.errors import StepgresError

FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_NOW = 4
DATABASE = 5
OUTPUT = 6
INTERRUPTED = 130  # the exit code of shells for SIGINT

_EXIT_CODES: dict[type[StepgresError], int] = {
    errors.WorkflowFailed: FAILED,
    errors.DefinitionError: USAGE,
    errors.InvalidFilter: USAGE,
    errors.InvalidInput: USAGE,
    errors.RunNotFound: NOT_FOUND,
    errors.ScheduleNotFound: NOT_FOUND,
    errors.LimitNotFound: NOT_FOUND,
    errors.WorkerNotFound: NOT_FOUND,
    errors.WorkflowNotFound: NOT_FOUND,
    errors.AlreadyRunning: NOT_NOW,
    errors.RunAlreadyExists: NOT_NOW,
    errors.RunAlreadyFinished: NOT_NOW,
    errors.LimitReached: NOT_NOW,
    errors.PayloadsDeleted: NOT_NOW,
    errors.RunNotFailed: NOT_NOW,
    errors.RunNotPaused: NOT_NOW,
    errors.WorkflowInUse: NOT_NOW,
    errors.PayloadTooLarge: USAGE,
    errors.TooManySignals: NOT_NOW,
    errors.WaitNotFound: NOT_FOUND,
    errors.WaitAlreadyResolved: NOT_NOW,
    errors.DecompositionError: USAGE,
    errors.TaskGraphNotFound: NOT_FOUND,
    errors.IllegalTransition: NOT_NOW,
    errors.TaskGraphNotApproved: NOT_NOW,
}


class Failure(Exception):
    """The failure of a command: a traceback of the user's code, a message, a hint, an exit code."""

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        exit_code: int = FAILED,
        traceback: str | None = None,
    ) -> None:
        super().__init__(message)
        self.traceback = traceback
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def show(self) -> None:
        for line in (self.traceback or "").splitlines():
            click.echo(printable(line), err=True)
        click.echo(f"Error: {printable(self.message)}", err=True)
        if self.hint:
            click.echo(f"Hint: {printable(self.hint)}", err=True)


def explain(error: Exception) -> Failure | None:
    """Return the failure for an error, or None for a bug or an error of click."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, errors.StepgresError):
        message = f"{error} ({error.detail})" if error.detail else str(error)
        return Failure(message, error.hint, _EXIT_CODES.get(type(error), DATABASE))
    if isinstance(error, OSError):  # of a file, since psycopg raises its own network errors
        reason = error.strerror or str(error)
        return Failure(f"the output cannot be written: {reason}", exit_code=OUTPUT)
    psycopg = sys.modules.get("psycopg")  # without an import, psycopg raised no error
    if psycopg is not None and isinstance(error, psycopg.Error):
        message = error.diag.message_primary or str(error).strip()
        return Failure(message, error.diag.message_hint, DATABASE)
    return None


class Commands(click.Group):
    """A group of commands that print a line and a hint, and set an exit code, when they fail."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)  # behind the ^C
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            failure = explain(error)
            if failure is None:
                raise
            if failure.exit_code == OUTPUT:
                _give_up_output()
            with suppress(OSError):  # standard error may be closed
                if not isinstance(error, BrokenPipeError):  # `| head` ends with this error
                    failure.show()
            raise click.exceptions.Exit(failure.exit_code) from error


def _give_up_output() -> None:
    """Discard the rest of the buffer, since Python would try to write it again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
