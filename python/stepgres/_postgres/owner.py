"""The owner of the connections of a client: one process, and one event loop."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from stepgres.errors import InvalidInput

if TYPE_CHECKING:
    from stepgres._postgres.caller import Caller
    from stepgres._postgres.caller_async import AsyncCaller

_clients: WeakSet[Caller | AsyncCaller] = WeakSet()
# The connections and listeners that a forked process has from its parent. Closing or collecting
# them would end them on the server, or in the event loop of the parent.
_kept: list[Any] = []


class Owner:
    """The process that uses a client."""

    def __init__(self, client: Caller | AsyncCaller) -> None:
        self._is_others = False
        _clients.add(client)

    def check(self) -> None:
        """Raise InvalidInput if the client uses a connection that another process has opened."""
        if self._is_others:
            raise InvalidInput(
                "another process opened the connection or pool of this client: this process is its"
                " fork",
                hint="Open it in the process that uses it, or make the client with a connection"
                " string: then it opens a connection of its own in each process.",
            )

    def release(self) -> None:
        """Release the client when it is closed."""

    def move_to_fork(self, source: Any) -> None:
        """Let this forked process own the client; refuse an open connection of the parent."""
        if not isinstance(source, str) and not callable(source):  # a connection, or a pool
            self._is_others = not source.closed


class AsyncOwner(Owner):
    """The process, and the event loop, that use a client."""

    _loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """Raise InvalidInput if another process or another event loop owns the client."""
        super().check()
        with suppress(RuntimeError):  # no loop runs yet, for example when a listener is made
            loop = asyncio.get_running_loop()
            if self._loop is None:
                self._loop = loop
            elif self._loop is not loop:
                raise InvalidInput(
                    "this AsyncClient is used in another event loop than before",
                    hint="Make a client in each event loop, such as in each asyncio.run, or close"
                    " it with aclose() in the loop that has used it; or use Client.",
                )

    def release(self) -> None:
        """Belong to no event loop until the client is used again."""
        self._loop = None

    def move_to_fork(self, source: Any) -> None:
        super().move_to_fork(source)
        self.release()


def _leave_to_parent() -> None:
    for client in list(_clients):
        _kept.append((client._own, client._listening))
        client._listening.abandon()
        client._owner.move_to_fork(client._source)
        client._forget()


os.register_at_fork(after_in_child=_leave_to_parent)
