"""Sessions remember from where on a queue has tickets; they miss none that comes late."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, step
from tests.support.sessions import Sessions

QUEUE = "stepgres_default"
FAR = 2**62


@pytest.fixture(autouse=True)
def _define(engine: Engine) -> None:
    engine.define("order", step("a"))
    engine.start("order")  # the first start of a workflow keeps other starts waiting
    engine.drain()


def position(engine: Engine) -> tuple[int, int, int | None, int]:
    row: tuple[int, int, int | None, int]
    (row,) = engine.rows(
        "select p.first, p.next, p.next_after, p.search_at from stepgres._position_in(%s) as p",
        QUEUE,
    )
    return row


def remember(engine: Engine, first: int, search_at: int) -> None:
    engine.rows(
        "select set_config(stepgres._position_setting(%s), "
        "(%s::bigint, %s::bigint, null::bigint, %s::bigint)::stepgres._queue_position::text, "
        "false)",
        QUEUE,
        first,
        first,
        search_at,
    )


def never_search(engine: Engine) -> None:
    """Look from the position on, however much time passes."""
    first, *_ = position(engine)
    remember(engine, first, FAR)


def test_ticket_of_an_older_transaction_is_claimed_although_newer_ones_were(
    engine: Engine, sessions: Sessions
) -> None:
    starter = sessions.worker("starter")
    never_search(engine)
    with starter.connection.transaction():
        late = starter.start("order")
        for _ in range(3):  # the first claim that sees a ticket remembers it
            early = engine.start("order")
            assert engine.claim_one().run_id == early
            assert engine.claim() == []
    assert engine.claim_one().run_id == late


def test_ticket_whose_claim_is_rolled_back_is_claimed_although_newer_ones_were(
    engine: Engine, sessions: Sessions
) -> None:
    other = sessions.worker("other")
    never_search(engine)
    first = engine.start("order")
    with other.connection.transaction(force_rollback=True):
        assert other.claim_one().run_id == first
        for _ in range(3):
            newer = engine.start("order")
            assert engine.claim_one().run_id == newer
    assert engine.claim_one().run_id == first


def test_position_follows_the_tickets(engine: Engine) -> None:
    for _ in range(5):
        engine.start("order")
        engine.claim_one()
    first, following, _, _ = position(engine)
    (last,) = engine.rows("select last_value from pgmq.q_stepgres_default_msg_id_seq")
    assert last - 1 <= first <= following <= last


def test_search_finds_a_ticket_below_the_position(engine: Engine) -> None:
    run_id = engine.start("order")
    remember(engine, 1_000_000, FAR)
    assert engine.claim() == []
    remember(engine, 1_000_000, 0)
    assert engine.claim_one().run_id == run_id
    assert position(engine)[0] < 1_000_000


def test_claims_beside_an_old_snapshot_do_not_read_all_dead_tickets(
    engine: Engine, sessions: Sessions
) -> None:
    old = sessions.worker("old")
    with old.connection.transaction():
        old.connection.execute("set transaction isolation level repeatable read")
        old.rows("select count(*) from stepgres.runs")
        for _ in range(3):
            engine.call("start_workflow_runs", workflow_slug="order", inputs=Jsonb([{}] * 1_000))
            while engine.claim(capacity=100):
                pass
        never_search(engine)
        before = tickets_read(engine)
        for _ in range(20):
            engine.start("order")
            engine.claim_one()
        assert tickets_read(engine) - before < 3_000


def tickets_read(engine: Engine) -> int:
    engine.rows("select pg_stat_force_next_flush()")
    engine.rows("select pg_stat_clear_snapshot()")
    count: int
    (count,) = engine.rows(
        "select sum(idx_tup_read)::bigint from pg_stat_user_indexes "
        "where relname = 'q_stepgres_default'"
    )
    return count
