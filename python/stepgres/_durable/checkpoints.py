"""The checkpoints of the durable steps of a worker, saved for many bodies in one call."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from stepgres._client.client_async import AsyncClient
from stepgres._durable.body import NotSaved
from stepgres._durable.loop_body import LoopBody
from stepgres._durable.thread_body import ThreadBody
from stepgres._durable.transaction import (
    FunctionFailed,
    call_in_transaction,
    check_lease,
    json_array,
    operations_as_json,
)
from stepgres._execution.runner import task_key
from stepgres._execution.threads import in_thread
from stepgres._execution.worker_client import WorkerClient
from stepgres._postgres.json_text import tolerant_loads
from stepgres._postgres.lost_connections import PASSING_ERRORS, Patience
from stepgres.errors import LeaseLost, WorkerNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from stepgres._durable.body import Body
    from stepgres._execution.transactions import Transactions
    from stepgres.types import CheckpointAnswer, WorkItem

logger = logging.getLogger("stepgres")

_MOST_CHARACTERS = 8_000_000  # of a call, unless one body has more


class _Request(NamedTuple):
    """The operations of a body, as JSON texts, and the future of the answers."""

    key: dict[str, Any]
    checkpoints: list[str]
    waits: list[str]
    answers: asyncio.Future[list[dict[str, Any]]]


class Checkpoints:
    """Saves the operations of the bodies of a worker, on a connection of its own.

    While a call is under way, the operations of other bodies gather for the next one. A call whose
    answer was lost is repeated: the first result of an operation counts.
    """

    def __init__(
        self, conninfo: str, worker_id: str, limit: float, transactions: Transactions
    ) -> None:
        self._client = WorkerClient(conninfo, limit)
        self._worker_id = worker_id
        self._transactions = transactions
        self._pending: list[_Request] = []
        self._sender: asyncio.Task[None] | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True  # a thread that was abandoned may still want to save
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        _refuse(self._pending, _ended())
        await self._client.aclose()

    async def body_of(self, item: WorkItem, *, is_on_loop: bool) -> Body | None:
        """Return the body of a claimed task, with all that it has done, if it is durable."""
        if item.checkpoints is None:
            return None
        found = await self._read(item)
        saver = Saver(self, item, self._transactions)
        if is_on_loop:
            return LoopBody(found, item.step_slug, saver)
        return ThreadBody(found, item.step_slug, ThreadStore(saver))

    async def _read(self, item: WorkItem) -> list[dict[str, Any]]:
        claimed = tolerant_loads(item.checkpoints)
        found: list[dict[str, Any]] = claimed["list"]
        after = claimed["after"]
        while after is not None:
            page = await self._client.list_checkpoints(
                item.run_id, item.step_slug, task_index=item.task_index, after=after
            )
            found += [checkpoint._asdict() for checkpoint in page]
            after = page[-1].place if page else None
        return found

    async def save(
        self, key: dict[str, Any], checkpoints: list[str], waits: list[str]
    ) -> list[dict[str, Any]]:
        """Save the operations of a task, as JSON, and return the answers. Raise LeaseLost."""
        if self._is_closed:
            raise _ended()
        answers: asyncio.Future[list[dict[str, Any]]]
        answers = asyncio.get_running_loop().create_future()
        self._pending.append(_Request(key, checkpoints, waits, answers))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return await answers

    async def _send_all(self) -> None:
        patience = Patience()
        while self._pending:
            batch = self._next_batch()
            while batch := [request for request in batch if not request.answers.done()]:
                try:
                    await self._send(batch)
                except WorkerNotFound as error:
                    _refuse(batch, LeaseLost(error.message, hint=error.hint))
                except PASSING_ERRORS as error:
                    await asyncio.sleep(patience.pause_after(error))
                except Exception as error:
                    if len(batch) == 1:
                        _refuse(batch, error)
                    else:  # one of them is at fault
                        self._pending[:0] = batch[1:]
                        batch = batch[:1]
                except BaseException:  # the worker ends
                    _refuse(batch, _ended())
                    raise

    def _next_batch(self) -> list[_Request]:
        count, size = 0, 0
        for request in self._pending:
            size += sum(map(len, request.checkpoints)) + sum(map(len, request.waits))
            if count and size > _MOST_CHARACTERS:
                break
            count += 1
        batch, self._pending = self._pending[:count], self._pending[count:]
        return batch

    async def _send(self, batch: list[_Request]) -> None:
        rows = await self._client.save_checkpoints(
            self._worker_id,
            json_array(text for request in batch for text in request.checkpoints),
            json_array(text for request in batch for text in request.waits),
        )
        answers: dict[Any, list[CheckpointAnswer]] = {}
        for row in rows:
            key = (str(row.run_id), row.step_slug, row.task_index, row.claim)
            answers.setdefault(key, []).append(row)
        for request in batch:
            own = answers.get(tuple(request.key.values()), [])
            if request.answers.done():
                continue
            try:
                check_lease(request.key, own)
            except LeaseLost as error:
                request.answers.set_exception(error)
            else:
                request.answers.set_result([_known(row) for row in own])


class Saver:
    """Saves the operations of one task for its body, which runs on the loop of the worker."""

    def __init__(
        self, checkpoints: Checkpoints, item: WorkItem, transactions: Transactions
    ) -> None:
        self._checkpoints = checkpoints
        self.key = task_key(item)
        self.transactions = transactions
        self.loop = asyncio.get_running_loop()

    async def save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Save operations, and return what is known about the waits."""
        return await self._checkpoints.save(
            self.key,
            operations_as_json(self.key, checkpoints),
            operations_as_json(self.key, waits),
        )

    async def call_in_transaction(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        save: Callable[[Any], dict[str, Any]],
    ) -> Any:
        """Call a function with a connection, and commit its writes with its checkpoint."""
        if not inspect.iscoroutinefunction(function):
            store = ThreadStore(self)
            return await in_thread(
                store.call_in_transaction, lambda connection: function(connection, *arguments), save
            )
        try:
            async with self.transactions.connect() as connection:
                try:
                    output = await function(connection, *arguments)
                except Exception as error:
                    raise FunctionFailed(error) from error
                saved = operations_as_json(self.key, [save(output)])
                check_lease(
                    self.key,
                    await AsyncClient(connection).save_checkpoints(
                        self.transactions.worker_id, json_array(saved)
                    ),
                )
        except FunctionFailed as failed:
            raise failed.error from failed.error.__cause__
        except Exception as error:
            raise NotSaved(error) from error
        return output


