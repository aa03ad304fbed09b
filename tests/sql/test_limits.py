"""Limits: places and rates under keys, and the lines in which tasks and runs wait for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock, Database
from tests.support.engine import Engine, WorkItem, refused, step


@pytest.fixture
def engine(db: Database) -> Iterator[Engine]:
    with db.connect() as connection:
        engine = Engine(connection, features=["durable", "limits"])
        yield engine
        assert engine.stray_tickets() == []


def limited(*, limit: str = "api", **use: Any) -> list[dict[str, Any]]:
    return [{"limit": limit, **use}]


def places(engine: Engine) -> Counter[tuple[str, str]]:
    """How much weight counts under each limit and key."""
    rows = engine.rows(
        "select limit_slug, key, weight from stepgres.places where lent_by is null and weight > 0"
    )
    found: Counter[tuple[str, str]] = Counter()
    for limit_slug, key, weight in rows:
        found[limit_slug, key] += weight
    return found


def inputs(items: list[WorkItem]) -> list[Any]:
    return [item.input for item in items]


# Places


def test_no_more_tasks_run_than_the_limit_has_places(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2)
    engine.define("order", step("a", limits=limited()))
    for number in range(5):
        engine.start("order", number)
    first, second = engine.claim()
    assert inputs([first, second]) == [0, 1]
    assert engine.claim() == []
    assert inputs(engine.work([first.completed()], capacity=10)) == [2]
    assert inputs(engine.work([second.failed(retryable=False)], capacity=10)) == [3]
    assert places(engine) == {("api", "null"): 2}
    engine.drain()


def test_limits_hold_over_all_workers(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2)
    engine.define("order", step("a", limits=limited()))
    for number in range(3):
        engine.start("order", number)
    other = engine.colleague("other", features=["limits"])
    assert len(engine.claim(1)) == 1
    (item,) = other.claim()
    assert engine.claim() == []
    other.complete(item)
    assert len(engine.claim()) == 1


def test_each_key_has_places_of_its_own(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited(key="$.tenant")))
    keys: list[Any] = ["a", "a", 1, "1", True, None]
    for key in keys:
        engine.start("order", {"tenant": key})
    engine.start("order", {})
    assert [item["tenant"] for item in inputs(engine.claim())] == ["a", 1, "1", True, None]
    assert places(engine)["api", "null"] == 1, "no key and null are one key"


def test_map_tasks_have_the_keys_of_their_elements(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("each", map=True, limits=limited(key="$")))
    run_id = engine.start("order", ["x", "y", "x", "y"])
    first = engine.claim()
    assert inputs(first) == ["x", "y"]
    engine.work([item.completed(item.input) for item in first])
    engine.drain({"each": lambda element: element})
    assert engine.output(run_id) == ["x", "y", "x", "y"]


def test_weights_count(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=10)
    engine.define("order", step("a", limits=limited(weight="$.tokens")))
    for tokens in (4, 5.5, 3, 0, 1):
        engine.start("order", {"tokens": tokens})
    # 5.5 counts as 6. The 3 must not be overtaken for ever, so 1 waits behind it.
    assert [item["tokens"] for item in inputs(engine.claim())] == [4, 5.5, 0]
    assert places(engine) == {("api", "null"): 10}


def test_a_weight_above_the_limit_counts_as_the_whole_limit(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=10)
    engine.define("order", step("a", limits=limited(weight="$")))
    for tokens in (1e300, 1):
        engine.start("order", tokens)
    (item,) = engine.claim()
    assert places(engine) == {("api", "null"): 10}
    engine.complete(item)
    engine.claim_one()


@pytest.mark.parametrize(
    ("use", "input", "words"),
    [
        ({"key": "$.k"}, {"k": {}}, 'the key of limit "api" must be a text, a number or a boolean'),
        ({"key": "$.k"}, {"k": [1]}, "not [1]"),
        ({"key": "$.k"}, {"k": "x" * 10_000}, "has more than 500 bytes"),
        ({"weight": "$.w"}, {"w": "heavy"}, 'the weight under limit "api" must be a number'),
        ({"weight": "$.w"}, {"w": -1}, "at least 0, not -1"),
        ({"weight": "$.w"}, {"w": None}, "not null"),
        ({"weight": "$.w"}, {}, "not null"),
    ],
)
def test_work_that_cannot_stand_in_a_line_fails(
    engine: Engine, use: dict[str, Any], input: Any, words: str
) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("task", step("a", limits=limited(**use)), step("b", "a"))
    engine.define("whole", step("a"), limits=limited(**use))
    engine.define("tolerant", step("a", limits=limited(**use), when_exhausted="skip"))
    failing = [engine.start("task", input), engine.start("whole", input)]
    tolerant = engine.start("tolerant", input)
    assert engine.claim() == []
    engine.call("tick")
    for run_id in failing:
        status, error = engine.status(run_id)
        assert (status, words in error) == ("failed", True), error
    assert engine.status(tolerant)[0] == "completed"


def test_several_limits_are_taken_together_or_not_at_all(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2)
    engine.call("create_limit", limit_slug="tenant", max_running=1)
    engine.define("both", step("a", limits=[{"limit": "api"}, {"limit": "tenant", "key": "$"}]))
    engine.define("one", step("a", limits=limited()))
    for tenant in ("x", "x", "x", "y"):
        engine.start("both", tenant)
    first = engine.claim()
    assert inputs(first) == ["x", "y"]
    engine.start("one", "z")
    assert inputs(engine.work([first[1].completed()], capacity=10)) == ["z"]
    assert places(engine) == {("api", "null"): 2, ("tenant", '"x"'): 1}
    engine.work([first[0].completed()])
    assert len(engine.drain()) == 2


def test_room_that_one_line_is_let_go_on_for_is_no_violation(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited()), step("b", limits=limited()))
    engine.start("order", 1)
    (item,) = engine.claim()
    engine.complete(item)
    engine.start("order", 2)
    engine.start("order", 3)
    assert len(engine.claim()) == 1
    engine.call("unregister_worker", worker_id="worker")
    engine.call("tick")
    standing = engine.rows("select count(*) from stepgres.lines where at_limit = 'api'")
    assert standing == [1], "the other line has the room, and no worker has taken it yet"
    assert engine.rows("select * from stepgres.fsck()") == []


def test_lines_that_another_limit_holds_up_leave_their_room_to_others(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.call("create_limit", limit_slug="tenant", max_running=1)
    uses = [{"limit": "api"}, {"limit": "tenant", "key": "$"}]
    engine.define("holder", step("a", limits=limited(limit="tenant", key="$")))
    engine.define("both", step("a", limits=uses))
    for tenant in ("x", "y", "z"):
        engine.start("holder", tenant)
    holders = engine.claim()
    for tenant in ("x", "y", "z", "free"):
        engine.start("both", tenant)
    (item,) = engine.claim()
    assert item.input == "free"
    engine.complete(item)
    assert engine.claim() == []
    (item,) = engine.work([holders[2].completed()], capacity=1)
    assert item.input == "z"


@pytest.mark.parametrize("end", ["complete", "fail", "release", "suspend", "cancel", "die"])
def test_places_are_free_after_each_end(engine: Engine, clock: Clock, end: str) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", durable=True, limits=limited(), base_delay=60))
    first = engine.start("order", 1)
    second = engine.start("order", 2)
    item = engine.claim_one()
    other = engine.colleague("other", features=["durable", "limits"])
    match end:
        case "complete":
            engine.complete(item)
        case "fail":
            engine.fail(item)
        case "release":
            engine.work([{**item.released(), "retry_after": 60}])
        case "suspend":
            wait = item.operation("nap", kind="sleep", seconds=60)
            engine.call("save_checkpoints", worker_id="worker", waits=Jsonb([wait]))
            engine.work([item.suspended()])
        case "cancel":
            engine.call("cancel_workflow_run", run_id=first)
        case "die":
            engine.call("unregister_worker", worker_id="worker")
    (item,) = other.claim()
    assert item.run_id == second
    assert places(engine) == {("api", "null"): 1}


def test_a_lost_worker_keeps_its_places_until_its_lease_is_over(
    engine: Engine, clock: Clock
) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited()))
    engine.start("order", 1)
    engine.start("order", 2)
    mortal = engine.colleague("mortal", features=["limits"], lease="10 seconds")
    mortal.claim_one()
    clock.advance(9)
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(2)
    engine.call("tick")
    assert inputs(engine.claim()) == [2]


def test_limited_tasks_are_never_claimed_ahead(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=10)
    engine.define("order", step("a", limits=limited()))
    engine.define("free", step("a"))
    for number in range(6):
        engine.start("order", number)
        engine.start("free", number)
    items = engine.items("work", worker_id="worker", capacity=12, begins=4)
    assert Counter(item.workflow_slug for item in items) == {"order": 4, "free": 6}
    ahead = engine.rows("select count(*) from stepgres.tasks where ahead = 'claimed'")
    assert ahead == [6]


def test_a_worker_that_does_not_know_limits_gets_no_limited_tasks(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=10)
    engine.define("order", step("a", limits=limited()))
    engine.start("order", 1)
    assert engine.colleague("old").claim() == []
    assert len(engine.claim()) == 1


def test_lines_and_queues_with_the_same_priority_share_a_worker(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1000)
    engine.define("order", step("a", limits=limited()))
    engine.define("free", step("a"))
    for number in range(100):
        engine.start("order", number)
        engine.start("free", number)
    found = Counter(item.workflow_slug for item in engine.claim(20))
    assert found["order"] in range(9, 12), found
    # a worker with one place takes turns by chance
    ones = Counter(engine.claim(1)[0].workflow_slug for _ in range(40))
    assert set(ones) == {"order", "free"}
    assert Counter(item.workflow_slug for item in engine.claim(1000)).total() == 140


def test_priority_goes_before_everything(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1000)
    engine.define("order", step("a", limits=limited()))
    engine.define("free", step("a"))
    for priority in (0, 7, -7, 3):
        engine.start("order", priority, priority=priority)
        engine.start("free", priority + 1, priority=priority + 1)
    assert [engine.claim(1)[0].input for _ in range(8)] == [
        8, 7, 4, 3, 1, 0, -6, -7,
    ]  # fmt: skip


# The round robin


def test_another_tenant_is_among_the_next_three(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=3)
    engine.define("order", step("a", limits=limited(fair_by="$.tenant")))
    engine.call(
        "start_workflow_runs", workflow_slug="order", inputs=Jsonb([{"tenant": "big"}] * 2_000)
    )
    items = engine.claim()
    assert len(items) == 3
    engine.start("order", {"tenant": "small"})
    seen = []
    for _ in range(3):
        item = items.pop()
        items += engine.work([item.completed()], capacity=1)
        seen.append(items[-1].input["tenant"])
    assert "small" in seen


def test_tenants_take_turns_and_each_in_order_of_arrival(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=6)
    engine.define("a", step("a", limits=limited(fair_by="$.tenant")))
    engine.define("b", step("b", limits=limited(fair_by="$.tenant")))
    for number in range(4):
        for tenant in ("x", "y", "z"):
            engine.start("ab"[number % 2], {"tenant": tenant, "number": number})
    order = []
    items = engine.claim()
    order += [(item["tenant"], item["number"]) for item in inputs(items)]
    assert sorted(order) == [(tenant, n) for tenant in "xyz" for n in range(2)]
    items = engine.work([item.completed() for item in items], capacity=10)
    order = [(item["tenant"], item["number"]) for item in inputs(items)]
    assert sorted(order) == [(tenant, n) for tenant in "xyz" for n in range(2, 4)]


def test_without_fair_by_one_key_goes_by_arrival_over_all_steps(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    for slug in ("a", "b", "c"):
        engine.define(slug, step("s", limits=limited()))
    for number in range(9):
        engine.start("bca"[number % 3], number)
    order: list[Any] = []
    items = engine.claim()
    while items:
        order += inputs(items)
        items = engine.work([item.completed() for item in items], capacity=10)
    assert order == list(range(9))


def test_a_queue_without_workers_holds_up_no_other(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("dead", step("a", limits=limited(), queue="nobody"))
    engine.define("order", step("a", limits=limited()))
    for number in range(20):
        engine.start("dead", number)
        engine.start("order", number)
    assert len(engine.drain()) == 20


def test_a_line_whose_step_no_worker_knows_holds_up_no_other(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("unknown", step("a", limits=limited()))
    engine.define("known", step("a", limits=limited()))
    for number in range(20):
        engine.start("unknown", number)
        engine.start("known", number)
    worker = engine.colleague("knowing", workflows={"known": 1}, features=["limits"])
    assert {item.workflow_slug for item in worker.drain()} == {"known"}
    assert len(engine.drain()) == 20


@pytest.mark.parametrize("lack", ["resources", "code"])
def test_a_line_whose_workers_have_gone_holds_up_no_other(engine: Engine, lack: str) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    needs = {"resources": {"gpu": True}} if lack == "resources" else {}
    engine.define("special", step("a", limits=limited(), **needs))
    engine.define("common", step("a", limits=limited()))
    able = engine.colleague("able", features=["limits"], resources=Jsonb({"gpu": True}))
    worker = engine.colleague("knowing", workflows={"common": 1}, features=["limits"])
    engine.call("unregister_worker", worker_id="worker")
    engine.start("common", 1)
    items = worker.claim()
    engine.start("special", 2)
    for number in (3, 4):
        engine.start("common", number)
    assert able.claim() == [], "all lines stand at the key now"
    able.call("unregister_worker", worker_id="able")
    done = []
    for _ in range(6):
        done += inputs(items)
        items = worker.work([item.completed() for item in items], capacity=1)
        worker.call("tick")
    assert done == [1, 3, 4]
    able = engine.colleague("able", features=["limits"], resources=Jsonb({"gpu": True}))
    assert inputs(able.claim()) == [2]


# Rates


def test_a_rate_starts_tasks_at_their_instants(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", rate=4, per="2 seconds")
    engine.define("order", step("a", limits=limited()))
    for number in range(20):
        engine.start("order", number)
    assert len(engine.claim()) == 1
    (wait,) = engine.rows("select extract(epoch from stepgres.next_due() - stepgres._now())")
    assert float(wait) == pytest.approx(0.5)
    clock.advance(0.49)
    assert engine.claim() == []
    clock.advance(0.01)
    assert len(engine.claim()) == 1
    clock.advance(10)
    assert len(engine.claim()) == 1, "the burst is 1"


def test_a_burst_may_start_at_once_after_a_pause(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", rate=10, per="1 second", burst=5)
    engine.define("order", step("a", limits=limited()))
    for number in range(30):
        engine.start("order", number)
    assert len(engine.claim()) == 5
    assert engine.claim() == []
    clock.advance(0.3)
    assert len(engine.claim()) == 3
    clock.advance(100)
    assert len(engine.claim()) == 5


def test_a_late_turn_makes_the_starts_after_it_no_later(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", rate=10, per="1 second")
    engine.define("order", step("a", limits=limited()))
    for number in range(100):
        engine.start("order", number)
    started = 0
    for _ in range(50):
        started += len(engine.claim())
        clock.advance(0.109)  # 9 ms late, again and again
    assert started in range(50, 52), "50 turns of 0.109 s are 5.4 s"
    started = 0
    for _ in range(100):
        started += len(engine.claim())
        clock.advance(0.01)
    assert started in (10, 11)


def test_no_second_starts_more_than_the_rate_and_the_burst(engine: Engine, clock: Clock) -> None:
    """Two workers take turns at random, some of them late; together they use the whole rate."""
    rate, burst, seconds = 20, 5, 15
    engine.call("create_limit", limit_slug="api", rate=rate, per="1 second", burst=burst)
    engine.define("order", step("a", limits=limited()))
    inputs = Jsonb(list(range(2 * rate * seconds)))
    engine.call("start_workflow_runs", workflow_slug="order", inputs=inputs)
    workers = [engine, engine.colleague("other", features=["limits"])]
    chance, now, starts = Random(7), 0.0, []
    while now < seconds:
        starts += [now] * len(chance.choice(workers).claim(chance.randint(1, 8)))
        pause = chance.choice([0.005, 0.02, 0.05, 0.15])
        clock.advance(pause)
        now += pause
    assert len(starts) == pytest.approx(rate * seconds + burst, rel=0.02)
    for start in starts:
        assert sum(start <= other < start + 1 for other in starts) <= rate + burst


def test_each_attempt_takes_the_rate_anew(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", rate=1, per="10 seconds")
    engine.define("order", step("a", limits=limited(), base_delay=0))
    engine.start("order", 1)
    engine.fail(engine.claim_one())
    engine.call("tick")
    assert engine.claim() == []
    clock.advance(10)
    assert engine.claim_one().attempt == 2


def test_weights_take_as_much_of_the_rate(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", rate=100, per="1 second", burst=100)
    engine.define("order", step("a", limits=limited(weight="$")))
    for tokens in (60, 60, 10, 5000, 1):
        engine.start("order", tokens)
    assert inputs(engine.claim()) == [60]
    clock.advance(0.19)
    assert engine.claim() == []
    clock.advance(0.011)
    assert inputs(engine.claim()) == [60]
    clock.advance(0.1)
    assert inputs(engine.claim()) == [10]
    clock.advance(0.99)
    assert engine.claim() == []
    clock.advance(0.02)
    assert inputs(engine.claim()) == [5000]


def test_a_rate_and_places_hold_together(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2, rate=1, per="1 second", burst=2)
    engine.define("order", step("a", limits=limited()))
    for number in range(9):
        engine.start("order", number)
    items = engine.claim()
    assert len(items) == 2
    clock.advance(10)
    assert engine.claim() == []
    (due,) = engine.rows("select stepgres.next_due() <= stepgres._now()")
    assert due is not True, "the place, not the rate, holds the line up"
    items = engine.work([item.completed() for item in items], capacity=10)
    assert len(items) == 2
    assert engine.work([items[0].completed()], capacity=10) == []
    (wait,) = engine.rows("select extract(epoch from stepgres.next_due() - stepgres._now())")
    assert float(wait) == pytest.approx(1)
    clock.advance(1)
    assert len(engine.claim()) == 1


# Runs


def test_runs_stand_in_line_and_keep_their_places_until_they_end(
    engine: Engine, clock: Clock
) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), step("b", "a"), limits=limited(limit="reports"))
    first, second = engine.start("order", 1), engine.start("order", 2)
    assert engine.claim() == []
    engine.call("tick")
    item = engine.claim_one()
    assert item.run_id == first
    engine.call("pause_workflow_run", run_id=first)
    engine.work([item.completed()])
    engine.call("tick")
    assert engine.claim() == []
    engine.call("resume_workflow_run", run_id=first)
    engine.drain()
    assert engine.output(first) is None
    engine.call("tick")
    assert engine.claim_one().run_id == second


@pytest.mark.parametrize("end", ["cancel", "deadline", "failure"])
def test_places_of_runs_are_free_after_each_end(engine: Engine, clock: Clock, end: str) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a", max_attempts=1), limits=limited(limit="reports"))
    first = engine.start("order", 1, deadline="60 seconds")
    second = engine.start("order", 2)
    engine.call("tick")
    engine.call("tick")
    item = engine.claim_one()
    match end:
        case "cancel":
            engine.call("cancel_workflow_run", run_id=first)
        case "deadline":
            clock.advance(61)
        case "failure":
            engine.fail(item)
    engine.call("tick")
    engine.call("tick")
    assert engine.claim_one().run_id == second


def test_a_run_in_line_can_be_cancelled_and_paused(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), limits=limited(limit="reports"))
    runs = [engine.start("order", number) for number in range(4)]
    engine.call("tick")
    engine.call("tick")
    item = engine.claim_one()
    engine.call("cancel_workflow_run", run_id=runs[1])
    engine.call("pause_workflow_run", run_id=runs[2])
    engine.work([item.completed()])
    for _ in range(2):
        engine.call("tick")
    item = engine.claim_one()
    assert item.run_id == runs[3]
    engine.call("resume_workflow_run", run_id=runs[2])
    engine.work([item.completed()])
    for _ in range(2):
        engine.call("tick")
    assert engine.claim_one().run_id == runs[2]


def test_a_delayed_run_stands_in_line_after_its_delay(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), limits=limited(limit="reports"))
    delayed = engine.start("order", 1, delay="60 seconds")
    engine.start("order", 2)
    engine.call("tick")
    engine.call("tick")
    item = engine.claim_one()
    assert item.input == 2
    clock.advance(61)
    engine.call("tick")
    engine.call("tick")
    assert engine.claim() == []
    engine.complete(item)
    engine.call("tick")
    engine.call("tick")
    assert engine.claim_one().run_id == delayed


def test_a_delayed_run_that_has_met_its_deadline_stands_in_no_line(
    engine: Engine, clock: Clock
) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), limits=limited(limit="reports"))
    run_id = engine.start("order", 1, delay="3 seconds", deadline="10 seconds")
    clock.advance(60)
    engine.call("tick")
    assert engine.status(run_id)[0] == "failed"
    assert engine.rows("select * from stepgres.line_entries") == []


def test_reject_refuses_a_start_without_room(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), limits=limited(limit="reports", key="$.k"), on_limit="reject")
    engine.start("order", {"k": "x"})
    with refused("SG037", 'workflow "order"', 'limit "reports" has no room for "x"'):
        engine.start("order", {"k": "x"})
    with refused("SG003", "must be a text"):
        engine.start("order", {"k": []})
    engine.start("order", {"k": "y"})
    engine.call("tick")
    items = engine.claim()
    assert len(items) == 2
    engine.work([item.completed() for item in items])
    engine.start("order", {"k": "x"})
    assert engine.rows("select count(*) from stepgres.runs") == [3]


def test_sweep_leaves_the_keys_that_a_line_needs_later(engine: Engine) -> None:
    """The run in line stands at one limit, and the sweep comes while the other one is unused."""
    for limit_slug in ("reports", "other"):
        engine.call("create_limit", limit_slug=limit_slug, max_running=1)
    engine.define("first", step("a"), limits=limited(limit="reports"))
    engine.define("both", step("a"), limits=[*limited(limit="reports"), *limited(limit="other")])
    engine.start("first")
    engine.call("tick")
    run_id = engine.start("both")
    engine.call("tick")
    engine.call("_tend_limits")
    engine.drain()
    for _ in range(2):  # the first tick lets the run in, the second one starts it
        engine.call("tick")
    engine.drain()
    assert engine.status(run_id) == ("completed", None)


def test_cancel_oldest_makes_room_for_the_latest_run(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=2)
    engine.define("order", step("a"), limits=limited(limit="reports"), on_limit="cancel_oldest")
    runs = []
    for number in range(4):
        runs.append(engine.start("order", number))
        for _ in range(4):
            engine.call("tick")
    assert [engine.status(run_id)[0] for run_id in runs] == [
        "failed", "failed", "in_progress", "in_progress",
    ]  # fmt: skip
    assert "a later run has taken its place" in engine.status(runs[0])[1]
    assert sorted(inputs(engine.claim())) == [2, 3]


def test_a_retry_of_a_run_stands_in_line_again(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("each", map=True, max_attempts=1), limits=limited(limit="reports"))
    first = engine.start("order", [1, 2, 3])
    for _ in range(2):
        engine.call("tick")
    items = engine.claim()
    engine.work([items[0].completed(), items[1].failed()])
    second = engine.start("order", [7])
    for _ in range(2):
        engine.call("tick")
    item = engine.claim_one()
    retry = engine.call("retry_failed_workflow", run_id=first)
    for _ in range(2):
        engine.call("tick")
    assert engine.claim() == []
    assert item.run_id == second
    engine.complete(item)
    for _ in range(2):
        engine.call("tick")
    assert inputs(engine.claim()) == [2, 3]
    assert engine.status(retry)[0] == "in_progress"


@pytest.mark.parametrize("kind", ["priorities", "weights"])
def test_each_run_with_cancel_oldest_finds_room(engine: Engine, kind: str) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=2)
    uses = limited(limit="reports", weight="$" if kind == "weights" else 1)
    engine.define("order", step("a"), limits=uses, on_limit="cancel_oldest")
    old = [engine.start("order", 1) for _ in range(2)]
    engine.call("tick")
    if kind == "weights":
        new = [engine.start("order", 2)]
    else:
        new = [engine.start("order", 1, priority=priority) for priority in (1, 2)]
    for _ in range(4):
        engine.call("tick")
    assert {engine.status(run_id)[0] for run_id in old} == {"failed"}
    assert {item.run_id for item in engine.claim()} == set(new)


def test_cancel_oldest_cancels_no_run_while_there_is_room(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=2)
    uses = limited(limit="reports")
    engine.define("plain", step("a"), limits=uses)
    engine.define("order", step("a"), limits=uses, on_limit="cancel_oldest")
    first, second = engine.start("plain"), engine.start("plain")
    engine.call("tick")
    before, last = engine.start("plain"), engine.start("order")
    engine.claim()  # the last run finds no room, so the first one will be cancelled
    engine.call("cancel_workflow_run", run_id=before)
    for _ in range(4):
        engine.call("tick")
    assert engine.status(first)[0] == "failed"
    assert {item.run_id for item in engine.claim()} <= {second, last}
    assert [engine.status(run_id)[0] for run_id in (second, last)] == ["in_progress"] * 2


def test_cancel_oldest_cancels_no_run_that_waits_for_a_rate(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=2, rate=1, per="1 minute")
    engine.define("order", step("a"), limits=limited(limit="reports"), on_limit="cancel_oldest")
    first, second = engine.start("order", 1), engine.start("order", 2)
    for _ in range(4):
        engine.call("tick")
    assert inputs(engine.claim()) == [1]
    clock.advance(60)
    for _ in range(2):
        engine.call("tick")
    assert inputs(engine.claim()) == [2]
    assert [engine.status(run_id)[0] for run_id in (first, second)] == ["in_progress"] * 2


def test_a_retry_is_never_rejected(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("order", step("a"), limits=limited(limit="reports"), on_limit="reject")
    first = engine.start("order", 1)
    engine.call("cancel_workflow_run", run_id=first)
    second = engine.start("order", 2)
    retry = engine.call("retry_failed_workflow", run_id=first, skip_completed=False)
    (reason,) = engine.rows("select waits_for from stepgres.why_stuck(%s)", retry)
    assert reason == "limit"
    engine.call("tick")
    assert engine.claim_one().run_id == second


def test_a_run_that_is_retried_begins_no_task_in_line(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    steps = step("each", map=True, max_attempts=1), step("body", durable=True)
    engine.define("order", *steps, limits=limited(limit="reports"))
    first = engine.start("order", [1, 2])
    for _ in range(2):
        engine.call("tick")
    body, done, failed = engine.claim()
    saved = [{**body.operation("run charge"), "output": 7}]
    engine.call("save_checkpoints", worker_id="worker", checkpoints=Jsonb(saved))
    engine.work([done.completed(), failed.failed()])
    holder = engine.start("order", [])
    for _ in range(2):
        engine.call("tick")
    retry = engine.call("retry_failed_workflow", run_id=first, executor_id="worker")
    for _ in range(2):
        engine.call("tick")
        assert [item.run_id for item in engine.claim(run_ids=[retry])] in ([], [holder])
    reasons = engine.rows("select waits_for from stepgres.why_stuck(%s)", retry)
    assert set(reasons) == {"limit"}
    engine.call("cancel_workflow_run", run_id=holder)
    engine.call("tick")
    reasons = engine.rows("select waits_for from stepgres.why_stuck(%s)", retry)
    assert set(reasons) == {"limit"}, "it was let in, and tick has not started it"
    assert engine.claim(run_ids=[retry]) == []
    engine.call("tick")
    body, each = engine.claim(run_ids=[retry])
    assert body.checkpoints["list"][0]["output"] == 7
    assert each.input == 2


@pytest.mark.parametrize("change", ["pause", "cancel"])
@pytest.mark.parametrize("kind", ["runs", "tasks"])
def test_what_is_too_heavy_holds_up_lighter_work_only_while_it_waits(
    engine: Engine, kind: str, change: str
) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2)
    for slug, weight in ("light", 1), ("heavy", 2):
        uses = limited(weight=weight)
        if kind == "runs":
            engine.define(slug, step("a"), limits=uses)
        else:
            engine.define(slug, step("a", limits=uses))

    def claim() -> list[WorkItem]:
        for _ in range(2):
            engine.call("tick")
            engine.claim(0)
        return engine.claim()

    for _ in range(2):
        engine.start("light")
    first, _ = claim()
    heavy, light = engine.start("heavy"), engine.start("light")
    assert claim() == []
    engine.complete(first)
    assert claim() == [], "the heavy run is not overtaken"
    assert engine.rows("select * from stepgres.fsck()") == []
    engine.call(f"{change}_workflow_run", run_id=heavy)
    assert [item.run_id for item in claim() or claim()] == [light]


# Lending


@pytest.mark.parametrize("on_limit", ["queue", "cancel_oldest"])
def test_a_child_that_waits_for_its_parents_place_cancels_no_parent(
    engine: Engine, on_limit: str
) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    uses = limited(limit="reports")
    engine.define("child", step("a"), limits=uses, on_limit=on_limit)
    tolerant = step("kids", map=True, workflow="child", when_exhausted="skip")
    engine.define("parent", tolerant, limits=uses)
    run_id = engine.start("parent", [1, 2, 3])
    for _ in range(12):
        engine.call("tick")
    while items := engine.claim():
        engine.work([item.completed(item.input) for item in items])
        for _ in range(3):
            engine.call("tick")
    assert engine.output(run_id) == ([1, 2, 3] if on_limit == "queue" else [None, None, 3])


def test_a_parent_and_its_child_under_a_limit_of_one_end(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="reports", max_running=1)
    engine.define("child", step("a", limits=limited(limit="reports")),
                  limits=limited(limit="reports"))  # fmt: skip
    engine.define(
        "parent",
        step("own", limits=limited(limit="reports")),
        step("kids", map=True, workflow="child"),
        limits=limited(limit="reports"),
    )
    run_id, other = engine.start("parent", [1, 2, 3]), engine.start("child", 9)
    most = 0
    for _ in range(30):
        engine.call("tick")
        items = engine.claim()
        most = max(most, len(items))
        assert places(engine).total() <= 1
        engine.work([item.completed() for item in items])
    assert engine.output(run_id) is not None
    assert engine.output(other) is None
    assert most <= 2, "its own task and a child, each in a line of its own"


# Keeping and changing limits


def test_a_pause_keeps_the_place_in_the_line(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited()))
    runs = [engine.start("order", number) for number in range(4)]
    item = engine.claim_one()
    engine.call("pause_workflow_run", run_id=runs[1])
    (item,) = engine.work([item.completed()], capacity=1)
    assert item.run_id == runs[2]
    engine.call("resume_workflow_run", run_id=runs[1])
    (item,) = engine.work([item.completed()], capacity=1)
    assert item.run_id == runs[1]


def test_a_limit_may_be_raised_and_lowered(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited()))
    for number in range(9):
        engine.start("order", number)
    items = engine.claim()
    engine.call("update_limit", limit_slug="api", max_running=3)
    items += engine.claim()
    assert len(items) == 3
    engine.call("update_limit", limit_slug="api", max_running=1)
    assert engine.work([items.pop().completed()], capacity=9) == []
    assert engine.work([items.pop().completed()], capacity=9) == []
    assert len(engine.work([items.pop().completed()], capacity=9)) == 1
    engine.call("update_limit", limit_slug="api", max_running=0, rate=5, per="1 second", burst=2)
    assert len(engine.claim()) == 2


def test_a_deploy_undoes_no_edit_of_an_operator(engine: Engine) -> None:
    def declared(**options: Any) -> tuple[Any, ...]:
        engine.call("create_limit", limit_slug="api", **options)
        (row,) = engine.rows("select max_running, rate, burst from stepgres.list_limits()")
        return tuple(row)

    assert declared(max_running=5, rate=9, per="1 second") == (5, 9, 1)
    engine.call("update_limit", limit_slug="api", max_running=7, burst=3)
    assert declared(max_running=5, rate=9, per="1 second") == (7, 9, 3)
    assert declared(max_running=6, rate=9, per="1 second") == (6, 9, 3)
    assert declared(max_running=6, rate=8, per="1 second") == (6, 8, 1)
    engine.call("update_limit", limit_slug="api", max_running=0)
    assert declared(max_running=6, rate=8, per="1 second") == (None, 8, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs max_running or rate"),
        ({"max_running": 0}, "max_running must be at least 1"),
        ({"max_running": -3}, "max_running must be at least 1"),
        ({"rate": 1}, "rate and per need one another"),
        ({"per": "1 second"}, "a limit needs max_running or rate"),
        ({"max_running": 1, "burst": 3}, "burst needs a rate"),
        ({"rate": 0, "per": "1 second"}, "rate must be more than 0"),
        ({"rate": "nan", "per": "1 second"}, "rate must be more than 0"),
        ({"rate": "infinity", "per": "1 second"}, "rate must be more than 0"),
        ({"rate": 1, "per": "0 seconds"}, "per must be more than 0"),
        ({"rate": 2_000_000, "per": "1 second"}, "at most 1,000,000 per second"),
        ({"rate": 1, "per": "1 second", "burst": 0}, "burst must be at least 1"),
    ],
)
def test_bad_options_of_a_limit_are_refused(
    engine: Engine, options: dict[str, Any], words: str
) -> None:
    with refused("SG001", 'limit "api"', words):
        engine.call("create_limit", limit_slug="api", **options)
    assert engine.rows("select * from stepgres.limits") == []


@pytest.mark.parametrize("slug", ["", "two words", "1st", "x" * 129, None])
def test_bad_slugs_of_limits_are_refused(engine: Engine, slug: Any) -> None:
    with refused("SG001", "no slug of a limit"):
        engine.call("create_limit", limit_slug=slug, max_running=1)


@pytest.mark.parametrize(
    ("limits", "sqlstate", "words"),
    [
        ([{"limit": "nobody"}], "SG036", 'limit "nobody" does not exist'),
        ([{}], "SG036", "does not exist"),
        ([], "SG001", "array of 1 to 10 objects"),
        ("api", "SG001", "limits must be"),
        ([1], "SG001", "JSON object is needed"),
        ([{"limit": "api", "keys": "$"}], "SG001", 'unknown option "keys"'),
        ([{"limit": "api", "key": "$.["}], "SG001", "is not a JSON path"),
        ([{"limit": "api", "weight": "heavy ("}], "SG001", "is not a JSON path"),
        ([{"limit": "api", "weight": -1}], "SG001", "weight must be at least 0"),
        ([{"limit": "api", "weight": None}, {"limit": "api"}], "SG001", "named twice"),
        ([{"limit": "api", "key": 7}], "SG001", "key must be a JSON string"),
    ],
)
def test_bad_uses_of_limits_are_refused(
    engine: Engine, limits: Any, sqlstate: str, words: str
) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    before = engine.snapshot()
    with refused(sqlstate, 'workflow "order", step "a"', words):
        engine.define("order", step("a", limits=limits))
    with refused(sqlstate, 'workflow "order"', words):
        engine.define("order", step("a"), limits=limits)
    assert engine.snapshot() == before


@pytest.mark.parametrize(
    "body",
    [
        {"wait_for": "x"},
        {"workflow": "child"},
        {"approval": {"title": "?"}},
    ],
)
def test_a_step_without_a_body_has_no_limits(engine: Engine, body: dict[str, Any]) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("child", step("a"))
    with refused("SG001", 'step "a"', "limits are for steps with a body"):
        engine.define("order", step("a", limits=limited(), **body))


def test_on_limit_needs_limits_and_has_three_values(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    with refused("SG001", "on_limit needs limits"):
        engine.define("order", step("a"), on_limit="reject")
    with refused("SG001", 'not "drop"'):
        engine.define("order", step("a"), limits=limited(), on_limit="drop")


def test_a_definition_with_limits_is_shown_and_registered_again(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    steps = step("a", limits=limited(key="$.tenant", weight=2))
    assert engine.define("order", steps, limits=limited(), on_limit="reject") == 1
    flow = engine.call("get_flow", workflow_id="order")
    assert flow["limits"] == [{"limit": "api"}]
    assert flow["on_limit"] == "reject"
    assert flow["steps"][0]["limits"] == [{"limit": "api", "key": '$."tenant"', "weight": 2}]
    assert engine.call("register_workflow", definition=Jsonb(flow)) == 1


def test_a_limit_in_use_is_not_deleted(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", limits=limited()))
    for number in range(3):
        engine.start("order", number)
    (item,) = engine.claim()
    with refused("SG001", 'limit "api" is in use by workflow "order", step "a"'):
        engine.call("delete_limit", limit_slug="api")
    engine.define("order", step("a"))
    engine.call("delete_limit", limit_slug="api")
    assert len(engine.claim()) == 2, "runs of the old version go on without the limit"
    engine.complete(item)
    for call in ("delete_limit", "update_limit"):
        with refused("SG036", 'limit "api" does not exist'):
            engine.call(call, limit_slug="api")


def test_list_limits_shows_use_and_what_waits(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2)
    engine.call("create_limit", limit_slug="other", rate=3, per="1 minute")
    engine.define("order", step("a", limits=limited(key="$")))
    for _ in range(5):
        engine.start("order", "x")
    engine.start("order", "y")
    engine.claim()
    rows = engine.rows("select limit_slug, running, waiting, keys from stepgres.list_limits()")
    assert rows[0][:3] == ("api", 3, 3)
    assert [(key["key"], key["running"], key["waiting"]) for key in rows[0][3]] == [
        ("x", 2, 3), ("y", 1, 0),
    ]  # fmt: skip
    assert rows[1] == ("other", 0, 0, [])
    (row,) = engine.rows("select limit_slug from stepgres.list_limits('api')")
    assert row == "api"


def test_why_stuck_names_limit_key_holders_and_the_place_in_line(
    engine: Engine, clock: Clock
) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.call("create_limit", limit_slug="rate", rate=1, per="1 minute")
    engine.define("order", step("each", map=True, limits=limited(key="$")))
    engine.define("whole", step("a"), limits=limited())
    engine.define("rated", step("a", limits=limited(limit="rate")))
    holder, waiting = engine.start("order", ["x"]), engine.start("order", ["y", "x", "x"])
    whole = [engine.start("whole", 1), engine.start("whole", 2)]
    rated = [engine.start("rated", 1), engine.start("rated", 2)]
    engine.call("tick")
    engine.call("tick")
    engine.claim()

    def stuck(run_id: UUID) -> list[Any]:
        query = "select waits_for, detail, until from stepgres.why_stuck(%s) order by task_index"
        return engine.rows(query, run_id)

    assert [row[0] for row in stuck(waiting)] == ["lease", "limit"]
    detail = stuck(waiting)[1][1]
    for words in ('limit "api" for "x"', f"1 of 1 taken, by run {holder}", "first in line",
                  "(2 tasks)"):  # fmt: skip
        assert words in detail, detail
    ((waits_for, detail, _),) = stuck(whole[1])
    assert (waits_for, f"by run {whole[0]}; first in line" in detail) == ("limit", True), detail
    ((waits_for, detail, until),) = stuck(rated[1])
    assert waits_for == "limit"
    assert "before the next instant of its rate" in detail
    assert until is not None


def test_keys_that_are_not_in_use_go(engine: Engine, clock: Clock) -> None:
    engine.call("create_limit", limit_slug="api", max_running=2, rate=1, per="1 second")
    engine.define("order", step("a", limits=limited(key="$")))
    for number in range(50):
        engine.start("order", number)
    engine.drain()
    clock.advance(60)
    engine.call("tick")
    for table in ("limit_keys", "lines", "line_entries", "places", "freed_places"):
        assert engine.rows(f"select * from stepgres.{table}") == [], table


def test_a_local_run_keeps_limits_too(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("each", map=True, limits=limited()))
    run_id = engine.start("order", [1, 2, 3], executor_id="worker")
    (first,) = engine.claim(run_ids=[run_id])
    assert engine.claim(run_ids=[run_id]) == []
    assert engine.colleague("other", features=["limits"]).claim() == []
    engine.work([first.completed()])
    engine.drain(run_ids=[run_id])
    assert engine.status(run_id)[0] == "completed"


def test_an_executor_needs_no_resources_for_limited_steps_either(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("a", resources={"gpu": True}, limits=limited()))
    run_id = engine.start("order", 1, executor_id="worker")
    assert [item.run_id for item in engine.claim(run_ids=[run_id])] == [run_id]


def test_a_lost_executor_leaves_its_lines_to_the_queue(engine: Engine) -> None:
    engine.call("create_limit", limit_slug="api", max_running=1)
    engine.define("order", step("each", map=True, limits=limited()))
    run_id = engine.start("order", [1, 2, 3], executor_id="worker")
    (first,) = engine.claim(run_ids=[run_id])
    other = engine.colleague("other", features=["limits"])
    engine.call("unregister_worker", worker_id="worker")
    assert len(other.drain()) == 3
    assert first.run_id == run_id
