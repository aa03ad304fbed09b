"""What plpgsql_check says of our functions, on servers that have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Database

# What the checker cannot know: the function, the state and level of the remark, and the reason.
EXCEPTIONS = {
    ("_new_run_ids", "42883", "error"): "uuidv7 is called only where the server has it",
    ("catch_up", "00000", "warning"): "the columns of the dynamic query are written in it",
    ("drop_signal_on", "00000", "performance"): "its dynamic statements drop triggers",
    ("_read_history", "00000", "security"): "the order of the dynamic query comes from a boolean",
    **dict.fromkeys(
        [
            (name, "00000", "performance")
            for name in (
                "_decomposition_error", "_run_not_found", "_task_graph_not_found",
                "_too_many_signals"
            )
        ],
        "it raises: a call that is folded while planning would raise where nothing is wrong",
    ),
    **dict.fromkeys(
        [
            (name, "00000", "performance")
            for name in (
                "_active_runs_of", "_duplicate_of", "_find_channel", "_find_lost_tickets",
                "_message_ids",
                "_lines_out_of_reach", "_most_urgent_ticket", "_try_lock_runs"
            )
        ],
        "volatile, to see what was committed meanwhile",
    ),
    **dict.fromkeys(
        [
            (name, "2F005", "warning extra")
            for name in (
                "add_step", "create_flow", "register_worker", "register_workflow", "save_task_graph"
            )
        ],
        "its handler of exceptions always raises",
    ),
}  # fmt: skip


def test_plpgsql_check_finds_no_hidden_cast_and_no_wrong_volatility(db: Database) -> None:
    with db.connect() as connection:
        available = connection.execute(
            "select from pg_available_extensions where name = 'plpgsql_check'"
        )
        if not available.fetchall():
            pytest.skip("this server has no extension plpgsql_check")
        connection.execute("create extension plpgsql_check")
        found = connection.execute(
            """
            select p.proname, c.sqlstate, c.level, c.lineno, c.message, coalesce(c.query, '')
            from pg_proc as p
            join pg_language as l on l.oid = p.prolang
            cross join lateral plpgsql_check_function_tb(
                p.oid,
                case when p.prorettype = 'trigger'::regtype then (
                    select min(t.tgrelid::oid)::regclass from pg_trigger as t where t.tgfoid = p.oid
                ) else 0::regclass end,
                all_warnings => true
            ) as c
            where p.pronamespace = 'stepgres'::regnamespace and l.lanname = 'plpgsql'
            order by 1, 4
            """
        ).fetchall()
    wrong = [
        row
        for row in found
        # limit and offset are words of SQL, and API
        if row[:3] not in EXCEPTIONS and "is reserved keyword" not in row[4]
    ]
    assert wrong == [], "\n".join(map(str, wrong))
