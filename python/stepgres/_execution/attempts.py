"""Calls the function of a step, and says what became of the attempt."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._execution.failures import Failure, describe_failure
from stepgres._postgres.json_text import JsonText, NotWritable, dumps
from stepgres.errors import UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from stepgres._execution.context import StepContext
    from stepgres.workflow import StepFunction

# What jsonb can hold. Of more than 1 GB the server does not even read the message: it hangs up.
MOST_CHARACTERS = 2**28 - 1


class Outcome(NamedTuple):
    """What became of an attempt: the fields of its result as JSON, and the failure if it failed.

    Nothing of the user's is in what another process returns: that could be unreadable here. In
    this process there is also the error itself, or what is still to be awaited on the event loop.
    """

    fields: str
    failure: Failure | None = None
    error: BaseException | None = None
    pending: Awaitable[Any] | None = None


def attempt(function: StepFunction, context: StepContext) -> Outcome:
    """Call the function of a step; whatever it raises is a failed attempt, SystemExit included."""
    try:
        output = function(*context.arguments(function))
        if inspect.isawaitable(output):
            return Outcome("", pending=output)
        return completed(output, context)
    except BaseException as error:
        return failed(error)


def completed(output: Any, context: StepContext) -> Outcome:
    """The outcome of a step that has returned; UnwritableOutput if that cannot be stored."""
    fields = '{"status":"completed","output":' + write_output(output, context)
    if context.added_tasks:
        fields += ',"tasks":' + write_output(context.added_tasks, context, "tasks")
    if len(fields) > MOST_CHARACTERS:
        raise UnwritableOutput(
            f'step "{context.step_slug}": its result is {len(fields):,} characters of JSON,'
            " more than PostgreSQL can take"
        )
    return Outcome(fields + "}")


def failed(error: BaseException, traceback: str | None = None) -> Outcome:
    """The outcome of a step that has raised."""
    failure = describe_failure(error, traceback)
    return Outcome(dumps(failure.fields()), failure, error)


def write_output(output: Any, context: StepContext, name: str = "output") -> JsonText:
    """The JSON text of what a step has returned, or UnwritableOutput.

    The work has been done by then, so that the task is not tried again.
    """
    try:
        return dumps(output, name)
    except NotWritable as error:
        raise UnwritableOutput(f'step "{context.step_slug}": {error}') from error
