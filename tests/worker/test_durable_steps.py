"""Durable steps on workers: what is kept, what suspends, and what a body sees."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from stepgres import (
    CallFailed,
    Client,
    Executor,
    NonRetryable,
    SignalTimeout,
    StepContext,
    Suspended,
    WorkflowFailed,
)
from tests.conftest import Database
from tests.support.waiting import PATIENCE, wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import advance_loop, workflow


class Effects:
    """How often each effect happened, and how often the body began."""

    def __init__(self) -> None:
        self.counts = Counter[str]()

    def happen(self, name: str, value: Any = None) -> Any:
        self.counts[name] += 1
        return value

    async def happen_on_the_loop(self, name: str, value: Any = None) -> Any:
        return self.happen(name, value)


@pytest.fixture
def effects() -> Effects:
    return Effects()


def durable(body: Any, **options: Any) -> Any:
    return workflow(("body", body, {"depends_on": [], "durable": True, "base_delay": 0, **options}))


def start(client: Client, flow: Any, input: Any = None) -> UUID:
    (run_id,) = register_and_start(client, flow, [input])
    return run_id


def open_waits(client: Client, run_id: UUID, count: int) -> None:
    """Wait until the body is suspended with so many open waits."""

    def waits() -> int:
        stuck = client.why_stuck(run_id)
        if any(step.waits_for in ("lease", "worker", "queue") for step in stuck):
            return -1
        return sum(wait.resolved_at is None for wait in client.list_waits(run_id))

    wait_until(waits, lambda found: found == count)


def test_body_on_the_loop_goes_on_after_a_signal(
    db: Database, client: Client, effects: Effects
) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        effects.happen("body")
        charged = await context.run("charge", effects.happen_on_the_loop, "charge", (1, 2))
        paid = await context.wait_for_signal("paid")
        return [charged, paid, await context.run("ship", effects.happen, "ship", "sent")]

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        client.send_signal(run_id, "paid", {"amount": 3})
        assert client.wait_for_run(run_id).output == [[1, 2], {"amount": 3}, "sent"]
    assert effects.counts == {"body": 2, "charge": 1, "ship": 1}


def test_body_in_a_thread_goes_on_after_a_signal(
    db: Database, client: Client, effects: Effects
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        effects.happen("body")
        charged = context.run("charge", effects.happen, "charge", (1, 2))
        paid = context.wait_for_signal("paid")
        return [charged, paid, context.run("ship", effects.happen, "ship", "sent")]

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        client.send_signal(run_id, "paid", {"amount": 3})
        assert client.wait_for_run(run_id).output == [[1, 2], {"amount": 3}, "sent"]
    assert effects.counts == {"body": 2, "charge": 1, "ship": 1}


def test_failure_before_a_wait_is_the_same_later(
    db: Database, client: Client, effects: Effects
) -> None:
    def fail_once() -> str:
        effects.happen("fail")
        if effects.counts["fail"] == 1:
            raise ValueError("no luck")
        return "luck"

    def describe(error: CallFailed) -> Any:
        return [error.name, error.error_type, error.error]

    def in_thread(input: Any, context: StepContext) -> Any:
        try:
            return context.run("try", fail_once)
        except CallFailed as error:
            context.wait_for_signal("on")
            return describe(error)

    async def on_loop(input: Any, context: StepContext) -> Any:
        try:
            return await context.run("try", fail_once)
        except CallFailed as error:
            await context.wait_for_signal("on")
            return describe(error)

    for body in (in_thread, on_loop):
        effects.counts.clear()
        flow = durable(body)
        with running_worker(db.dsn, flow):
            run_id = start(client, flow)
            open_waits(client, run_id, 1)
            client.send_signal(run_id, "on")
            expected = ["try", "ValueError", "ValueError: no luck"]
            assert client.wait_for_run(run_id).output == expected
        assert effects.counts["fail"] == 1


def test_failure_that_ends_the_attempt_is_done_anew(
    db: Database, client: Client, effects: Effects
) -> None:
    def fail_once() -> str:
        effects.happen("fail")
        if effects.counts["fail"] == 1:
            raise ValueError("no luck")
        return "luck"

    def body(input: Any, context: StepContext) -> Any:
        return context.run("try", fail_once)

    flow = durable(body)
    with running_worker(db.dsn, flow):
        assert client.wait_for_run(start(client, flow)).output == "luck"


def test_failure_is_stored_before_the_next_call_has_an_effect(db: Database, client: Client) -> None:
    seen: list[Any] = []

    def fail() -> None:
        raise ValueError("no luck")

    def look(run_id: UUID) -> None:
        with Client(db.dsn) as other:
            seen.extend(c.name for c in other.list_checkpoints(run_id, "body"))

    def body(input: Any, context: StepContext) -> None:
        with pytest.raises(CallFailed):
            context.run("try", fail)
        context.run("look", look, context.run_id)

    flow = durable(body)
    with running_worker(db.dsn, flow):
        client.wait_for_run(start(client, flow))
    assert seen == ["run try"]


def test_call_is_tried_so_often_as_it_says(db: Database, client: Client, effects: Effects) -> None:
    def fail_twice() -> int:
        effects.happen("fail")
        if effects.counts["fail"] < 3:
            raise ValueError("no luck")
        return effects.counts["fail"]

    async def body(input: Any, context: StepContext) -> Any:
        return await context.run("try", fail_twice, attempts=3, base_delay=0)

    flow = durable(body, max_attempts=1)
    with running_worker(db.dsn, flow):
        assert client.wait_for_run(start(client, flow)).output == 3


def test_swallowed_suspension_comes_again(db: Database, client: Client, effects: Effects) -> None:
    def goes_on(input: Any, context: StepContext) -> Any:
        try:
            context.wait_for_signal("on")
        except BaseException:
            effects.happen("swallowed")
        return context.run("effect", effects.happen, "effect", 1)

    def returns(input: Any, context: StepContext) -> Any:
        try:
            return context.wait_for_signal("on")
        except Suspended:
            return "swallowed"

    async def goes_on_on_the_loop(input: Any, context: StepContext) -> Any:
        try:
            await context.wait_for_signal("on")
        except asyncio.CancelledError:
            effects.happen("swallowed")
        return await context.run("effect", effects.happen, "effect", 1)

    async def returns_on_the_loop(input: Any, context: StepContext) -> Any:
        try:
            return await context.wait_for_signal("on")
        except asyncio.CancelledError:
            return "swallowed"

    for body in (goes_on, returns, goes_on_on_the_loop, returns_on_the_loop):
        effects.counts.clear()
        flow = durable(body)
        with running_worker(db.dsn, flow):
            run_id = start(client, flow)
            open_waits(client, run_id, 1)
            assert effects.counts["effect"] == 0
            client.send_signal(run_id, "on", 1)
            assert client.wait_for_run(run_id).output == 1


def test_suspension_waits_for_finally_blocks(
    db: Database, client: Client, effects: Effects
) -> None:
    async def let_go() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        effects.happen("let go")

    async def body(input: Any, context: StepContext) -> Any:
        try:
            return await context.wait_for_signal("on")
        finally:
            await let_go()

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        assert effects.counts["let go"] == 1
        client.send_signal(run_id, "on")
        client.wait_for_run(run_id)


def test_body_that_has_changed_goes_on_with_what_it_finds(
    db: Database, client: Client, effects: Effects
) -> None:
    is_new = False

    async def body(input: Any, context: StepContext) -> Any:
        if not is_new:
            await context.run("gone", effects.happen, "gone")
        elif is_new:
            await context.run("new", effects.happen, "new")
        kept = await context.run("kept", effects.happen, "kept", 7)
        await context.wait_for_signal("on")
        return kept

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        is_new = True
        client.send_signal(run_id, "on")
        assert client.wait_for_run(run_id).output == 7
    assert effects.counts == {"gone": 1, "kept": 1, "new": 1}


def test_number_of_a_name_is_that_of_the_call_and_not_of_the_await(
    db: Database, client: Client, effects: Effects
) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        first = context.run("call", effects.happen_on_the_loop, "first", 1)
        second = context.run("call", effects.happen_on_the_loop, "second", 2)
        if effects.counts["first"]:
            found = [await first, await second]
        else:
            found = [await second, await first][::-1]
        await context.wait_for_signal("on")
        return found

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        client.send_signal(run_id, "on")
        assert client.wait_for_run(run_id).output == [1, 2]
    assert effects.counts == {"first": 1, "second": 1}


def test_timeout_of_a_signal_raises(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        try:
            await context.wait_for_signal("never", timeout=0)
        except SignalTimeout as error:
            return [error.signal, str(error)]

    flow = durable(body)
    with running_worker(db.dsn, flow):
        output = client.wait_for_run(start(client, flow)).output
    assert output == ["never", 'signal "never" has not come in time']


def test_call_that_waits_is_refused(db: Database, client: Client) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        async def wait() -> None:
            await context.sleep(1)

        try:
            await context.run("outer", wait)
        except CallFailed as error:
            return error.error

    flow = durable(body)
    with running_worker(db.dsn, flow):
        assert "cannot wait" in client.wait_for_run(start(client, flow)).output


def test_methods_of_durable_steps_are_refused_in_others(db: Database, client: Client) -> None:
    def body(input: Any, context: StepContext) -> Any:
        context.sleep(1)

    flow = workflow(("body", body, {"depends_on": [], "max_attempts": 1}))
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        status = wait_until(
            lambda: client.get_run_status(run_id), lambda found: found.status == "failed"
        )
    assert "is for durable steps" in status.details


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        (lambda context: context.run(7, print), "context.run: the name is a text"),
        (lambda context: context.run("", print), "context.run: the name is a text"),
        (lambda context: context.run("n" * 257, print), "1 to 256 characters, not 'nnn"),
        (lambda context: context.run("a", print, attempts="3"), "attempts is a whole number"),
        (lambda context: context.run("a", print, timeout=0), "timeout more than 0"),
        (lambda context: context.sleep("5"), "seconds must be a number of seconds"),
        (lambda context: context.sleep(timedelta(1)), "not datetime.timedelta(days=1)"),
        (lambda context: context.sleep(float("inf")), "0 or more, not inf"),
        (lambda context: context.wait_for_signal(5), "wait_for_signal: the name is a text"),
        (lambda context: context.wait_for_signal("a", timeout="1"), "timeout must be a number"),
        (lambda context: context.approval("a", timeout=-1), "timeout must be a number"),
        (lambda context: context.approval(5), "context.approval: the name is a text"),
    ],
)
def test_wrong_arguments_are_named(db: Database, client: Client, wait: Any, message: str) -> None:
    def body(input: Any, context: StepContext) -> None:
        wait(context)

    flow = durable(body, max_attempts=1)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        with pytest.raises(WorkflowFailed) as raised:
            client.wait_for_run(run_id, PATIENCE)
    assert raised.value.error_type == "InvalidInput"
    assert message in str(raised.value)


def test_body_begins_anew_with_another_input(
    db: Database, client: Client, effects: Effects
) -> None:
    async def on_loop(input: Any, context: StepContext) -> Any:
        await context.run("effect", effects.happen, "effect")
        if input < 3:
            await context.restart(input + 1)
        return input

    def in_thread(input: Any, context: StepContext) -> Any:
        context.run("effect", effects.happen, "effect")
        if input < 3:
            context.restart(input + 1)
        return input

    for body in (on_loop, in_thread):
        effects.counts.clear()
        flow = durable(body)
        with running_worker(db.dsn, flow):
            assert client.wait_for_run(start(client, flow, 1)).output == 3
        assert effects.counts["effect"] == 3


def test_retried_run_goes_on_from_the_checkpoints(
    db: Database, client: Client, effects: Effects
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        value = context.run("effect", effects.happen, "effect", 7)
        if effects.happen("body") is None and effects.counts["body"] == 1:
            raise ValueError("no luck")
        return value

    flow = durable(body, max_attempts=1)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        wait_until(lambda: client.get_run_status(run_id).status == "failed")
        again = client.retry_failed_workflow(run_id)
        assert client.wait_for_run(again).output == 7
    assert effects.counts == {"effect": 1, "body": 2}


def test_gathered_waits_take_two_executions(db: Database, client: Client, effects: Effects) -> None:
    names = [f"s{n}" for n in range(100)]

    async def on_loop(input: Any, context: StepContext) -> Any:
        effects.happen("body")
        return await context.gather(*(context.wait_for_signal(name) for name in names))

    def in_thread(input: Any, context: StepContext) -> Any:
        effects.happen("body")
        return context.gather(*(partial(context.wait_for_signal, name) for name in names))

    for body in (on_loop, in_thread):
        effects.counts.clear()
        flow = durable(body)
        with running_worker(db.dsn, flow):
            run_id = start(client, flow)
            open_waits(client, run_id, 100)
            for n, name in enumerate(names):
                client.send_signal(run_id, name, n)
            assert client.wait_for_run(run_id).output == list(range(100))
        assert effects.counts["body"] == 2


def test_branches_of_gather_and_task_groups_register_all_their_waits(
    db: Database, client: Client, effects: Effects
) -> None:
    async def branch(context: StepContext, name: str) -> Any:
        before = await context.run(name, effects.happen, name, name)
        return before + await context.wait_for_signal(name)

    async def gathers(input: Any, context: StepContext) -> Any:
        return await asyncio.gather(*(branch(context, name) for name in "abc"))

    async def groups(input: Any, context: StepContext) -> Any:
        async with task_group() as group:
            tasks = [group.create_task(branch(context, name)) for name in "abc"]
        return [task.result() for task in tasks]

    task_group: Any = getattr(asyncio, "TaskGroup", None)  # since Python 3.11
    for body in (gathers, groups) if task_group else (gathers,):
        effects.counts.clear()
        flow = durable(body)
        with running_worker(db.dsn, flow):
            run_id = start(client, flow)
            open_waits(client, run_id, 3)
            for name in "cab":
                client.send_signal(run_id, name, name.upper())
            assert client.wait_for_run(run_id).output == ["aA", "bB", "cC"]
        assert effects.counts == {"a": 1, "b": 1, "c": 1}


def test_branch_that_runs_keeps_the_body(db: Database, client: Client, effects: Effects) -> None:
    async def run_long() -> str:
        for _ in range(100):
            await asyncio.sleep(0.001)
        return "done"

    async def body(input: Any, context: StepContext) -> Any:
        effects.happen("body")
        return await asyncio.gather(context.run("long", run_long), context.wait_for_signal("on"))

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 1)
        assert [c.outcome for c in client.list_checkpoints(run_id, "body")] == [None, "completed"]
        client.send_signal(run_id, "on", 1)
        assert client.wait_for_run(run_id).output == ["done", 1]
    assert effects.counts["body"] == 2


def test_body_that_fails_beside_a_parked_wait_leaves_nothing(
    db: Database, client: Client, effects: Effects
) -> None:
    def fail() -> None:
        raise ValueError("no luck")

    async def wait(context: StepContext) -> None:
        try:
            await context.wait_for_signal("on")
        finally:
            effects.happen("ended")

    async def body(input: Any, context: StepContext) -> Any:
        await asyncio.gather(wait(context), context.run("fail", fail))

    flow = durable(body, max_attempts=1)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        status = wait_until(
            lambda: client.get_run_status(run_id), lambda found: found.status == "failed"
        )
    assert "ValueError: no luck" in status.details
    assert effects.counts["ended"] == 1


def test_transactional_call_commits_its_writes_with_its_checkpoint(
    db: Database, client: Client
) -> None:
    def write(connection: Any, value: int) -> int:
        connection.execute("insert into public.written values (%s)", [value])
        return value

    async def write_on_the_loop(connection: Any, value: int) -> int:
        await connection.execute("insert into public.written values (%s)", [value])
        return value

    def write_and_fail(connection: Any) -> None:
        connection.execute("insert into public.written values (0)")
        raise ValueError("no luck")

    def in_thread(input: Any, context: StepContext) -> Any:
        value = context.run("write", write, 1, transactional=True)
        with pytest.raises(CallFailed):
            context.run("fail", write_and_fail, transactional=True)
        context.wait_for_signal("on")
        return value

    async def on_loop(input: Any, context: StepContext) -> Any:
        value = await context.run("write", write_on_the_loop, 1, transactional=True)
        also = await context.run("write", write, 1, transactional=True)
        await context.wait_for_signal("on")
        return value + also

    with db.connect() as connection:
        connection.execute("create table public.written (value int)")
        for body, written in ((in_thread, 1), (on_loop, 2)):
            connection.execute("truncate public.written")
            flow = durable(body)
            with running_worker(db.dsn, flow):
                run_id = start(client, flow)
                open_waits(client, run_id, 1)
                client.send_signal(run_id, "on")
                assert client.wait_for_run(run_id).output == written
            rows = connection.execute("select value from public.written").fetchall()
            assert rows == [(1,)] * written


def test_call_that_must_not_be_repeated_ends_the_step(
    db: Database, client: Client, effects: Effects
) -> None:
    def refuse() -> None:
        effects.happen("refuse")
        raise NonRetryable("never again")

    async def body(input: Any, context: StepContext) -> Any:
        await context.run("refuse", refuse, attempts=5, base_delay=0)

    flow = durable(body, max_attempts=5)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        status = wait_until(
            lambda: client.get_run_status(run_id), lambda found: found.status == "failed"
        )
    assert "never again" in status.details
    assert effects.counts == {"refuse": 1}


def test_call_that_takes_too_long_has_failed(db: Database, client: Client) -> None:
    ended = Event()

    async def hang_on_the_loop() -> None:
        await asyncio.Event().wait()

    def hang() -> None:
        assert ended.wait(PATIENCE)

    async def on_loop(input: Any, context: StepContext) -> Any:
        try:
            await context.run("hang", hang_on_the_loop, timeout=0.01)
        except CallFailed as error:
            return error.error_type

    def in_thread(input: Any, context: StepContext) -> Any:
        try:
            context.run("hang", hang, timeout=0.01)
        except CallFailed as error:
            return error.error_type

    try:
        for body in (on_loop, in_thread):
            flow = durable(body)
            with running_worker(db.dsn, flow):
                assert client.wait_for_run(start(client, flow)).output == "TimeoutError"
    finally:
        ended.set()


def test_body_that_exits_has_failed_and_its_worker_goes_on(
    db: Database, client: Client, effects: Effects
) -> None:
    async def body(input: Any, context: StepContext) -> Any:
        if context.attempt == 1:
            raise SystemExit(3)
        return await context.run("effect", effects.happen, "effect", 7)

    flow = durable(body)
    with running_worker(db.dsn, flow):
        assert client.wait_for_run(start(client, flow)).output == 7


def test_timeout_ends_one_execution_of_a_body(
    client: Client, effects: Effects, db: Database
) -> None:
    async def hang() -> None:
        advance_loop(61)
        await asyncio.Event().wait()

    async def body(input: Any, context: StepContext) -> Any:
        await context.run("effect", effects.happen, "effect")
        try:
            if context.attempt == 1:
                await context.run("hang", hang)
        finally:
            await asyncio.sleep(0)
            effects.happen("finally")
        return context.attempt

    flow = durable(body, timeout=60)
    assert Executor(client).execute(flow, None).output == 2
    assert effects.counts == {"effect": 1, "finally": 2}
    with db.connect() as connection:
        ((error,),) = connection.execute("select error from stepgres.attempts").fetchall()
    assert error == "TimeoutError: took longer than 60 s"


def test_lost_task_ends_its_body_on_the_loop(
    db: Database, client: Client, effects: Effects
) -> None:
    async def hang() -> None:
        effects.happen("hang")
        await asyncio.Event().wait()

    async def body(input: Any, context: StepContext) -> Any:
        try:
            await context.run("hang", hang)
        finally:
            effects.happen("finally")

    flow = durable(body)
    with running_worker(db.dsn, flow, lease=2):
        run_id = start(client, flow)
        wait_until(lambda: effects.counts["hang"])
        client.cancel_workflow_run(run_id)
        wait_until(lambda: effects.counts["finally"])


def test_branches_in_a_thread_register_all_their_waits(
    db: Database, client: Client, effects: Effects
) -> None:
    def body(input: Any, context: StepContext) -> Any:
        def swallow() -> Any:
            try:
                return context.wait_for_signal("a")
            except BaseException:
                effects.happen("swallowed")
            return context.run("effect", effects.happen, "effect")

        def nest() -> Any:
            return context.gather(
                lambda: context.wait_for_signal("b"),
                lambda: [context.run("c", effects.happen, "c", 3), context.wait_for_signal("c")],
            )

        return context.gather(swallow, nest, lambda: context.run("d", effects.happen, "d", 4))

    flow = durable(body)
    with running_worker(db.dsn, flow):
        run_id = start(client, flow)
        open_waits(client, run_id, 3)
        for name in "abc":
            client.send_signal(run_id, name, name)
        assert client.wait_for_run(run_id).output == ["a", ["b", [3, "c"]], 4]
    assert (effects.counts["effect"], effects.counts["c"], effects.counts["d"]) == (0, 1, 1)
