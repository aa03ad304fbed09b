"""catch_up_events: each event once, none missed, in the order of its run, by SQL alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from typing_extensions import LiteralString

from tests.conftest import Clock, Database
from tests.support.engine import Engine, refused, step
from tests.support.goals import reject_graph, save_graph, start_goal
from tests.support.waiting import wait_until

Event = tuple[Any, ...]
FIELDS = "event_type, run_id, step_slug, task_index, attempt, occurred_at, error"


class Follower:
    """Somebody who keeps a position, and subscribes anew whenever he is asked to."""

    def __init__(self, engine: Engine, **subject: Any) -> None:
        self.engine = engine
        self.subject = subject
        self.position: str | None = None
        self.subscriber_id = str(uuid4())
        self.subscribe()

    def subscribe(self) -> None:
        self.engine.call(
            "add_subscriber",
            subscriber_id=self.subscriber_id,
            every_change=True,
            after=self.position,
            **self.subject,
        )

    def read(self, limit: int = 1000) -> tuple[list[Event], bool]:
        """Some events, and whether these are all so far."""
        cursor = self.engine._execute(
            "catch_up_events", {"after": self.position, "limit": limit, **self.subject}
        )
        columns = [column.name for column in cursor.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        self.position = rows[-1]["position"]
        events = [row for row in rows if row["event_type"] is not None]
        return [tuple(e[name] for name in FIELDS.split(", ")) for e in events], rows != events

    def told(self, limit: int = 1000) -> list[Event]:
        """All events so far."""
        events, is_all = [], False
        while not is_all:
            more, is_all = self.read(limit)
            events += more
        return events


@pytest.fixture
def everything(engine: Engine) -> Follower:
    """A follower of all runs who has been told all that there is."""
    follower = Follower(engine)
    assert follower.told() == []
    return follower


def listed(engine: Engine, *run_ids: UUID) -> list[Event]:
    """What the view shows, a run after the other."""
    query = f"select {FIELDS} from stepgres.list_run_events(%s)"
    return [
        row
        for run_id in run_ids
        for row in engine.connection.execute(query.encode(), [run_id]).fetchall()
    ]


def by_run(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: str(event[1]))


def names(events: list[Event]) -> list[str]:
    return [" ".join(str(part) for part in (e[0], e[2]) if part is not None) for e in events]


def test_events_of_every_kind_are_told_as_the_view_has_them(
    engine: Engine, everything: Follower
) -> None:
    engine.define(
        "order",
        step("a", base_delay=60),
        step("each", "a", map=True, max_attempts=1),
        step("no", "a", condition="$.no"),
        step("never", "no", condition="$.no", when_unmet="skip-cascade"),
        step("z", "each", "never"),
        step("gathered", "each", "a", gathers=["each", "a"]),
    )
    completed, failed, cancelled, ignored = [engine.start("order", {}) for _ in range(4)]
    for item in engine.claim():
        engine.fail(item)
    for run_id in (completed, failed, cancelled):
        engine.call("pause_workflow_run", run_id=run_id)
        engine.call("resume_workflow_run", run_id=run_id)
        engine.call("wake_workflow_run", run_id=run_id)
    engine.call("tick")
    items = {item.run_id: item for item in engine.claim()}
    engine.work([items[run_id].completed([1, 2, 3]) for run_id in items])
    for item in engine.claim():
        if item.run_id == failed and item.task_index == 1:
            engine.fail(item, "broken")
        elif item.run_id != cancelled:
            engine.work([item.completed(item.input)])
    engine.call("cancel_workflow_run", run_id=cancelled)
    retried = engine.call("retry_failed_workflow", run_id=failed)
    engine.drain()
    told = everything.told()
    run_ids = sorted([completed, failed, cancelled, ignored])
    assert by_run([event for event in told if event[1] != retried]) == listed(engine, *run_ids)
    # what was copied is told with its old times, behind the start of the run
    again = [event for event in told if event[1] == retried]
    assert sorted(map(repr, again)) == sorted(map(repr, listed(engine, retried)))
    assert again[0][0] == "workflow_started"


def test_each_event_is_told_once_in_pages_of_any_size(engine: Engine) -> None:
    engine.define("order", step("a"), step("b", "a"))
    active = [engine.start("order", {}) for _ in range(3)]
    followers = {limit: Follower(engine) for limit in (1, 2, 3, 7, 1000)}
    told: dict[int, list[Event]] = {limit: [] for limit in followers}
    for _ in range(3):
        for limit, follower in followers.items():
            told[limit] += follower.read(limit)[0]
        active.append(engine.start("order", {}))
        engine.work([item.completed() for item in engine.claim(2)])
    engine.drain()
    for limit, follower in followers.items():
        told[limit] += follower.told(limit)
        assert by_run(told[limit]) == listed(engine, *sorted(active)), limit


def test_those_of_a_run_and_of_a_workflow_are_told_alone(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.define("bill", step("a"))
    order, other = engine.start("order", {}), engine.start("order", {})
    one, orders = Follower(engine, run_id=order), Follower(engine, workflow_slug="order")
    bill = engine.start("bill", {})
    engine.drain()
    assert one.told() == listed(engine, order)
    assert by_run(orders.told()) == listed(engine, *sorted([order, other]))
    assert bill not in {event[1] for event in one.told() + orders.told()}


def test_transaction_that_commits_after_later_ones_is_told_then(
    engine: Engine, db: Database, everything: Follower
) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    everything.told()
    with db.connect() as connection:
        other = Engine(connection, "other")
        with connection.transaction():
            late = other.start("order", {})
            early = engine.start("order", {})
            for _ in range(3):
                assert {event[1] for event in everything.told()} <= {early}
        assert everything.told() == listed(engine, late)
        with connection.transaction(force_rollback=True):
            other.start("order", {})
        assert everything.told() == []


def test_no_event_comes_before_one_that_it_follows_from(
    engine: Engine, db: Database, everything: Follower
) -> None:
    """Whoever has the lower number of a transaction may have waited for another."""
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order", {})
    a, b = engine.claim()
    everything.told()
    with db.connect() as connection, connection.transaction():
        connection.execute("select pg_current_xact_id()")
        engine.complete(a)
        engine.on(connection).complete(b)
        assert names(everything.told()) == [
            f"task_completed {a.step_slug}",
            f"step_completed {a.step_slug}",
        ]
    assert names(everything.told())[-1] == "workflow_completed"
    assert engine.status(run_id)[0] == "completed"


def test_end_of_a_run_that_is_pruned_before_it_was_told_is_told(
    engine: Engine, everything: Follower
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    one = Follower(engine, run_id=run_id)
    one.told()
    engine.drain()
    story = listed(engine, run_id)
    assert engine.call("prune", older_than="0") == 1
    engine.call("tick")
    assert everything.told() == story
    assert one.told() == story[2:]


def test_what_was_told_is_forgotten_and_nothing_else(engine: Engine, clock: Clock) -> None:
    def kept() -> int:
        clock.advance(11)
        for follower in (first, second):
            follower.subscribe()
        engine.call("tick")
        return len(engine.rows("select from stepgres.recent_events"))

    engine.define("order", step("a"))
    first, second = Follower(engine), Follower(engine)
    first.told(), second.told()
    engine.start("order", {})
    engine.drain()
    events = first.told()
    assert kept() == len(events) == 6
    assert second.told() == events
    assert kept() == 0
    engine.start("order", {})
    assert len(first.told()) == len(second.told()) == 2


def test_without_subscribers_nothing_is_recorded(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order", {})
    engine.drain()
    engine.call("add_subscriber", run_id=engine.start("order", {}), every_change=False)
    engine.drain()
    assert engine.rows("select from stepgres.recent_events") == []


def test_events_are_kept_for_nobody_whose_lease_is_over(
    engine: Engine, clock: Clock, everything: Follower
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    clock.advance(61)
    engine.call("tick")
    assert engine.rows("select from stepgres.recent_events") == []
    with refused("SG003", "no subscriber"):
        everything.told()
    assert engine.status(run_id)[0] == "in_progress"


@pytest.mark.parametrize("reason", ["its lease was over", "it did not move for an hour"])
def test_subscriber_that_was_away_for_long_is_told_what_runs_show(
    engine: Engine, clock: Clock, everything: Follower, reason: str
) -> None:
    engine.define("order", step("a"), step("b", "a"))
    before, ended = engine.start("order", {}), engine.start("order", {})
    engine.call("cancel_workflow_run", run_id=ended)
    known = everything.told()
    clock.advance(61)
    if reason == "its lease was over":
        engine.call("tick")
    engine.drain()
    clock.advance(3600)
    if reason == "it did not move for an hour":
        everything.subscribe()
        engine.call("tick")
    save_graph(engine)
    run_id = engine.start("order", {})
    everything.subscribe()
    told = everything.told(3)
    assert by_run([e for e in known + told if e[1] is not None]) == listed(
        engine, *sorted([before, ended, run_id])
    )
    assert names([event for event in told if event[1] is None]) == ["goal_decomposed"]
    engine.drain()
    assert names(everything.told())[-1] == "workflow_completed"


def test_change_that_is_under_way_while_the_first_subscriber_comes_is_told(
    engine: Engine, db: Database
) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    with (
        db.connect() as connection,
        db.connect() as observer,
        ThreadPoolExecutor() as threads,
    ):
        other = Engine(connection, "other")
        connection.execute("begin")
        other.claim_one()
        follower = Follower(engine)
        told = threads.submit(follower.told)
        waits = "select from pg_stat_activity where query ~ 'catch_up' and wait_event = 'PgSleep'"
        wait_until(lambda: told.done() or observer.execute(waits).fetchall())
        connection.execute("commit")
        assert names(told.result()) == ["workflow_started", "step_started a", "task_started a"]
    assert told.result() == listed(engine, run_id)


def test_run_that_a_long_transaction_started_before_there_was_a_subscriber_is_told(
    engine: Engine, db: Database
) -> None:
    engine.define("order", step("a"))
    with db.connect() as connection, connection.transaction():
        run_id = Engine(connection, "other").start("order", {})
        follower = Follower(engine)
        assert follower.told() == []
    engine.drain()
    assert follower.told() == listed(engine, run_id)


def test_transaction_that_does_not_see_new_subscribers_records_all_the_same(
    engine: Engine, db: Database
) -> None:
    engine.define("order", step("a"))
    with db.connect() as connection:
        connection.execute("begin isolation level repeatable read")
        connection.execute("select count(*) from stepgres.subscribers")
        follower = Follower(engine)
        assert follower.told() == []
        run_id = Engine(connection, "other").start("order", {})
        connection.execute("commit")
    assert follower.told() == listed(engine, run_id)


def test_goals_are_told_without_a_run_and_then_as_part_of_it(
    engine: Engine, everything: Follower
) -> None:
    reject_graph(engine, save_graph(engine))
    _, run_id = start_goal(engine)
    engine.drain()
    told = everything.told()
    assert names([e for e in told if e[1] is None]) == [
        "goal_decomposed",
        "goal_rejected",
        "goal_decomposed",
        "goal_approved",
    ]
    assert [e for e in told if e[1] is not None] == listed(engine, run_id)


def test_look_costs_what_has_happened_since_the_last_one(
    engine: Engine, everything: Follower
) -> None:
    def rows_read() -> int:
        with engine.connection.transaction():
            (before,) = engine.rows(counter)
            everything.read()
            (after,) = engine.rows(counter)
        return int(after - before)

    counter: LiteralString = (
        "select (seq_tup_read + idx_tup_fetch)::int from pg_stat_xact_user_tables"
        " where relname = 'recent_events'"
    )
    engine.define("order", step("a"))
    for _ in range(200):
        engine.start("order", {})
    engine.drain()
    assert len(everything.told()) == 1200
    engine.connection.execute("analyze stepgres.recent_events")
    # the planner looks at the ends of the index
    assert rows_read() < 10
    engine.start("order", {})
    assert rows_read() < 10


def test_misuse_is_refused(engine: Engine, everything: Follower) -> None:
    for position in ("", "17", "(,,,,,)", "(1:1:,0,,,)"):
        with refused("SG003", "position"):
            engine.call("catch_up_events", after=position)
    with refused("SG003", "cannot be combined"):
        engine.call("catch_up_events", run_id=uuid4(), workflow_slug="order")
    with refused("SG003", "limit"):
        engine.call("catch_up_events", limit=0)
    with refused("SG005"):
        engine.call("catch_up_events", run_id=uuid4())
    engine.define("order", step("a"))
    with engine.connection.transaction(), refused("SG003", "changed something"):
        engine.start("order", {})
        everything.told()
    for options in ({"lease": "0"}, {"lease": "2 days"}, {"lease": None}):
        with refused("SG003", "lease"):
            engine.call("add_subscriber", **options)


def test_task_that_was_handed_back_is_told_to_start_once(
    engine: Engine, everything: Follower
) -> None:
    engine.define("order", step("a", base_delay=0), events="task")
    run_id = engine.start("order", {})
    for _ in range(2):
        for _ in range(3):
            engine.work([engine.claim_one().released()])
        later = Follower(engine, run_id=run_id)
        present = names(later.told())
        engine.fail(engine.claim_one())
        engine.call("tick")
        assert (present + names(later.told())).count("task_started a") == present.count(
            "task_failed a"
        ) + 1
    engine.drain()
    started = [(event[0], event[4]) for event in everything.told() if event[0] == "task_started"]
    assert started == [("task_started", attempt) for attempt in (1, 2, 3)]
    messages = engine.rows("select message from stepgres.message_history('workflow_events')")
    assert [m["attempt"] for m in messages if m["type"] == "task_started"] == [1, 2, 3]
    query = "select attempt from stepgres.run_events where event_type = 'task_started' order by 1"
    assert engine.rows(query) == [1, 2, 3]
