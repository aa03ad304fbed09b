"""Settings of a session that calls the functions by SQL."""

from __future__ import annotations

import pytest

from tests.support.engine import Engine, step


@pytest.mark.parametrize("value", ["on", "off"])
def test_backslashes_mean_the_same_whatever_standard_conforming_strings_is(
    engine: Engine, value: str
) -> None:
    engine.connection.execute(f"set standard_conforming_strings = {value}".encode())
    engine.connection.execute("set escape_string_warning = off")
    condition = r'$ ? (@.kind like_regex "^\\w+$")'
    half = {"max_failed": "50%", "when_exhausted": "skip", "max_attempts": 1}
    engine.define(
        "shop", step("fetch", condition=condition), step("each", "fetch", map=True, **half)
    )
    run_id = engine.start("shop", {"kind": "word"})
    engine.complete(engine.claim_one(), [1, 2])
    one, other = engine.claim()
    engine.fail(one)
    engine.complete(other)
    assert engine.status(run_id)[0] == "completed"
    position = engine.call("send_with_notify", channel="news", message="1")
    assert engine.rows("select message_id from stepgres.catch_up('news', %s)", position) == []
