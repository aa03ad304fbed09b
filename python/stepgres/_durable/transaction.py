"""Calls of a body in a transaction, which commits their writes with their checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._client.client import Client
from stepgres._durable.body import NotSaved
from stepgres._postgres.json_text import dumps
from stepgres.errors import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from stepgres.types import CheckpointAnswer


class FunctionFailed(Exception):
    """The function of a transaction has raised an error, so its transaction rolls back."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def call_in_transaction(
    connecting: AbstractContextManager[Any],
    worker_id: str,
    key: Mapping[str, Any],
    function: Callable[[Any], Any],
    save: Callable[[Any], dict[str, Any]],
) -> Any:
    """Call a function with a connection; save makes its checkpoint from its value.

    connecting is a transaction that commits at its end. key names the task. Raise NotSaved for
    errors that are not errors of the function.
    """
    try:
        with connecting as connection:
            try:
                output = function(connection)
            except Exception as error:
                raise FunctionFailed(error) from error
            saved = operations_as_json(key, [save(output)])
            check_lease(key, Client(connection).save_checkpoints(worker_id, json_array(saved)))
    except FunctionFailed as failed:
        raise failed.error from failed.error.__cause__
    except Exception as error:
        raise NotSaved(error) from error
    return output


def operations_as_json(
    key: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return operations of a task as JSON. The output of an operation is JSON text already."""
    return [
        dumps({**key, **{name: o[name] for name in o if name != "output"}})[:-1]
        + (f',"output":{o["output"]}}}' if "output" in o else "}")
        for o in operations
    ]


def json_array(texts: Iterable[str]) -> str:
    """Return a JSON array of JSON texts."""
    return f"[{','.join(texts)}]"


def check_lease(key: Mapping[str, Any], answers: Iterable[CheckpointAnswer]) -> None:
    """Raise LeaseLost if the answers say that another worker has the task, or nobody."""
    if any(answer.is_refused for answer in answers):
        raise LeaseLost(
            f"task {key['run_id']}/{key['step_slug']}/{key['task_index']} is no longer leased to"
            " this worker",
            hint="Let the error pass: another worker goes on with the step, from its checkpoints.",
        )
