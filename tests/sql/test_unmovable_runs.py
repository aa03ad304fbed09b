"""Runs that cannot be moved: they keep no other back, neither in a tick nor in a turn."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.conftest import Clock
from tests.support.engine import Engine, refused, step
from tests.support.limits import limit_inputs


def break_runs(engine: Engine, sqlstate: str = "22012", *, for_good: bool = False) -> None:
    """From now on tasks of a run that is tagged "bad" cannot be queued again, or changed at all."""
    moved = "true" if for_good else "new.status in ('queued', 'waiting')"
    engine.connection.execute(
        f"""
        create function public.break_run() returns trigger language plpgsql as $$
        begin
            if {moved} and (select 'bad' = any (tags) from stepgres.runs where run_id = new.run_id)
            then
                raise exception 'broken' using errcode = '{sqlstate}';
            end if;
            return new;
        end $$;
        create trigger break_run before insert or update on stepgres.tasks
        for each row execute function public.break_run();
        """.encode()
    )


def start_all(engine: Engine, count: int = 9, **options: str) -> tuple[UUID, list[UUID]]:
    """A run in the middle that is tagged "bad", and the others."""
    run_ids = [
        engine.start("order", {}, tags=["bad"] if i == count // 2 else ["good"], **options)
        for i in range(count)
    ]
    bad = run_ids.pop(count // 2)
    return bad, run_ids


def statuses(engine: Engine, run_ids: list[UUID]) -> set[str]:
    return {engine.status(run_id)[0] for run_id in run_ids}


@pytest.mark.parametrize("sqlstate", ["54000", "22012", "P0001", "42P01", "SG008"])
def test_run_that_cannot_be_moved_does_not_keep_timers_of_others_back(
    engine: Engine, clock: Clock, sqlstate: str
) -> None:
    engine.define("order", step("a"))
    bad, good = start_all(engine, delay="10 s")
    break_runs(engine, sqlstate)
    clock.advance(10)
    engine.call("tick")
    assert engine.status(bad) == ("failed", "the run cannot go on: broken")
    assert sorted(item.run_id for item in engine.claim()) == sorted(good)


def test_run_that_cannot_be_moved_does_not_keep_retries_of_others_back(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    bad, good = start_all(engine)
    engine.work([item.failed(retry_after=10) for item in engine.claim()])
    break_runs(engine)
    clock.advance(10)
    engine.call("tick")
    assert engine.status(bad)[0] == "failed"
    assert sorted(item.run_id for item in engine.claim()) == sorted(good)


def test_run_that_cannot_be_moved_does_not_keep_takeovers_of_others_back(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a"))
    bad, good = start_all(engine)
    engine.call("register_worker", worker_id="dead", lease="10 s")
    assert len(engine.items("claim_tasks", worker_id="dead", capacity=10)) == 9
    break_runs(engine)
    clock.advance(10)
    engine.call("tick")
    assert engine.status(bad)[0] == "failed"
    engine.call("tick")  # fires the timers of the next attempts
    assert sorted(item.run_id for item in engine.claim()) == sorted(good)


def test_run_that_cannot_be_moved_does_not_keep_timeouts_and_lost_tickets_of_others_back(
    engine: Engine, clock: Clock
) -> None:
    engine.define("order", step("a", timeout=1), step("b"))
    bad, good = start_all(engine)
    engine.rows("select pgmq.purge_queue(pgmq_queue) from stepgres.queues")
    break_runs(engine)
    clock.advance(10)
    engine.call("tick")
    assert engine.status(bad)[0] == "failed"
    assert {item.run_id for item in engine.claim()} == set(good)
    engine.call("cancel_workflow_run", run_id=good[0])


def test_run_that_cannot_even_fail_is_put_off(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    bad, good = start_all(engine)
    engine.work([item.failed(retry_after=10) for item in engine.claim()])
    break_runs(engine, for_good=True)
    clock.advance(10)
    engine.call("tick")
    assert sorted(item.run_id for item in engine.claim()) == sorted(good)
    assert engine.status(bad)[0] == "in_progress"
    assert engine.call("tick") == 0  # it is not looked at again before a minute is over
    engine.connection.execute("drop trigger break_run on stepgres.tasks")
    clock.advance(60)
    engine.call("tick")
    assert engine.claim_one().run_id == bad


def test_signals_of_a_run_that_cannot_even_fail_are_left_alone(engine: Engine) -> None:
    engine.define("order", step("a"), step("ask", wait_for="go"), step("b", "ask"))
    bad, _ = start_all(engine, 2)
    break_runs(engine, for_good=True)
    engine.call("send_signal", run_id=bad, signal="go")
    engine.call("tick")
    assert engine.status(bad)[0] == "in_progress"
    assert engine.rows("select is_new, wait_id from stepgres.signals") == [(False, None)]
    assert engine.call("tick") == 0
    engine.connection.execute("drop trigger break_run on stepgres.tasks")
    engine.call("pause_workflow_run", run_id=bad)
    engine.call("resume_workflow_run", run_id=bad)
    assert engine.steps(bad)["ask"] == "completed"


def test_what_no_run_is_at_fault_for_fails_the_tick(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"))
    bad, _ = start_all(engine, delay="10 s")
    break_runs(engine, "55P03")
    clock.advance(10)
    with refused("55P03", "broken"):
        engine.call("tick")
    assert engine.status(bad)[0] == "in_progress"


def limit_outputs(engine: Engine) -> None:
    """From now on "large" is too large for the output of a step, or of a run."""
    for table in ("runs", "step_states"):
        engine.connection.execute(
            f"""
            create function public.limit_{table}() returns trigger language plpgsql as $$
            begin
                if new.output::text like '%large%' then
                    raise exception 'too large' using errcode = 'program_limit_exceeded';
                end if;
                return new;
            end $$;
            create trigger limit_outputs before update on stepgres.{table}
            for each row execute function public.limit_{table}();
            """.encode()
        )


def test_result_that_leads_to_too_much_keeps_no_results_of_other_runs_back(engine: Engine) -> None:
    engine.define("order", step("a"))
    bad, good = start_all(engine)
    limit_outputs(engine)
    results = [
        item.completed("large" if item.run_id == bad else item.run_id.hex)
        for item in engine.claim()
    ]
    stale = {**results[0], "claim": 7}
    assert [item.claim for item in engine.work([*results, stale])] == [7]
    assert [engine.output(run_id) for run_id in good] == [run_id.hex for run_id in good]
    assert engine.status(bad) == ("failed", 'step "a" failed: too large')
    attempts = "select count(*)::int from stepgres.attempts"
    assert engine.rows(attempts) == [1]  # the work was done, and would lead to the same again


def test_result_of_a_sticky_step_is_handed_over_beside_one_that_is_too_large(
    engine: Engine,
) -> None:
    engine.define("order", step("a"), step("b", "a", sticky=True))
    bad, good = start_all(engine, 3)
    limit_outputs(engine)
    items = engine.claim()
    results = [item.completed("large" if item.run_id == bad else 1) for item in items]
    handed = engine.work(results, capacity=10)
    assert sorted(item.run_id for item in handed) == sorted(good)
    assert {item.step_slug for item in handed} == {"b"}


def test_claim_that_fails_costs_no_results(engine: Engine) -> None:
    limit_inputs(engine.connection)
    engine.define("order", step("a"), step("b", "a"))
    engine.define("sticky", step("a"), step("b", "a", sticky=True))
    engine.define("large", step("a"))
    order, sticky = engine.start("order", {}), engine.start("sticky", {})
    items = engine.claim()
    large = engine.start("large", {"large": 1})
    assert engine.work([item.completed(1) for item in items], capacity=10) == []
    done = {"a": "completed", "b": "started"}
    assert engine.steps(order) == engine.steps(sticky) == done
    with refused("54000", "too large"):
        engine.claim()
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 1
    assert engine.status(large)[0] == "failed"
    assert {item.run_id for item in engine.claim()} == {order, sticky}


def test_elements_of_a_map_are_claimed_though_no_step_could_take_its_input(engine: Engine) -> None:
    """The input of the run and the array together are more than PostgreSQL holds."""
    limit_inputs(engine.connection)
    engine.define("order", step("list"), step("each", "list", map=True))
    engine.connection.execute("set session_replication_role = replica")
    run_id = engine.start("order", {})
    engine.complete(engine.claim_one(), [1, 2])
    engine.connection.execute("update stepgres.runs set input = '{\"large\": 1}'")
    engine.connection.execute("reset session_replication_role")
    assert engine.call("fail_oversized_tasks", worker_id=engine.worker_id) == 0
    items = engine.claim()
    assert [item.input for item in items] == [1, 2]
    engine.work([item.completed(item.input) for item in items])
    assert engine.output(run_id) == [1, 2]


def test_claim_hands_out_so_much_at_a_time(engine: Engine) -> None:
    """Large elements take up little space in tables; it is their text that counts."""
    engine.define("order", step("list"), step("each", "list", map=True))
    run_id = engine.start("order", {})
    engine.claim_one()
    engine.connection.execute(
        "select stepgres.complete_task(%s, %s, 'list', to_jsonb(array_fill("
        "    repeat('x', 5 * 1024 * 1024), array[20])))",
        [engine.worker_id, run_id],
    )
    sizes = []
    while items := engine.claim(20):
        assert {item.attempt for item in items} == {1}
        sizes.append(len(items))
        assert engine.work([item.completed(None) for item in items]) == []
    assert sizes == [7, 7, 6]


def test_claim_hands_out_one_input_however_large(engine: Engine) -> None:
    engine.define("order", step("a", map=True, initial_tasks=2))
    engine.connection.execute(
        "select stepgres.start_workflow_run('order', to_jsonb(repeat('x', 40 * 1024 * 1024)))"
    )
    first = engine.claim_one()
    second = engine.claim_one()
    assert {first.task_index, second.task_index} == {0, 1}
    engine.work([first.completed(), second.completed()])


def test_tasks_that_go_back_are_not_told_of_as_started(engine: Engine) -> None:
    engine.define("order", step("each", map=True), events="task")
    engine.connection.execute(
        "select stepgres.start_workflow_run('order', to_jsonb(array_fill("
        "    repeat('x', 20 * 1024 * 1024), array[3])))"
    )
    items = engine.claim(3)
    types = engine.rows(
        "select message ->> 'type' from stepgres.message_history('workflow_events')"
    )
    assert types.count("task_started") == len(items) == 2
