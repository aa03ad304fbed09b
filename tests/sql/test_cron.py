"""Cron expressions: what they mean, beside cronsim and beside every minute of a clock."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg
import pytest
from cronsim import CronSim, CronSimError

from tests.conftest import Database
from tests.support.engine import refused

Connection = psycopg.Connection[tuple[object, ...]]

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


def due(connection: Connection, cron: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """The next due times, in UTC."""
    found: list[datetime] = []
    while len(found) < count:
        row = connection.execute(
            "select stepgres._next_cron(stepgres._parse_cron(%s), %s, %s)",
            [cron, zone, found[-1] if found else after],
        ).fetchone()
        assert row
        assert isinstance(row[0], datetime)
        found.append(row[0].astimezone(UTC))
    return found


def local(connection: Connection, cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next due times as the clocks of the zone show them."""
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [
        f"{found.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}"
        for found in due(connection, cron, zone, start, count)
    ]


# What an expression means


@pytest.mark.parametrize(
    ("cron", "same"),
    [
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
    ],
)
def test_two_ways_to_write_one_expression(connection: Connection, cron: str, same: str) -> None:
    query = """
        select (a).minutes, (a).hours, (a).days, (a).months, (a).weekdays
        from stepgres._parse_cron(%s) as a
    """
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


@pytest.mark.parametrize(
    ("cron", "culprit"),
    [
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
    ],
)
def test_nonsense_is_refused_by_name_in_milliseconds(
    connection: Connection, cron: str, culprit: str
) -> None:
    started_at = time.perf_counter()
    with refused("SG001", culprit):
        connection.execute("select stepgres._parse_cron(%s)", [cron])
    assert time.perf_counter() - started_at < 1


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "Utopia+3", "PST", "x" * 10_000, "a'b"])
def test_time_zones_that_do_not_exist_are_refused(connection: Connection, zone: str) -> None:
    with refused("SG001", f'time zone "{zone[:100]}" does not exist'):
        connection.execute("select stepgres._check_timezone(%s)", [zone])


@pytest.mark.parametrize("zone", [*ZONES, "UTC", "CET", "Etc/GMT+3", "America/Argentina/La_Rioja"])
def test_time_zones_that_exist_are_taken(connection: Connection, zone: str) -> None:
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


def _changes(zone: str) -> list[datetime]:
    """The half days since 2000 in which the clocks of the zone change."""
    info = ZoneInfo(zone)
    half = timedelta(hours=12)
    days = [datetime(2000, 1, 1, tzinfo=UTC) + half * i for i in range(2 * 365 * 28)]
    offsets = [day.astimezone(info).utcoffset() for day in days]
    return [
        day for day, one, next in zip(days, offsets, offsets[1:], strict=False) if one != next
    ]


CHANGES = {zone: _changes(zone) for zone in ZONES}


def _instant(chance: random.Random, zone: str) -> datetime:
    if CHANGES[zone] and chance.random() < 0.7:
        return chance.choice(CHANGES[zone]) + timedelta(seconds=chance.randint(-43200, 86400))
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


@pytest.mark.parametrize("seed", range(3))
def test_fixed_times_are_those_of_cronsim(connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(1000):
        zone = chance.choice(ZONES)
        cron, after = _expression(chance, 0), _instant(chance, zone)
        try:
            oracle = CronSim(cron, after.astimezone(ZoneInfo(zone)))
        except CronSimError:
            with refused("SG001", "never comes due"):
                connection.execute("select stepgres._parse_cron(%s)", [cron])
            continue
        # Times in the gap come together; the oracle has each of them.
        expected: list[datetime] = []
        while len(expected) < 3:
            time = next(oracle).astimezone(UTC)
            if time > (expected[-1] if expected else after):
                expected.append(time)
        assert due(connection, cron, zone, after, 3) == expected, (cron, zone, after)


@pytest.mark.parametrize("seed", range(2))
def test_times_in_utc_are_those_of_cronsim(connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(1000):
        cron, after = _expression(chance, 0.5), _instant(chance, "Asia/Kolkata")
        try:
            oracle = CronSim(cron, after)
        except CronSimError:
            continue
        expected = [next(oracle) for _ in range(3)]
        assert due(connection, cron, "UTC", after, 3) == expected, (cron, after)


@pytest.mark.parametrize("zone", ZONES)
def test_wildcards_match_every_minute_that_the_clocks_show(
    connection: Connection, zone: str
) -> None:
    """cronsim steps by whole hours, and errs where the clocks change by less or at midnight."""
    info = ZoneInfo(zone)
    chance = random.Random(zone)
    for change in CHANGES[zone] or [datetime(2026, 5, 1, tzinfo=UTC)]:
        cron = (
            f"{_field(chance, 0, 59, 0.5)} {_field(chance, 0, 6, 0.3)} * * *"
            if chance.random() < 0.5
            else f"{_field(chance, 0, 59, 0)} */{chance.randint(1, 5)} * * *"
        )
        if "*" not in cron.split()[0][:1] + cron.split()[1][:1]:
            cron = f"* {cron.split()[1]} * * *"
        row = connection.execute(
            "select (c).minutes, (c).hours from stepgres._parse_cron(%s) as c", [cron]
        ).fetchone()
        assert row
        minutes, hours = row
        start = change.replace(second=0, microsecond=0)
        shown = [start + timedelta(minutes=i) for i in range(1, 1440)]
        expected = [
            time
            for time in shown
            if time.astimezone(info).minute in minutes  # type: ignore[operator]
            and time.astimezone(info).hour in hours  # type: ignore[operator]
        ][:150]
        found = due(connection, cron, zone, start, len(expected))
        assert found == expected, (cron, zone, change)


# Speed


@pytest.mark.parametrize(
    "cron", ["*/5 * * * *", "0 0 29 2 *", "0 0 29 2 */7", "59 23 31 12 *", "* * 31 1,3 1"]
)
def test_next_due_time_is_found_at_once(connection: Connection, cron: str) -> None:
    """Also of sparse expressions: months and days are passed over as a whole."""
    started_at = time.perf_counter()
    connection.execute(
        """
        select stepgres._next_cron(stepgres._parse_cron(%s), 'Europe/Berlin', t)
        from generate_series('2024-03-01'::timestamptz, '2024-03-02', '7 min') as t
        """,
        [cron],
    )
    assert (time.perf_counter() - started_at) / 206 < 0.02
