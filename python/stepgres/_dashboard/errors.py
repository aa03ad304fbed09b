"""What an error means to a browser: a status, a message and a hint."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from stepgres import errors

_STATUSES: dict[type[errors.StepgresError], int] = {
    errors.RunNotFound: 404,
    errors.WorkflowNotFound: 404,
    errors.ScheduleNotFound: 404,
    errors.LimitNotFound: 404,
    errors.WorkerNotFound: 404,
    errors.WaitNotFound: 404,
    errors.TaskGraphNotFound: 404,
    errors.NotPermitted: 403,
    errors.InvalidInput: 400,
    errors.InvalidFilter: 400,
    errors.PayloadTooLarge: 413,
    errors.ConnectionFailed: 503,
    errors.InstallationError: 503,
    errors.VersionMismatch: 503,
}


class Problem(NamedTuple):
    """An error as pages and the API show it. code is the SQLSTATE, such as SG005."""

    status: int
    code: str | None
    message: str
    hint: str | None
    detail: str | None


def problem(error: Exception) -> Problem:
    """Describe an error of Stepgres or of the database."""
    if isinstance(error, errors.StepgresError):
        status = _STATUSES.get(type(error), 409)
        return Problem(status, error.sqlstate, error.message, error.hint, error.detail)
    if isinstance(error, psycopg.Error):
        diag = error.diag
        message = diag.message_primary or str(error).strip() or type(error).__name__
        status = 500
        if isinstance(error, (InsufficientPrivilege, ReadOnlySqlTransaction)):
            status = 403
        elif isinstance(error, psycopg.OperationalError):
            status = 503
        return Problem(status, error.sqlstate, message, diag.message_hint, diag.message_detail)
    raise error
