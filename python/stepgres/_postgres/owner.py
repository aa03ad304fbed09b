"""To whom the connections of a client belong: to one process, and to one event loop."""

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
# What a process that was forked has from its parent. To close it, or to let go of it, would tell
# the server, or the event loop of the parent, that it is not needed any more.
_kept: list[Any] = []


class Owner:
    """The process that uses a client."""

    def __init__(self, client: Caller | AsyncCaller) -> None:
        self._is_others = False
        _clients.add(client)

    def check(self) -> None:
        """InvalidInput if the client works on a connection that another process has opened."""
        if self._is_others:
            raise InvalidInput(
                "the connection or pool of this client was opened by another process, of which this"
                " one is a fork",
                hint="Open it in the process that uses it, or make the client with a connection"
                " string: then it opens a connection of its own in each process.",
            )

    def release(self) -> None:
        """Of the client that is closed."""

    def move_to_fork(self, source: Any) -> None:
        """Belong to this process, which was forked; to it no connection of another belongs."""
        if not isinstance(source, str) and not callable(source):  # a connection, or a pool
            self._is_others = not source.closed


class AsyncOwner(Owner):
    """The process, and the event loop, that use a client."""

    _loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """InvalidInput if the client is another process's, or another event loop's."""
        super().check()
        with suppress(RuntimeError):  # no loop runs yet, as where a listener is made
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
