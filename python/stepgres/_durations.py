"""Durations as people read them, for the command line and the dashboard."""

from __future__ import annotations

_UNITS = (("d", "h", 86400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1))


def two_units(seconds: float) -> str:
    """Return seconds in their two largest units: 0.5 s, 12.3 s, 5 min 3 s, 2 h 10 min, 3 d 4 h."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    large, small, size, part = next(units for units in _UNITS if whole >= units[2])
    count, rest = divmod(whole, size)
    rest //= part
    return f"{count} {large} {rest} {small}" if rest else f"{count} {large}"
