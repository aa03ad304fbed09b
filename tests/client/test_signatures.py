"""SQL and Python have the same functions with the same arguments; so have both clients."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import stepgres
from tests.conftest import Database

Signatures = dict[str, list[tuple[str, bool]]]  # the arguments of each, and whether one is needed

NOT_SQL = {
    "aclose",
    "close",
    "subscribe",
    "unlisten",
    "wait_for_run",
}  # of clients, or several calls
NO_ARGUMENTS_OF_SQL = {"callback"}


def functions(database: Database) -> Signatures:
    with database.connect() as connection:
        rows = connection.execute(
            """
            select proname, coalesce(proargnames[:pronargs], '{}'), pronargs - pronargdefaults
            from pg_proc
            where pronamespace = 'stepgres'::regnamespace and proname !~ '^_'
            """
        ).fetchall()
    assert len({name for name, *_ in rows}) == len(rows), "a public function is overloaded"
    return {
        name: [(argument, place < needed) for place, argument in enumerate(arguments)]
        for name, arguments, needed in rows
    }


def methods(client: type[Any]) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(method)
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def without_self(signature: inspect.Signature) -> list[tuple[str, bool]]:
    _, *parameters = signature.parameters.values()
    return [(p.name, p.default is p.empty) for p in parameters if p.name not in NO_ARGUMENTS_OF_SQL]


@pytest.mark.parametrize("client", [stepgres.Client, stepgres.AsyncClient])
def test_methods_are_the_public_sql_functions(db: Database, client: type[Any]) -> None:
    found = {name: without_self(signature) for name, signature in methods(client).items()}
    assert {name: found[name] for name in found.keys() - NOT_SQL} == functions(db)


def test_both_clients_have_equal_signatures() -> None:
    def signatures(client: type[Any]) -> dict[str, str]:
        return {name: str(signature) for name, signature in methods(client).items()}

    asynchronous = {
        name: text.replace("Async", "") for name, text in signatures(stepgres.AsyncClient).items()
    }
    asynchronous["close"] = asynchronous.pop("aclose")
    assert signatures(stepgres.Client) == asynchronous


def test_both_executors_have_equal_signatures() -> None:
    assert methods(stepgres.Executor) == methods(stepgres.AsyncExecutor)


def test_constructors_differ_in_nothing_but_the_kind_of_their_arguments() -> None:
    for one, other in (
        (stepgres.Client, stepgres.AsyncClient),
        (stepgres.Executor, stepgres.AsyncExecutor),
    ):
        asynchronous = str(inspect.signature(other)).replace("Async", "")
        assert str(inspect.signature(one)) == asynchronous
