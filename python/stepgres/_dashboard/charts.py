"""Small charts as SVG: how many runs have ended, by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from stepgres._dashboard.render import status_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepgres.types import Throughput

_WIDTH, _HEIGHT = 480, 60
_KINDS = ("completed", "failed", "cancelled")  # from the bottom of a bar to its top


def totals(parts: Sequence[Throughput]) -> dict[str, int]:
    """Return how many runs have ended, by how they have ended."""
    return {kind: sum(getattr(part, f"runs_{kind}") for part in parts) for kind in _KINDS}


def draw(parts: Sequence[Throughput], label: str) -> Markup:
    """Return the SVG of a bar for each part of a time, the last part at the right."""
    words = ", ".join(f"{number:,} {status_word(kind)}" for kind, number in totals(parts).items())
    most = max([1, *(sum(_counts(part).values()) for part in parts)])
    room = _WIDTH / max(len(parts), 1)
    bars = []
    for index, part in enumerate(parts):
        y = float(_HEIGHT)
        for kind, number in _counts(part).items():
            # a single failure among many runs can still be seen
            height = max(number / most * _HEIGHT, 2.0) if number else 0.0
            y -= height
            if number:
                bars.append(
                    Markup(
                        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
                    ).format(kind, index * room, max(y, 0.0), max(room - 1, 1.0), height)
                )
    return Markup(
        '<svg role="img" aria-label="{0}: {1}" viewBox="0 0 {2} {3}" preserveAspectRatio="none">'
        "<title>{0}: {1}. At most {4:,} in a bar.</title>{5}</svg>"
    ).format(label, words, _WIDTH, _HEIGHT, most, Markup("").join(bars))


def _counts(part: Throughput) -> dict[str, int]:
    return {kind: getattr(part, f"runs_{kind}") for kind in _KINDS}
