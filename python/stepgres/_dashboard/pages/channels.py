"""The pages of channels."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from stepgres._dashboard.view import Page, View

_MOST_COUNTED = 10_000  # messages of a channel
_SIZE = 50  # channels of a page
_MOST_MESSAGES = 20  # of a page; a message may have 2 MB
_MOST_TEXT = 1_000


async def show_channels(view: View) -> dict[str, Any]:
    """List the channels by their names."""
    after = view.text("after")
    found = await view.client.list_channels(most=_MOST_COUNTED, limit=_SIZE + 1, after=after)
    return {
        "title": "Channels",
        "channels": found[:_SIZE],
        "after": after,
        "next_after": found[_SIZE - 1].channel if len(found) > _SIZE else None,
        "most": _MOST_COUNTED,
    }


async def show_channel(view: View) -> dict[str, Any]:
    """Show the newest messages of a channel."""
    name, before = view.path("channel"), view.text("before")
    found = await view.client.list_channels(most=_MOST_COUNTED, channel=name)
    if not found:
        raise HTTPException(404, "There is no such channel")
    messages = await view.client.message_history(
        name, before_id=before, limit=_MOST_MESSAGES + 1, newest_first=True
    )
    has_more = len(messages) > _MOST_MESSAGES
    return {
        "title": f"Channel {name}",
        "channel": found[0],
        "messages": messages[:_MOST_MESSAGES],
        "before": before,
        "next_before": messages[_MOST_MESSAGES - 1].message_id if has_more else None,
        "most": _MOST_COUNTED,
        "most_text": _MOST_TEXT,
    }


PAGES = [
    Page("/channels", "channels.html", show_channels, nav="Channels"),
    Page("/channels/{channel:path}", "channel.html", show_channel, section="/channels"),
]
