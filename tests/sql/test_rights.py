"""What members of each role can do, and what they cannot, on an installation with roles."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.support.engine import Engine, refused, step
from tests.support.roles import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Server

_numbers = count(1)
TASKS = Jsonb([{"id": "ship"}])


@pytest.fixture(scope="module")
def installed(server: Server) -> Iterator[Installation]:
    with installation(server.postgres) as found:
        yield found


@pytest.fixture
def app(installed: Installation) -> Iterator[Engine]:
    """A client."""
    with installed.engine("client_1") as engine:
        yield engine


@pytest.fixture
def worker(installed: Installation) -> Iterator[Engine]:
    with installed.connect("worker_1") as connection:
        yield Engine(connection)


@pytest.fixture
def approver(installed: Installation) -> Iterator[Engine]:
    with installed.engine("approver_1") as engine:
        yield engine


@pytest.fixture
def admin(installed: Installation) -> Iterator[Engine]:
    with installed.engine("admin_1") as engine:
        yield engine


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"name_{next(_numbers)}"


def save(engine: Engine, tasks: Any = TASKS, **options: Any) -> dict[str, Any]:
    row = engine.connection.execute(
        "select to_jsonb(g) from stepgres.save_task_graph(goal => 'x', tasks => %s,"
        " workflow_slug => %s, defaults => %s, task_graph_id => %s) as g",
        [
            tasks,
            options.get("workflow_slug"),
            Jsonb(options.get("defaults", {})),
            options.get("task_graph_id"),
        ],
    ).fetchone()
    assert row
    found: dict[str, Any] = row[0]
    return found


# Task graphs touch nothing but their own workflows


def test_client_cannot_replace_a_workflow_by_a_task_graph(
    app: Engine, worker: Engine, name: str
) -> None:
    version = worker.define(name, step("pay"), step("ship_paid", "pay"))
    with refused("SG007", f'workflow "{name}" was not made by task graphs'):
        save(app, workflow_slug=name)
    assert app.call("get_flow", workflow_id=name)["version"] == version


def test_task_graph_whose_workflow_was_built_by_steps_is_refused_for_admins_too(
    admin: Engine, name: str
) -> None:
    admin.call("create_flow", name=name)
    with refused("SG007", "was not made by task graphs"):
        save(admin, workflow_slug=name)


def test_task_graph_is_not_started_once_its_workflow_was_defined_otherwise(
    app: Engine, worker: Engine, approver: Engine, name: str
) -> None:
    graph = save(app, workflow_slug=name)
    approver.call("approve_task_graph", task_graph_id=graph["task_graph_id"])
    version = worker.define(name, step("pay"))
    with refused("SG007", f'workflow "{name}" was not made by task graphs'):
        app.call("start_task_graph", task_graph_id=graph["task_graph_id"])
    assert app.call("get_flow", workflow_id=name)["version"] == version


def test_two_task_graphs_of_a_client_may_share_a_workflow(
    app: Engine, approver: Engine, name: str
) -> None:
    for task_id in "ab":
        graph = save(app, Jsonb([{"id": task_id}]), workflow_slug=name)
        approver.call("approve_task_graph", task_graph_id=graph["task_graph_id"])
        app.call("start_task_graph", task_graph_id=graph["task_graph_id"])
    assert app.call("get_flow", workflow_id=name)["version"] == 2


# Options of task graphs do not exceed the rights of the caller

FORBIDDEN = [
    ("sql_function", "public.pay"),
    ("transactional", True),
    ("queue", "vip"),
    ("priority", 100),
    ("resources", {"gpu": True}),
]


@pytest.mark.parametrize(("option", "value"), FORBIDDEN)
def test_client_cannot_set_what_workers_execute_in_a_task_graph(
    app: Engine, option: str, value: Any
) -> None:
    tasks = [{"id": "a", "subtasks": [{"id": "b", "options": {option: value}}]}]
    with refused("SG026", 'task "a/b": role "client_1" may not set the option', option):
        save(app, Jsonb(tasks))


@pytest.mark.parametrize(("option", "value"), FORBIDDEN[2:])
def test_client_cannot_set_queue_or_priority_as_a_default_of_a_task_graph(
    app: Engine, option: str, value: Any
) -> None:
    with refused("SG026", 'role "client_1" may not set the option', option):
        save(app, defaults={option: value})


def test_client_sets_the_options_that_concern_its_own_tasks(app: Engine) -> None:
    options = {"max_attempts": 2, "timeout": 5, "condition": "$.a", "queue": None}
    assert save(app, Jsonb([{"id": "a", "options": options}]), defaults={"deadline": 60})


def test_worker_sets_queue_and_priority_of_tasks(worker: Engine) -> None:
    assert save(worker, defaults={"queue": "vip", "priority": 3})


def test_only_those_who_may_optimize_start_a_task_graph_optimized(
    app: Engine, approver: Engine, admin: Engine
) -> None:
    graph_id = save(app)["task_graph_id"]
    approver.call("approve_task_graph", task_graph_id=graph_id)
    with refused("SG026", 'role "client_1" may not optimize workflow'):
        app.call("start_task_graph", task_graph_id=graph_id, optimization_level="basic")
    admin.call("start_task_graph", task_graph_id=graph_id, optimization_level="basic")


def test_rights_are_those_of_the_role_that_the_session_has_set(installed: Installation) -> None:
    with installed.engine("postgres") as engine:
        assert save(engine, defaults={"queue": "vip"})
        engine.connection.execute("set role client_2")
        with refused("SG026", 'role "client_2" may not set the option "queue"'):
            save(engine, defaults={"queue": "vip"})


# Approving is a right of its own


@pytest.mark.parametrize("login", ["client_1", "worker_1", "observer_1"])
@pytest.mark.parametrize("function", ["approve_task_graph", "reject_task_graph"])
def test_only_approvers_and_admins_decide_on_task_graphs(
    installed: Installation, login: str, function: str
) -> None:
    more = {"reason": "no"} if function == "reject_task_graph" else {}
    with (
        installed.engine(login) as engine,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=function),
    ):
        engine.call(function, task_graph_id="x", **more)


def test_approver_reads_decides_and_nothing_else(approver: Engine, app: Engine) -> None:
    graph_id = save(app)["task_graph_id"]
    approver.call("get_task_graph", task_graph_id=graph_id)
    approver.call("reject_task_graph", task_graph_id=graph_id, reason="no")
    for function, arguments in (
        ("save_task_graph", {"goal": "x", "tasks": TASKS}),
        ("start_task_graph", {"task_graph_id": graph_id}),
        ("start_workflow_run", {"workflow_slug": "x", "input": TASKS}),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            approver.call(function, **arguments)


def test_approval_is_of_the_task_graph_that_was_read(app: Engine, approver: Engine) -> None:
    graph = save(app)
    graph_id = graph["task_graph_id"]
    evil = save(app, Jsonb([{"id": "evil"}]), task_graph_id=graph_id)
    assert evil["fingerprint"] != graph["fingerprint"]
    with refused("SG008", f'task graph "{graph_id}" has changed since it was read') as refusal:
        approver.call(
            "approve_task_graph", task_graph_id=graph_id, fingerprint=graph["fingerprint"]
        )
    assert "get_task_graph" in refusal.hint
    with refused("SG020"):
        app.call("start_task_graph", task_graph_id=graph_id)
    approver.call("approve_task_graph", task_graph_id=graph_id, fingerprint=evil["fingerprint"])
    app.call("start_task_graph", task_graph_id=graph_id)


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": Jsonb([{"id": "ship", "description": "Ship it twice"}])},
        {"tasks": Jsonb([{"id": "ship", "options": {"max_attempts": 9}}])},
        {"workflow_slug": "another"},
        {"defaults": {"timeout": 1}},
    ],
)
def test_fingerprint_changes_with_whatever_there_is_to_approve(
    app: Engine, change: dict[str, Any]
) -> None:
    graph = save(app)
    again = save(app, task_graph_id=graph["task_graph_id"])
    changed = save(app, task_graph_id=graph["task_graph_id"], **change)
    assert again["fingerprint"] == graph["fingerprint"] != changed["fingerprint"]


# Channels are read by those that they are given to


READS = {
    "read_messages": {},
    "acknowledge": {"message_id": "1"},
    "message_history": {},
    "get_message": {"message_id": "1"},
    "listen": {},
    "catch_up": {"after": "0"},
}


@pytest.mark.parametrize("function", READS)
def test_client_reads_only_channels_that_it_is_given(
    installed: Installation, app: Engine, admin: Engine, name: str, function: str
) -> None:
    app.call("send_with_notify", channel=name, message=Jsonb(1))
    app.call(function, channel=name, **READS[function])  # its role has made the channel
    with installed.engine("client_2") as other:
        with refused("SG026", f'role "client_2" may not read channel "{name}"') as refusal:
            other.call(function, channel=name, **READS[function])
        assert f"grant_channel('{name}', 'client_2')" in refusal.hint
        for role in ("client_2", "stepgres_client", "public"):
            admin.call("grant_channel", channel=name, role=role)
            other.call(function, channel=name, **READS[function])
            assert admin.call("revoke_channel", channel=name, role=role) is True
            with refused("SG026"):
                other.call(function, channel=name, **READS[function])


@pytest.mark.parametrize("login", ["worker_1", "admin_1"])
def test_workers_and_admins_read_all_channels(
    installed: Installation, app: Engine, name: str, login: str
) -> None:
    app.call("create_channel", channel=name)
    with installed.engine(login) as engine:
        for function, arguments in READS.items():
            engine.call(function, channel=name, **arguments)


def test_observer_looks_at_all_channels(installed: Installation, app: Engine, name: str) -> None:
    app.call("send_with_notify", channel=name, message=Jsonb(1))
    with installed.engine("observer_1") as engine:
        assert engine.call("message_history", channel=name) == "1"


def test_role_that_made_a_channel_can_lose_it(admin: Engine, app: Engine, name: str) -> None:
    app.call("create_channel", channel=name)
    assert admin.call("revoke_channel", channel=name, role="client_1") is True
    assert admin.call("revoke_channel", channel=name, role="client_1") is False
    with refused("SG026"):
        app.call("read_messages", channel=name)


def test_channel_of_events_is_read_by_every_client(app: Engine, worker: Engine, name: str) -> None:
    worker.define(name, step("a"), events="run")
    worker.start(name)
    assert app.call("message_history", channel="workflow_events")
    worker.drain()


def test_channel_is_granted_before_anything_is_sent_to_it(
    admin: Engine, app: Engine, installed: Installation, name: str
) -> None:
    admin.call("grant_channel", channel=name, role="client_2")
    app.call("send_with_notify", channel=name, message=Jsonb(1))
    with refused("SG026"):
        app.call("read_messages", channel=name)
    with installed.engine("client_2") as other:
        assert other.call("read_messages", channel=name) == "1"


def test_grant_that_cannot_be_is_refused(admin: Engine, name: str) -> None:
    for role in ("nobody_of_that_name", None, ""):
        with refused("SG003", "there is no role"):
            admin.call("grant_channel", channel=name, role=role)
    with refused("SG021", f'channel "{name}" does not exist'):
        admin.call("revoke_channel", channel=name, role="client_1")
    for channel in (None, "no channel"):
        with refused("SG016"):
            admin.call("grant_channel", channel=channel, role="client_1")


def test_clients_do_not_give_channels_away(app: Engine, name: str) -> None:
    for function in ("grant_channel", "revoke_channel"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.call(function, channel=name, role="client_1")


# Types


@pytest.mark.parametrize(
    "statement",
    [
        "create temp table t (r stepgres.runs)",
        "create temp table t (r stepgres.runs[])",
        "create temp table t (r stepgres.slug)",
        "create temp table t as select g from stepgres.list_task_graphs() as g",
        "create temp view t as select g from stepgres.list_task_graphs() as g",
        "create function pg_temp.f(stepgres.runs) returns int language sql as 'select 1'",
    ],
)
@pytest.mark.parametrize("login", ["client_1", "worker_1", "observer_1", "stranger"])
def test_nobody_stands_in_the_way_of_an_upgrade_by_using_types(
    installed: Installation, login: str, statement: str
) -> None:
    with (
        installed.connect(login) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_members_call_functions_without_a_right_on_types(
    installed: Installation, worker: Engine, name: str
) -> None:
    worker.define(name, step("a"))
    run_id = worker.start(name)
    assert [item.step_slug for item in worker.drain()] == ["a"]
    assert worker.output(run_id) is None
    save(worker)
    with installed.connect("observer_1") as connection:
        for call in (
            "stepgres.list_workflow_runs()", "stepgres.list_task_graphs()", "stepgres.runs",
            "stepgres.list_flows()", "stepgres.run_events", "stepgres.tasks", "stepgres.steps",
            "stepgres.metrics",
        ):  # fmt: skip
            assert connection.execute(f"select * from {call}".encode()).fetchone()


def test_listening_from_a_position_is_refused_for_a_channel_of_others(
    admin: Engine, app: Engine, name: str
) -> None:
    """It would tell the name on which payloads are notified."""
    admin.call("create_channel", channel=name)
    with refused("SG026", name):
        app.call("listen", channel=name, after="0")


# Signals


def test_clients_send_signals_and_observers_list_them(
    installed: Installation, app: Engine, worker: Engine, name: str
) -> None:
    worker.define(name, step("ask", wait_for="x", key="$.id"))
    run_id = app.start(name, {"id": name})
    app.call("send_signal", run_id=run_id, signal="note")
    app.call("send_signal_by_key", signal="x", key=name)
    worker.call("tick")
    assert app.output(run_id) is None
    for login in ("observer_1", "approver_1"):
        with installed.engine(login) as engine:
            found = engine.rows("select sent_by from stepgres.list_signals(%s)", run_id)
            assert found == ["client_1", "client_1"]
            assert engine.rows("select from stepgres.list_waits(%s)", run_id) == []
            for function, arguments in (
                ("send_signal", {"run_id": run_id, "signal": "x"}),
                ("send_signal_by_key", {"key": "1", "signal": "x"}),
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match=function):
                    engine.call(function, **arguments)


# Approvals


def test_only_approvers_and_admins_decide(
    installed: Installation, app: Engine, worker: Engine, name: str
) -> None:
    worker.define(name, step("ask", approval={"title": "x", "quorum": 2}))
    run_id = app.start(name)
    query: LiteralString = "select wait_id from stepgres.list_approvals(run_id => %s)"
    for login in ("client_1", "worker_1", "observer_1"):
        with installed.engine(login) as engine:
            (wait_id,) = engine.rows(query, run_id)
            for function, arguments in (("approve", {}), ("reject", {"comment": "no"})):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match=function):
                    engine.call(function, wait_id=wait_id, **arguments)
    for login in ("approver_1", "admin_1"):
        with installed.engine(login) as engine:
            engine.call("approve", wait_id=wait_id, decided_by=f"boss of {login}")
    decisions = app.output(run_id)["decisions"]
    assert [(d["login"], d["decided_by"]) for d in decisions] == [
        ("approver_1", "boss of approver_1"),
        ("admin_1", "boss of admin_1"),
    ]


def test_internal_functions_of_signal_on_are_for_those_who_may_call_it(
    installed: Installation,
) -> None:
    internal: LiteralString = (
        "select array_agg(proname::text order by proname) from pg_proc"
        " where pronamespace = 'stepgres'::regnamespace and proname ~ '^_'"
        " and has_function_privilege(%s, oid, 'execute')"
    )
    expected = ["_own_table", "_row_signal_body", "_send_row_signals", "_signal_trigger"]
    with installed.engine("postgres") as engine:
        for login in ("client_1", "worker_1", "admin_1"):
            assert engine.rows(internal, login) == [expected]
        for login in ("observer_1", "approver_1", "stranger"):
            assert engine.rows(internal, login) == [None]


# Schedules

OPERATORS_OF_SCHEDULES = {
    "update_schedule": {},
    "pause_schedule": {},
    "resume_schedule": {},
    "trigger_schedule": {},
    "backfill_schedule": {"since": "2026-01-01", "until": "2026-01-01"},
    "delete_schedule": {},
}


def test_workers_declare_schedules_and_admins_operate_them(
    installed: Installation, app: Engine, worker: Engine, admin: Engine, name: str
) -> None:
    worker.define(name, step("a"))
    declaration = {"schedule_slug": name, "workflow_slug": name, "cron": "@yearly"}
    worker.call("create_schedule", **declaration)
    for login in ("client_1", "worker_1", "observer_1", "approver_1"):
        with installed.engine(login) as engine:
            assert engine.call("get_schedule", schedule_slug=name)["workflow_slug"] == name
            assert engine.rows("select from stepgres.list_schedules(%s)", name) != []
            assert engine.call("preview_schedule", cron_or_slug=name) is not None
            for function, arguments in OPERATORS_OF_SCHEDULES.items():
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match=function):
                    engine.call(function, schedule_slug=name, **arguments)
    for login in ("client_1", "observer_1", "approver_1"):
        with (
            installed.engine(login) as engine,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="create_schedule"),
        ):
            engine.call("create_schedule", **declaration)
    for function, arguments in OPERATORS_OF_SCHEDULES.items():
        admin.call(function, schedule_slug=name, **arguments)
    assert len(worker.drain()) == 2  # of trigger and backfill


@pytest.mark.parametrize("login", ["client_1", "worker_1", "observer_1", "approver_1"])
def test_members_read_metrics_and_only_admins_switch_them(
    installed: Installation, login: str
) -> None:
    with installed.engine(login) as engine:
        for function in ("list_metrics", "list_throughput"):
            assert engine.rows(f"select count(*) from stepgres.{function}()") > [1]
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="switch_metrics"):
            engine.call("switch_metrics", is_on=False)
    with installed.engine("admin_1") as engine:
        for is_on in (False, True):
            engine.call("switch_metrics", is_on=is_on)
