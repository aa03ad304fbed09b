"""The pages of channels."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from stepgres._dashboard.view import Page, View

_MOST_COUNTED = 10_000  # messages of a channel
_MOST_SHOWN = 200
_SIZE = 20  # a message may have 2 MB
_MOST_TEXT = 1_000


async def show_channels(view: View) -> dict[str, Any]:
    """List the channels by their names."""
    channels = await view.client.list_channels(most=_MOST_COUNTED)
    return {
        "title": "Channels",
        "channels": channels[:_MOST_SHOWN],
        "more": max(len(channels) - _MOST_SHOWN, 0),
        "most": _MOST_COUNTED,
    }


async def show_channel(view: View) -> dict[str, Any]:
    """Show the newest messages of a channel."""
    name, before = view.path("channel"), view.text("before")
    channels = await view.client.list_channels(most=_MOST_COUNTED)
    channel = next((channel for channel in channels if channel.channel == name), None)
    if channel is None:
        raise HTTPException(404, "There is no such channel")
    messages = await view.client.message_history(
        name, before_id=before, limit=_SIZE + 1, newest_first=True
    )
    return {
        "title": f"Channel {name}",
        "channel": channel,
        "messages": messages[:_SIZE],
        "before": before,
        "next_before": messages[_SIZE - 1].message_id if len(messages) > _SIZE else None,
        "most": _MOST_COUNTED,
        "most_text": _MOST_TEXT,
    }


PAGES = [
    Page("/channels", "channels.html", show_channels, nav="Channels"),
    Page("/channels/{channel:path}", "channel.html", show_channel, section="/channels"),
]
