"""The SQL and the command beside a form do the same as the form."""

from __future__ import annotations

import shlex
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from stepgres._dashboard.action_table import ACTIONS, OF_ONE
from stepgres._dashboard.values import parameters
from stepgres.cli import main
from tests.conftest import Database
from tests.support.engine import Engine, step

HOSTILE = """it's "over"; drop table x; -- $(rm) `ls` \\ %s {x}\nnext"""


@pytest.fixture
def run_id(engine: Engine) -> UUID:
    engine.define("order", step("a", max_attempts=1), step("b", "a"), step("c", start_delay=60))
    run_id: UUID = engine.start("order", {"x": 1}, tags=["eu"])
    return run_id


CASES: list[tuple[str, dict[str, str]]] = [
    ("cancel_workflow_run", {"reason": HOSTILE, "force": "true"}),
    ("pause_workflow_run", {}),
    ("wake_workflow_run", {}),
    ("send_signal", {"signal": "paid", "payload": '{"text": "it\'s"}'}),
    ("send_signal", {"signal": "paid", "payload": '"text"'}),
    ("send_signal", {"signal": "paid"}),
    ("fork_run", {"from_steps": "a", "input": '{"y": "it\'s"}', "keep_checkpoints": "true"}),
    ("cancel_runs", {"status": "started", "tags": "eu", "since": "1h", "reason": HOSTILE}),
    ("pause_runs", {"workflow_slug": "order", "until": "2099-01-01T00:00Z"}),
]


def texts(run_id: UUID, method: str, given: dict[str, str]) -> dict[str, list[str]]:
    named = given if ACTIONS[method].is_bulk else {"run_id": str(run_id), **given}
    return {name: [text] for name, text in named.items()}


def effects(engine: Engine) -> list[Any]:
    return engine.rows(
        """
        select r.status, r.error, r.paused_at is not null, r.input::text, r.forked_from,
            (select json_agg(json_build_array(s.signal, s.payload)) from stepgres.signals as s
             where s.run_id = r.run_id)::text,
            (select count(*) from stepgres.timers as t where t.due_at <= clock_timestamp())
        from stepgres.runs as r order by r.inserted_at
        """
    )


@pytest.mark.parametrize(("method", "given"), CASES)
def test_sql_and_command_do_the_same(
    db: Database, engine: Engine, run_id: UUID, method: str, given: dict[str, str]
) -> None:
    action = ACTIONS[method]
    arguments = action.arguments(texts(run_id, method, given))
    with engine.connection.transaction(force_rollback=True):
        before = effects(engine)
        engine.connection.execute(action.sql(arguments).encode())
        by_sql = effects(engine)
    assert by_sql != before
    command = action.command(arguments)
    assert command is not None
    program, *words = shlex.split(command)
    assert program == "stepgres"
    result = CliRunner().invoke(main, [*words, "--dsn", db.dsn])
    assert result.exit_code == 0, result.output
    assert effects(engine) == by_sql


def test_retry_and_resume_have_the_same_too(db: Database, engine: Engine, run_id: UUID) -> None:
    for method, prepare in (
        ("resume_workflow_run", "pause_workflow_run"),
        ("retry_failed_workflow", "cancel_workflow_run"),
    ):
        engine.call(prepare, run_id=run_id)
        action = ACTIONS[method]
        arguments = action.arguments({"run_id": [str(run_id)]})
        with engine.connection.transaction(force_rollback=True):
            engine.connection.execute(action.sql(arguments).encode())
        words = shlex.split(action.command(arguments) or "")[1:]
        result = CliRunner().invoke(main, [*words, "--dsn", db.dsn])
        assert result.exit_code == 0, result.output


def test_what_is_not_known_yet_stands_there_by_name() -> None:
    action = ACTIONS["send_signal"]
    assert (
        action.sql({})
        == "select * from stepgres.send_signal(run_id => :'run_id', signal => :'signal');"
    )
    assert action.command({}) == "stepgres signal RUN_ID SIGNAL"


@pytest.mark.parametrize("method", ACTIONS)
def test_fields_are_parameters(method: str) -> None:
    action = ACTIONS[method]
    known = parameters(method)
    assert {field.name for field in action.fields} <= set(known)
    assert {name for word in action.shell if not isinstance(word, str) for name in word[1:]} <= set(
        known
    )
    assert action.is_bulk == (method in OF_ONE)
