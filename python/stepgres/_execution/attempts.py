"""Call the function of a step, and return the outcome of the attempt."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._execution.failures import Failure, describe_failure, snooze_of
from stepgres._postgres.json_text import JsonText, NotWritable, dumps
from stepgres.errors import Suspended, UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from stepgres._execution.context import StepContext
    from stepgres.workflow import StepFunction

# The limit of jsonb. The server closes the connection on a message of more than 1 GB.
MOST_CHARACTERS = 2**28 - 1


class Outcome(NamedTuple):
    """The fields of the result of an attempt as JSON, and the failure if the attempt failed.

    Another process returns no object of the user, since this process might not unpickle the
    object. An attempt in this process also has `error`, or `pending` for the event loop to await.
    """

    fields: str
    failure: Failure | None = None
    error: BaseException | None = None
    pending: Awaitable[Any] | None = None


def attempt(function: StepFunction, context: StepContext) -> Outcome:
    """Call the function of a step. Any exception, also SystemExit, is a failed attempt."""
    try:
        output = context.invoke(function)
        if context.body is not None and context.body.is_suspending:
            return Outcome(context.body.ending())
        if inspect.isawaitable(output):
            return Outcome("", pending=output)
        return completed(output, context)
    except Suspended as error:
        return failed(error) if context.body is None else Outcome(context.body.ending())
    except BaseException as error:
        return failed(error)


def completed(output: Any, context: StepContext) -> Outcome:
    """Return the outcome of a completed step. Raise UnwritableOutput if jsonb cannot store it."""
    fields = '{"status":"completed","output":' + write_output(output, context)
    if context.added_goal_tasks:
        fields += ',"tasks":' + write_output(context.added_goal_tasks, context, "tasks")
    if len(fields) > MOST_CHARACTERS:
        raise UnwritableOutput(
            f'step "{context.step_slug}": its result is {len(fields):,} characters of JSON,'
            " more than PostgreSQL can take"
        )
    return Outcome(fields + "}")


def failed(error: BaseException, traceback: str | None = None) -> Outcome:
    """Return the outcome of a step that has raised an error; a Snooze is no failure."""
    delay = snooze_of(error)
    if delay is not None:
        return Outcome(dumps({"status": "released", "retry_after": delay}))
    failure = describe_failure(error, traceback)
    return Outcome(dumps(failure.fields()), failure, error)


def write_output(output: Any, context: StepContext, name: str = "output") -> JsonText:
    """Return the output of a step as JSON text, or raise UnwritableOutput.

    The step has done its work by then, so the task is not retried.
    """
    try:
        return dumps(output, name)
    except NotWritable as error:
        raise UnwritableOutput(f'step "{context.step_slug}": {error}') from error
