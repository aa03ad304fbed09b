"""Arguments of the client in the form that psycopg takes."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from stepgres._postgres.json_text import dumps_input
from stepgres.errors import InvalidInput
from stepgres.workflow import Definition, slug_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def interval(seconds: float | None) -> timedelta | None:
    """Convert seconds for an argument that is an interval in SQL."""
    try:
        return None if seconds is None else timedelta(seconds=seconds)
    except OverflowError:  # longer than any limit: SQL refuses it, and names the argument
        return timedelta.max if seconds is not None and seconds > 0 else timedelta.min
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{seconds!r} is no number of seconds", hint="Pass a number.") from error


def json_value(value: Any, name: str) -> Jsonb:
    """Convert an argument with a name whose value is any JSON value, null too."""
    return Jsonb(value, partial(dumps_input, name=name))


def json_argument(value: Any, name: str) -> Jsonb | None:
    """Convert a JSON argument; None stays None, an argument that is not given."""
    return None if value is None else json_value(value, name)


def array(values: Sequence[str] | None) -> list[str] | str | None:
    """Convert a sequence to a list; a string stays a string, which PostgreSQL refuses."""
    return values if values is None or isinstance(values, str) else list(values)


def slug_argument(workflow: Any) -> str | None:
    """Return the slug of a workflow, or a slug unchanged."""
    if workflow is None or isinstance(workflow, str):
        return workflow
    if isinstance(workflow, Definition):
        return str(workflow.document["workflow_slug"])
    if hasattr(workflow, "workflow_steps"):
        return slug_of(workflow)
    raise InvalidInput(
        f"{workflow!r} is neither a workflow nor a slug",
        hint='Pass the Workflow class, or its slug, such as "order".',
    )


def channel_argument(channel: Any) -> Any:
    """Escape characters of a channel that PostgreSQL does not take, so that SQL refuses it."""
    if channel is None:
        raise InvalidInput("channel is None", hint="Pass the name of a channel.")
    if not isinstance(channel, str):
        return channel
    return channel.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
