"""Read data that many tasks need once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

K = TypeVar("K")
V = TypeVar("V")


class SharedReads(Generic[K, V]):
    """Reads each value once for all of its callers, and keeps the last `kept` values."""

    def __init__(self, read: Callable[[K], Coroutine[Any, Any, V]], kept: int) -> None:
        self._read = read
        self._kept = kept
        self._readings: dict[K, asyncio.Task[V]] = {}

    async def __call__(self, key: K) -> V:
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = asyncio.create_task(self._read(key))
            if len(self._readings) > self._kept:
                del self._readings[next(iter(self._readings))]
        try:
            return await asyncio.shield(reading)
        except BaseException:
            self._readings.pop(key, None)
            raise
