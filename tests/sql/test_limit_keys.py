"""The keys of a limit, by pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Database
from tests.support.engine import Engine, refused, step


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        yield Engine(connection, features=["limits"])


def test_keys_are_listed_by_pages_with_their_use(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=[{"limit": "api", "key": "$.tenant"}]))
    keys: list[Any] = ["acme", "acme", "zeta", "zeta", "zeta", 7, True, None]
    for key in keys:
        engine.start("order", {"tenant": key})
    assert len(engine.claim(10)) == 5
    query = "select key, running, waiting, position from stepgres.list_limit_keys('api', %s, %s)"
    everything = engine.rows(query, None, None)
    assert {str(key): (running, waiting) for key, running, waiting, _ in everything} == {
        "acme": (1, 1),
        "zeta": (1, 2),
        "7": (1, 0),
        "True": (1, 0),
        "None": (1, 0),
    }
    paged, after = [], None
    while page := engine.rows(query, 2, after):
        paged += page
        after = page[-1][3]
    assert paged == everything
    assert engine.rows(query, 0, None) == []
    assert engine.rows("select * from stepgres.list_limit_keys('other')") == []
    with refused("SG014"):
        engine.call("list_limit_keys", limit_slug="api", limit=-1)


def test_list_limits_agrees(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2, rate=1, per="1 hour", burst=2)
    engine.define("order", step("a", limits=[{"limit": "api", "key": "$.tenant"}]))
    for key in ("a", "b", "a", "b", "b"):
        engine.start("order", {"tenant": key})
    engine.claim(10)
    ((busiest,),) = [(row,) for row in engine.rows("select keys from stepgres.list_limits('api')")]
    listed = engine.rows("select key, running, waiting from stepgres.list_limit_keys('api')")
    assert sorted((k["key"], k["running"], k["waiting"]) for k in busiest) == listed
