"""A server that is killed and restarted under load: nothing is lost and nothing doubled."""

from __future__ import annotations

import os
import random
from functools import partial
from time import monotonic, sleep

import stepgres
from tests.conftest import Server
from tests.support.storm import Storm
from tests.support.waiting import wait_until

CYCLES = int(os.environ.get("STEPGRES_CHAOS_CYCLES", "3"))


def begin_more(storm: Storm) -> int:
    storm.start_runs()
    return storm.begun()


def test_server_killed_and_restarted_loses_and_doubles_nothing(server: Server) -> None:
    chance = random.Random()
    # what was committed must survive the end of the server, though not of the machine
    with server.postgres.cluster(synchronous_commit="on") as cluster:
        cluster.start()
        stepgres.install(cluster.dsn)
        storm = Storm(cluster.dsn)
        try:
            for _ in range(CYCLES):
                before = storm.begun()
                # a slow machine takes longer to begin
                wait_until(partial(begin_more, storm), before.__lt__)
                end = monotonic() + chance.uniform(0.5, 2)
                while monotonic() < end:
                    storm.start_runs()
                    sleep(0.01)  # leaves the processors to the workers
                cluster.kill()
                cluster.start()
            seconds = storm.settle()
            assert all(worker.is_alive() for worker in storm.workers)
        finally:
            storm.stop()
        counts = storm.check()
    print(f"{CYCLES} cycles, {counts}, settled {seconds:.1f} s after the last one")
    assert counts["failed attempts"] > 0, "the server was never killed under a step"
