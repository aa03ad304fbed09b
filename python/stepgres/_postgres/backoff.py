"""Growing pauses between attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Backoff:
    """Returns pauses, in seconds, one after the other, and then the last pause again and again."""

    def __init__(self, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._count = 0

    @property
    def is_spent(self) -> bool:
        """Return whether every pause has been returned."""
        return self._count >= len(self._pauses)

    def pause(self) -> float:
        """Return the next pause."""
        self._count += 1
        return self._pauses[min(self._count, len(self._pauses)) - 1]

    def reset(self) -> None:
        """Begin with the first pause again, after an attempt that succeeded."""
        self._count = 0
