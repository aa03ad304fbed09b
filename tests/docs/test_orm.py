"""docs/orm.md: what it shows works, with SQLAlchemy, with Django and in psql."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import stepgres
from tests.conftest import Database
from tests.support.orm import django_on, sqlalchemy_url
from tests.support.pages import DOCS, blocks, run_psql

PAGE = DOCS / "orm.md"


def test_examples_of_your_orm_store_rows_and_runs_together(db: Database) -> None:
    def create(id: int) -> None:
        with names["connection"].cursor() as cursor:
            cursor.execute("insert into orders values (%s)", [id])

    names: dict[str, Any] = {"stepgres": stepgres, "url": sqlalchemy_url(db.dsn)}
    names["Order"] = SimpleNamespace(objects=SimpleNamespace(create=create))
    with db.connect() as connection, django_on(db.dsn):
        connection.execute("create table orders (id int)")
        connection.execute("select stepgres.create_flow('order'), null")
        connection.execute("select stepgres.add_step('order', 'ship')")
        for text in blocks(PAGE, "python"):
            exec(compile(text, PAGE, "exec"), names)
        asyncio.run(names["order"](names["url"]))
        names["engine"].dispose()
        run_psql(db.dsn, "insert into orders values (4);" + "".join(blocks(PAGE, "sql")))
        orders = connection.execute("select id from orders order by id").fetchall()
        runs = connection.execute("select input -> 'id' from stepgres.runs order by 1").fetchall()
    assert orders == runs == [(1,), (2,), (3,), (4,)]
