"""stepgres schedules: what it does, and what it prints."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from stepgres import Client
from tests.support.cli import Cli, printed
from tests.support.engine import Engine, step

HOUR = timedelta(hours=1)
PAST = datetime.now(timezone.utc) - 100 * HOUR


@pytest.fixture
def nightly(client: Client, engine: Engine) -> str:
    engine.define("report", step("a"))
    return client.create_schedule(
        "nightly", "report", cron="0 3 * * *", timezone="Asia/Kolkata", input={"a": 1}, jitter=90
    )


def test_schedules_are_listed(cli: Cli, client: Client, nightly: str) -> None:
    client.create_schedule("often", "report", every=90)
    client.create_schedule("once", "report", at=PAST, catch_up=0)
    client.pause_schedule("often")
    client.tick()
    lines = cli("schedules", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SCHEDULE", "nightly", "often", "once"]
    assert "0 3 * * *" in lines[1]
    assert "Asia/Kolkata" in lines[1]
    assert lines[1].endswith("active")
    assert "every 1 min 30 s" in lines[2]
    assert lines[2].endswith("paused")
    assert lines[3].endswith("over")
    found = printed(cli("schedules", "list", "--workflow", "report", "--json"))
    assert [row["schedule_slug"] for row in found] == ["nightly", "often", "once"]
    assert cli("schedules", "list", "--workflow", "x").stderr == "There are no schedules.\n"


def test_schedule_is_shown_with_its_due_times(cli: Cli, nightly: str) -> None:
    run_id = cli("schedules", "trigger", nightly).stdout.strip()
    shown = cli("schedules", "show", nightly).stdout
    for words in ("0 3 * * *", "Asia/Kolkata", '{"a": 1}', "1 min 30 s", "1 started", run_id):
        assert words in shown
    assert printed(cli("schedules", "show", nightly, "--json"))["runs"][0]["run_id"] == run_id


def test_schedule_is_paused_resumed_and_deleted(cli: Cli, client: Client, nightly: str) -> None:
    assert cli("schedules", "pause", nightly, "--note", "inventory").exit_code == 0
    assert "inventory" in cli("schedules", "show", nightly).stdout
    cli("schedules", "resume", nightly)
    assert client.get_schedule(nightly)["paused_at"] is None
    cli("schedules", "delete", nightly)
    result = cli("schedules", "show", nightly)
    assert (result.exit_code, result.stdout) == (3, "")
    assert 'schedule "nightly" does not exist' in result.stderr


def test_schedule_is_updated(cli: Cli, client: Client, nightly: str) -> None:
    result = cli(
        "schedules", "update", nightly, "--every", "90m", "--catch-up", 3, "--input", '{"b": 2}'
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert "nightly is changed. Next due: " in result.stdout
    found = client.get_schedule(nightly)
    assert (found["cron"], found["every"], found["catch_up"]) == (None, 5400, 3)
    assert (found["input"], found["timezone"], found["jitter"]) == ({"b": 2}, "Asia/Kolkata", 90)
    cli("schedules", "update", nightly, "--at", "2020-01-01", "--catch-up", 0)
    assert client.get_schedule(nightly)["every"] is None


def test_bad_updates_of_a_schedule_are_refused(cli: Cli, nightly: str) -> None:
    result = cli("schedules", "update", nightly)
    assert (result.exit_code, "at least one option" in result.stderr) == (2, True)
    assert cli("schedules", "update", nightly, "--overlap", "x").exit_code == 2
    result = cli("schedules", "update", nightly, "--cron", "61 * * * *")
    assert (result.exit_code, "is no minute" in result.stderr) == (2, True)
    assert cli("schedules", "update", "x", "--catch-up", 2).exit_code == 3


def test_preview_prints_due_times(cli: Cli, nightly: str) -> None:
    found = printed(cli("schedules", "preview", nightly, "--count", 3, "--json"))
    times = [datetime.fromisoformat(time).astimezone(timezone.utc) for time in found]
    assert {f"{time:%H:%M}" for time in times} == {"21:30"}
    lines = cli("schedules", "preview", "@hourly", "--timezone", "Europe/Berlin").stdout.split("\n")
    assert len(lines) == 11
    assert "is no minute" in cli("schedules", "preview", "61 * * * *").stderr


def test_backfill_starts_what_has_no_run(cli: Cli, nightly: str) -> None:
    words = ["schedules", "backfill", nightly, "--since", "49h"]
    assert [row["outcome"] for row in printed(cli(*words, "--json"))] == ["started"] * 2
    assert cli(*words).stderr == "There is no such due time without a run.\n"
    assert "backfill" in cli("schedules", "backfill", nightly, "--since", "73h").stdout
