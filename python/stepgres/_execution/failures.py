"""Describe the failures of steps as plain data that any process can read."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import TracebackException, extract_stack, format_list
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres.errors import CallFailed, NonRetryable, RetryAfter, Snooze

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_MOST_CHARACTERS = 8_000  # of an error or a traceback; SQL cuts longer ones, too
_MOST_IN_PART = 2_000  # of each frame or message in a traceback, so that all fit
_MOST_NAMED = 3  # errors of a group
_PACKAGE = str(Path(__file__).parent.parent)


class Failure(NamedTuple):
    """The failure of an attempt. `error` begins with the name of the type of the error."""

    error_type: str
    error: str
    traceback: str | None
    is_retryable: bool = True
    retry_after: float | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of the failure in a result."""
        optional: dict[str, Any] = {"traceback": self.traceback, "retry_after": self.retry_after}
        return {
            "status": "failed",
            "error_type": self.error_type,
            "error": self.error,
            "retryable": self.is_retryable,
            **{name: value for name, value in optional.items() if value is not None},
        }


def describe_failure(error: BaseException, traceback: str | None = None) -> Failure:
    """Describe an error of a step, by default with a traceback of the frames of the step.

    An ExceptionGroup is not retryable if an error in the group is not. Otherwise the retry waits
    for the longest delay that an error in the group has.
    """
    name = type(error).__name__
    leaves, text, retry_after = [error], name, None
    try:
        leaves = list(_leaves(error))
        message = printable(str(error))
        if leaves != [error]:
            named = [_text(leaf) for leaf in leaves[:_MOST_NAMED]]
            rest = len(leaves) - len(named)
            message = f"{message}: {'; '.join(named)}" + (f"; and {rest} more" if rest else "")
        if message:
            text = f"{name}: {message}"
        causes = [cause_of(leaf) for leaf in leaves]
        delays = [float(cause.seconds) for cause in causes if isinstance(cause, RetryAfter)]
        retry_after = max(delays, default=None)
    except Exception as broken:  # the class is the user's
        text = f"{name} (reading it raised {type(broken).__name__})"
    return Failure(
        name,
        shorten(text),
        traceback or _traceback(error),
        not any(isinstance(cause_of(leaf), NonRetryable) for leaf in [error, *leaves]),
        retry_after,
    )


def snooze_of(error: BaseException) -> float | None:
    """Return the seconds of a Snooze, or the longest in a group of nothing else; else None."""
    try:
        delays = [
            float(leaf.seconds) if isinstance(leaf, Snooze) else None for leaf in _leaves(error)
        ]
        return None if None in delays else max(delay for delay in delays if delay is not None)
    except Exception:  # the class is the user's; describe_failure says what is wrong with it
        return None


def cause_of(error: BaseException) -> BaseException:
    """Return the exception that made a call in a durable step fail, or the error itself."""
    while isinstance(error, CallFailed) and error.__cause__ is not None:
        error = error.__cause__
    return error


def describe_stack(thread_id: int | None) -> str | None:
    """Return the stack of a thread, as a traceback without the line of an error at its end."""
    frame = sys._current_frames().get(thread_id or 0)
    if frame is None:
        return None
    frames = extract_stack(frame)
    ours = [index for index, f in enumerate(frames) if f.filename.startswith(_PACKAGE)]
    begin = next((i + 1 for i in ours if i + 1 not in ours), 0)
    lines = ["Traceback (most recent call last):\n", *format_list(frames[begin:])]
    return shorten(printable("".join(lines)), _MOST_CHARACTERS - _MOST_IN_PART)


def shorten(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return a text of at most `most` characters, without the middle of a longer text."""
    if len(text) <= most:
        return text
    kept = most // 2 - 50
    return f"{text[:kept]} [... {len(text) - 2 * kept} characters ...] {text[-kept:]}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Return the errors in a group and in its nested groups, or the error itself."""
    groups = [error]
    while groups:
        error = groups.pop(0)
        inner = getattr(error, "exceptions", None)
        if isinstance(inner, tuple) and inner and all(isinstance(e, BaseException) for e in inner):
            groups[:0] = inner
        else:
            yield error


def _text(error: BaseException) -> str:
    message = printable(str(error))
    return shorten(type(error).__name__ + (f": {message}" if message else ""), _MOST_IN_PART)


def _traceback(error: BaseException) -> str | None:
    """Return the formatted traceback, without the frames of Stepgres that have called the step."""
    try:
        formatted = TracebackException(
            type(error), error, _user_frames(error.__traceback__), compact=True
        ).format()
        parts = [shorten(printable(part), _MOST_IN_PART) for part in formatted]
    except Exception as broken:  # the class is the user's
        return f"(reading the traceback raised {type(broken).__name__})"
    return shorten("".join(parts))


def _user_frames(traceback: TracebackType | None) -> TracebackType | None:
    while traceback and traceback.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        traceback = traceback.tb_next
    return traceback


def printable(text: str) -> str:
    """Return a text with escapes for the characters that PostgreSQL does not accept."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")
