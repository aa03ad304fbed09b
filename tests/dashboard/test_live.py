"""Open pages get to know of changes: one watcher, one rendering, and no word of what changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx

from tests.conftest import Database
from tests.support.dashboards import dashboard_served
from tests.support.databases import KEEPER
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE, wait_until

_WATCHES = "select pid from pg_stat_activity where query ~ 'pg_current_snapshot' and state = 'idle'"


def events(response: httpx.Response) -> Iterator[str]:
    for line in response.iter_lines():
        if line.startswith("event: "):
            yield line.removeprefix("event: ")


def next_change(stream: Iterator[str]) -> str:
    return next(event for event in stream if event != "beat")


def test_all_tabs_hear_of_a_change_by_one_watcher(db: Database, engine: Engine) -> None:
    engine.define("order", step("a"))
    with ExitStack() as stack:
        address = stack.enter_context(dashboard_served(db.dsn, "/ops"))
        tabs = []
        for _ in range(5):
            opened = stack.enter_context(httpx.stream("GET", f"{address}/live", timeout=PATIENCE))
            assert opened.headers["content-type"].startswith("text/event-stream")
            tabs.append(events(opened))
            assert next(tabs[-1]) == "beat"
        assert [next_change(tab) for tab in tabs[:1]] == ["changed"]  # the first look
        wait_until(lambda: len(engine.connection.execute(_WATCHES).fetchall()) == 1)
        engine.start("order", {})
        assert [next_change(tab) for tab in tabs] == ["changed"] * 5


def test_pages_without_a_tab_are_watched_by_nobody(db: Database, engine: Engine) -> None:
    with dashboard_served(db.dsn) as address:
        with httpx.stream("GET", f"{address}/live", timeout=PATIENCE) as opened:
            next(events(opened))
            wait_until(lambda: engine.connection.execute(_WATCHES).fetchall())
        # the connection is left, and asks nothing more: its last query grows old
        old = f"{_WATCHES} and query_start < clock_timestamp() - interval '2.5 s'"
        wait_until(lambda: engine.connection.execute(old.encode()).fetchall())


def test_lost_database_is_said_and_comes_back(db: Database, engine: Engine) -> None:
    with (
        dashboard_served(db.dsn) as address,
        httpx.stream("GET", f"{address}/live", timeout=PATIENCE) as opened,
    ):
        tab = events(opened)
        assert next_change(tab) == "changed"
        others = (
            "pid <> pg_backend_pid() and datname = current_database()"
            f" and application_name <> '{KEEPER}'"
        )
        engine.connection.execute("create table public.gone ()")
        kill = f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"
        engine.connection.execute(kill.encode())
        assert next_change(tab) in {"changed", "lost"}
        assert httpx.get(f"{address}/", timeout=PATIENCE).status_code == 200


def test_tabs_of_one_page_share_its_rendering(db: Database, engine: Engine) -> None:
    """Fragments are rendered once for each snapshot, whole pages always."""
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with (
        dashboard_served(db.dsn) as address,
        httpx.stream("GET", f"{address}/live", timeout=PATIENCE) as opened,
    ):
        tab = events(opened)
        next_change(tab)
        fragment = {"X-Fragment": "1"}
        path = f"{address}/runs/{run_id}"

        def etags() -> set[str]:
            # the bar of a queued step grows, so that two renderings differ
            answers = [httpx.get(path, headers=fragment, timeout=PATIENCE) for _ in range(2)]
            return {answer.headers["etag"] for answer in answers}

        wait_until(etags, lambda found: len(found) == 1, what="two tabs with one rendering")
        before = etags()
        engine.start("order", {})
        next_change(tab)
        assert etags() != before
