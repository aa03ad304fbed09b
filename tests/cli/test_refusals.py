"""Wrong input is refused with words and an exit code that fit, and no traceback."""

from __future__ import annotations

import json
import signal
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from stepgres import Client
from tests.conftest import Database
from tests.support.cli import Cli, printed, refusal
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE
from tests.support.workers import STEPGRES

NOBODY = "00000000-0000-0000-0000-000000000001"
COMMANDS_OF_A_RUN = ["show", "status", "cancel", "pause", "resume", "retry", "why"]


def test_run_that_does_not_exist(cli: Cli, subtests: pytest.Subtests) -> None:
    for command, (run_id, code, words) in product(
        [*(f"runs {name}" for name in COMMANDS_OF_A_RUN), "watch"],
        [
            (NOBODY, 3, f"run {NOBODY} does not exist"),
            ("7", 2, "'7' is not a valid UUID"),
            ("", 2, "'' is not a valid UUID"),
            ("\0", 2, "is not a valid UUID"),
        ],
    ):
        with subtests.test(command=command, run_id=run_id):
            exit_code, error = refusal(cli(*command.split(), run_id))
            assert (exit_code, words in error) == (code, True), error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--status", "done"], 'status "done"'),
        (["--status", ""], 'status ""'),
        (["--limit", "-1"], "limit -1"),
        (["--limit", "many"], "'many' is not a valid integer"),
        (["--offset", "99999999999"], "99999999999 is too large"),
        (["--order", "tags"], "order_by {desc,tags}"),
        (["--tag", "\0"], "cannot contain NUL"),
        (["--workflow", "\udcff"], r"does not take the character '\udcff'"),
    ],
)
def test_wrong_filter(cli: Cli, arguments: list[str], words: str) -> None:
    exit_code, error = refusal(cli("runs", "list", *arguments))
    assert (exit_code, words in error) == (2, True), error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 3, 'workflow "nothing" does not exist'),
        (["a\0b"], 2, "cannot contain NUL"),
        (["order", "--version", "9"], 3, "version 9"),
        (["order", "--input", "{a}"], 2, "it is not JSON: Expecting property name"),
        (["order", "--input", ""], 2, "it is not JSON"),
        (["order", "--input", "-"], 2, "standard input is not JSON"),
        (["order", "--input", "@/no/such/file"], 2, "/no/such/file cannot be read: No such file"),
        (["order", "--input", "@/"], 2, "cannot be read"),
        (["order", "--input", "@a\0b"], 2, "cannot be read"),
        (["order", "--input", '"\\u0000"'], 2, "input has the character"),
        (["order", "--input", '"\\ud800"'], 2, "input has the character"),
        (["order", "--input", "NaN"], 2, "not a JSON value"),
        (["order", "--input", "[" * 100_000], 2, "it is not JSON"),
        (["order", "--delay", "30"], 2, "'30' is not a duration"),
        (["order", "--delay", "999999999999d"], 2, "cannot be delayed"),
        (["order", "--deadline", "0s"], 2, "deadline"),
        (["order", "--parent", NOBODY], 3, NOBODY),
        (["order", "--run-id", "x"], 2, "not a valid UUID"),
    ],
)
def test_run_that_cannot_be_started(
    cli: Cli, engine: Engine, arguments: list[str], code: int, words: str
) -> None:
    engine.define("order", step("a"))
    exit_code, error = refusal(cli("runs", "start", *arguments))
    assert (exit_code, words in error) == (code, True), error
    assert engine.rows("select * from stepgres.runs") == []


def test_what_the_state_of_a_run_does_not_allow(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    for command, words in [("resume", "is not paused"), ("retry", "has not failed")]:
        exit_code, error = refusal(cli("runs", command, run_id))
        assert (exit_code, words in error) == (4, True), error
    taken = cli("runs", "start", "order", "--run-id", run_id)
    assert refusal(taken) == (4, f"run {run_id} already exists")
    engine.drain()
    for command in ("cancel", "pause", "resume"):
        exit_code, error = refusal(cli("runs", command, run_id))
        assert (exit_code, f"run {run_id} " in error) == (4, True), error
    assert cli("runs", "cancel", "--force", run_id).stdout == f"{run_id}: completed\n"


@pytest.mark.parametrize("arguments", [["runs", "list"], ["fsck"], ["workflows", "list"]])
def test_server_that_is_not_there(cli: Cli, tmp_path: Path, arguments: list[str]) -> None:
    exit_code, error = refusal(cli(*arguments, "--dsn", f"host={tmp_path}"))
    assert (exit_code, "cannot connect to PostgreSQL" in error) == (5, True), error
    exit_code, error = refusal(cli(*arguments, "--dsn", "no=address"))
    assert (exit_code, "not a connection string" in error) == (5, True), error


def test_database_without_stepgres(cli: Cli, empty_db: Database) -> None:
    for arguments in (["runs", "list"], ["watch", NOBODY], ["prune", "--older-than", "1d"]):
        result = cli(*arguments, "--dsn", empty_db.dsn)
        exit_code, error = refusal(result)
        assert (exit_code, "Stepgres is not installed" in error) == (5, True), error
        assert 'Hint: Run "stepgres install"' in result.stderr


def test_role_without_rights(cli: Cli, db: Database, engine: Engine) -> None:
    engine.connection.execute("create role nobody_here login")
    engine.connection.execute("grant usage on schema stepgres to nobody_here")
    dsn = make_conninfo(db.dsn, user="nobody_here")
    exit_code, error = refusal(cli("runs", "list", "--dsn", dsn))
    engine.connection.execute("drop owned by nobody_here")
    engine.connection.execute("drop role nobody_here")
    assert (exit_code, "permission denied for function list_workflow_runs" in error) == (5, True)


def test_interrupt_ends_a_command_and_nothing_else(
    db: Database, client: Client, engine: Engine
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    process = subprocess.Popen(
        [STEPGRES, "watch", str(run_id), "--dsn", db.dsn],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("a: started")  # from now on it is told of changes
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, "Traceback" in stderr) == (130, "", False), stderr
    assert client.get_run_status(run_id).status == "in_progress"
    assert engine.rows("select from stepgres.subscribers") == []


def test_pipe_that_is_closed_early_is_no_error(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    for _ in range(1_000):
        engine.start("order", {"filling": "x" * 1_000})
    command = ["runs", "list", "--limit", "1000", "--json", "--dsn", db.dsn]
    with subprocess.Popen(
        [STEPGRES, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1) == b"["
        process.stdout.close()
        assert process.stderr.read() == b""


def test_json_is_not_mixed_with_words(cli: Cli, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", tags=["\x1b[31m", "ü\n"])
    shown: dict[str, Any] = printed(cli("runs", "show", run_id, "--json"))
    assert shown["tags"] == ["\x1b[31m", "ü\n"]
    assert "\x1b" not in json.dumps(shown)
    assert r"Tags:      \x1b[31m, ü" in cli("runs", "show", run_id).stdout
