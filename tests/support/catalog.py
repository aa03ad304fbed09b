"""What the catalogs of PostgreSQL say of schema stepgres, in a form that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

QUERIES = {
    "schema": """
        select nspacl from pg_namespace where oid = 'stepgres'::regnamespace
    """,
    "relations": """
        select relname, relkind, relpersistence, relrowsecurity, reloptions, relacl,
            case when relkind = 'v' then pg_get_viewdef(oid) end
        from pg_class where relnamespace = 'stepgres'::regnamespace
    """,
    "columns": """
        select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            a.attidentity, a.attgenerated, a.attacl, pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relnamespace = 'stepgres'::regnamespace
    """,
    "constraints": """
        select conrelid::regclass, conname, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'stepgres'::regnamespace
    """,
    "indexes": """
        select indexdef from pg_indexes where schemaname = 'stepgres'
    """,
    "triggers": """
        select pg_get_triggerdef(t.oid)
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'stepgres'::regnamespace and not t.tgisinternal
    """,
    "types": """
        select typname, typtype, typacl, format_type(typbasetype, typtypmod)
        from pg_type where typnamespace = 'stepgres'::regnamespace
    """,
    "routines": """
        select oid::regprocedure, pg_get_functiondef(oid), proacl
        from pg_proc where pronamespace = 'stepgres'::regnamespace
    """,
    "comments": """
        select o.type, o.identity, d.description
        from pg_description as d, pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
        where o.schema = 'stepgres' or o.identity ~ '\\mstepgres\\.'
            or (o.type = 'schema' and o.name = 'stepgres')
    """,
}


def describe(connection: Connection[Any]) -> dict[str, list[str]]:
    """Every property of every object, by kind."""
    return {
        kind: sorted(repr(row) for row in connection.execute(query.encode()))
        for kind, query in QUERIES.items()
    }
