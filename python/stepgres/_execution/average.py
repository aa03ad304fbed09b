"""An average of the last values."""

from __future__ import annotations

_COUNT = 32  # values, about, that make the average


class Average:
    """The average of the last values. A new value counts as much as each of some 30 before it."""

    def __init__(self) -> None:
        self.value = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        """Add a value."""
        self.count += 1
        self.value += (value - self.value) / min(self.count, _COUNT)
