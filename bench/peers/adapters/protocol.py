"""How an adapter talks to the benchmark; it runs with the Python of its peer, without ours.

`install` makes the schema. `start SHAPE` reads numbers of runs, and starts them. `work SHAPE`
executes tasks until it is terminated, and prints how many it has executed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 100
CHAIN = 10  # steps of the shape "chain_of_10"
URL = os.environ["BENCH_URL"]
_PAUSE = 0.02  # seconds between reports


class Executed:
    """Counts executed tasks, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self) -> None:
        with self._lock:
            self.count += 1

    def report(self) -> None:
        reported = 0
        while True:
            if self.count != reported:
                reported = self.count
                print(reported, flush=True)
            time.sleep(_PAUSE)


def batches(runs: int) -> list[int]:
    return [min(BATCH, runs - first) for first in range(0, runs, BATCH)]


def main(
    install: Callable[[], None],
    starter: Callable[[str], Callable[[int], None]],
    work: Callable[[str, Executed], None],
) -> None:
    role, *shape = sys.argv[1:]
    if role == "install":
        install()
    elif role == "start":
        start = starter(shape[0])
        print("ready", flush=True)
        for line in sys.stdin:
            start(int(line))
            print("started", flush=True)
    else:
        executed = Executed()
        threading.Thread(target=executed.report, daemon=True).start()
        work(shape[0], executed)
