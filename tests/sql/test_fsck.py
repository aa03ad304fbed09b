"""fsck finds what constraints would refuse: the state tables have none."""

from __future__ import annotations

import pytest

from tests.sql.test_constraints import ILLEGAL_TRANSITIONS, run_with_steps_in_many_states
from tests.support.engine import Engine

FAULTS = [
    ("runs", "active", "status = 'paused'", "unknown status"),
    ("runs", "active", "finished_at = now()", "finished_at is for finished runs"),
    ("runs", "over", "output = null", "output is for completed runs"),
    ("runs", "over", "error = 'x'", "error is for failed runs"),
    ("runs", "active", "remaining_ends = 0", "remaining_ends is 0"),
    ("runs", "over", "remaining_ends = 1", "remaining_ends is 0"),
    ("runs", "active", "remaining_ends = remaining_ends + 1", "counted"),
    ("runs", "over", "paused_at = now()", "paused_at is for active runs"),
    ("runs", "over", "cancelled_at = now()", "cancelled_at is for failed runs"),
    ("runs", "active", "deadline = '0'", "deadline must be more than 0"),
    ("step_states", "queued", "status = 'x'", "unknown status"),
    ("step_states", "queued", "started_at = null", "has started_at"),
    ("step_states", "queued", "remaining_tasks = null", "and remaining_tasks"),
    ("step_states", "queued", "finished_at = now()", "finished_at is for finished steps"),
    ("step_states", "done", "output = null", "output is for completed steps"),
    ("step_states", "done", "status = 'failed', output = null", "a failed step has an error"),
    ("step_states", "done", "status = 'skipped', output = null", "skip_reason is for"),
    (
        "step_states", "done", "status = 'skipped', output = null, skip_reason = 'x'",
        "unknown skip_reason",
    ),
    ("step_states", "queued", "remaining_deps = 1", "remaining_deps is 0 in started steps"),
    ("step_states", "last", "remaining_deps = -1", "remaining_deps is 0 in started steps"),
    ("step_states", "queued", "remaining_tasks = 2", "between 0 and initial_tasks"),
    ("step_states", "done", "remaining_tasks = 1", "remaining_tasks is 0"),
    ("step_states", "last", "is_leaf = false", "a step of a run is a copy"),
    ("step_states", "queued", "is_end = true", "marked wrongly"),
    ("tasks", "queued", "status = 'x'", "unknown status"),
    ("tasks", "started", "worker_id = null", "has started_at and worker_id"),
    ("tasks", "started", "finished_at = now()", "finished_at is for finished tasks"),
    ("tasks", "done", "status = 'failed'", "a failed task has an error"),
    ("tasks", "started", "attempt = 0", "a task that was claimed has an attempt"),
    ("tasks", "started", "msg_id = 1", "only queued tasks have a ticket"),
    ("tasks", "started", "lane = 'x'", "lane is for tickets"),
]  # fmt: skip


def test_fsck_finds_every_fault(engine: Engine, subtests: pytest.Subtests) -> None:
    run_with_steps_in_many_states(engine)
    changes = [(*change, "") for change in ILLEGAL_TRANSITIONS]
    for table, slug, change, words in [*FAULTS, *changes]:
        with subtests.test(table=table, slug=slug, change=change):
            with engine.connection.transaction(force_rollback=True):
                engine.connection.execute("""
                    set local session_replication_role = replica;
                    alter table stepgres.runs drop constraint run_is_sound;
                    alter table stepgres.step_states drop constraint step_is_sound;
                    alter table stepgres.tasks drop constraint task_is_sound
                """)
                column = "workflow_slug" if table == "runs" else "step_slug"
                statement = f"update stepgres.{table} set {change} where {column} = %s"
                engine.connection.execute(statement.encode(), [slug])
                found = engine.connection.execute("select * from stepgres.fsck()").fetchall()
            assert found
            assert words in str(found)
