"""Cron expressions: what they mean, beside cronsim, croniter and every minute of a clock."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import psycopg
import pytest
from croniter import croniter  # type: ignore[import-untyped]
from cronsim import CronSim, CronSimError
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.support.engine import refused

Connection = psycopg.Connection[tuple[object, ...]]
Case = tuple[str, str, datetime]  # a cron expression, a time zone, an instant

UTC = timezone.utc
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kolkata",
    "America/Santiago",  # at midnight
    "Africa/Casablanca",  # back in Ramadan
    "Pacific/Apia",  # without the 30th of December 2011
    "Asia/Tehran",
    "America/Sao_Paulo",
    "Europe/London",
]


@pytest.fixture
def connection(db: Database) -> Iterator[Connection]:
    with db.connect() as connection:
        yield connection


def due_times(connection: Connection, cases: Sequence[Case], count: int) -> list[list[datetime]]:
    """The next due times of each case, in UTC."""
    rows = connection.execute(
        """
        select stepgres._due_times(
            jsonb_populate_record(
                null::stepgres.schedules, jsonb_build_object('cron', c ->> 0, 'timezone', c ->> 1)
            ),
            (c ->> 2)::timestamptz, 'infinity', %s
        )
        from jsonb_array_elements(%s) with ordinality as j (c, place)
        order by j.place
        """,
        [count, Jsonb([[cron, zone, after.isoformat()] for cron, zone, after in cases])],
    ).fetchall()
    return [[time.astimezone(UTC) for time in row[0]] for row in rows]  # type: ignore[attr-defined]


def due(
    connection: Connection, cron: str, zone: str, after: datetime, count: int
) -> list[datetime]:
    return due_times(connection, [(cron, zone, after)], count)[0]


def local(connection: Connection, cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next due times as the clocks of the zone show them."""
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [
        f"{found.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}"
        for found in due(connection, cron, zone, start, count)
    ]


# What an expression means


SAME = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    (" @Annually ", "0 0 1 1 *"),
    ("0 0 * * 7", "0 0 * * SUN"),
    ("0 0 * jan,Mar-may mon-FRI", "0 0 * 1,3,4,5 1-5"),
    ("5/20 * * * *", "5,25,45 * * * *"),
    ("0-30/10 * * * *", "0,10,20,30 * * * *"),
    ("0\t0  * * 5-7", "0 0 * * 0,5,6"),
    ("*/90 * * * *", "0-59/60 * * * *"),
]


def test_two_ways_to_write_one_expression(
    connection: Connection, subtests: pytest.Subtests
) -> None:
    query = "select stepgres._parse_cron(%s)::text"
    for cron, same in SAME:
        with subtests.test(cron):
            one = connection.execute(query, [cron]).fetchone()
            assert one == connection.execute(query, [same]).fetchone()


def test_day_and_weekday_are_either_unless_one_begins_with_a_star(connection: Connection) -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    days = [
        [found.day for found in due(connection, cron, "UTC", after, 4)]
        for cron in ("0 12 13 * FRI", "0 12 13 * */5", "0 12 */10 1 FRI")
    ]
    # Fridays and the 13th; the 13th on Sundays and Fridays; the 1st, 11th, 21st and 31st on Fridays
    assert days[0] == [2, 9, 13, 16]
    assert days[1] == [13, 13, 13, 13]
    assert set(days[2]) <= {1, 11, 21, 31}


NONSENSE = [
    ("1--100000000 * * * *", '"1--100000000" is no minute'),
    ("0 0 30 2 *", "never comes due"),
    ("0 0 31 4,6 *", "never comes due"),
    ("60 * * * *", '"60" is no minute'),
    ("* 24 * * *", '"24" is no hour'),
    ("* * 0 * *", '"0" is no day'),
    ("* * * 13 *", '"13" is no month'),
    ("* * * * 8", '"8" is no weekday'),
    ("* * * * FRI-SUN", '"FRI-SUN" is no weekday'),
    ("5-1 * * * *", '"5-1" is no minute'),
    ("*/0 * * * *", '"*/0" is no minute'),
    ("1,,2 * * * *", '"" is no minute'),
    ("? * * * *", '"?" is no minute'),
    ("* * L * *", '"L" is no day'),
    ("* * * FOO *", '"FOO" is no month'),
    ("*/99999999999999999999 * * * *", "is no minute"),
    ("\u0661 * * * *", "is no minute"),
    ("* * * *", "is no cron expression"),
    ("* * * * * *", "is no cron expression"),
    ("@reboot", "is no cron expression"),
    ("", "is no cron expression"),
    ("*," * 5000 + "* * * * *", "has 10009 characters"),
    ("1," * 400 + "x * * * *", '"X" is no minute'),
]


