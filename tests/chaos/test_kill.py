"""Workers that are killed all the time: nothing is lost and nothing is accepted twice."""

from __future__ import annotations

import random
from time import monotonic, sleep

from tests.conftest import Database
from tests.support.storm import SECONDS, Storm


def test_workers_killed_all_the_time_lose_and_double_nothing(db: Database) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    storm = Storm(db.dsn)
    try:
        end = monotonic() + SECONDS
        kill_at = monotonic()
        # a slow machine takes longer to kill a worker that has a task
        while monotonic() < end or not storm.taken_over():
            storm.start_runs()
            if monotonic() >= kill_at:
                storm.kill_a_worker(chance)
                kill_at = monotonic() + chance.uniform(0.05, 0.5)
            sleep(0.01)  # leaves the processors to the workers
        seconds = storm.settle()
    finally:
        storm.stop()
    counts = storm.check()
    print(f"{storm.kills} kills, {counts}, settled {seconds:.1f} s after the last one")
