"""Claims that take too long: the results that were sent beside them are finished work."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from stepgres._execution.turns import Turns
from stepgres._execution.worker_client import WorkerClient
from stepgres.errors import ConnectionFailed
from tests.support.counting import CountingServer, execute, settle


def test_results_are_sent_alone_after_a_claim_that_took_too_long() -> None:
    async def work() -> CountingServer:
        server = CountingServer(fastest=8)
        turns = Turns(cast(WorkerClient, server), "worker", 8, execute)
        await turns.turn()
        await settle(turns)
        server.fastest = 4
        with pytest.raises(ConnectionFailed):
            await turns.turn()
        assert server.completed == []
        await turns.turn()
        return server

    server = asyncio.run(work())
    assert server.calls == [
        ("work", 0, 8),
        ("work", 8, 16),
        ("work", 8, 0),
        ("keep_tasks", 0, 0),
        ("work", 0, 4),
    ]
    assert sorted(server.completed) == list(range(8))