def test_nonsense_is_refused_by_name(connection: Connection, subtests: pytest.Subtests) -> None:
    connection.execute("set statement_timeout = '2s'")  # each is refused in milliseconds
    for cron, culprit in NONSENSE:
        with subtests.test(cron[:30]), refused("SG001", culprit):
            connection.execute("select stepgres._parse_cron(%s)", [cron])


def test_only_names_of_time_zones_are_taken(
    connection: Connection, subtests: pytest.Subtests
) -> None:
    connection.execute("set statement_timeout = '2s'")
    for zone in (
        "Mars/Phobos", "", "Utopia+3", "Mars/Phobos+3", "PST", "CET", "cet", "+02:00", "2",
        "x" * 10_000, "../../etc/passwd", "a'b",
    ):  # fmt: skip
        with subtests.test(zone[:30]), refused("SG001", f'"{zone[:100]}" is not the name of'):
            connection.execute("select stepgres._check_timezone(%s)", [zone])
    for zone in (*ZONES, "UTC", "Japan", "Etc/GMT+3", "America/Argentina/La_Rioja"):
        with subtests.test(zone):
            connection.execute("select stepgres._check_timezone(%s)", [zone])


# When the clocks change


def test_fixed_time_in_the_gap_comes_once_right_after_it(connection: Connection) -> None:
    found = local(connection, "0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 3)
    assert found == ["03-29 03:00 +0200", "03-30 02:00 +0200", "03-30 02:30 +0200"]


def test_fixed_time_in_the_repeated_hour_comes_once(connection: Connection) -> None:
    found = local(connection, "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2)
    assert found == ["10-25 02:30 +0200", "10-26 02:30 +0100"]


def test_wildcard_follows_the_time_that_passes(connection: Connection) -> None:
    found = local(connection, "*/30 * * * *", "Europe/Berlin", "2026-10-25T01:30", 5)
    assert found == [
        "10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100",
        "10-25 03:00 +0100",
    ]  # fmt: skip
    found = local(connection, "*/30 2 * * *", "Europe/Berlin", "2026-03-28T02:30", 2)
    assert found == ["03-30 02:00 +0200", "03-30 02:30 +0200"]


def test_day_that_the_clocks_pass_over(connection: Connection) -> None:
    found = local(connection, "0 12 * * *", "Pacific/Apia", "2011-12-29T11:00", 3)
    assert found == ["12-29 12:00 -1000", "12-31 00:00 +1400", "12-31 12:00 +1400"]


# Beside others


@cache
def changes(zone: str) -> list[datetime]:
    """The half days since 2000 in which the clocks of the zone change."""
    info = ZoneInfo(zone)
    half = timedelta(hours=12)
    days = [datetime(2000, 1, 1, tzinfo=UTC) + half * i for i in range(2 * 365 * 28)]
    offsets = [day.astimezone(info).utcoffset() for day in days]
    return [day for day, one, next in zip(days, offsets, offsets[1:], strict=False) if one != next]


def _instant(chance: random.Random, zone: str) -> datetime:
    if changes(zone) and chance.random() < 0.7:
        return chance.choice(changes(zone)) + timedelta(seconds=chance.randint(-43200, 86400))
    return datetime.fromtimestamp(chance.randint(946_684_800, 1_830_000_000), UTC)


def _field(chance: random.Random, first: int, last: int, stars: float) -> str:
    def term() -> str:
        low = chance.randint(first, last)
        high = chance.randint(low, last)
        forms = [str(low), f"{low}/{chance.randint(1, 20)}"]
        if high > low:
            forms += [f"{low}-{high}", f"{low}-{high}/{chance.randint(1, 20)}"]
        return chance.choice(forms)

    if chance.random() < stars:
        return chance.choice(["*", f"*/{chance.randint(1, last)}"])
    return ",".join(term() for _ in range(chance.randint(1, 3)))


def _expression(chance: random.Random, stars: float) -> str:
    return " ".join(
        [
            _field(chance, 0, 59, stars),
            _field(chance, 0, 23, stars),
            _field(chance, 1, 31, 0.6),
            _field(chance, 1, 12, 0.6),
            _field(chance, 0, 7, 0.6),
        ]
    )


def _cronsim(cron: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """The next due times; empty if there are none."""
    try:
        oracle = CronSim(cron, after.astimezone(ZoneInfo(zone)))
    except CronSimError:
        return []
    found: list[datetime] = []
    while len(found) < count:
        # Fixed times in the gap come together; the oracle has each of them.
        time = next(oracle).astimezone(UTC)
        if time > (found[-1] if found else after):
            found.append(time)
    return found


def _compare(connection: Connection, cases: list[Case]) -> None:
    expected = [_cronsim(*case, 3) for case in cases]
    for case, times in zip(cases, expected, strict=True):
        if not times:
            with refused("SG001", "never comes due"):
                connection.execute("select stepgres._parse_cron(%s)", [case[0]])
    due_cases = [case for case, times in zip(cases, expected, strict=True) if times]
    found = due_times(connection, due_cases, 3)
    wrong = [
        (case, times, right)
        for case, times, right in zip(due_cases, found, filter(None, expected), strict=True)
        if times != right
    ]
    assert wrong == []


def test_fixed_times_are_those_of_cronsim_where_the_clocks_change(connection: Connection) -> None:
    chance = random.Random(1)
    zones = [chance.choice(ZONES) for _ in range(2000)]
    _compare(connection, [(_expression(chance, 0), zone, _instant(chance, zone)) for zone in zones])


def test_times_in_utc_are_those_of_cronsim(connection: Connection) -> None:
    chance = random.Random(2)
    _compare(
        connection,
        [
            (_expression(chance, 0.5), "UTC", _instant(chance, chance.choice(ZONES)))
            for _ in range(2000)
        ],
    )


def test_times_in_utc_are_those_of_croniter(connection: Connection) -> None:
    """Without days beside weekdays, and without 6/1, which croniter ends at Saturday."""
    chance = random.Random(3)
    cases: list[Case] = []
    for _ in range(1000):
        fields = _expression(chance, 0.5).split()
        fields[4 if "/" in fields[4] else chance.choice([2, 4])] = "*"
        cases.append((" ".join(fields), "UTC", _instant(chance, "Europe/Berlin")))
    cases = [case for case in cases if _cronsim(*case, 1)]
    expected = []
    for cron, _, after in cases:
        oracle = croniter(cron, after)
        expected.append([oracle.get_next(datetime) for _ in range(3)])
    found = due_times(connection, cases, 3)
    assert [
        (case, times, right)
        for case, times, right in zip(cases, found, expected, strict=True)
        if times != right
    ] == []


def test_wildcards_match_every_minute_that_the_clocks_show(connection: Connection) -> None:
    """cronsim steps by whole hours, and errs where the clocks change by less or at midnight."""
    chance = random.Random(4)
    cases: list[Case] = []
    for zone in ZONES:
        days = changes(zone) or [datetime(2026, 5, 1, tzinfo=UTC)]
        for change in chance.sample(days, min(len(days), 30)):
            minutes, hours = _field(chance, 0, 59, 0.5), _field(chance, 0, 6, 0.3)
            if "*" not in minutes[:1] + hours[:1]:
                minutes = f"*/{chance.randint(1, 59)}"
            cases.append((f"{minutes} {hours} * * *", zone, change))
    wrong = []
    for (cron, zone, start), found in zip(cases, due_times(connection, cases, 60), strict=True):
        oracle = CronSim(cron, start)  # only for its fields
        info = ZoneInfo(zone)
        expected = [
            time
            for time in (start + timedelta(minutes=i) for i in range(1, 1440))
            if time.astimezone(info).minute in oracle.minutes
            and time.astimezone(info).hour in oracle.hours
        ][:60]
        if found[: len(expected)] != expected:
            wrong.append((cron, zone, start))
    assert len(cases) >= 200
    assert wrong == []


def test_sparse_expressions_are_found_without_a_step_a_minute(connection: Connection) -> None:
    """A step a minute would take minutes: these are years away from one another."""
    connection.execute("set statement_timeout = '20s'")
    start = datetime(2024, 3, 1, tzinfo=UTC)
    for cron in ("0 0 29 2 *", "0 0 29 2 */7", "59 23 31 12 *", "* * 31 1,3 */7"):
        assert len(due(connection, cron, "Europe/Berlin", start, 20)) == 20
