"""stepgres runs: what it does, and what it prints."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from stepgres import Client
from tests.support.cli import Cli, printed, refusal, rows
from tests.support.engine import Engine, step


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    engine.define("order_lines", step("fetch", max_attempts=1), step("save", "fetch"))


def start(cli: Cli, *options: Any) -> UUID:
    result = cli("runs", "start", "order_lines", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return UUID(result.stdout.strip())


def test_start_passes_everything_on(cli: Cli, client: Client) -> None:
    parent, run_id = start(cli), uuid4()
    options: list[Any] = ["--input", '{"n": [1, "é"]}', "--delay", "1h30m", "--deadline", "2d"]
    options += ["--tag", "a", "--tag", "b", "--priority", 7, "--idempotency-key", "k"]
    options += ["--run-id", run_id, "--parent", parent, "--version", 1]
    assert start(cli, *options) == run_id
    run = client.get_run(run_id)
    assert (run.input, run.tags, run.priority) == ({"n": [1, "é"]}, ["a", "b"], 7)
    assert (run.idempotency_key, run.parent_run_id, run.deadline) == ("k", parent, 2 * 86400)
    (fetch, _) = client.why_stuck(run_id)
    assert fetch.until is not None
    assert (fetch.until - run.inserted_at).total_seconds() == 5400
    assert start(cli, "--idempotency-key", "k") == run_id
    assert printed(cli("runs", "start", "order_lines", "--json")).keys() == {"run_id"}


@pytest.mark.parametrize(
    ("option", "standard_input", "input"),
    [
        ([], None, None),
        (["--input", "5"], None, 5),
        (["--input", "-"], '{"é": 1}'.encode(), {"é": 1}),
        (["--input", "@FILE"], None, [1, 2]),
    ],
)
def test_input_is_json_or_a_file_or_piped(
    cli: Cli,
    client: Client,
    tmp_path: Path,
    option: list[str],
    standard_input: bytes | None,
    input: Any,
) -> None:
    file = tmp_path / "input.json"
    file.write_text("[1, 2]")
    option = [word.replace("FILE", str(file)) for word in option]
    result = cli("runs", "start", "order_lines", *option, input=standard_input)
    assert client.get_run(UUID(result.stdout.strip())).input == input


def test_list_is_a_table_or_json_or_ids(cli: Cli, client: Client, engine: Engine) -> None:
    first, second = start(cli, "--tag", "nightly"), start(cli)
    client.cancel_workflow_run(first, "no\n\x1b[31mluck")
    heads, newest, oldest = rows(cli("runs", "list"))
    assert heads == ["RUN", "WORKFLOW", "STATUS", "STARTED", "TOOK", "TAGS", "ERROR"]
    assert newest[:3] == [str(second), "order_lines", "started"]
    assert oldest[:3] == [str(first), "order_lines", "cancelled"]
    assert oldest[-3:] == ["nightly", "no", r"\x1b[31mluck"]
    assert [run["run_id"] for run in printed(cli("runs", "list", "--json"))] == [
        str(second),
        str(first),
    ]
    assert cli("runs", "list", "-q").stdout == f"{second}\n{first}\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--asc"], ["first", "second", "third"]),
        (["--status", "failed"], ["third"]),
        (["--workflow", "order_lines"], ["third", "second", "first"]),
        (["--workflow", "OrderLines", "--limit", 1], ["third"]),
        (["--tag", "all", "--tag", "second"], ["second"]),
        (["--limit", 1, "--offset", 2], ["first"]),
        (["--order", "status", "--asc", "--limit", 1], ["third"]),
    ],
)
def test_list_filters_and_orders(
    cli: Cli, client: Client, options: list[str], expected: list[str]
) -> None:
    names = {start(cli, "--tag", "all", "--tag", name): name for name in ("first", "second")}
    names[third := start(cli, "--tag", "all")] = "third"
    client.cancel_workflow_run(third)
    found = cli("runs", "list", "-q", *options).stdout.split()
    assert [names[UUID(run_id)] for run_id in found] == expected


def test_empty_list_says_so_where_it_is_not_piped_on(cli: Cli) -> None:
    result = cli("runs", "list", "--status", "failed")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "There are no such runs.\n"
    assert printed(cli("runs", "list", "--status", "failed", "--json")) == []


@pytest.mark.parametrize("retryable", [True, False])
def test_show_ends_with_the_traceback_of_the_failure(
    cli: Cli, engine: Engine, retryable: bool
) -> None:
    engine.define("charging", step("charge"))
    run_id = engine.start("charging")
    traceback = 'Traceback (most recent call last):\n  File "shop.py", line 7\nKeyError: 1\n'
    details = {"error_type": "KeyError", "traceback": traceback, "retryable": retryable}
    engine.fail(engine.claim_one(), "KeyError: 1", **details)
    assert cli("runs", "show", run_id).stdout.endswith(f"\n\n{traceback}")
    document = printed(cli("runs", "show", run_id, "--json"))
    (attempt,) = document["steps"][0]["attempts"]
    assert (attempt["error_type"], attempt["traceback"]) == ("KeyError", traceback)


def test_show_tells_all_about_a_run(cli: Cli, engine: Engine) -> None:
    run_id = start(cli, "--input", '{"n": 1}', "--tag", "a")
    engine.fail(engine.claim_one(), "ValueError: no\nluck")
    result = cli("runs", "show", run_id)
    assert (result.exit_code, result.stderr) == (0, "")
    for words in (
        f"Run:       {run_id}\n",
        "Workflow:  order_lines, version 1\n",
        "Status:    failed\n",
        'Error:     step "fetch" failed: ValueError: no luck\n',
        "Tags:      a\n",
        'Input:     {"n": 1}\n',
    ):
        assert words in result.stdout
    steps, failures = (
        [line.split() for line in block.splitlines()] for block in result.stdout.split("\n\n")[1:]
    )
    assert [line[:2] for line in steps[1:]] == [["fetch", "failed"], ["save", "cancelled"]]
    assert failures[1][:4] == ["fetch", "0", "1", "worker"]
    document = printed(cli("runs", "show", run_id, "--json"))
    assert document["steps"][0]["attempts"][0]["error"] == "ValueError: no\nluck"
    assert datetime.fromisoformat(document["finished_at"]).tzinfo is not None


def test_status_is_a_line(cli: Cli, client: Client, engine: Engine) -> None:
    run_id = start(cli)
    engine.complete(engine.claim_one(), {})
    assert cli("runs", "status", run_id).stdout == "in progress: 1 of 2 steps, 50 %\n"
    client.pause_workflow_run(run_id)
    assert cli("runs", "status", run_id).stdout == "paused: 1 of 2 steps, 50 %\n"
    assert printed(cli("runs", "status", run_id, "--json"))["details"]["paused"] is True
    client.resume_workflow_run(run_id)
    engine.complete(engine.claim_one(), 5)
    assert cli("runs", "status", run_id).stdout == "completed\n"
    client.cancel_workflow_run(run_id := start(cli), "enough")
    assert cli("runs", "status", run_id).stdout == "failed: enough\n"


def test_pause_resume_and_cancel_say_how_the_run_is_doing_then(cli: Cli) -> None:
    run_id = start(cli)
    for arguments, outcome in [
        (["pause", run_id], "paused: 0 of 2 steps, 0 %"),
        (["pause", run_id], "paused: 0 of 2 steps, 0 %"),
        (["resume", run_id], "in progress: 0 of 2 steps, 0 %"),
        (["cancel", run_id, "--reason", "enough"], "failed: enough"),
        (["cancel", run_id, "--reason", "again"], "failed: enough"),
    ]:
        result = cli("runs", *arguments)
        assert (result.exit_code, result.stdout) == (0, f"{run_id}: {outcome}\n")


def test_wake_says_how_much_is_due_now(cli: Cli, client: Client) -> None:
    run_id = start(cli, "--delay", "1h")
    assert cli("runs", "wake", run_id).stdout == "1 timer is due now.\n"
    assert cli("runs", "wake", run_id).stdout == "The run waits for no time.\n"
    assert printed(cli("runs", "wake", run_id, "--json")) == {"woken": 0}
    client.pause_workflow_run(run_id)
    assert refusal(cli("runs", "wake", run_id))[0] == 4


def test_error_with_one_run_leaves_out_no_other(cli: Cli) -> None:
    one, unknown, other = start(cli), uuid4(), start(cli)
    result = cli("runs", "cancel", one, unknown, other)
    assert result.exit_code == 3
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [str(one), str(other)]
    assert f"Error: run {unknown} does not exist\n" in result.stderr


def test_retry_starts_what_is_left_as_a_new_run(cli: Cli, client: Client, engine: Engine) -> None:
    run_id = start(cli)
    engine.complete(engine.claim_one(), {})
    client.cancel_workflow_run(run_id)
    new_id = UUID(cli("runs", "retry", run_id).stdout.strip())
    new = client.get_run(new_id)
    assert new.retried_from == run_id
    assert [s.status for s in new.steps] == ["completed", "started"]
    from_start = printed(cli("runs", "retry", run_id, "--no-skip-completed", "--json"))["run_id"]
    assert [s.status for s in client.get_run(UUID(from_start)).steps] == ["started", "created"]
    assert refusal(cli("runs", "retry", new_id))[0] == 4
    assert cli("runs", "retry", new_id, "--reset-all").exit_code == 0


def test_fork_starts_a_new_run_from_a_step(cli: Cli, client: Client, engine: Engine) -> None:
    run_id = start(cli)
    engine.complete(engine.claim_one(), {})
    options = ["--from", "save", "--output", "fetch", "[1]", "--input", '{"n": 2}']
    new_id = UUID(cli("runs", "fork", run_id, *options).stdout.strip())
    new = client.get_run(new_id)
    assert (new.forked_from, new.input) == (run_id, {"n": 2})
    assert [(s.status, s.output) for s in new.steps] == [("completed", [1]), ("started", None)]
    assert f"Fork of:   {run_id}" in cli("runs", "show", new_id).stdout
    assert "--from" in cli("runs", "fork", run_id).stderr
    code, words = refusal(cli("runs", "fork", run_id, "--from", "nothing"))
    assert (code, 'has no step "nothing"' in words) == (2, True)


def test_show_leads_from_a_failure_to_its_run_and_back(cli: Cli, engine: Engine) -> None:
    engine.define("frail", step("a", max_attempts=1), on_failure="alert")
    run_id = engine.start("frail")
    assert re.search(r"On failure: +alert$", cli("runs", "show", run_id).stdout, re.MULTILINE)
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert "alert, not started: workflow" in cli("runs", "show", run_id).stdout
    engine.define("alert", step("tell"))
    run_id = engine.start("frail")
    engine.fail(engine.claim_one())
    engine.call("tick")
    shown = printed(cli("runs", "show", run_id, "--json"))
    assert f"alert, run {shown['failure_run_id']}" in cli("runs", "show", run_id).stdout
    failure_run = cli("runs", "show", shown["failure_run_id"]).stdout
    assert re.search(rf"Failure of: +{run_id}", failure_run)


def test_why_names_what_a_run_waits_for(cli: Cli, client: Client, engine: Engine) -> None:
    run_id = start(cli, "--delay", "1h")
    heads, fetch, save = rows(cli("runs", "why", run_id))
    assert heads == ["STEP", "TASK", "WAITS", "FOR", "UNTIL", "DETAIL"]
    assert (fetch[:2], save[:2]) == (["fetch", "start"], ["save", "dependency"])
    reasons = printed(cli("runs", "why", run_id, "--json"))
    assert [reason["waits_for"] for reason in reasons] == ["start", "dependency"]
    client.cancel_workflow_run(run_id)
    result = cli("runs", "why", run_id)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "It waits for nothing: failed: User requested cancellation\n"


def test_json_of_a_run_has_the_names_of_the_columns(cli: Cli, engine: Engine) -> None:
    run_id = start(cli)
    (listed,) = printed(cli("runs", "list", "--json"))
    shown = printed(cli("runs", "show", run_id, "--json"))
    assert {**shown, **listed} == shown
    document = json.dumps(engine.call("get_run", run_id=run_id))
    assert shown.keys() == json.loads(document).keys()


# Unique keys, retries with a key, search


def test_start_with_a_unique_key(cli: Cli, client: Client) -> None:
    first = start(cli, "--unique-key", "k")
    assert start(cli, "--unique-key", "k") == first
    rejected = cli("runs", "start", "order_lines", "--unique-key", "k", "--if-running", "reject")
    assert (rejected.exit_code, rejected.stdout) == (4, "")
    assert str(first) in rejected.stderr
    second = start(cli, "--unique-key", "k", "--if-running", "cancel")
    assert client.get_run(first).cancelled_at is not None
    waiting = start(cli, "--unique-key", "k", "--debounce", "30s", "--debounce-max", "1m")
    assert start(cli, "--unique-key", "k", "--debounce", "30s", "--input", "7") == waiting
    assert client.get_run_input(waiting) == 7
    assert {run.run_id for run in client.list_workflow_runs("started")} == {second, waiting}
    assert "Unique key" in cli("runs", "show", waiting).stdout


def test_retry_with_an_idempotency_key(cli: Cli, client: Client) -> None:
    run_id = start(cli)
    client.cancel_workflow_run(run_id)
    retry = ("runs", "retry", run_id, "--idempotency-key", "k")
    assert cli(*retry).stdout == cli(*retry).stdout
    refused = cli("runs", "retry", "--idempotency-key", "k", "--status", "failed")
    assert refused.exit_code == 2
    assert "--idempotency-key is for one run" in refused.stderr


def test_list_searches(cli: Cli, client: Client) -> None:
    found = start(cli, "--input", '"Needle"')
    start(cli, "--input", '"hay"')
    listed = cli("runs", "list", "--search", "needle", "--quiet")
    assert (listed.stdout, listed.stderr) == (f"{found}\n", "")
    assert cli("runs", "list", "--search", "needle", "--after", found, "--quiet").stdout == ""
    refused = cli("runs", "list", "--search", "needle", "--asc")
    assert (refused.exit_code, "newest runs first" in refused.stderr) == (2, True)


def test_list_says_that_it_has_not_searched_all_runs(cli: Cli, client: Client) -> None:
    start(cli, "--input", '"Needle"')
    client.start_workflow_runs("order_lines", ["hay"] * 10_000)
    listed = cli("runs", "list", "--search", "needle")
    assert listed.stdout == ""
    assert "There are no such runs." in listed.stderr
    assert "Older runs were not searched: go on with --after " in listed.stderr
    (end,) = (line.split()[-1] for line in listed.stderr.splitlines() if "--after" in line)
    assert "order_lines" in cli("runs", "list", "--search", "needle", "--after", end).stdout
