"""Lists of queues, channels and limits, by pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.engine import Engine, refused, step


def queues(engine: Engine) -> None:
    """Some with parts, one without steps, and one that only a pause has named."""
    for queue in ("b", "d", "a"):
        engine.define(f"of_{queue}", step("s", queue=queue))
        for priority in (None, 7):
            engine.start(f"of_{queue}", priority=priority)
    engine.call("pause_queue", queue="c")


def channels(engine: Engine) -> None:
    for channel in ("b", "d", "a/b", "c"):
        for _ in range(2):
            engine.call("send_with_notify", channel=channel, message="1")


def limits(engine: Engine) -> None:
    """Each with a place in use and a task that waits."""
    limited = engine.colleague("limited", features=["limits"])
    for slug in ("b", "d", "a", "c"):
        engine.call("create_limit", limit_slug=slug, max_running=1)
        engine.define(f"of_{slug}", step("s", limits=[{"limit": slug}]))
        for _ in range(2):
            engine.start(f"of_{slug}")
    assert len(limited.claim()) == 4


LISTS: dict[str, tuple[Callable[[Engine], None], str]] = {
    "list_queues": (queues, "queue"),
    "list_channels": (channels, "channel"),
    "list_limits": (limits, "limit_slug"),
}


@pytest.mark.parametrize("function", LISTS)
def test_pages_make_the_whole_list(engine: Engine, function: str) -> None:
    def listed(**arguments: Any) -> list[Any]:
        return engine._execute(function, arguments).fetchall()

    fill, key = LISTS[function]
    fill(engine)
    everything = listed()
    assert [row[0] for row in everything] == sorted(row[0] for row in everything)
    assert len(everything) >= 4
    paged: list[Any] = []
    while page := listed(limit=2, after=paged[-1][0] if paged else None):
        assert len(page) <= 2
        paged += page
    assert paged == everything
    assert listed(limit=0) == []
    for row in everything:
        assert listed(**{key: row[0]}) == [row]
    assert listed(**{key: "unknown"}) == []
    with refused("SG014", "limit -1"):
        listed(limit=-1)


@pytest.mark.parametrize("function", ["list_queues", "list_channels"])
def test_negative_number_to_count_is_refused(engine: Engine, function: str) -> None:
    LISTS[function][0](engine)
    with refused("SG014", "most -1"):
        engine._execute(function, {"most": -1})
