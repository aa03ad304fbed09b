"""signal_on: tables of users that send signals when a row begins to match a condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from typing_extensions import LiteralString

from tests.conftest import Database, Server
from tests.support.engine import Engine, refused, step
from tests.support.roles import Installation, installation
from tests.support.sessions import Sessions
from tests.support.waiting import PATIENCE

PAID: LiteralString = "new.status = 'paid'"
SENT: LiteralString = "select key, payload from stepgres.signals order by signal_id"


@pytest.fixture
def table(engine: Engine) -> Engine:
    """An engine with a table of payments."""
    engine.connection.execute(
        "create schema app;"
        " create table app.payments (id int, order_id text, status text, amount int)"
    )
    return engine


def signal_on(engine: Engine, condition: str = PAID, **more: Any) -> None:
    arguments = {
        "table_name": "app.payments",
        "signal": "paid",
        "key_column": "order_id",
        "condition": condition,
        "payload_columns": ["id", "amount"],
        **more,
    }
    engine.call("signal_on", **arguments)


def insert(engine: Engine, *rows: tuple[Any, ...]) -> None:
    with engine.connection.cursor() as cursor:
        for row in rows:
            cursor.execute("insert into app.payments values (%s, %s, %s, %s)", row)


def keys(engine: Engine) -> list[str]:
    query: LiteralString = "select key from stepgres.signals order by signal_id"
    return engine.rows(query)


@pytest.fixture
def warnings(table: Engine) -> list[str]:
    found: list[str] = []
    table.connection.add_notice_handler(lambda notice: found.append(str(notice.message_primary)))
    return found


# When a row begins to match


def test_row_that_is_inserted_so_sends_the_signal_with_its_commit(table: Engine) -> None:
    table.define("order", step("pay", wait_for="paid", key="$.id"), step("ship", "pay"))
    run_id = table.start("order", {"id": "7"})
    signal_on(table)
    with table.connection.transaction(force_rollback=True):
        insert(table, (1, "7", "paid", 5))
    table.call("tick")
    assert table.steps(run_id)["pay"] == "started"
    insert(table, (1, "6", "new", 5), (2, "7", "paid", 5))
    table.call("tick")
    assert table.claim_one().input["pay"] == {"id": 2, "amount": 5}
    query: LiteralString = "select source, sent_by = session_user from stepgres.signals"
    assert table.rows(query) == [("app.payments", True)]


def test_updated_row_sends_when_it_did_not_match_before(table: Engine) -> None:
    insert(table, (1, "1", "paid", 1), (2, "2", "new", 2), (3, "3", None, 3), (4, "4", "new", 4))
    signal_on(table)
    table.connection.execute(
        "update app.payments set amount = amount + 10,"
        " status = case id when 4 then 'failed' else 'paid' end"
    )
    assert table.rows(SENT) == [
        ("2", {"id": 2, "amount": 12}),
        ("3", {"id": 3, "amount": 13}),
    ]
    table.connection.execute("update app.payments set status = 'paid'")
    table.connection.execute("update app.payments set status = 'paid'")
    assert keys(table) == ["2", "3", "4"]
    table.connection.execute("update app.payments set status = 'new' where id = 1")
    table.connection.execute("update app.payments set status = 'paid' where id = 1")
    assert keys(table) == ["2", "3", "4", "1"]


def test_all_kinds_of_statements_count(table: Engine) -> None:
    table.connection.execute("alter table app.payments add unique (id)")
    signal_on(table)
    insert(table, (1, "1", "new", 1))
    upsert: LiteralString = (
        "insert into app.payments values (1, '1', 'paid', 1), (2, '2', 'paid', 1)"
        " on conflict (id) do update set status = excluded.status"
    )
    table.connection.execute(upsert)
    table.connection.execute(upsert)
    assert sorted(keys(table)) == ["1", "2"]
    with table.connection.cursor().copy("copy app.payments from stdin") as copy:
        copy.write_row((3, "3", "paid", 1))
    table.connection.execute("delete from app.payments")
    assert sorted(keys(table)) == ["1", "2", "3"]


def test_rows_that_move_between_partitions_are_compared_with_themselves(engine: Engine) -> None:
    engine.connection.execute(
        "create schema app;"
        " create table app.payments (id int, order_id text, status text, amount int)"
        " partition by list (status);"
        " create table app.open partition of app.payments for values in ('new', 'sent');"
        " create table app.done partition of app.payments for values in ('paid', 'late')"
    )
    signal_on(engine)
    insert(engine, *((i, str(i), "paid" if i % 2 else "new", i) for i in range(6)))
    assert keys(engine) == ["1", "3", "5"]
    engine.connection.execute(
        "update app.payments set status = case id when 0 then 'sent' when 1 then 'new'"
        " when 3 then 'late' else 'paid' end"
    )
    assert sorted(keys(engine)[3:]) == ["2", "4"]
    with refused("SG003", "it is a partition"):
        signal_on(engine, table_name="app.open")


def test_payload_is_the_row_by_default(table: Engine) -> None:
    signal_on(table, payload_columns=None)
    insert(table, (1, "1", "paid", 5))
    assert table.rows(SENT) == [("1", {"id": 1, "order_id": "1", "status": "paid", "amount": 5})]


def test_condition_may_be_any_boolean_expression(table: Engine) -> None:
    table.connection.execute(
        "create table app.limits (most int); insert into app.limits values (5)"
    )
    signal_on(
        table,
        "new.amount > (select max(l.most) from app.limits as l) -- and so on\n and new.id % 2 = 0",
    )
    insert(table, (2, "2", "x", 6), (3, "3", "x", 6), (4, "4", "x", 5))
    assert keys(table) == ["2"]


def test_columns_and_signals_may_have_odd_names(engine: Engine) -> None:
    name = 'pay"ments of, 2026'
    engine.connection.execute(
        'create table public."pay""ments of, 2026" ("the ""key" int, "new" boolean, "old%s" int)'
    )
    engine.call(
        "signal_on",
        table_name='public."pay""ments of, 2026"',
        signal="a.b:c-d" + "x" * 100,
        key_column='the "key',
        condition="new.new",
        payload_columns=["old%s", 'the "key'],
    )
    engine.connection.execute('insert into public."pay""ments of, 2026" values (1, true, 2)')
    assert engine.rows(SENT) == [("1", {"old%s": 2, 'the "key': 1})]
    assert engine.rows("select source from stepgres.signals") == [
        'public."' + name.replace('"', '""') + '"'
    ]


# It is declared again, and dropped


def test_calling_it_again_changes_it(table: Engine) -> None:
    signal_on(table)
    signal_on(table, "new.amount > 10", payload_columns=[*["id"]])
    signal_on(table, signal="big")
    insert(table, (1, "1", "new", 11))
    assert table.rows(SENT) == [("1", {"id": 1})]
    assert table.rows("select count(*) from pg_trigger where tgname ~ '^stepgres'") == [4]


def test_dropped_it_leaves_nothing(table: Engine) -> None:
    drop = {"table_name": "app.payments", "signal": "paid"}
    assert table.call("drop_signal_on", **drop) is False
    signal_on(table)
    assert table.call("drop_signal_on", **drop) is True
    insert(table, (1, "1", "paid", 1))
    assert keys(table) == []
    assert table.rows("select from pg_trigger where tgname ~ '^stepgres'") == []
    assert table.rows("select from pg_proc where proname ~ '^stepgres_signal_'") == []


def test_renamed_table_still_sends(table: Engine) -> None:
    signal_on(table)
    table.connection.execute("alter table app.payments rename to bills")
    table.connection.execute("insert into app.bills values (1, '1', 'paid', 1)")
    assert table.rows("select source from stepgres.signals") == ["app.bills"]
    assert table.call("drop_signal_on", table_name="app.bills", signal="paid") is True


BAD: list[tuple[dict[str, Any], str]] = [
    ({"table_name": "payments"}, "there is no such table"),
    ({"table_name": "app.nothing"}, "there is no such table"),
    ({"table_name": "a.b.c.d"}, "there is no such table"),
    ({"table_name": None}, "there is no such table"),
    ({"table_name": "pg_catalog.pg_tables"}, "it is no table"),
    ({"table_name": "stepgres.runs"}, "no table of yours"),
    ({"signal": "a b"}, "not the name of a signal"),
    ({"signal": None}, "not the name of a signal"),
    ({"key_column": "nothing"}, "has no column nothing"),
    ({"key_column": "ctid"}, "has no column ctid"),
    ({"key_column": None}, "has no column null"),
    ({"payload_columns": ["id", "x"]}, "has no column x"),
    ({"condition": ""}, "cannot be evaluated"),
    ({"condition": None}, "cannot be evaluated"),
    ({"condition": "new.status"}, "cannot be evaluated"),
    ({"condition": "new.nothing = 1"}, "cannot be evaluated"),
    ({"condition": "count(*) > 1"}, "cannot be evaluated"),
    ({"condition": "true); drop table app.payments; select (true"}, "cannot be evaluated"),
    ({"condition": "app.unknown(new.id)"}, "cannot be evaluated"),
]


def test_what_cannot_be_is_refused(table: Engine, subtests: pytest.Subtests) -> None:
    for more, words in BAD:
        with subtests.test(**more), refused("SG003", words):
            signal_on(table, **more)
    assert table.rows("select from pg_trigger where tgname ~ '^stepgres'") == []
    assert table.rows("select from app.payments") == []
    with refused("SG003", "there is no such table"):
        table.call("drop_signal_on", table_name="app.nothing", signal="paid")


# The statement of the user never fails


def test_condition_that_fails_for_some_rows_is_a_warning(
    table: Engine, warnings: list[str]
) -> None:
    signal_on(table, "100 / new.amount > 1")
    table.connection.execute(
        "insert into app.payments select i, i::text, 'x', case when i in (3, 77) then 0 else 5 end"
        " from generate_series(1, 100) as i"
    )
    assert keys(table) == [str(i) for i in range(1, 101) if i not in (3, 77)]
    assert warnings == ['2 rows of app.payments send no signal "paid": division by zero']
    table.connection.execute("update app.payments set amount = 0")
    assert warnings[1] == '100 rows of app.payments send no signal "paid": division by zero'
    table.connection.execute("update app.payments set amount = 5 where id > 98")
    assert warnings[2:] == ['2 rows of app.payments send no signal "paid": division by zero']
    assert table.rows("select count(*) from app.payments") == [100]


def test_row_whose_signal_cannot_be_sent_is_a_warning(table: Engine, warnings: list[str]) -> None:
    signal_on(table, payload_columns=["status", "order_id"], condition="new.id > 0")
    insert(table, (1, None, "x", 1))
    insert(table, (1, "", "x", 1))
    insert(table, (1, "x" * 257, "x", 1))
    insert(table, (1, "1", "x" * 1_000_000, 1))
    assert len(warnings) == 4
    assert all("app.payments has not sent 1 of 1 signals" in warning for warning in warnings)
    assert keys(table) == []


def test_full_key_is_a_warning(table: Engine, warnings: list[str]) -> None:
    signal_on(table)
    table.connection.execute(
        "insert into app.payments select i, case when i <= 999 then '1' else '2' end, 'paid', 1"
        " from generate_series(1, 1000) as i"
    )
    assert warnings == []
    table.connection.execute(
        "insert into app.payments select i, (i % 2 + 1)::text, 'paid', 1"
        " from generate_series(1, 10) as i"
    )
    assert keys(table).count("1") == 1000
    assert keys(table).count("2") == 6
    assert len(warnings) == 1
    assert "has not sent 4 of 10 signals" in warnings[0]
    assert "4 without room" in warnings[0]


def test_full_database_is_a_warning(table: Engine, warnings: list[str]) -> None:
    signal_on(table)
    table.connection.execute(
        "insert into stepgres.signals"
        " (signal, key, payload, sent_by, sent_at, expires_at, is_new)"
        " select 'paid', 'x' || i, '1', 'x', now(), now() + interval '1 day', false"
        " from generate_series(1, 99999) as i"
    )
    insert(table, (1, "1", "paid", 1))
    assert warnings == []
    insert(table, (2, "2", "paid", 1))
    assert len(warnings) == 1
    assert "1 without room" in warnings[0]
    assert table.rows("select count(*) from app.payments") == [2]


def test_stepgres_that_is_gone_is_a_warning(table: Engine, warnings: list[str]) -> None:
    signal_on(table)
    with table.connection.transaction(force_rollback=True):
        table.connection.execute("drop schema stepgres cascade")
        insert(table, (1, "1", "paid", 1))
        assert "may not send signals any more" in warnings[-1]


def test_lock_timeout_of_the_user_is_a_warning(
    table: Engine, db: Database, warnings: list[str]
) -> None:
    signal_on(table)
    table.connection.execute("set lock_timeout = '10ms'")
    for name in ("signals", "workers"):
        with db.connect() as upgrade, upgrade.transaction():
            upgrade.execute(f"lock table stepgres.{name} in access exclusive mode".encode())
            insert(table, (1, "1", "paid", 1))
        assert warnings.pop() == (
            'table app.payments has not sent 1 signals "paid":'
            " canceling statement due to lock timeout"
        )
    assert table.rows("select count(*) from app.payments") == [2]
    insert(table, (2, "2", "paid", 1))
    assert keys(table) == ["2"]


def test_deadlock_with_an_upgrade_is_a_warning(table: Engine, db: Database) -> None:
    signal_on(table)
    told: list[str] = []
    with Sessions(db) as sessions:
        user = sessions.connect()  # finds a deadlock at once
        user.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
        upgrade = sessions.connect()
        upgrade.execute("set deadlock_timeout = '1h'")
        user.execute("begin")
        user.execute("select from app.payments")
        with upgrade.transaction():
            upgrade.execute("lock table stepgres.signals in access exclusive mode")
            done = sessions.until_blocked(
                upgrade,
                lambda: upgrade.execute("lock table app.payments in access exclusive mode"),
            )
            user.execute("insert into app.payments values (1, '1', 'paid', 1)")
            user.execute("commit")
            done.result(PATIENCE)
    assert told == ['table app.payments has not sent 1 signals "paid": deadlock detected']
    assert table.rows("select count(*) from app.payments") == [1]


# Costs


def test_many_rows_of_a_long_transaction_delay_nobody(table: Engine, db: Database) -> None:
    table.define("order", step("pay", wait_for="paid", key="$.id"), step("ship", "pay"))
    table.connection.execute(
        "insert into app.payments select i, i::text, 'new', 1 from generate_series(1, 10000) as i"
    )
    signal_on(table)
    waiting = table.start("order", {"id": 5})
    with db.connect() as user, user.transaction():
        user.execute("update app.payments set status = 'paid'")
        subtransactions: LiteralString = (
            "select count(*) from pg_locks where pid = %s and locktype = 'transactionid'"
        )
        assert table.rows(subtransactions, user.info.backend_pid) == [1]
        table.connection.execute("set lock_timeout = '1ms'")
        other = table.colleague("other")
        other.call("tick")
        run_id = other.start("order", {"id": 6})
        other.call("cancel_workflow_run", run_id=other.start("order", {"id": 7}))
        assert other.claim() == []
        table.call("send_signal_by_key", signal="paid", key="6")
        other.call("tick")
        assert other.claim_one().run_id == run_id
    for _ in range(11):
        table.call("tick")
    assert table.steps(waiting)["pay"] == "completed"
    assert len(keys(table)) == 10_001


def test_commit_notifies_the_workers_once(table: Engine, db: Database) -> None:
    signal_on(table)
    with db.connect() as listener:
        listener.execute("listen stepgres_queue_default")
        with table.connection.transaction():
            insert(table, (1, "1", "paid", 1), (2, "2", "paid", 1))
        table.connection.execute("notify stepgres_queue_default, 'end'")
        told = listener.notifies(timeout=PATIENCE, stop_after=2)
        assert [notification.payload for notification in told] == ["", "end"]


def test_statement_without_matching_rows_writes_nothing(table: Engine) -> None:
    signal_on(table)
    with table.connection.transaction():
        insert(table, (1, "1", "new", 1))
        table.connection.execute("update app.payments set amount = 2 where false")
        count: LiteralString = (
            "select count(*) from pg_locks where pid = pg_backend_pid()"
            " and relation = 'stepgres.signals'::regclass"
        )
        assert table.rows(count) == [0]


# Rights


@pytest.fixture(scope="module")
def installed(server: Server) -> Iterator[Installation]:
    with installation(server.postgres) as found:
        yield found


@pytest.fixture
def owner(installed: Installation) -> Iterator[Engine]:
    """client_1 owns a table that client_2 writes."""
    with installed.engine("postgres") as superuser:
        superuser.connection.execute(
            "drop schema if exists app cascade; create schema app authorization client_1;"
            " grant usage on schema app to public"
        )
    with installed.engine("client_1") as engine:
        engine.connection.execute(
            "create table app.payments (id int, order_id text, status text, amount int);"
            " create table app.secrets (word text);"
            " grant insert, update, select, trigger on app.payments to public"
        )
        yield engine
    with installed.connect("postgres") as connection:
        connection.execute("delete from stepgres.signals; drop schema app cascade")


def test_only_the_owner_of_a_table_makes_and_drops_it(
    installed: Installation, owner: Engine
) -> None:
    for login in ("client_2", "worker_1", "admin_1"):
        with installed.engine(login) as engine:
            with refused("SG026", f'role "{login}" is not the owner of table app.payments'):
                signal_on(engine)
            with refused("SG026"):
                engine.call("drop_signal_on", table_name="app.payments", signal="paid")
    for login in ("observer_1", "approver_1", "stranger"):
        with (
            installed.engine(login) as engine,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            signal_on(engine)
    signal_on(owner)
    assert owner.call("drop_signal_on", table_name="app.payments", signal="paid") is True


def test_condition_has_the_rights_of_the_owner_whoever_writes(
    installed: Installation, owner: Engine
) -> None:
    owner.connection.execute("insert into app.secrets values ('paid')")
    owner.connection.execute(
        "create function app.is_paid(status text) returns boolean language sql as"
        " $$ select current_user = 'client_1' and exists ("
        " select from app.secrets as s where s.word = status) $$"
    )
    signal_on(owner, "app.is_paid(new.status)")
    with installed.engine("stranger") as stranger:
        insert(stranger, (1, "1", "paid", 1))
    with installed.engine("postgres") as superuser:
        query: LiteralString = "select key, sent_by from stepgres.signals"
        assert superuser.rows(query) == [("1", "stranger")]


def test_condition_does_not_have_the_rights_of_stepgres(
    installed: Installation, owner: Engine
) -> None:
    with refused("SG003", "permission denied for table"):
        signal_on(owner, "exists (select from stepgres.runs)")
    owner.connection.execute(
        "create function app.peek() returns boolean language plpgsql as"
        " $$ begin return exists (select from stepgres.runs) is not null; end $$"
    )
    signal_on(owner, "app.peek()")
    insert(owner, (1, "1", "paid", 1))
    with installed.engine("postgres") as superuser:
        assert superuser.rows("select from stepgres.signals") == []


def test_function_of_the_owner_is_no_trigger_for_others(
    installed: Installation, owner: Engine
) -> None:
    signal_on(owner)
    (function,) = owner.rows(
        "select tgfoid::regproc::text from pg_trigger where tgname ~ '^stepgres.*insert$'"
    )
    with installed.connect("client_2") as other:
        other.execute("create temp table mine (order_id text, status text)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute(
                "create trigger steal after insert on mine referencing new table as stepgres_new"
                f" for each statement execute function {function}()".encode()
            )


def test_admin_of_the_server_makes_it_for_the_owner(installed: Installation, owner: Engine) -> None:
    with installed.engine("postgres") as superuser:
        signal_on(superuser, "current_user = 'client_1'")
        insert(superuser, (1, "1", "new", 1))
        assert keys(superuser) == ["1"]
        superuser.connection.execute(
            "alter table app.payments owner to stranger; grant usage on schema app to stranger"
        )
        with refused("SG026", 'role "stranger", the owner of table app.payments, may not send'):
            signal_on(superuser)
        superuser.connection.execute("alter table app.payments owner to client_1")


def test_owner_who_loses_the_right_to_send_fails_no_statement(
    installed: Installation, owner: Engine
) -> None:
    signal_on(owner)
    with installed.engine("postgres") as superuser:
        superuser.connection.execute("revoke stepgres_client from client_1")
        try:
            insert(superuser, (1, "1", "paid", 1))
            assert keys(superuser) == []
        finally:
            superuser.connection.execute("grant stepgres_client to client_1")
    insert(owner, (1, "1", "paid", 1))
