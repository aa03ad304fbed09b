"""Metrics that are off, runs that are not traced, results without logs: they add nothing."""

from __future__ import annotations

from typing import Any

from tests.support.engine import Engine, step

LOGS = [{"at": "2026-01-01T00:00:00Z", "level": "info", "message": "hello"}]
PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def live(engine: Engine, **options: Any) -> tuple[set[str], set[str]]:
    """The functions that are called and the tables that are touched while a run completes, one
    fails, and one is cancelled."""
    more = {"logs": LOGS, **options} if options else {}
    engine.define("order", step("a", max_attempts=1), step("b", "a"))
    with engine.connection.transaction():
        engine.connection.execute("set local track_functions = 'all'")
        before = uses(engine)
        engine.start("order", **options)
        engine.work([{**engine.claim_one().completed(), **more}])
        engine.work([{**engine.claim_one().completed(), **more}])
        engine.start("order", **options)
        engine.work([{**engine.claim_one().failed(), **more}])
        engine.call("cancel_workflow_run", run_id=engine.start("order", **options))
        used = {use for use, count in uses(engine).items() if count != before.get(use, 0)}
    return {name for kind, name in used if kind == "f"}, {
        name for kind, name in used if kind == "t"
    }


def uses(engine: Engine) -> dict[tuple[str, str], int]:
    """How often the session has used each function (f) and each table (t)."""
    rows = engine.rows(
        """
        select 'f', funcname, calls from pg_stat_xact_user_functions where schemaname = 'stepgres'
        union all
        select 't', relname, seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del
        from pg_stat_xact_user_tables where schemaname = 'stepgres'
        """
    )
    return {(kind, name): count for kind, name, count in rows}


def seen(names: set[str]) -> set[str]:
    """The names of functions and tables that metrics, traces or logs are about."""
    return {n for n in names if any(word in n for word in ("metric", "count", "trace", "log"))}


def test_what_is_off_calls_no_function_and_touches_no_table(engine: Engine) -> None:
    """_is_counting is an expression that PostgreSQL inlines."""
    engine.call("switch_metrics", is_on=False)
    functions, tables = live(engine)
    assert "work" in functions
    assert seen(functions) == set()
    assert seen(tables) == set()


def test_what_is_on_is_seen(engine: Engine) -> None:
    functions, tables = live(engine, traceparent=PARENT)
    assert seen(functions) >= {"_store_logs", "_store_traces", "_note_traces"}
    assert seen(tables) >= {"logs", "task_traces", "ended_traces", "metric_counts"}
