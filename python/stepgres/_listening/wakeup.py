"""A wake-up calls a function when a notification comes on certain names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from stepgres._listening.hub import Hub, Member
from stepgres._postgres.connections_async import is_pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psycopg
    from typing_extensions import Self

logger = logging.getLogger("stepgres")


class Wakeup(Member):
    """While is_listening, every notification on the names calls notify(); payloads do not matter.

    Each new connection calls notify() too, for notifications that came before. Through a pooler the
    wake-up listens only with trusts_pooler, which says that the pooler keeps the server for a
    client that listens. Otherwise its owner must poll.
    """

    def __init__(
        self,
        hub: Hub,
        names: Iterable[str],
        notify: Callable[[], Any],
        *,
        trusts_pooler: bool = False,
    ) -> None:
        self._names = tuple(names)
        self._hub = hub
        self._notify = notify
        self._trusts_pooler = trusts_pooler
        self.is_listening = False

    async def __aenter__(self) -> Self:
        self._hub.join(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening."""
        await self._hub.remove(self)

    async def _begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if is_pooled(connection) and not self._trusts_pooler:
            logger.info("polling: notifications may not pass the pooler")
            return
        await super()._begin(connection)
        self.is_listening = self._names != ()
        self._notify()

    def _hear(self, name: str | None, payload: str) -> None:
        if name is not None:
            self._notify()

    def _lose(self) -> None:
        self.is_listening = False
