"""The start of runs, as its span sees it. This module needs no OpenTelemetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


@dataclass
class Start:
    """The traceparent that new runs get, and the ids that the start has returned."""

    traceparent: str | None = None
    run_ids: Sequence[UUID] = ()
