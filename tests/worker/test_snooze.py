"""Steps that raise Snooze: they are executed again later, and no attempt is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from stepgres import Client, Executor, Snooze, Workflow, step
from stepgres._execution.process_pool import ProcessPool
from tests.conftest import Clock, Database
from tests.support.engine import Engine
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker
from tests.support.workflows import workflow

ONCE = {"max_attempts": 1, "depends_on": []}


class Calls:
    """Counts the calls of each step, and the attempts that they saw."""

    def __init__(self) -> None:
        self.counts = Counter[Any]()
        self.attempts = set[int]()

    def snooze(self, key: Any, context: Any, times: int = 2, seconds: float = 0.001) -> None:
        self.counts[key] += 1
        self.attempts.add(context.attempt)
        if self.counts[key] <= times:
            raise Snooze(seconds)


@pytest.fixture
def calls() -> Calls:
    return Calls()


def steps_of(calls: Calls) -> dict[str, Any]:
    """A step of each kind, which snoozes twice and then succeeds."""

    def in_thread(input: Any, context: Any) -> str:
        calls.snooze("in_thread", context)
        return "thread"

    async def on_the_loop(input: Any, context: Any) -> str:
        await asyncio.sleep(0)
        calls.snooze("on_the_loop", context)
        return "loop"

    async def in_a_group(input: Any, context: Any) -> str:
        calls.counts["in_a_group"] += 1
        if calls.counts["in_a_group"] == 1:
            raise_group([Snooze(0.001), Snooze(0.002)])
        return "group"

    def durable_in_thread(input: Any, context: Any) -> int:
        first = context.run("count", lambda: calls.counts.update(["kept"]))
        assert first is None
        calls.snooze("durable_in_thread", context)
        return calls.counts["kept"]

    async def durable_on_the_loop(input: Any, context: Any) -> str:
        async def ask() -> str:
            calls.snooze("durable_on_the_loop", context)
            return "asked"

        return str(await context.run("ask", ask, attempts=5, base_delay=1000))

    durable = {**ONCE, "durable": True}
    return {
        "in_thread": (in_thread, ONCE),
        "on_the_loop": (on_the_loop, ONCE),
        "in_a_group": (in_a_group, ONCE),
        "durable_in_thread": (durable_in_thread, durable),
        "durable_on_the_loop": (durable_on_the_loop, durable),
    }


def raise_group(errors: list[Exception]) -> None:
    group = RuntimeError("many")
    group.exceptions = tuple(errors)  # type: ignore[attr-defined]
    raise group


OUTPUTS = {
    "in_thread": "thread",
    "on_the_loop": "loop",
    "in_a_group": "group",
    "durable_in_thread": 1,
    "durable_on_the_loop": "asked",
}


@pytest.mark.parametrize("place", ["worker", "executor"])
def test_step_of_each_kind_is_executed_again_without_an_attempt(
    db: Database, client: Client, calls: Calls, place: str
) -> None:
    flow = workflow(*((slug, *step) for slug, step in steps_of(calls).items()))
    if place == "executor":
        output = Executor(client).execute(flow, None).output
    else:
        with running_worker(db.dsn, flow):
            (run_id,) = register_and_start(client, flow)
            output = client.wait_for_run(run_id).output
    assert output == OUTPUTS
    assert calls.attempts == {1}
    with db.connect() as connection:
        assert connection.execute("select * from stepgres.attempts").fetchall() == []


def snooze_once(input: Any) -> str:
    """A step for other processes: a file remembers the first call."""
    path = Path(input)
    if not path.exists():
        path.touch()
        raise Snooze(0.001)
    return "again"


@pytest.mark.parametrize("kind", ["own", "standard"])
def test_step_in_a_process_is_executed_again(
    db: Database, client: Client, tmp_path: Path, kind: str
) -> None:
    flow = workflow(("only", snooze_once, ONCE))
    pool = (
        ProcessPool(1) if kind == "own" else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    )
    with pool, running_worker(db.dsn, flow, executor=pool):
        (run_id,) = register_and_start(client, flow, [str(tmp_path / "called")])
        assert client.wait_for_run(run_id).output == "again"


def test_tasks_of_a_map_snooze_one_by_one(db: Database, client: Client, calls: Calls) -> None:
    def each(n: int, context: Any) -> int:
        calls.snooze(n, context, times=n)
        return n * 10

    flow = workflow(("each", each, {**ONCE, "map": True}))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow, [[0, 1, 2, 3]])
        assert client.wait_for_run(run_id).output == [0, 10, 20, 30]
    assert calls.counts == {0: 1, 1: 2, 2: 3, 3: 4}


def test_what_a_snoozed_transactional_step_wrote_is_rolled_back(
    db: Database, client: Client, calls: Calls
) -> None:
    with db.connect() as connection:
        connection.execute("create table public.ledger (entry text)")

    class Write(Workflow):
        @staticmethod
        @step(transactional=True, max_attempts=1)
        def sync(input: Any, context: Any) -> str:
            context.connection.execute("insert into public.ledger values ('sync')")
            calls.snooze("sync", context)
            return "written"

        @staticmethod
        @step(transactional=True, max_attempts=1, depends_on=["sync"])
        async def asynchronous(input: Any, context: Any) -> str:
            await context.connection.execute("insert into public.ledger values ('async')")
            calls.snooze("async", context)
            return "written"

    assert Executor(client).execute(Write, None).output == "written"
    assert calls.counts == {"sync": 3, "async": 3}
    with db.connect() as connection:
        found = connection.execute("select entry from public.ledger order by 1").fetchall()
    assert found == [("async",), ("sync",)]


def test_snooze_says_when(db: Database, client: Client, clock: Clock, calls: Calls) -> None:
    def ask_for_an_hour(input: Any, context: Any) -> str:
        calls.snooze("ask", context, times=1, seconds=3600)
        return "now"

    flow = workflow(("ask", ask_for_an_hour, ONCE))
    with running_worker(db.dsn, flow), db.connect() as connection:
        (run_id,) = register_and_start(client, flow)
        (stuck,) = wait_until(
            lambda: [step for step in client.why_stuck(run_id) if step.waits_for == "timer"]
        )
        query = "select due_at - stepgres._now() from stepgres.timers"
        assert connection.execute(query).fetchall() == [(timedelta(hours=1),)]
        clock.advance(3600)
        assert client.wait_for_run(run_id).output == "now"
    assert stuck.step_slug == "ask"


def test_group_with_another_error_is_a_failed_attempt(db: Database, client: Client) -> None:
    def some(input: Any, context: Any) -> int:
        if context.attempt == 1:
            raise_group([Snooze(3600), ValueError("no luck")])
        return int(context.attempt)

    flow = workflow(("some", some, {"base_delay": 0}))
    assert Executor(client).execute(flow, None).output == 2


class HalfMade(Snooze):
    def __init__(self) -> None:
        pass  # without seconds


@pytest.mark.parametrize("error", [HalfMade(), Snooze(1e300)])
def test_snooze_of_no_time_is_a_failed_attempt(db: Database, client: Client, error: Snooze) -> None:
    def odd(input: Any, context: Any) -> int:
        if context.attempt == 1:
            raise error
        return int(context.attempt)

    flow = workflow(("odd", odd, {"base_delay": 0}))
    assert Executor(client).execute(flow, None).output == 2


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "soon"])
def test_snooze_for_a_time_that_is_none(seconds: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Snooze(seconds)


def test_durable_body_that_snoozes_beside_a_wait_goes_on_with_both(
    db: Database, client: Client, calls: Calls
) -> None:
    """The wait stays open, and is resolved while the task waits for its time."""

    async def body(input: Any, context: Any) -> Any:
        async def ask() -> str:
            if not calls.counts["ask"]:
                with Client(db.dsn) as other:
                    await asyncio.to_thread(wait_until, lambda: other.list_waits(context.run_id))
            calls.snooze("ask", context, times=1, seconds=0.5)
            return "asked"

        signal = asyncio.ensure_future(context.wait_for_signal("go"))
        asked = await context.run("ask", ask)
        return [asked, await signal]

    flow = workflow(("body", body, {**ONCE, "durable": True}))
    with running_worker(db.dsn, flow):
        (run_id,) = register_and_start(client, flow)
        wait_until(lambda: calls.counts["ask"])
        client.send_signal(run_id, "go", "gone")
        assert client.wait_for_run(run_id).output == ["asked", "gone"]


def test_released_attempt_has_its_number_again(engine: Engine, clock: Clock) -> None:
    engine.define("order", {"step_slug": "a", "depends_on": []})
    engine.start("order")
    first = engine.claim_one()
    engine.work([{**first.released(), "retry_after": 60}])
    clock.advance(60)
    engine.call("tick")
    second = engine.claim_one()
    assert (first.attempt, second.attempt) == (1, 1)
    assert second.claim > first.claim
