"""Workflows made on the spot, and the clock that their timeouts go by."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from stepgres.errors import NonRetryable


def workflow(*steps: Any, slug: str = "demo", **defaults: Any) -> SimpleNamespace:
    """An object that is a workflow of these steps, as workflow_steps() returns them."""
    return SimpleNamespace(slug=slug, workflow_steps=lambda: list(steps), **defaults)


def fail(input: Any) -> None:
    """A step that ends its run."""
    raise NonRetryable("no luck")


def advance_loop(seconds: float) -> None:
    """Turn the clock of the running event loop: what is due by then happens at once."""
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds  # type: ignore[method-assign]
