"""A client and a schema of different versions: whether they work together is said at once."""

from __future__ import annotations

import asyncio

import pytest

import stepgres
from stepgres import AsyncClient, Client, Worker
from tests.conftest import Database
from tests.support.engine import Engine, refused
from tests.support.workflows import workflow


def set_version(db: Database, version: str) -> None:
    with db.connect() as connection:
        connection.execute(
            "create or replace function stepgres.version() returns text "
            f"language sql as $$ select '{version}' $$".encode()
        )


def test_client_that_is_newer_than_the_schema_is_told_before_its_first_call(db: Database) -> None:
    set_version(db, "0.0.9")
    with (
        Client(db.dsn) as client,
        pytest.raises(
            stepgres.VersionMismatch, match=r"the database has Stepgres 0\.0\.9"
        ) as error,
    ):
        client.create_flow("order")
    assert "stepgres upgrade" in str(error.value.hint)


def test_asynchronous_client_is_told_likewise(db: Database) -> None:
    set_version(db, "0.0.9")

    async def call() -> None:
        async with AsyncClient(db.dsn) as client:
            await client.list_flows()

    with pytest.raises(stepgres.VersionMismatch):
        asyncio.run(call())


def test_worker_that_is_newer_than_the_schema_claims_nothing(db: Database) -> None:
    flow = workflow(("only", lambda i: i))
    with Client(db.dsn) as client:
        client.register_workflow(stepgres.describe(flow))
        run_id = client.start_workflow_run("demo", {})
        set_version(db, "0.0.9")
        with pytest.raises(stepgres.VersionMismatch):
            Worker(client, [flow]).run()
        (step,) = client.get_run(run_id).steps
        assert (step.tasks, step.attempts) == ({"queued": 1}, [])


def test_client_that_is_older_than_the_schema_goes_on(db: Database) -> None:
    set_version(db, "1.7.0")
    with Client(db.dsn) as client:
        assert client.check_version(stepgres.__version__) == "1.7.0"
        assert client.list_flows() == []


@pytest.mark.parametrize(
    ("version", "sqlstate"),
    [("0.0.1", "SG027"), ("99.0.0", "SG027"), ("one", "SG003"), (None, "SG003")],
)
def test_version_that_is_not_served_is_refused(
    engine: Engine, version: str | None, sqlstate: str
) -> None:
    with refused(sqlstate):
        engine.call("check_version", client_version=version)


def test_patch_of_a_client_may_be_newer(engine: Engine) -> None:
    assert engine.call("check_version", client_version="0.1.99") == stepgres.__version__
