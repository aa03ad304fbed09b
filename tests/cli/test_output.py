"""Durations, times and tables."""

from __future__ import annotations

from datetime import datetime, timezone

import click
import pytest

from stepgres.cli.output import duration_text, json_text, local_time, printable
from stepgres.cli.parameters import DURATION
from tests.conftest import Database
from tests.support.cli import on_terminal
from tests.support.engine import Engine, step


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("12h", 43_200),
        ("30d", 2_592_000),
        ("2w", 1_209_600),
        ("250ms", 0.25),
        ("1.5h", 5_400),
        ("1h30m", 5_400),
        ("0s", 0),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1y", "1 d", "1d ", "1.d", "1e3s", "½h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="90s, 5m"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00 s"),
        (0.004, "0.00 s"),
        (0.25, "0.25 s"),
        (12.34, "12.3 s"),
        (59.97, "1 min"),
        (61, "1 min 1 s"),
        (3599.6, "1 h"),
        (7860, "2 h 11 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_duration_is_written(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_time_is_that_of_the_machine() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=timezone.utc)
    assert local_time(moment) == f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def test_texts_of_others_cannot_steer_the_terminal() -> None:
    assert printable("a\nb\tc\x1b[2J\r\x9b\u202e\udcff é") == r"a b c\x1b[2J\r\x9b\u202e\udcff é"


def test_long_json_is_cut() -> None:
    assert json_text({"é": 1}) == '{"é": 1}'
    assert json_text("x" * 5_000, most=10) == '"xxxxxxxxx… (5,002 characters)'


@pytest.mark.parametrize("columns", [40, 100, 200])
def test_table_on_a_terminal_keeps_ids_whole(db: Database, engine: Engine, columns: int) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order", tags=["t" * 30])
    engine.fail(engine.claim_one(), "no luck " * 20)
    drawn = on_terminal(db.dsn, "runs", "list", columns=columns)
    head, line = drawn.splitlines()
    assert "\x1b[1m" in head
    assert line.startswith(f"{run_id}  order")
    assert "\x1b[1;31mfailed" in line
    assert "…" in line


def test_table_on_a_terminal_without_rich_is_plain(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    drawn = on_terminal(db.dsn, "runs", "list", has_rich=False)
    assert drawn.splitlines()[1].startswith(f"{run_id}  order     started")
    assert "\x1b" not in drawn
