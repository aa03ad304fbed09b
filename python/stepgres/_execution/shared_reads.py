"""Read data that many tasks need once, and data for many tasks together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

K = TypeVar("K")
V = TypeVar("V")


class JointReads(Generic[K, V]):
    """Reads the values for all callers of the same moment with one call."""

    def __init__(self, read: Callable[[list[K]], Coroutine[Any, Any, list[V]]]) -> None:
        self._read = read
        self._next: tuple[list[K], asyncio.Task[list[V]]] | None = None

    async def __call__(self, key: K) -> V:
        if self._next is None:
            keys: list[K] = []
            self._next = keys, asyncio.create_task(self._read_next(keys))
        keys, reading = self._next
        place = len(keys)
        keys.append(key)
        return (await asyncio.shield(reading))[place]

    async def _read_next(self, keys: list[K]) -> list[V]:
        self._next = None  # whoever comes from now on is too late for this call
        return await self._read(keys)


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
