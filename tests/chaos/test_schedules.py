"""A server that is killed while sessions tick: each second has its run, and no second has two."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic

import psycopg

import stepgres
from tests.conftest import Server
from tests.support.engine import Engine, step
from tests.support.waiting import PATIENCE, wait_until

CYCLES = int(os.environ.get("STEPGRES_CHAOS_CYCLES", "3"))


def _tick_until_killed(dsn: str) -> int:
    count = 0
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while True:
                row = connection.execute("select stepgres.tick()").fetchone()
                assert row
                count += row[0]
    except psycopg.OperationalError:
        return count


def test_server_killed_and_restarted_loses_and_doubles_no_due_time(server: Server) -> None:
    chance = random.Random()
    with (
        server.postgres.cluster(synchronous_commit="on") as cluster,
        ThreadPoolExecutor(8) as threads,
    ):
        cluster.start()
        stepgres.install(cluster.dsn)
        with psycopg.connect(cluster.dsn, autocommit=True) as connection:
            engine = Engine(connection)
            engine.define("report", step("a"))
            for overlap in ("allow_all", "skip"):
                engine.call(
                    "create_schedule", schedule_slug=overlap, workflow_slug="report",
                    every="1 s", overlap=overlap, catch_up=1000, due_key="due",
                )  # fmt: skip
        settled = 0
        for _ in range(CYCLES):
            tickers = [threads.submit(_tick_until_killed, cluster.dsn) for _ in range(8)]
            end = monotonic() + chance.uniform(1.5, 3)
            wait_until(monotonic, end.__lt__, what="the end of a cycle")
            cluster.kill()
            settled += sum(ticker.result(PATIENCE) for ticker in tickers)
            cluster.start()
        with psycopg.connect(cluster.dsn, autocommit=True) as connection:
            engine = Engine(connection, "last")
            wait_until(lambda: engine.call("tick"), lambda count: count == 0)
            for overlap in ("allow_all", "skip"):
                found = engine.rows(
                    "select due_at from stepgres.schedule_runs where schedule_slug = %s order by 1",
                    overlap,
                )
                assert len(found) >= CYCLES
                assert found == [found[0] + timedelta(seconds=i) for i in range(len(found))]
            kinds = engine.rows(
                "select distinct schedule_slug, outcome from stepgres.schedule_runs"
            )
            assert ("allow_all", "started") in kinds
            assert {kind for kind in kinds if kind[0] == "allow_all"} == {("allow_all", "started")}
            counts = engine.rows(
                "select (select count(*) from stepgres.schedule_runs where outcome = 'started'),"
                " (select count(*) from stepgres.runs),"
                " (select count(distinct (r.input, s.schedule_slug))"
                " from stepgres.runs as r join stepgres.schedule_runs as s using (run_id))"
            )[0]
            assert len(set(counts)) == 1, counts
            assert engine.rows("select * from stepgres.fsck()") == []
        assert settled > 0, "the sessions have settled nothing before a kill"
