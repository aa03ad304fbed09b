"""A listener that wakes a worker by a callback; the worker must poll all the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from stepgres._listening.hub import Hub, Member
from stepgres._postgres.connections_async import is_pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    import psycopg
    from typing_extensions import Self

logger = logging.getLogger("stepgres")


class Listener(Member):
    """While is_listening, every notification on the channels calls notify().

    Through a pooler the listener listens only with trusts_pooler, which says that the pooler keeps
    the server for a client that listens.
    """

    def __init__(
        self,
        conninfo: str,
        channels: Iterable[str],
        notify: Callable[[], Any],
        *,
        trusts_pooler: bool = False,
    ) -> None:
        self.names = tuple(channels)
        self._hub = Hub(conninfo)
        self._notify = notify
        self._trusts_pooler = trusts_pooler
        self.is_listening = False

    async def __aenter__(self) -> Self:
        self._hub.join(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._hub.remove(self)

    async def begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if is_pooled(connection) and not self._trusts_pooler:
            logger.info("this worker polls: notifications may not pass the pooler")
            return
        await super().begin(connection)
        self.is_listening = True
        self._notify()  # for notifications that came before

    def hear(self, name: str | None, payload: str) -> None:
        if name is not None:
            self._notify()

    def lose(self) -> None:
        self.is_listening = False
