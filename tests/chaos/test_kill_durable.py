"""Workers that die inside durable steps: each effect is kept, and nothing is lost.

STEPGRES_CHAOS_SECONDS makes the storm longer. STEPGRES_CHAOS_DEATHS is the chance that a process
dies between an effect and its checkpoint.
"""

from __future__ import annotations

import os
import random
from time import monotonic, sleep

from tests.conftest import Database
from tests.support.durable_storm import DurableStorm
from tests.support.storm import SECONDS


def test_killed_bodies_go_on_from_their_checkpoints(db: Database) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    storm = DurableStorm(db.dsn, chance=float(os.environ.get("STEPGRES_CHAOS_DEATHS", "0.02")))
    try:
        end = monotonic() + SECONDS
        kill_at = monotonic()
        # a slow machine takes longer until a process has died after an effect
        while monotonic() < end or not storm.deaths() or storm.kills < 3:
            storm.start_runs()
            storm.replace_the_dead()
            if monotonic() >= kill_at:
                storm.kill_a_worker(chance)
                storm.answer()
                kill_at = monotonic() + chance.uniform(0.5, 2)
            sleep(0.05)  # leaves the processors to the workers
        storm.settle()
        counts = storm.check()
    finally:
        storm.stop()
    print(counts)
