"""What the body of a durable step has done in earlier executions, and in this one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._postgres.json_text import NotWritable, dumps, loads
from stepgres.errors import CallFailed, UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepgres._execution.failures import Failure

MOST_BYTES = 1_048_576  # of a checkpoint


class Key(NamedTuple):
    """The key of an operation: its name, which begins with its kind, and the use of the name."""

    name: str
    number: int

    def fields(self) -> dict[str, Any]:
        """Return the fields that name the operation for save_checkpoints."""
        return {"name": self.name, "number": self.number}


class Answer(NamedTuple):
    """The answer to an operation; outcome is None while a wait is open."""

    outcome: str | None
    output: Any = None
    error: str | None = None
    error_type: str | None = None
    wait_id: int | None = None
    child_run_id: str | None = None


class Journal:
    """The answers of a body, by the names of its operations and the uses of each name."""

    def __init__(self, checkpoints: Iterable[Mapping[str, Any]]) -> None:
        self._answers: dict[Key, Answer] = {}
        self._uses = Counter[str]()
        self._unsaved: list[dict[str, Any]] = []
        for fields in checkpoints:
            self.learn(fields)

    def learn(self, fields: Mapping[str, Any]) -> None:
        """Take an answer as a claimed item or save_checkpoints has it."""
        self._answers[Key(fields["name"], fields["number"])] = Answer(
            *(fields.get(name) for name in Answer._fields)
        )

    def next_key(self, name: str) -> Key:
        """Count a use of a name."""
        self._uses[name] += 1
        return Key(name, self._uses[name])

    def answer(self, key: Key) -> Answer | None:
        """Return the answer to an operation that was saved."""
        return self._answers.get(key)

    def complete(self, key: Key, output: Any) -> dict[str, Any]:
        """Return the checkpoint of a call that has returned a value.

        Raise UnwritableOutput if the value has no JSON, or too much.
        """
        try:
            text = dumps(output, "its result")
        except NotWritable as error:
            raise UnwritableOutput(f'"{key.name}": {error}') from error
        # an escape of six characters stands for three bytes, or two
        if len(text) - 3 * text.count("\\u") > MOST_BYTES:
            raise UnwritableOutput(
                f'"{key.name}": its result is {len(text):,} characters of JSON, and 1 MB is the'
                " most; store the value elsewhere, and return the place where it is"
            )
        # later executions read the value from JSON, so this one does too
        self._answers[key] = Answer("completed", loads(text, "its result"))
        return {**key.fields(), "output": text}

    def fail(self, key: Key, failure: Failure) -> CallFailed:
        """Keep the failure of a call until the body goes on; return the error for the body."""
        fields = {**key.fields(), "error": failure.error, "error_type": failure.error_type}
        self._unsaved.append(fields)
        self._answers[key] = Answer("failed", None, failure.error, failure.error_type)
        return call_failed(key, self._answers[key])

    def take_unsaved(self) -> list[dict[str, Any]]:
        """Return the failures that the body has survived, to be saved with its next operation."""
        unsaved, self._unsaved = self._unsaved, []
        return unsaved


def call_failed(key: Key, answer: Answer) -> CallFailed:
    """Return the error for an operation that failed, the same in every execution."""
    name = key.name.partition(" ")[2] or key.name
    return CallFailed(name, answer.error_type or "Exception", answer.error or "it failed")
