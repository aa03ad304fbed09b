"""stepgres runs: machine output is complete, and filters change many runs at once."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest

from stepgres import Client
from stepgres.cli import filters
from tests.conftest import Clock
from tests.support.cli import Cli, printed, refusal, rows
from tests.support.engine import Engine, step


@pytest.fixture(autouse=True)
def order(engine: Engine) -> None:
    engine.define("order_lines", step("fetch", max_attempts=1))


@pytest.fixture
def run_ids(client: Client) -> list[UUID]:
    """More runs than a table shows."""
    inputs = list(range(25))
    return client.start_workflow_runs("order_lines", inputs, tags=["nightly"])


def test_machine_output_of_lists_has_no_limit_unless_asked(
    cli: Cli, run_ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "_PAGE", 10)
    quiet = cli("runs", "list", "--quiet")
    assert sorted(map(UUID, quiet.stdout.split())) == sorted(run_ids)
    assert [r["run_id"] for r in printed(cli("runs", "list", "--json"))] == quiet.stdout.split()
    assert cli("runs", "list", "-q", "--limit", 12).stdout.split() == quiet.stdout.split()[:12]
    part = cli("runs", "list", "-q", "--limit", 12, "--offset", 5).stdout.split()
    assert part == quiet.stdout.split()[5:17]
    assert cli("runs", "list", "-q", "--limit", 0).stdout == ""


def test_machine_output_reads_a_page_at_a_time(
    client: Client, run_ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "_PAGE", 10)
    sizes: list[int] = []
    list_runs = client.list_workflow_runs

    def count(**options: Any) -> Any:
        page = list_runs(**options)
        sizes.append(len(page))
        return page

    monkeypatch.setattr(client, "list_workflow_runs", count)
    found = filters.iterate_runs(client, None)
    next(found)
    assert sizes == [10]
    assert len(list(found)) == 24
    assert sizes == [10, 10, 5]


def test_table_that_is_cut_says_so(cli: Cli, run_ids: list[UUID]) -> None:
    result = cli("runs", "list")
    assert len(result.stdout.splitlines()) == 1 + 20
    assert result.stderr == "There are more: see --limit, --quiet and --json.\n"
    assert cli("runs", "list", "--limit", 25).stderr == ""


def test_filters_change_many_runs_after_a_dry_run(
    cli: Cli, client: Client, run_ids: list[UUID]
) -> None:
    other = client.start_workflow_run("order_lines", {})
    for command, participle in [
        ("pause", "paused"),
        ("resume", "resumed"),
        ("cancel", "cancelled"),
        ("retry", "retried"),
    ]:
        dry = cli("runs", command, "--tag", "nightly", "--dry-run")
        assert (dry.exit_code, dry.stdout) == (0, f"25 runs would be {participle}.\n")
        done = cli("runs", command, "--tag", "nightly")
        assert (done.exit_code, done.stdout) == (0, f"25 runs are {participle}.\n")
    assert client.get_run(other).cancelled_at is None
    assert cli("runs", "retry", "--tag", "nightly").stdout == "0 runs are retried.\n"
    assert len(client.list_workflow_runs("started", tag="nightly")) == 25


def test_changed_runs_are_printed_for_programs(cli: Cli, run_ids: list[UUID]) -> None:
    ids = cli("runs", "pause", "--workflow", "OrderLines", "--quiet").stdout.split()
    assert sorted(map(UUID, ids)) == sorted(run_ids)
    document = printed(cli("runs", "resume", "--status", "started", "--json"))
    assert sorted(document["run_ids"]) == sorted(ids)
    assert printed(cli("runs", "resume", "--status", "started", "--json")) == {"run_ids": []}
    assert printed(cli("runs", "cancel", ids[0], "--json")) == {"run_ids": [ids[0]]}


@pytest.mark.parametrize("command", ["cancel", "pause", "resume", "retry"])
def test_change_needs_runs_or_filters_and_not_both(
    cli: Cli, run_ids: list[UUID], command: str
) -> None:
    code, error = refusal(cli("runs", command))
    assert (code, "choose them by --status" in error) == (2, True)
    for option in (["--tag", "nightly"], ["--dry-run"]):
        code, error = refusal(cli("runs", command, run_ids[0], *option))
        assert (code, "either named by their ids" in error) == (2, True)
    assert refusal(cli("runs", command, "--since", "yesterday"))[0] == 2
    assert refusal(cli("runs", command, "--status", "done"))[0] == 2


def test_since_and_until_take_times_and_ages(cli: Cli, client: Client) -> None:
    client.start_workflow_run("order_lines", {})
    for options, count in [
        (["--since", "1h"], 1),
        (["--since", "1h", "--until", "30m"], 0),
        (["--until", "2020-01-01"], 0),
        (["--since", "2020-01-01"], 1),
        (["--since", "2020-01-01T12"], 1),
        (["--since", "2020-01-01T12:30:15+01:00", "--until", "2999-01-01T00:00Z"], 1),
    ]:
        assert len(cli("runs", "list", "-q", *options).stdout.split()) == count, options


def test_counts_are_in_the_words_of_the_list(cli: Cli, client: Client, run_ids: list[UUID]) -> None:
    client.pause_workflow_run(run_ids[0])
    client.cancel_workflow_run(run_ids[1])
    heads, line = rows(cli("runs", "count"))
    assert heads == ["WORKFLOW", "STARTED", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"]
    assert line == ["order_lines", "23", "1", "0", "0", "1"]
    counts = printed(cli("runs", "count", "--status", "failed", "--json"))
    assert counts == [
        {
            "workflow_slug": "order_lines",
            "status": "failed",
            "runs": 1,
            "paused": 0,
            "cancelled": 1,
        }
    ]
    assert cli("runs", "count", "--tag", "x").stderr == "There are no such runs.\n"


def test_runs_are_started_by_the_name_of_a_class_and_quietly(cli: Cli, engine: Engine) -> None:
    result = cli("runs", "start", "OrderLines", "--quiet")
    assert engine.steps(UUID(result.stdout.strip())) == {"fetch": "started"}
    engine.drain()
    again = cli("runs", "start", "order_lines", "--idempotency-key", "k", "-q").stdout
    engine.drain()
    result = cli("runs", "start", "order_lines", "--idempotency-key", "k", "-q", "--wait")
    assert (result.exit_code, result.stdout, result.stderr) == (0, again, "")


def test_runs_are_retried_together(cli: Cli, client: Client, run_ids: list[UUID]) -> None:
    for run_id in run_ids[:2]:
        client.cancel_workflow_run(run_id)
    new_ids = cli("runs", "retry", *run_ids[:2]).stdout.split()
    assert [client.get_run(UUID(new)).retried_from for new in new_ids] == run_ids[:2]


def test_workers_queues_and_channels_are_listed(
    cli: Cli, client: Client, engine: Engine, clock: Clock, run_ids: list[UUID]
) -> None:
    worker_id = client.register_worker("gpu-1", queues=["gpu"], lease=5, resources={"gpu": True})
    engine.claim(capacity=2)
    clock.advance(6)
    heads, first, second = rows(cli("workers"))
    assert heads[:5] == ["WORKER", "STATUS", "QUEUES", "RESOURCES", "TASKS"]
    assert (first[:3], second[:2]) == (["worker", "alive", "default"], [worker_id, "dead"])
    assert {w["worker_id"]: w["tasks"] for w in printed(cli("workers", "--json"))} == {
        "worker": 2,
        "gpu-1": 0,
    }
    found = {q["queue"]: (q["tasks"], q["workers"]) for q in printed(cli("queues", "--json"))}
    assert found["default"] == (23, 1)
    assert rows(cli("queues"))[0] == ["QUEUE", "TASKS", "OLDEST", "WORKERS", "PAUSED"]
    assert cli("channels").stderr == "There are no channels.\n"
    client.send_with_notify("news", {"n": 1})
    message_id = client.send_with_notify("news", {"n": 2})
    client.acknowledge("news", message_id)
    (channel,) = printed(cli("channels", "--json"))
    assert (channel["channel"], channel["messages"]) == ("news", 1)
    assert rows(cli("channels"))[1][:2] == ["news", "1"]


def test_queue_is_paused_and_resumed(cli: Cli, client: Client, engine: Engine) -> None:
    assert cli("queues", "pause", "default").stdout == "Queue default is paused.\n"
    assert cli("queues", "pause", "default").stdout == "Queue default was paused before.\n"
    (queue,) = client.list_queues()
    assert queue.paused_at is not None
    assert len(rows(cli("queues"))[1]) > len(["default", "0", "1"])
    assert cli("queues", "resume", "default").stdout == "Queue default is resumed.\n"
    assert cli("queues", "resume", "default").stdout == "Queue default is not paused.\n"
    assert cli("queues", "pause", "No Name").exit_code == 2


def test_goals_are_listed_shown_approved_and_rejected(cli: Cli, client: Client) -> None:
    tasks: list[dict[str, Any]] = [
        {"id": "a", "description": "Do a"},
        {"id": "b", "depends_on": ["a"]},
    ]
    graph, other = (client.save_task_graph(goal, tasks) for goal in ("First", "Second"))
    heads, newest, oldest = rows(cli("goals", "list"))
    assert heads == ["GOAL", "STATUS", "TASKS", "DECOMPOSED", "TEXT"]
    assert (newest[0], oldest[:3]) == (other.id, [graph.id, "decomposed", "2"])
    assert cli("goals", "approve", graph.id).stdout == f"Goal {graph.id} is approved.\n"
    assert cli("goals", "list", "-q", "--status", "approved").stdout == f"{graph.id}\n"
    result = cli("goals", "reject", other.id, "--reason", "too much")
    assert result.stdout == f"Goal {other.id} is rejected.\n"
    shown = cli("goals", "show", other.id).stdout
    for words in ("Second", "rejected", "too much", "Do a"):
        assert words in shown
    assert printed(cli("goals", "show", graph.id, "--json"))["status"] == "approved"
    assert refusal(cli("goals", "approve", "htdag_x"))[0] == 3
    assert refusal(cli("goals", "approve", other.id))[0] == 4
    client.start_task_graph(graph.id)
    assert [f["workflow_slug"] for f in printed(cli("workflows", "list", "--json"))] == [
        "order_lines"
    ]
    assert len(printed(cli("workflows", "list", "--goals", "--json"))) == 2


def test_machine_output_of_goals_has_no_limit(
    cli: Cli, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("stepgres.cli.goals"), "_PAGE", 5)
    ids = {client.save_task_graph(f"Goal {n}", [{"id": "a"}]).id for n in range(22)}
    assert set(cli("goals", "list", "--quiet").stdout.split()) == ids
    assert len(json.loads(cli("goals", "list", "--json").stdout)) == 22
    assert len(cli("goals", "list", "--quiet", "--limit", 7).stdout.split()) == 7
    result = cli("goals", "list")
    assert len(result.stdout.splitlines()) == 21
    assert "There are more" in result.stderr
