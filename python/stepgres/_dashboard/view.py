"""What a page is, and what it gets to see of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from stepgres._dashboard.security import ROLE
from stepgres._dashboard.values import moment
from stepgres.errors import InvalidFilter, RunNotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.requests import Request

    from stepgres._client.client_async import AsyncClient
    from stepgres._dashboard.live import Live

T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """A request of a page: the client, the role of the person, and the arguments."""

    client: AsyncClient
    request: Request
    live: Live

    @property
    def is_operator(self) -> bool:
        """Say whether the person may act."""
        return bool(self.request.scope[ROLE] == "operator")

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def run_id(self, name: str = "run_id") -> UUID:
        """Return a part of the path that is the id of a run."""
        try:
            return UUID(self.path(name))
        except ValueError as error:
            raise RunNotFound(
                f"no run has the id {self.path(name)!a}", hint="The id of a run is a UUID."
            ) from error

    def text(self, name: str) -> str | None:
        """Return an argument of the query; None if it is missing or empty."""
        return self.request.query_params.get(name, "").strip() or None

    def texts(self, name: str) -> list[str]:
        """Return all values of an argument of the query."""
        return [text for text in self.request.query_params.getlist(name) if text.strip()]

    def uuid(self, name: str) -> UUID | None:
        """Return an argument that is a UUID."""
        return self._read(name, UUID, "Write the id of a run.")

    def number(self, name: str) -> int | None:
        """Return an argument that is a whole number."""
        return self._read(name, int, "Write a whole number.")

    def moment(self, name: str) -> datetime | None:
        """Return an argument that is a time or an age."""
        return self._read(
            name, moment, "Write an age such as 2h or 7d, or a time such as 2026-11-28T12:30Z."
        )

    def _read(self, name: str, read: Callable[[str], T], hint: str) -> T | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return read(text)
        except (ValueError, OverflowError) as error:
            raise InvalidFilter(f"{name} cannot be {text[:100]!a}", hint=hint) from error


@dataclass(frozen=True)
class Page:
    """A page: its path, its template of templates/, and the function that reads its context.

    The context has at least "title". nav is the name of the page in the navigation; a page without
    one belongs to the page whose path is its section. A page that is confirmed is not live: it
    stays what the person has read.
    """

    path: str
    template: str
    read: Callable[[View], Awaitable[dict[str, Any]]]
    nav: str | None = None
    section: str = ""
    is_live: bool = True
