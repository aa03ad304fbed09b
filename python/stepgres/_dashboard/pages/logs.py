"""What pages show of the logs and of the progress of steps."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stepgres.types import LogLine, TaskProgress


class ShownLine(NamedTuple):
    """A line of a log: its first line of text, and the rest, such as a traceback, for a fold."""

    line: LogLine
    key: str
    head: str
    rest: str


def lines_of(found: list[LogLine]) -> list[ShownLine]:
    """Return the lines of a log as pages show them."""
    shown = []
    number, position = 0, ""
    for line in found:
        number = number + 1 if line.position == position else 0
        position = line.position
        head, _, rest = line.message.partition("\n")
        shown.append(ShownLine(line, f"log-{position}-{number}", head, rest))
    return shown


def newest_of(found: list[LogLine], most: int) -> list[ShownLine]:
    """Return the newest lines of attempts that come by their ends, the last one first."""
    shown: list[ShownLine] = []
    for _, lines in groupby(lines_of(found), lambda shown: shown.line.position):
        shown += list(lines)[-max(most - len(shown), 1) :]
    return shown[:most]


class ShownProgress(NamedTuple):
    """How far a task has come, in words, and as a part of a whole if the step knows the whole."""

    task_index: int
    text: str
    share: float | None


def progress_of(found: list[TaskProgress], most: int) -> list[ShownProgress]:
    """Return the newest reports of the tasks of a step, the newest first."""
    newest = sorted(found, key=lambda report: report.reported_at, reverse=True)
    return [_shown(report) for report in newest[:most]]


def _shown(report: TaskProgress) -> ShownProgress:
    text, share = f"{report.done:,}", None
    if report.total is not None:
        text += f" of {report.total:,}"
        if report.total > 0:
            share = min(max(report.done / report.total, 0), 1)
    if report.message:
        text += f": {report.message}"
    return ShownProgress(report.task_index, text, share)
