"""Listens on a connection of its own and calls back; whoever uses it must poll all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._hub import Hub, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    import psycopg
    from typing_extensions import Self


class Listener(Member):
    """While it is_listening, every notification on the channels calls notify()."""

    def __init__(self, conninfo: str, channels: Iterable[str], notify: Callable[[], Any]) -> None:
        self.names = tuple(channels)
        self._hub = Hub(conninfo)
        self._notify = notify
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
        await super().begin(connection)
        self.is_listening = True
        self._notify()  # of what came while nobody listened

    def hear(self, name: str | None, payload: str) -> None:
        self._notify()

    def lose(self) -> None:
        self.is_listening = False
