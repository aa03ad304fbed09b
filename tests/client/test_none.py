"""None where something is needed: an error that names the argument, before anything is sent."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

import stepgres
from tests.client.test_signatures import NOT_SQL, methods, without_self

if TYPE_CHECKING:
    from tests.conftest import Database

JSON = {"output", "input", "message", "definition"}  # None is null there
REQUIRED = [
    (name, argument)
    for name, signature in sorted(methods(stepgres.Client).items())
    for argument, is_required in without_self(signature)
    if is_required and name not in NOT_SQL - {"wait_for_run"} and argument not in JSON
]


def test_none_for_a_required_argument_is_named(
    client: stepgres.Client, subtests: pytest.Subtests
) -> None:
    for method, argument in REQUIRED:
        with subtests.test(method=method, argument=argument):
            signature = inspect.signature(getattr(client, method))
            needed = [p.name for p in signature.parameters.values() if p.default is p.empty]
            arguments = {name: 1 if name == "older_than" else "x" for name in needed} | {
                argument: None
            }
            with pytest.raises(stepgres.StepgresError, match=rf"\b{argument}\b") as raised:
                getattr(client, method)(**arguments)
            assert raised.value.hint
            assert client.list_flows() == []


@pytest.mark.anyio
async def test_none_is_named_by_the_async_client_too(db: Database) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        with pytest.raises(stepgres.InvalidInput, match="run_id"):
            await client.cancel_workflow_run(None)  # type: ignore[arg-type]
