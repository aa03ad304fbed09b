"""The timeline of a run as SVG: a bar for each step, divided by where its time went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from stepgres._dashboard.render import duration, status_word, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from stepgres.types import CriticalStep

KINDS = {
    "queued": "in the queue",
    "limited": "waits for a limit",
    "waited": "waits",
    "retrying": "failed attempts",
    "running": "executes",
}
_LABEL, _BARS, _ROW, _AXIS = 200, 720, 22, 24
_LETTERS = 25
_TICKS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
    1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800, 2592000, 31536000, 315360000,
)  # fmt: skip


def draw(
    steps: Sequence[CriticalStep], critical: Collection[str], start: datetime, end: datetime
) -> Markup:
    """Return the SVG of a timeline from start to end. critical are the steps of the path."""
    whole = max((end - start).total_seconds(), 0.001)
    scale = _BARS / whole
    height = _AXIS + len(steps) * _ROW + 6
    tick = next((size for size in _TICKS if whole / size <= 8), _TICKS[-1])
    parts = []
    for number in range(int(whole / tick) + 1):
        x = round(_LABEL + number * tick * scale, 1)
        parts.append(
            Markup('<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
                x, _AXIS - 4, height
            )
        )
        if x < _LABEL + _BARS - 30:
            text = _tick_text(number * tick)
            parts.append(Markup('<text class="tick" x="{}" y="14">{}</text>').format(x + 2, text))
    for row, step in enumerate(steps):
        parts.append(_row(step, step.step_slug in critical, start, scale, _AXIS + row * _ROW))
    width = _LABEL + _BARS + 10
    return Markup(
        '<svg role="img" aria-label="Timeline of the steps" width="{0}" height="{1}"'
        ' viewBox="0 0 {0} {1}">{2}</svg>'
    ).format(width, height, Markup("").join(parts))


def _tick_text(seconds: float) -> str:
    if seconds == 0:
        return "0"
    return f"{seconds:g} s" if 1 <= seconds < 60 else duration(seconds)


def _row(step: CriticalStep, is_critical: bool, start: datetime, scale: float, y: float) -> Markup:
    spent = [(kind, getattr(step, kind).total_seconds()) for kind in KINDS]
    words = ", ".join(
        f"{KINDS[kind]} {duration(seconds)}" for kind, seconds in spent if seconds > 0
    )
    title = f"{visible(step.step_slug)}, {status_word(step.status)}: {words}"
    title += ". On the critical path." if is_critical else ""
    label = visible(step.step_slug)
    label = label if len(label) <= _LETTERS else f"{label[: _LETTERS - 1]}…"
    parts = [
        Markup("<title>{}</title>").format(title),
        Markup('<text x="20" y="{}">{}</text>').format(y + 15, label),
    ]
    if is_critical:
        parts.append(Markup('<text class="critical" x="4" y="{}">◆</text>').format(y + 15))
    x = _LABEL + max((step.started_at - start).total_seconds(), 0) * scale
    for kind, seconds in spent:
        if seconds > 0:
            width = max(seconds * scale, 1.0)
            parts.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="14"/>').format(
                    kind, round(x, 1), y + 4, round(width, 1)
                )
            )
            x += seconds * scale
    return Markup("<g>{}</g>").format(Markup("").join(parts))
