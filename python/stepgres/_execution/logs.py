"""Keep what steps log with context.logger, so that the lines are stored with the attempt."""

from __future__ import annotations

import json
import logging
from collections import deque
from datetime import datetime, timezone
from threading import Lock
from typing import TYPE_CHECKING

from stepgres._execution.failures import printable, shorten
from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

_LEVELS = {"off": None, "warning": logging.WARNING, "info": logging.INFO}
_NAMES = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)
_HALF = 32_704  # bytes of the lines at the beginning, and of those at the end, as in _fit_lines


def level_of(logs: str) -> int | None:
    """Return the least level of the lines that a worker keeps, or None if it keeps no lines."""
    if logs not in _LEVELS:
        raise InvalidInput(f"logs must be one of {', '.join(_LEVELS)}, not {logs!r}")
    return _LEVELS[logs]


class Log:
    """The lines of an attempt as JSON texts. A longer log than 64 KB loses its middle."""

    def __init__(self) -> None:
        self._lock = Lock()  # a step may log in several threads
        self._first: list[str] = []
        self._last: deque[str] = deque()
        self._first_bytes = 0
        self._last_bytes = 0
        self._left_out = 0

    def add(self, line: str) -> None:
        """Add a line. Any thread may call this."""
        with self._lock:
            if not self._last and self._first_bytes + _size(line) <= _HALF:
                self._first.append(line)
                self._first_bytes += _size(line)
                return
            self._last.append(line)
            self._last_bytes += _size(line)
            while self._last_bytes > _HALF:
                self._last_bytes -= _size(self._last.popleft())
                self._left_out += 1

    def as_json(self) -> str | None:
        """Return the lines as a JSON array, or None if there is no line."""
        with self._lock:
            left_out = [f'{{"left_out":{self._left_out}}}'] if self._left_out else []
            lines = [*self._first, *left_out, *self._last]
        return f"[{','.join(lines)}]" if lines else None


class KeepingLogger(logging.Logger):
    """A logger that also gives the lines of a level and above to `keep`, as JSON texts.

    These lines are kept even if no handler wants them.
    """

    def __init__(
        self, logger: logging.Logger, level: int, prefix: str, keep: Callable[[str], None]
    ) -> None:
        super().__init__(logger.name, level)
        self._logger = logger
        self._prefix = prefix
        self._keep = keep

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return level >= self.level or self._logger.isEnabledFor(level)

    def handle(self, record: logging.LogRecord) -> None:
        if record.levelno >= self.level:
            self._keep(_line(record, self._prefix))
        if self._logger.isEnabledFor(record.levelno):
            self._logger.handle(record)


def _line(record: logging.LogRecord, prefix: str) -> str:
    """Return the line of a record as JSON, without the prefix that names the task."""
    try:
        message = record.getMessage().removeprefix(prefix)
    except Exception as error:  # arguments that do not fit the message
        message = f"{record.msg} (reading it raised {type(error).__name__})".removeprefix(prefix)
    if record.exc_info:
        message += "\n" + logging.Formatter().formatException(record.exc_info)
    return json.dumps(
        {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": next((name for least, name in _NAMES if record.levelno >= least), "debug"),
            "message": shorten(printable(message)),
        },
        ensure_ascii=False,
    )


def _size(line: str) -> int:
    """Return the bytes of a line in the array of lines, as _fit_lines counts them."""
    return len(line.encode()) + 2
