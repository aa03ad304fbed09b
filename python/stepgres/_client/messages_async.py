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
    """The functions for messages and channels."""

    async def send_with_notify(self, channel: str, message: Any) -> str:
        """Store a message, notify the listeners of the channel, and return the id of the message.

        Raises InvalidChannel, or PayloadTooLarge above 2,000,000 bytes.
        """
        return await self._scalar(
            str,
            "send_with_notify",
            channel=channel_argument(channel),
            message=json_value(message, "message"),
        )

    async def notify_only(self, channel: str, payload: str) -> None:
        """Notify the present listeners of the channel with a text; store nothing.

        Raises InvalidChannel, or PayloadTooLarge above 7,999 bytes.
        """
        await self._all(
            "notify_only", scalar_row, channel=channel_argument(channel), payload=payload
        )

    async def create_channel(self, channel: str) -> None:
        """Make a channel before its first message. Raises InvalidChannel."""
        await self._all("create_channel", scalar_row, channel=channel_argument(channel))

    async def grant_channel(self, channel: str, role: str) -> None:
        """Let a role, or "public", read a channel; make the channel if it does not exist.

        Raises InvalidInput if the role does not exist, or InvalidChannel.
        """
        await self._all("grant_channel", scalar_row, channel=channel_argument(channel), role=role)

    async def revoke_channel(self, channel: str, role: str) -> bool:
        """Take a channel away from a role; return False if the role had no grant.

        Raises ChannelNotFound.
        """
        return await self._scalar(
            bool, "revoke_channel", channel=channel_argument(channel), role=role
        )

    async def list_channels(
        self,
        most: int | None = None,
        limit: int | None = None,
        after: str | None = None,
        channel: str | None = None,
    ) -> list[ChannelInfo]:
        """List the channels by name, or one channel, with the number of unacknowledged messages.

        With most, at most so many messages of each channel are counted. To page, pass a limit, and
        the last channel as after. Raises InvalidFilter.
        """
        return await self._all(
            "list_channels",
            row_of(ChannelInfo),
            most=most,
            limit=limit,
            after=after,
            channel=channel,
        )

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel with all its messages; the next message makes the channel again.

        Raises ChannelNotFound, ChannelInUse while open transactions use it, or InvalidChannel.
        """
        await self._all("delete_channel", scalar_row, channel=channel_argument(channel))

    def listen(
        self,
        channel: str,
        after: str | None = None,
        callback: Callable[[Notification], Any] | None = None,
    ) -> AsyncListener:
        """Listen on a channel: iterate over the listener, or give it a callback.

        The listener delivers messages that are sent from now on, or after a message id or position.
        All listeners of a client share one connection, which the first listener opens. Raises
        InvalidChannel, or ConnectionFailed if the listener cannot begin now.
        """
        return AsyncListener(self._notifications, channel_argument(channel), after, callback)

    async def unlisten(self, listener: AsyncListener) -> None:
        """Stop a listener; its iteration ends. A second call does nothing."""
        await listener.aclose()

    async def catch_up(
        self,
        channel: str,
        after: str,
        limit: int | None = None,
        patience: float | None = None,
    ) -> list[NewMessage]:
        """Return messages after a message id or position; call it again until it returns none.

        Listeners call this function. It waits at most `patience` seconds for messages that open
        transactions are sending with lower ids than the messages found.
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
        """Read at most limit messages, by default one; process and `acknowledge` each message.

        No other reader gets these messages for visibility_timeout seconds, by default 30.
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
        """Return a message, acknowledged or not; None if the channel has no message with the id."""
        messages = await self._all(
            "get_message",
            row_of(Message),
            adapters=TOLERANT_ADAPTERS,
            channel=channel_argument(channel),
            message_id=message_id,
        )
        return messages[0] if messages else None

    async def acknowledge(self, channel: str, message_id: str) -> bool:
        """Acknowledge a message; return False if it was acknowledged before, or does not exist."""
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
        """Return messages in the order of their ids, acknowledged or not: by default up to 100."""
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
        """Delete messages that were acknowledged over older_than seconds ago; return their number.

        With unacknowledged also delete messages that were sent so long ago. A call deletes at most
        batch_size messages, by default 1,000: call it again until it returns 0.
        """
        return await self._scalar(
            int,
            "prune_messages",
            channel=channel_argument(channel),
            older_than=interval(older_than),
            unacknowledged=unacknowledged,
            batch_size=batch_size,
        )
