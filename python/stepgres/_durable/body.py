"""The body of a durable step: its operations, in whatever way it waits for their answers."""

from __future__ import annotations

import contextvars
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stepgres._durable import operations
from stepgres._durable.journal import Journal, call_failed
from stepgres._execution.failures import describe_failure
from stepgres._postgres.json_text import NotWritable, dumps
from stepgres.errors import DefinitionError, NonRetryable, RetryAfter, Snooze, UnwritableOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from stepgres._durable.journal import Key
    from stepgres._durable.operations import Call, Wait
    from stepgres.workflow import WorkflowName

_LONGEST_DELAY = 3600.0  # seconds between two attempts of a call

# Set while the function of context.run is executed: nobody would resume a function that waits.
_is_calling: contextvars.ContextVar[bool] = contextvars.ContextVar("is_calling", default=False)


class NotSaved(Exception):
    """A call is not at fault: its transaction has not begun, or was not committed for sure."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class StartedRun:
    """A run that the body of a durable step has started: its run_id, and its result()."""

    def __init__(self, run_id: UUID, wait: Callable[[], Any]) -> None:
        self.run_id = run_id
        self._wait = wait

    def result(self) -> Any:
        """Wait for the end of the run, and return its output. Await it in an async def step.

        Raises CallFailed if the run has failed or was cancelled.
        """
        return self._wait()


class Body(ABC):
    """The operations of a body. The context of the step calls them.

    The operations are coroutines here. LoopBody gives them to the body, which awaits them.
    ThreadBody drives each to its end at once: its own methods are coroutines that never pause.
    """

    def __init__(self, checkpoints: list[dict[str, Any]], step_slug: str) -> None:
        self.checkpoints = checkpoints  # of earlier executions, for another process
        self._journal = Journal(self.checkpoints)
        self._step_slug = step_slug
        self._waits_for: list[int | None] = []  # the waits that keep the body from going on
        self._new_input: str | None = None  # of context.restart
        self.is_suspending = False
        self.interrupted: BaseException | None = None  # tells where a cancelled body was

    def ending(self) -> str:
        """Return the fields of the result of a body that lets go, as JSON."""
        if self._new_input is not None:
            return f'{{"status":"restarted","input":{self._new_input}}}'
        return dumps({"status": "suspended", "waits_for": self._waits_for})

    # The operations, as the context has them

    def run(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        **options: Any,
    ) -> Any:
        """Call a function once, and keep its result."""
        call = operations.call(name, function, arguments, **options)
        return self._start(self._run(self._journal.next_key(f"run {name}"), call))

    def sleep(self, seconds: float) -> Any:
        """Wait for a time."""
        return self._wait(operations.sleep(seconds))

    def sleep_until(self, instant: datetime) -> Any:
        """Wait for an instant."""
        return self._wait(operations.sleep_until(instant))

    def wait_for_signal(
        self, signal: str, timeout: float | None, match: str | None, key: str | None
    ) -> Any:
        """Wait for a signal."""
        return self._wait(operations.signal(signal, timeout, match, key))

    def approval(self, name: str, timeout: float | None, document: dict[str, Any]) -> Any:
        """Wait for people to approve."""
        return self._wait(operations.approval(name, timeout, document))

    def run_workflow(self, workflow: WorkflowName, input: Any, version: int | None) -> Any:
        """Wait for a run of a workflow."""
        return self._wait(operations.child("run_workflow", workflow, input, version))

    def start_workflow_run(self, workflow: WorkflowName, input: Any, version: int | None) -> Any:
        """Start a run of a workflow, and return its handle."""
        wait = operations.child("start_workflow_run", workflow, input, version)
        key = self._next_key(wait)
        return self._start(self._begin(key, wait))

    def restart(self, input: Any) -> Any:
        """Begin anew with another input, without checkpoints."""
        self._refuse_in_call()
        try:
            text = dumps(input, "input")
        except NotWritable as error:
            raise UnwritableOutput(f"context.restart: {error}") from error
        return self._start(self._restart(text))

    async def execute(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Execute a body on the loop; threads call their bodies themselves."""
        return await coroutine

    @abstractmethod
    def gather(self, *branches: Any) -> Any:
        """Go on when all branches have ended, or one has failed."""

    # What the ways to execute a body do differently

    @abstractmethod
    def _start(self, operation: Coroutine[Any, Any, Any], wait: Key | None = None) -> Any:
        """Give an operation to the body; wait is the key of a wait."""

    @abstractmethod
    async def _save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Save checkpoints, open waits, and return what is known about the waits."""

    @abstractmethod
    async def _call(self, call: Call) -> Any:
        """Call a function once, within its timeout."""

    @abstractmethod
    async def _call_in_transaction(self, key: Key, call: Call) -> Any:
        """Call a function with a connection, and commit its writes with its checkpoint."""

    @abstractmethod
    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt of a call; the worker is held."""

    @abstractmethod
    async def _open_wait(self, key: Key, wait: Wait) -> None:
        """Open a wait that the body is going to wait for."""

    @abstractmethod
    async def _park(self, wait_id: int | None) -> Any:
        """End the body, or hold its branch until the body ends."""

    # The course of the operations

    def _wait(self, wait: Wait) -> Any:
        key = self._next_key(wait)
        return self._start(self._wait_for(key, wait), key)

    def _next_key(self, wait: Wait) -> Key:
        self._refuse_in_call()
        return self._journal.next_key(wait.name)

    def _refuse_in_call(self) -> None:
        if _is_calling.get():
            raise DefinitionError(
                f'step "{self._step_slug}": a function of context.run cannot wait or restart',
                hint="Do so in the body itself, between two calls of context.run.",
            )

    async def _run(self, key: Key, call: Call) -> Any:
        answer = self._journal.answer(key)
        if answer is None:
            # Before the function has an effect: a failure that the body has survived leads here.
            await self._flush()
            try:
                output = await self._attempt(key, call)
            except NotSaved as error:
                raise error.error from error.error.__cause__
            except Snooze:  # the call is no failure of the body: it is made again
                raise
            except Exception as error:
                raise self._journal.fail(key, describe_failure(error)) from error
            if not call.transactional:
                await self._save([self._journal.complete(key, output)], [])
            answer = self._journal.answer(key)
            assert answer is not None
        if answer.outcome == "failed":
            raise call_failed(key, answer)
        return answer.output

    async def _attempt(self, key: Key, call: Call) -> Any:
        """Call a function until it succeeds, and return its value."""
        attempt = 1
        while True:
            token = _is_calling.set(True)
            try:
                if call.transactional:
                    return await self._call_in_transaction(key, call)
                return await self._call(call)
            except (NotSaved, Snooze):
                raise
            except Exception as error:
                if attempt == call.attempts or isinstance(error, NonRetryable):
                    raise
                delay = min(call.base_delay * 2.0 ** (attempt - 1), _LONGEST_DELAY)
                await self._pause(error.seconds if isinstance(error, RetryAfter) else delay)
            finally:
                _is_calling.reset(token)
            attempt += 1

    async def _wait_for(self, key: Key, wait: Wait) -> Any:
        if self._journal.answer(key) is None:
            await self._open_wait(key, wait)
        else:
            await self._flush()
        answer = self._journal.answer(key)
        if answer is None or answer.outcome is None:
            return await self._park(answer and answer.wait_id)
        return wait.finish(key, answer)

    async def _begin(self, key: Key, wait: Wait) -> Any:
        if self._journal.answer(key) is None:
            await self._open(key, wait)
        else:
            await self._flush()
        answer = self._journal.answer(key)
        assert answer is not None
        if answer.child_run_id is None:  # the run could not start
            return wait.finish(key, answer)
        return StartedRun(
            UUID(str(answer.child_run_id)), lambda: self._start(self._wait_for(key, wait), key)
        )

    async def _open(self, key: Key, wait: Wait, **fields: Any) -> None:
        opened = {**key.fields(), **wait.fields, **fields}
        for answer in await self._save(self._journal.take_unsaved(), [opened]):
            self._journal.learn(answer)

    async def _restart(self, input: str) -> Any:
        self._new_input = input
        return await self._park(None)

    async def _flush(self) -> None:
        """Save the failures that the body has survived."""
        if unsaved := self._journal.take_unsaved():
            await self._save(unsaved, [])
