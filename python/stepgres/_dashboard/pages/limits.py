"""The pages of limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepgres._dashboard import render
from stepgres._dashboard.view import Page, View
from stepgres.errors import LimitNotFound

if TYPE_CHECKING:
    from stepgres.types import Limit

_MOST_KEYS = 20  # of list_limits
_SIZE = 50  # limits, or keys, of a page


async def show_limits(view: View) -> dict[str, Any]:
    """List the limits with their use."""
    after = view.text("after")
    found = await view.client.list_limits(limit=_SIZE + 1, after=after)
    return {
        "title": "Limits",
        "limits": [(limit, rate_of(limit), _next_opening(limit)) for limit in found[:_SIZE]],
        "after": after,
        "next_after": found[_SIZE - 1].limit_slug if len(found) > _SIZE else None,
        "most_keys": _MOST_KEYS,
    }


async def show_limit(view: View) -> dict[str, Any]:
    """Show a limit with its busiest keys, and all keys by pages."""
    slug, after = view.path("limit_slug"), view.text("after")
    limits = await view.client.list_limits(slug)
    if not limits:
        raise LimitNotFound(f"limit {slug[:200]!a} does not exist", hint="See the list of limits.")
    (limit,) = limits
    keys = await view.client.list_limit_keys(slug, limit=_SIZE + 1, after=after)
    return {
        "title": f"Limit {slug}",
        "limit": limit,
        "rate": rate_of(limit),
        "busiest": [] if after or len(limit.keys) < _MOST_KEYS else limit.keys,
        "keys": keys[:_SIZE],
        "after": after,
        "next_after": keys[_SIZE - 1].position if len(keys) > _SIZE else None,
        "values": {
            "max_running": "" if limit.max_running is None else str(limit.max_running),
            "rate": "" if limit.rate is None else f"{limit.rate:g}",
            "per": "" if limit.per is None else f"{limit.per.total_seconds():g}s",
            "burst": "" if limit.burst is None else str(limit.burst),
        },
    }


def rate_of(limit: Limit) -> str:
    """Return the rate of a limit in words."""
    if limit.rate is None or limit.per is None:
        return ""
    text = f"{limit.rate:g} per {render.duration(limit.per)}"
    return text if limit.burst in {None, 1} else f"{text}, burst {limit.burst}"


def _next_opening(limit: Limit) -> str | None:
    openings = [key["opens_at"] for key in limit.keys if key["opens_at"] and key["waiting"]]
    return min(openings, default=None)


PAGES = [
    Page("/limits", "limits.html", show_limits, nav="Limits"),
    Page("/limits/{limit_slug}", "limit.html", show_limit, section="/limits"),
]
