"""The option on_failure of workflows: a run is started for each run that fails."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step
from tests.support.limits import limit_inputs


def define(engine: Engine, *steps: dict[str, Any], **more: Any) -> None:
    engine.define("alert", step("tell", queue="alerts", max_attempts=1))
    steps = steps or (step("charge", max_attempts=1),)
    engine.define("order", *steps, **{"on_failure": "alert", **more})


def handlers(engine: Engine, workflow_slug: str = "alert") -> list[dict[str, Any]]:
    """The facts that the runs of on_failure have, after tick."""
    while engine.call("tick") >= 1000:
        pass
    return engine.rows(
        "select input from stepgres.runs where workflow_slug = %s and failure_of is not null"
        " and depth is null order by input ->> 'inserted_at'",
        workflow_slug,
    )


def failed(engine: Engine, run_id: UUID) -> list[str]:
    """The run has failed, and on_failure was started once: the errors that it got."""
    assert engine.status(run_id)[0] == "failed"
    found = [facts for facts in handlers(engine) if facts["run_id"] == str(run_id)]
    return [facts["error"] for facts in found]


def run_of(engine: Engine, run_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = engine.call("get_run", run_id=run_id)
    return found


def test_failed_run_starts_a_run_with_its_facts(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order", {"total": 7}, tags=["eu"])
    engine.fail(engine.claim_one(), "no money", error_type="CardError", traceback="line 1")
    document = run_of(engine, run_id)
    assert (document["on_failure"], document["failure_run_id"]) == ("alert", None)
    assert engine.call("tick") == 1
    (facts,) = handlers(engine)
    names = {"run_id", "workflow_slug", "version", "input", "error", "error_type", "traceback"}
    names |= {"failed_step", "tags", "parent_run_id", "retried_from", "inserted_at", "finished_at"}
    document = run_of(engine, run_id)
    assert facts == {name: document[name] for name in names}
    assert facts["error"] == 'step "charge" failed: no money'
    handler = run_of(engine, UUID(document["failure_run_id"]))
    assert (handler["workflow_slug"], handler["failure_of"]) == ("alert", str(run_id))
    assert (handler["on_failure"], handler["tags"]) == (None, None)
    assert engine.call("tick") == 0
    assert [item.input for item in engine.colleague("other", queues=["alerts"]).claim()] == [facts]


def test_cancelled_run_starts_nothing(engine: Engine) -> None:
    define(engine)
    engine.call("cancel_workflow_run", run_id=engine.start("order"))
    engine.start("order")
    engine.call("delete_flow", workflow_id="order", force=True)
    assert handlers(engine) == []


def test_result_that_is_sent_twice_starts_one_run(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    item = engine.claim_one()
    assert engine.work([item.failed()]) == []
    assert [refused.is_refused for refused in engine.work([item.failed(), item.failed()])]
    assert failed(engine, run_id) == ['step "charge" failed: no luck']


def test_failure_that_is_rolled_back_starts_nothing(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    item = engine.claim_one()
    with engine.connection.transaction(force_rollback=True):
        engine.fail(item)
    assert handlers(engine) == []
    engine.fail(item)
    assert len(failed(engine, run_id)) == 1


def test_retry_that_fails_starts_a_run_again(engine: Engine) -> None:
    define(engine)
    first = engine.start("order")
    engine.fail(engine.claim_one())
    second = engine.call("retry_failed_workflow", run_id=first)
    engine.fail(engine.claim_one(), "still no luck")
    facts = handlers(engine)
    assert [f["run_id"] for f in facts] == [str(first), str(second)]
    assert [f["retried_from"] for f in facts] == [None, str(first)]
    engine.call("retry_failed_workflow", run_id=second)
    engine.drain()
    assert len(handlers(engine)) == 2


def test_fork_that_fails_starts_a_run_of_its_own(engine: Engine) -> None:
    define(engine)
    old = engine.start("order")
    engine.fail(engine.claim_one())
    engine.define("order", step("charge", max_attempts=1), on_failure="inform")
    engine.define("inform", step("tell", queue="alerts"))
    new = engine.call("fork_run", run_id=old, from_steps=["charge"])
    engine.fail(engine.claim_one())
    newest = engine.call("fork_run", run_id=old, from_steps=["charge"], version=2)
    engine.fail(engine.claim_one())
    assert [facts["run_id"] for facts in handlers(engine)] == [str(old), str(new)]
    assert [facts["run_id"] for facts in handlers(engine, "inform")] == [str(newest)]


# Every way in which a run fails


def test_deadline(engine: Engine, clock: Clock) -> None:
    define(engine, deadline=60)
    run_id = engine.start("order")
    clock.advance(60)
    engine.call("tick")
    (error,) = failed(engine, run_id)
    assert "did not end within its deadline" in error


def test_fatal_task(engine: Engine) -> None:
    define(engine, step("charge"))
    run_id = engine.start("order")
    engine.fail(engine.claim_one(), "wrong card", retryable=False)
    assert failed(engine, run_id) == ['step "charge" failed: wrong card']


def test_map_with_too_many_failed_tasks(engine: Engine) -> None:
    each = step("each", initial_tasks=3, map=True, max_attempts=1)
    define(engine, {**each, "when_exhausted": "skip", "max_failed": "1"})
    run_id = engine.start("order")
    engine.work([item.failed() for item in engine.claim()])
    (error,) = failed(engine, run_id)
    assert "3 of 3 tasks failed" in error


@pytest.mark.parametrize(
    ("steps", "input"),
    [
        ([step("a", condition="$.x", when_unmet="fail")], {}),
        ([step("a", condition="$[*] ? (@ * @ == 0)")], [10**4_000 - 1] * 1_000),
        ([step("a"), step("b", "a", condition="$.x", when_unmet="fail")], {}),
    ],
)
def test_condition(engine: Engine, steps: list[dict[str, Any]], input: Any) -> None:
    define(engine, *steps)
    run_id = engine.start("order", input)
    engine.drain()
    (error,) = failed(engine, run_id)
    assert "condition" in error


def test_work_that_cannot_stand_in_a_line(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    limits = [{"limit": "api", "weight": "$.w"}]
    engine = engine.colleague("limiter", features=["limits"])
    define(engine, step("a", limits=limits))
    task = engine.start("order", {"w": "heavy"})
    engine.define("whole", step("a"), limits=limits, on_failure="alert")
    whole = engine.start("whole", {"w": "heavy"})
    engine.claim()
    engine.call("tick")
    for run_id in (task, whole):
        (error,) = failed(engine, run_id)
        assert "must be a number" in error


def test_run_that_tick_cannot_move(engine: Engine, clock: Clock) -> None:
    define(engine, step("a"))
    run_id = engine.start("order", delay="10 s")
    engine.connection.execute(
        """
        create function public.break() returns trigger language plpgsql as
        $$ begin raise 'broken' using errcode = '54000'; end $$;
        create trigger break before insert on stepgres.tasks
        for each row when (new.step_slug = 'a') execute function public.break();
        """
    )
    clock.advance(10)
    engine.call("tick")
    assert failed(engine, run_id) == ["the run cannot go on: broken"]


def test_result_that_no_value_can_hold(engine: Engine) -> None:
    """The batch cannot be applied, nor can the result alone: the run fails."""
    define(engine)
    run_id, other = engine.start("order"), engine.start("order")
    engine.connection.execute(
        """
        create function public.break() returns trigger language plpgsql as
        $$ begin raise 'too large' using errcode = '54000'; end $$;
        """
        f"""
        create trigger break before update on stepgres.tasks for each row
        when (new.run_id = '{run_id}' and new.status in ('completed', 'failed'))
        execute function public.break();
        """.encode()
    )
    engine.work([item.completed(1) for item in engine.claim()])
    (error,) = failed(engine, run_id)
    assert "the run cannot go on after it: too large" in error
    assert engine.status(other)[0] == "completed"


def test_input_that_no_value_can_hold(engine: Engine) -> None:
    limit_inputs(engine.connection)
    define(engine)
    run_id = engine.start("order", {"large": 1})
    with refused("54000"):
        engine.claim()
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 1
    (error,) = failed(engine, run_id)
    assert "its input is larger than" in error


def test_dead_worker_whose_task_had_one_attempt(engine: Engine, clock: Clock) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.colleague("other", lease="30 s").claim()
    clock.advance(60)
    engine.call("tick")
    (error,) = failed(engine, run_id)
    assert "stopped responding" in error


def test_wait_that_times_out(engine: Engine, clock: Clock) -> None:
    define(engine, step("paid", wait_for="paid", timeout=60))
    run_id = engine.start("order", {})
    clock.advance(60)
    engine.call("tick")
    assert len(failed(engine, run_id)) == 1


def test_rejected_approval(engine: Engine) -> None:
    define(engine, step("boss", approval={"title": "Pay?"}))
    run_id = engine.start("order", {})
    (wait_id,) = engine.rows("select wait_id from stepgres.waits where run_id = %s", run_id)
    engine.call("reject", wait_id=wait_id, comment="no", decided_by="ann")
    assert len(failed(engine, run_id)) == 1


def test_goal(engine: Engine) -> None:
    define(engine)
    graph_id = engine.call(
        "save_task_graph", goal="x", tasks=Jsonb([{"id": "plan"}]),
        defaults=Jsonb({"on_failure": "alert", "max_attempts": 1}),
    )  # fmt: skip
    engine.call("approve_task_graph", task_graph_id=graph_id)
    run_id = engine.call("start_task_graph", task_graph_id=graph_id)
    item = engine.claim_one()
    added = {"id": "act", "depends_on": ["plan"]}
    arguments = {**item.key, "output": Jsonb(None), "tasks": Jsonb([added])}
    engine.call("complete_task", worker_id="worker", **arguments)
    engine.fail(engine.claim_one())
    (facts,) = handlers(engine)
    assert (facts["run_id"], facts["version"] < 0) == (str(run_id), True)


def test_child_and_parent_have_handlers_of_their_own(engine: Engine) -> None:
    define(engine)
    engine.define("shop", step("buy", workflow="order"), on_failure="inform")
    engine.define("inform", step("tell", queue="alerts"))
    run_id = engine.start("shop", {})
    engine.fail(engine.claim_one(), "no money")
    (facts,) = handlers(engine)
    assert facts["parent_run_id"] == str(run_id)
    (facts,) = handlers(engine, "inform")
    assert (facts["run_id"], facts["failed_step"]) == (str(run_id), "buy")
    assert "no money" in facts["error"]


def test_children_that_a_failed_parent_cancels_start_nothing(engine: Engine) -> None:
    define(engine)
    engine.define("shop", step("buy", workflow="order"), step("pay", max_attempts=1))
    engine.start("shop", {})
    engine.fail(next(item for item in engine.claim() if item.step_slug == "pay"))
    assert handlers(engine) == []
    (status,) = engine.rows(
        "select cancelled_at is not null from stepgres.runs where workflow_slug = 'order'"
    )
    assert status


# Handlers


def test_handler_that_fails_starts_nothing(engine: Engine) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="order")
    run_id = engine.start("order")
    for _ in range(3):
        engine.work([item.failed() for item in engine.claim()])
        assert len(handlers(engine, "order")) == 1
    failure_run = UUID(run_of(engine, run_id)["failure_run_id"])
    assert engine.status(failure_run)[0] == "failed"
    again = engine.call("retry_failed_workflow", run_id=failure_run)
    engine.fail(engine.claim_one())
    fork = engine.call("fork_run", run_id=failure_run, from_steps=["charge"])
    engine.fail(engine.claim_one())
    assert {run_of(engine, run)["failure_of"] for run in (again, fork)} == {str(run_id)}
    assert len(handlers(engine, "order")) == 3
    assert run_of(engine, run_id)["failure_run_id"] == str(failure_run)
    assert engine.call("tick") == 0


def test_workflows_that_handle_each_other_stop(engine: Engine) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    engine.define("alert", step("tell", max_attempts=1), on_failure="order")
    engine.start("order")
    for _ in range(4):
        engine.work([item.failed() for item in engine.claim()])
        engine.call("tick")
    assert engine.rows("select workflow_slug from stepgres.runs order by inserted_at") == [
        "order",
        "alert",
    ]
    engine.start("alert")
    engine.fail(engine.claim_one())
    assert len(handlers(engine, "order")) == 1


@pytest.mark.parametrize("skip_completed", [True, False])
def test_child_runs_of_a_handler_start_no_handler(engine: Engine, skip_completed: bool) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    engine.define("alert", step("undo", workflow="order"))
    run_id = engine.start("order")
    for _ in range(4):
        engine.work([item.failed() for item in engine.claim()])
        engine.call("tick")
    query: LiteralString = (
        "select workflow_slug, failure_of from stepgres.runs"
        " order by inserted_at, depth nulls first"
    )
    assert engine.rows(query) == [("order", None), ("alert", run_id), ("order", run_id)]
    failure_run = UUID(run_of(engine, run_id)["failure_run_id"])
    assert engine.status(failure_run)[0] == "failed"
    options = {"run_id": failure_run, "skip_completed": skip_completed}
    engine.call("retry_failed_workflow", **options)
    for _ in range(4):
        engine.work([item.failed() for item in engine.claim()])
        engine.call("tick")
    assert engine.rows(query)[3:] == [("alert", run_id), ("order", run_id)]


@pytest.mark.parametrize("bad", ["", "a b", "run", "x" * 129])
def test_name_that_is_no_slug_is_refused(engine: Engine, bad: str) -> None:
    with refused("SG001", 'workflow "order": on_failure', "is not the slug of a workflow"):
        engine.define("order", step("a"), on_failure=bad)
    with refused("SG001", 'workflow "order": on_failure', "is not the slug of a workflow"):
        engine.call("create_flow", name="order", on_failure=bad)


def test_option_is_a_part_of_the_version(engine: Engine) -> None:
    assert engine.define("order", step("a")) == 1
    assert engine.define("order", step("a"), on_failure="alert") == 2
    document = engine.call("get_flow", workflow_id="order")
    assert document["on_failure"] == "alert"
    assert engine.call("register_workflow", definition=Jsonb(document)) == 2
    assert "on_failure" not in engine.call("get_flow", workflow_id="order", version=1)
    assert engine.define("order", step("a"), on_failure=None) == 1
    engine.call("create_flow", name="shop", on_failure="myapp.TellUs")
    assert engine.call("get_flow", workflow_id="shop")["on_failure"] == "tell_us"


def test_handler_may_be_registered_later(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    runs = [engine.start("order") for _ in range(3)]
    engine.work([item.failed() for item in engine.claim()])
    warnings: list[str] = []
    engine.connection.add_notice_handler(lambda n: warnings.append(n.message_primary or ""))
    assert engine.call("tick") == 3
    assert warnings == [
        'workflow "alert" cannot be started for 3 failed runs: workflow "alert" does not exist'
    ]
    document = run_of(engine, runs[0])
    assert document["on_failure_error"] == 'workflow "alert" does not exist'
    assert document["failure_run_id"] is None
    assert engine.call("tick") == 0
    (wait,) = engine.rows("select stepgres.next_due() - stepgres._now()")
    assert wait.total_seconds() == 60
    for _ in range(3):
        clock.advance(3600)
        assert engine.call("tick") == 3
    (wait,) = engine.rows("select max(due_at) - stepgres._now() from stepgres.failure_runs")
    assert wait.total_seconds() == 3600  # never more than an hour
    engine.define("alert", step("tell", queue="alerts"))
    clock.advance(3600)
    assert {facts["run_id"] for facts in handlers(engine)} == {str(run_id) for run_id in runs}
    assert run_of(engine, runs[0])["on_failure_error"] is None


def test_handler_that_is_deleted(engine: Engine) -> None:
    define(engine)
    run_id, other = engine.start("order"), engine.start("order")
    first, second = engine.claim()
    engine.fail(first)
    handlers(engine)
    engine.call("delete_flow", workflow_id="alert", force=True)
    engine.fail(second)
    engine.call("tick")
    assert run_of(engine, run_id)["failure_run_id"] is not None  # it was started
    assert run_of(engine, other)["on_failure_error"] == 'workflow "alert" does not exist'
    assert [engine.status(run)[0] for run in (run_id, other)] == ["failed", "failed"]


def test_handler_that_cannot_take_the_facts(engine: Engine) -> None:
    define(engine)
    engine.define("order", step("charge", max_attempts=1), on_failure="each")
    engine.define("each", step("tell", map=True))
    good, bad = engine.start("order", version=1), engine.start("order")
    engine.work([item.failed() for item in engine.claim()])
    assert failed(engine, good) == ['step "charge" failed: no luck']
    assert "must be an array, not object" in run_of(engine, bad)["on_failure_error"]


@pytest.mark.parametrize("on_limit", ["queue", "reject", "cancel_oldest"])
def test_handler_under_a_limit_of_runs_waits(engine: Engine, on_limit: str) -> None:
    engine.call("create_limit", limit_slug="mails", max_running=1)
    tell = step("tell", queue="alerts", max_attempts=1)
    engine.define("alert", tell, limits=[{"limit": "mails"}], on_limit=on_limit)
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    for _ in range(3):
        engine.start("order")
    engine.work([item.failed() for item in engine.claim()])
    assert len(handlers(engine)) == 3
    other = engine.colleague("other", queues=["alerts"])
    done = []
    for _ in range(3):
        engine.call("tick")
        engine.call("tick")
        items = other.claim()
        assert len(items) <= 1
        done += other.work([item.completed() for item in items], capacity=0) or items
    assert len(done) == (1 if on_limit == "cancel_oldest" else 3)


def test_handler_may_be_paused(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    handlers(engine)
    failure_run = UUID(run_of(engine, run_id)["failure_run_id"])
    engine.call("pause_workflow_run", run_id=failure_run)
    other = engine.colleague("other", queues=["alerts"])
    assert other.claim() == []
    engine.call("resume_workflow_run", run_id=failure_run)
    assert len(other.claim()) == 1


def test_unique_key_is_free_when_the_handler_starts(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order", unique_key="7")
    engine.fail(engine.claim_one())
    again = engine.start("order", unique_key="7")
    assert again != run_id
    assert len(failed(engine, run_id)) == 1


def test_large_input_is_left_out(engine: Engine) -> None:
    define(engine)
    sizes = (65_000, 66_000, 1_000_000)
    for size in sizes:
        engine.start("order", "x" * size)
    # compressed, it is small
    engine.connection.execute("alter table stepgres.runs alter input set storage external")
    engine.start("order", "y" * 66_000)
    engine.work([item.failed("e" * 100_000, traceback="t" * 100_000) for item in engine.claim()])
    facts = handlers(engine)
    assert [len(f["input"]) if "input" in f else None for f in facts] == [65_000, None, None, None]
    assert all(len(f["traceback"]) <= 8_000 for f in facts)


def test_simulation_starts_nothing(engine: Engine) -> None:
    define(engine)
    before = engine.snapshot()
    events = engine.rows(
        "select event_type, workflow_slug from"
        """ stepgres.simulate('order', '1', outcomes => '{"charge": {"error": "no"}}')"""
    )
    assert events[-1] == ("workflow_failed", "order")
    assert engine.snapshot() == before
    assert handlers(engine) == []


# Deletion


def test_failed_run_is_pruned_after_its_handler_has_started(engine: Engine) -> None:
    define(engine)
    engine.start("order")
    engine.fail(engine.claim_one())
    assert engine.call("prune", older_than="0 s") == 0
    assert len(handlers(engine)) == 1
    assert engine.call("prune", older_than="0 s") == 1
    assert engine.rows("select * from stepgres.failure_runs") == []


def test_failed_run_without_a_handler_can_be_pruned(engine: Engine) -> None:
    engine.define("order", step("charge", max_attempts=1), on_failure="alert")
    engine.start("order")
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert engine.call("prune", older_than="0 s") == 1
    assert engine.rows("select * from stepgres.failure_runs") == []


def test_handler_may_go_before_the_failed_run(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    handlers(engine)
    engine.colleague("other", queues=["alerts"]).drain()
    assert engine.call("prune", older_than="0 s", workflow_slug="alert") == 1
    assert run_of(engine, run_id)["failure_run_id"] is not None
    assert engine.call("prune", older_than="0 s") == 1


def test_retention_waits_for_the_handler(engine: Engine, clock: Clock) -> None:
    define(engine, keep={"failed": 60, "payloads": 1})
    engine.start("order", {"total": 7})
    engine.fail(engine.claim_one())
    clock.advance(120)
    (facts,) = handlers(engine)
    assert facts["input"] == {"total": 7}
    for _ in range(9):
        clock.advance(60)
        engine.call("tick")
    assert engine.rows("select workflow_slug from stepgres.runs") == ["alert"]


def test_payloads_may_go_while_the_handler_does_not_exist(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", max_attempts=1), on_failure="alert", keep={"payloads": 1})
    engine.start("order", {"total": 7})
    engine.fail(engine.claim_one())
    for _ in range(3):
        clock.advance(60)
        engine.call("tick")
    define(engine)
    clock.advance(3600)
    (facts,) = handlers(engine)
    assert "input" not in facts


def test_deleted_workflow_starts_no_handler(engine: Engine) -> None:
    define(engine)
    engine.start("order")
    engine.fail(engine.claim_one())
    engine.call("delete_flow", workflow_id="order")
    assert engine.rows("select * from stepgres.failure_runs") == []
    assert handlers(engine) == []


def test_fsck_finds_failures_that_start_nothing(engine: Engine) -> None:
    define(engine)
    run_id = engine.start("order")
    engine.fail(engine.claim_one())
    handlers(engine)
    found = "select invariant, run_id from stepgres.fsck()"
    for change, invariant in (
        (b"delete from stepgres.failure_runs", "failure_runs are the failed runs with on_failure"),
        (
            b"update stepgres.runs set failure_of = null",
            "failure_runs name runs that were started for the failed runs",
        ),
    ):
        with engine.connection.transaction(force_rollback=True):
            engine.connection.execute(change)
            assert engine.rows(found) == [(invariant, run_id)]
    failure_run = UUID(run_of(engine, run_id)["failure_run_id"])
    with engine.connection.transaction(force_rollback=True):
        engine.connection.execute("update stepgres.runs set on_failure = 'order'")
        assert engine.rows(found) == [("a run with a failure_of has no on_failure", failure_run)]


# Many


def rows_read(engine: Engine) -> int:
    query = (
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint"
        " from pg_stat_xact_user_tables where schemaname in ('stepgres', 'pgmq')"
    )
    (count,) = engine.rows(query)
    return int(count)


def test_ten_thousand_failures_of_a_batch(engine: Engine) -> None:
    define(engine)
    inputs = Jsonb([None] * 10_000)
    engine.call("start_workflow_runs", workflow_slug="order", inputs=inputs)
    items = engine.claim()
    assert engine.work([item.failed() for item in items]) == []
    counts = []
    for _ in range(10):
        with engine.connection.transaction():
            before = rows_read(engine)
            counts.append(engine.call("tick"))
            assert rows_read(engine) - before < 40 * 1000
    # the first ticks also sweep, and look again for what they count
    assert all(count >= 1000 for count in counts)
    assert sorted(facts["run_id"] for facts in handlers(engine)) == sorted(
        str(item.run_id) for item in items
    )
    other = engine.colleague("other", queues=["alerts"])
    assert len(other.claim()) == 10_000


def test_workflows_without_on_failure_never_look_at_failures(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b", "a"))
    looks: LiteralString = """
        select seq_scan, idx_scan, n_tup_ins, n_tup_upd, n_tup_del
        from pg_stat_xact_user_tables
        where schemaname = 'stepgres' and relname = 'failure_runs'
    """
    with engine.connection.transaction():
        good, bad = engine.start("order"), engine.start("order")
        while items := engine.claim():
            results = [i.failed() if i.run_id == bad else i.completed() for i in items]
            engine.work(results)
        assert (engine.status(good)[0], engine.status(bad)[0]) == ("completed", "failed")
        engine.call("get_run", run_id=bad)
        assert engine.call("prune", older_than="0 s") == 2
        ((seq_scan, idx_scan, *changes),) = engine.rows(looks)
        assert (seq_scan, idx_scan or 0, *changes) == (0, 0, 0, 0, 0)


def test_workers_are_told_of_a_failure(engine: Engine, db: Database) -> None:
    define(engine)
    engine.start("order")
    item = engine.claim_one()
    with db.connect() as listener:
        (name,) = engine.rows("select stepgres.wakeup_name('default')")
        listener.execute(f'listen "{name}"'.encode())
        engine.fail(item)
        assert [n.channel for n in listener.notifies(timeout=10, stop_after=1)] == [name]
