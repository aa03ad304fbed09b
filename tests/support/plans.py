"""The plans that a session makes, also those of statements in functions, and the rows it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    from psycopg.errors import Diagnostic
    from typing_extensions import LiteralString

# PostgreSQL sends each plan that it makes to the client, in its own notation.
SETTINGS: LiteralString = """
    set client_min_messages = log; set log_min_messages = panic;
    set debug_print_plan = on; set debug_pretty_print = off
"""
_SCAN = re.compile(r"\{SEQSCAN .*?:(?:scan\.)?scanrelid (\d+)", re.DOTALL)
_RELATION = re.compile(r":relid (\d+)")

# Also rows that a scan passes over. Nothing is vacuumed, so index-only scans count too.
ROWS_READ: LiteralString = """
    select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int
    from pg_stat_xact_user_tables where schemaname in ('stepgres', 'pgmq')
"""
LARGE: LiteralString = """
    select c.oid::bigint, c.relname from pg_class as c
    where c.relkind = 'r' and c.relnamespace in ('stepgres'::regnamespace, 'pgmq'::regnamespace)
        and c.reltuples >= %s
"""


@dataclass
class Plans:
    """The plans of a session, since it has executed SETTINGS."""

    seen: int = 0
    scanned: set[int] = field(default_factory=set)  # tables that a plan reads from end to end

    def of(self, connection: psycopg.BaseConnection[Any]) -> Plans:
        connection.add_notice_handler(self._note)
        return self

    def _note(self, message: Diagnostic) -> None:
        if message.message_primary == "plan:":
            self.seen += 1
            self.scanned |= scanned_tables(message.message_detail or "")


def scanned_tables(plan: str) -> set[int]:
    """The tables of the sequential scans in a plan."""
    # Behind the tree of the plan and the trees in it comes its list of tables.
    tree, *tables = " ".join(plan.split()).split("{RANGETBLENTRY ")
    found = _SCAN.findall(tree) + (_SCAN.findall(tables[-1]) if tables else [])
    relations = (_RELATION.search(tables[int(number) - 1]) for number in found)
    return {int(relation[1]) for relation in relations if relation}