class ThreadStore:
    """A Saver for a body in a thread of this process."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver

    def save(
        self, checkpoints: list[dict[str, Any]], waits: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Save operations, and return what is known about the waits."""
        saving = self._saver.save(checkpoints, waits)
        return asyncio.run_coroutine_threadsafe(saving, self._saver.loop).result()

    def call_in_transaction(
        self, function: Callable[[Any], Any], save: Callable[[Any], dict[str, Any]]
    ) -> Any:
        """Call a function with a connection, and commit its writes with its checkpoint."""
        transactions = self._saver.transactions
        return call_in_transaction(
            transactions.connect_in_thread(),
            transactions.worker_id,
            self._saver.key,
            function,
            save,
        )

    def connection_of_process(self) -> dict[str, Any]:
        """Return what a process needs for a transaction of its own."""
        transactions = self._saver.transactions
        return {
            "conninfo": transactions.conninfo,
            "worker_id": transactions.worker_id,
            "key": self._saver.key,
        }


def _known(row: CheckpointAnswer) -> dict[str, Any]:
    """Return an answer without the key of its task, as plain data for another process too."""
    return {
        "name": row.name,
        "number": row.number,
        "outcome": row.outcome,
        "output": row.output,
        "error": row.error,
        "wait_id": row.wait_id,
        "child_run_id": row.child_run_id and str(row.child_run_id),
    }


def _refuse(batch: list[_Request], error: Exception) -> None:
    for request in batch:
        if not request.answers.done():
            request.answers.set_exception(error)


def _ended() -> LeaseLost:
    return LeaseLost(
        "the worker has ended",
        hint="Let the error pass: another worker goes on with the step, from its checkpoints.",
    )
