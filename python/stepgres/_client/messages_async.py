"""The part of the client that sends messages, reads them, and listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import scalar_row

from stepgres._listening.listeners import AsyncListener
from stepgres._postgres.adapters import TOLERANT_ADAPTERS
from stepgres._postgres.arguments import channel_argument, interval, json_value
from stepgres._postgres.caller_async import AsyncCaller
from stepgres._postgres.rows import row_of
from stepgres.types import ChannelInfo, Message, NewMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepgres.types import Notification


class AsyncMessages(AsyncCaller):
    """What is sent to channels."""

    async def send_with_notify(self, channel: str, message: Any) -> str:
        """Store a message, notify those who listen on the channel, and return its id.

        Raises InvalidChannel, or PayloadTooLarge above 2,000,000 bytes.
        """
        return await self._scalar(
            str,
            "send_with_notify",
            channel=channel_argument(channel),
            message=json_value(message, "message"),
        )

    async def notify_only(self, channel: str, payload: str) -> None:
        """Notify those who listen now of a text; store nothing.

        Raises InvalidChannel, or PayloadTooLarge above 7,999 bytes.
        """
        await self._all(
            "notify_only", scalar_row, channel=channel_argument(channel), payload=payload
        )

    async def create_channel(self, channel: str) -> None:
        """Make a channel before the first message does. Raises InvalidChannel."""
        await self._all("create_channel", scalar_row, channel=channel_argument(channel))

    async def grant_channel(self, channel: str, role: str) -> None:
        """Let a role, or "public", read a channel, which is made if there is none.

        Raises InvalidInput if there is no such role, or InvalidChannel.
        """
        await self._all("grant_channel", scalar_row, channel=channel_argument(channel), role=role)

    async def revoke_channel(self, channel: str, role: str) -> bool:
        """Take a channel away from a role; False if the role had it not. ChannelNotFound."""
        return await self._scalar(
            bool, "revoke_channel", channel=channel_argument(channel), role=role
        )

    async def list_channels(self) -> list[ChannelInfo]:
        """The channels by name, with the number of their messages that are not acknowledged."""
        return await self._all("list_channels", row_of(ChannelInfo))

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel with all its messages; the next message makes it anew.

        Raises ChannelNotFound, ChannelInUse while open transactions use it, or InvalidChannel.
        """
        await self._all("delete_channel", scalar_row, channel=channel_argument(channel))

    def listen(
        self,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> AsyncListener:
        """Listen on a channel: to iterate over, or to call back.

        Delivers what is sent from now on, or what was sent after a message id or position. All
        listeners of a client share one connection, which is opened for the first of them. Raises
        InvalidChannel, or ConnectionFailed if it cannot begin now.
        """
        return AsyncListener(self._notifications, channel_argument(channel), after, callback)

    async def unlisten(self, listener: AsyncListener) -> None:
        """Stop a listener; its iteration ends. Once more is fine."""
        await listener.aclose()

    async def catch_up(
        self,
        channel: str,
        after: str,
        limit: int | None = None,
        patience: float | None = None,
    ) -> list[NewMessage]:
        """The messages after a message id or position; call it again until there are none.

        What listeners do. For up to `patience` seconds it waits for messages with lower ids than
        those that it has found, if they are being sent.
        """
        return await self._all(
            "catch_up",
            row_of(NewMessage),
            adapters=TOLERANT_ADAPTERS,
            channel=channel_argument(channel),
            after=after,
            limit=limit,
            patience=interval(patience),
        )

    async def read_messages(
        self,
        channel: str,
        limit: int | None = None,
        visibility_timeout: float | None = None,
    ) -> list[Message]:
        """Take up to limit messages, by default one, to deal with them and `acknowledge` them.

        Nobody else is given them for visibility_timeout seconds, by default 30.
        """
        return await self._all(
            "read_messages",
            row_of(Message),
            adapters=TOLERANT_ADAPTERS,
            channel=channel_argument(channel),
            limit=limit,
            visibility_timeout=interval(visibility_timeout),
        )

    async def get_message(self, channel: str, message_id: str) -> Message | None:
        """A message, acknowledged or not; None if the channel has no message of that id."""
        messages = await self._all(
            "get_message",
            row_of(Message),
            adapters=TOLERANT_ADAPTERS,
            channel=channel_argument(channel),
            message_id=message_id,
        )
        return messages[0] if messages else None

    async def acknowledge(self, channel: str, message_id: str) -> bool:
        """Say that a message is dealt with; False if it was already, or if there is none."""
        return await self._scalar(
            bool, "acknowledge", channel=channel_argument(channel), message_id=message_id
        )

    async def message_history(
        self,
        channel: str,
        after_id: str | None = None,
        before_id: str | None = None,
        limit: int | None = None,
        newest_first: bool | None = None,
    ) -> list[Message]:
        """Messages in the order of their ids, acknowledged or not: by default up to 100."""
        return await self._all(
            "message_history",
            row_of(Message),
            adapters=TOLERANT_ADAPTERS,
            channel=channel_argument(channel),
            after_id=after_id,
            before_id=before_id,
            limit=limit,
            newest_first=newest_first,
        )

    async def prune_messages(
        self,
        channel: str,
        older_than: float,
        unacknowledged: bool | None = None,
        batch_size: int | None = None,
    ) -> int:
        """Delete messages that were acknowledged more than so many seconds ago; how many it were.

        With unacknowledged also those that were sent so long ago. Deletes batch_size at most, by
        default 1,000: call it again until it returns 0.
        """
        return await self._scalar(
            int,
            "prune_messages",
            channel=channel_argument(channel),
            older_than=interval(older_than),
            unacknowledged=unacknowledged,
            batch_size=batch_size,
        )
