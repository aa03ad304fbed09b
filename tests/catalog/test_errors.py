"""Errors of the server become exceptions by their SQLSTATE."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import pytest

from stepgres import errors

if TYPE_CHECKING:
    from tests.conftest import Database

RUN_ID = UUID(int=1)


def test_error_keeps_message_hint_detail_and_sqlstate(db: Database) -> None:
    with db.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(
            "do $$ begin raise exception 'no run x' "
            "using errcode = 'SG005', hint = 'look', detail = 'more'; end $$"
        )
    error = errors.from_postgres(raised.value)
    assert isinstance(error, errors.RunNotFound)
    assert (str(error), error.hint, error.detail) == ("no run x", "look", "more")
    assert error.sqlstate == "SG005"


def test_other_errors_stay_what_they_are(db: Database) -> None:
    with db.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("select 1 / 0")
    assert errors.from_postgres(raised.value) is raised.value


@pytest.mark.parametrize(
    "error",
    [
        errors.RunNotFound("no run x", hint="look"),
        errors.WorkflowFailed(RUN_ID, "fetch", "ValueError: no"),
        errors.WorkflowTimeout(RUN_ID),
        errors.RetryAfter(5, "busy"),
        errors.Snooze(5),
        errors.AlreadyRunning("run x is active", detail=str(RUN_ID)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_can_cross_processes(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
