"""Databases that tests use one after the other: emptying one is cheaper than making a new one.

A session of its own empties the tables between two tests. Then the catalog must be that of a new
database, in each row. Otherwise the database is dropped, as it is if it has grown, or if a session
of a test lives on. So a test finds what it would find in a new database.
"""

from __future__ import annotations

from typing import Any

import psycopg

KEEPER = "keeper"  # the name of that session, for tests that look at all sessions
_MOST_GROWTH = 4 * 2**20  # bytes; deleted rows take up space

# Defines kept.empty(), which also puts back what an install writes into tables and sequences.
_PREPARE = """
create schema kept;
do $do$
declare
    v_statements text[];
    v_object regclass;
    v_copy text;
    v_has_rows boolean;
    v_value bigint;
    v_is_called boolean;
begin
    for v_object in
        select c.oid from pg_class as c
        where c.relkind = 'r' and c.relnamespace in ('stepgres'::regnamespace, 'pgmq'::regnamespace)
    loop
        v_statements := v_statements || format('delete from %s', v_object);
        execute format('select exists (select from %s)', v_object) into v_has_rows;
        if v_has_rows then
            v_copy := format('kept.%I', v_object);
            execute format('create table %s as table %s', v_copy, v_object);
            v_statements := v_statements || format('insert into %s table %s', v_object, v_copy);
        end if;
    end loop;
    for v_object in
        select c.oid from pg_class as c
        where c.relkind = 'S' and c.relnamespace in ('stepgres'::regnamespace, 'pgmq'::regnamespace)
    loop
        execute format('select last_value, is_called from %s', v_object)
        into v_value, v_is_called;
        v_statements := v_statements
            || format('perform setval(%L, %s, %L)', v_object, v_value, v_is_called);
    end loop;
    execute format(
        'create function kept.empty() returns void language plpgsql as %L',
        format(
            'begin perform pgmq.drop_queue(m.queue_name) from pgmq.meta as m; %s; end',
            array_to_string(v_statements, '; ')
        )
    );
end
$do$
"""
_HAS_OTHERS = """
select exists (
    select from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
)
"""
_SIZE = "select pg_database_size(current_database())"
# What VACUUM and ANALYZE write into rows that there are, and what other databases see.
_BESIDE_THE_CATALOG = """
select 'pages and rows', sum(relpages), sum(reltuples) from pg_class
union all
select 'settings', count(*), 0
from pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase
where d.datname = current_database()
union all
select 'rights', count(datacl), max(datdba::bigint)
from pg_database where datname = current_database()
"""


def prepare_template(connection: psycopg.Connection[Any]) -> None:
    """Let copies of the database be emptied."""
    connection.execute(_PREPARE)


class KeptDatabase:
    """A database, and the session that makes it as new."""

    def __init__(self, name: str, dsn: str) -> None:
        self.name = name
        self.dsn = dsn
        # As in a replica, no trigger and no foreign key stands in the way.
        options = "-c session_replication_role=replica"
        self.session: psycopg.Connection[Any] = psycopg.connect(
            dsn, autocommit=True, application_name=KEEPER, options=options
        )
        self._look = f"{self._count_of_the_catalog()} union all {_BESIDE_THE_CATALOG}"
        self._new = self._rows(self._look)
        self._largest = self._rows(_SIZE)[0][0] + _MOST_GROWTH

    def fsck(self) -> list[Any]:
        # Not prepared: a test may have replaced the function.
        return self.session.execute("select * from stepgres.fsck()", prepare=False).fetchall()

    def is_as_new(self) -> bool:
        """Empty the tables; false if the database must be dropped."""
        if self._rows(_HAS_OTHERS) == [(True,)] or self._rows(_SIZE)[0][0] > self._largest:
            return False
        try:
            self._rows("select kept.empty()")
        except psycopg.Error:  # a test has removed or changed a table
            return False
        return self._rows(self._look) == self._new

    def close(self) -> None:
        self.session.close()

    def _count_of_the_catalog(self) -> str:
        """How many rows each table of the catalog has, and how many of them are newer than now."""
        ((now,),) = self._rows("select pg_current_xact_id()::xid::text")
        tables = self._rows(
            "select c.oid::regclass::text from pg_class as c"
            " where c.relnamespace = 'pg_catalog'::regnamespace"
            " and c.relkind = 'r' and not c.relisshared"
        )
        newer = f"count(*) filter (where age(xmin) < age('{now}'::xid))"
        return " union all ".join(
            f"select '{table}', count(*), {newer} from {table}" for (table,) in tables
        )

    def _rows(self, query: str) -> list[Any]:
        # Prepared: the plan of a query costs more than its execution.
        return self.session.execute(query.encode(), prepare=True).fetchall()
