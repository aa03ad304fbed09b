"""Rules that every object of schema stepgres keeps, read from the catalogs of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import stepgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from tests.conftest import Database


@pytest.fixture
def connection(db: Database) -> Iterator[Connection[Any]]:
    with db.connect() as connection:
        yield connection


def test_every_function_pins_its_search_path(connection: Connection[Any]) -> None:
    rows = connection.execute(
        """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'stepgres'::regnamespace and prokind <> 'p'
            -- a parsed body has looked up its names already
            and prosqlbody is null
            and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)
        """
    )
    assert rows.fetchall() == []


def test_every_public_object_has_a_comment(connection: Connection[Any]) -> None:
    rows = connection.execute(
        """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'stepgres'::regnamespace and proname !~ '^_'
            and obj_description(oid, 'pg_proc') is null
        union all
        select oid::regclass::text from pg_class
        where relnamespace = 'stepgres'::regnamespace and relname !~ '^_'
            and relkind in ('r', 'p', 'v', 'm', 'f') and obj_description(oid, 'pg_class') is null
        union all
        select t.oid::regtype::text from pg_type as t
        left join pg_class as c on c.oid = t.typrelid
        where t.typnamespace = 'stepgres'::regnamespace and t.typname !~ '^_'
            and coalesce(c.relkind = 'c', true) and obj_description(t.oid, 'pg_type') is null
        """
    )
    assert rows.fetchall() == []


def test_public_may_execute_nothing(connection: Connection[Any]) -> None:
    rows = connection.execute(
        """
        select p.oid::regprocedure::text
        from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = 'stepgres'::regnamespace and a.grantee = 0
        """
    )
    assert rows.fetchall() == []


def test_public_may_use_no_type(connection: Connection[Any]) -> None:
    rows = connection.execute(
        """
        select t.oid::regtype::text
        from pg_type as t, aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) as a
        where t.typnamespace = 'stepgres'::regnamespace and a.grantee = 0
            and t.typtype in ('c', 'd')
        """
    )
    assert rows.fetchall() == []


def test_every_body_passes_its_validator(connection: Connection[Any]) -> None:
    connection.execute("set check_function_bodies = on")
    rows = connection.execute(
        """
        select case l.lanname
            when 'plpgsql' then plpgsql_validator(p.oid)
            when 'sql' then fmgr_sql_validator(p.oid)
        end
        from pg_proc as p
        join pg_language as l on l.oid = p.prolang
        where p.pronamespace = 'stepgres'::regnamespace
        """
    )
    assert rows.rowcount > 0


def test_versions_agree(connection: Connection[Any]) -> None:
    assert connection.execute("select stepgres.version()").fetchone() == (stepgres.__version__,)


def test_every_public_function_reads_literals_in_the_standard_way(
    connection: Connection[Any],
) -> None:
    rows = connection.execute(
        """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'stepgres'::regnamespace and proname !~ '^_'
            and not coalesce('standard_conforming_strings=on' = any (proconfig), false)
        """
    )
    assert rows.fetchall() == []
