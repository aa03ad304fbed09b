"""The generator of the synchronous client."""

from __future__ import annotations

from tools.generate_sync import to_sync

ASYNC = '''\
"""The AsyncClient; callers may await it, or write ``await client.work()``."""
from psycopg import AsyncConnection

async def f(client: AsyncClient) -> None:
    async with client, g() as h:  # async with both
        async for x in h:
            await  client.work(await x.get(), f"AsyncClient {await x.get()}")
    await (
        client.aclose()
    )
    return [asynchronous async for asynchronous in client]
'''

SYNC = '''\
"""The Client; callers may await it, or write ``client.work()``."""
from psycopg import Connection

def f(client: Client) -> None:
    with client, g() as h:  # with both
        for x in h:
            client.work(x.get(), f"Client {x.get()}")
    (
        client.close()
    )
    return [asynchronous for asynchronous in client]
'''


def test_words_are_replaced_in_code_and_prose() -> None:
    assert to_sync(ASYNC) == SYNC
