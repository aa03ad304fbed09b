"""Executor(client, processes=2): steps that compute run in processes, not in threads."""

from __future__ import annotations

import os
from typing import Any

import pytest

import stepgres
from stepgres import Client, InvalidInput, Workflow, step
from tests.conftest import Database


class Computing(Workflow):
    """Says where its steps run."""

    @staticmethod
    @step(initial_tasks=6)
    def compute(input: Any) -> int:
        return os.getpid()

    @staticmethod
    @step(depends_on=[compute])
    async def gather(input: dict[str, Any]) -> list[Any]:
        return [os.getpid(), input["compute"]]


def test_steps_run_in_so_many_processes_and_async_ones_here(client: Client) -> None:
    own, pids = stepgres.Executor(client, processes=2).execute(Computing, {}).output
    assert own == os.getpid()
    assert len(pids) == 6
    assert 1 <= len(set(pids) - {own}) <= 2
    assert own not in pids


@pytest.mark.anyio
async def test_async_executor_has_processes_too(db: Database) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        executor = stepgres.AsyncExecutor(client, processes=1)
        own, pids = (await executor.execute(Computing, {})).output
    assert (len(set(pids)), own in pids) == (1, False)


def test_steps_run_in_this_process_without_them(client: Client) -> None:
    own, pids = stepgres.Executor(client).execute(Computing, {}).output
    assert set(pids) == {own}


def test_number_of_processes_must_be_positive(client: Client) -> None:
    with pytest.raises(InvalidInput, match="at least 1, not 0") as error:
        stepgres.Executor(client, processes=0)
    assert "os.cpu_count()" in str(error.value.hint)
