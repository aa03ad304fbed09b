"""Workers with different code on one queue: several apps, and several versions of one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

import stepgres
from stepgres import Client
from tests.conftest import Database
from tests.support.steps import Plain
from tests.support.waiting import wait_until
from tests.support.workers import register_and_start, running_worker, worker_ids, worker_process
from tests.support.workflows import workflow


def echo(input: Any) -> Any:
    return input


def chain(slug: str, *names: str) -> Any:
    return workflow(*((name, echo) for name in names), slug=slug)


def current_version(client: Client, slug: str) -> int:
    return next(f.current_version for f in client.list_flows() if f.workflow_slug == slug)


def test_workers_of_other_apps_send_each_ticket_on_at_most_once(
    db: Database, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    own = chain("own", "a", "b", "c")
    others = chain("first", "a"), chain("second", "a")
    with ExitStack() as stack:
        for flow in (*others, own):
            stack.enter_context(running_worker(db.dsn, flow))
        for run_id in register_and_start(client, own, range(20)):
            client.wait_for_run(run_id)
    assert "is not known here" not in caplog.text
    with db.connect() as connection:
        # so many tickets were sent: one a step, and one more where a stranger came first
        query = "select sum(last_value) from pg_sequences where sequencename ~ '^q_stepgres_'"
        (sent,) = connection.execute(query).fetchone() or (0,)
        assert sent <= 2 * 60
        assert connection.execute("select from stepgres.timers").fetchall() == []


def test_rolling_deployment_executes_each_run_with_the_code_of_its_version(
    db: Database, client: Client
) -> None:
    def deploy(number: int) -> Any:
        steps = [(name, lambda _: number) for name in ("a", "b")]
        return workflow(*steps, ("c", lambda i: [i["a"], i["b"]], {"depends_on": ["a", "b"]}),
                        timeout=number)  # fmt: skip

    old, new = deploy(1), deploy(2)
    with running_worker(db.dsn, old), running_worker(db.dsn, new):
        runs = register_and_start(client, new, range(30))
        outputs = [client.wait_for_run(run_id).output for run_id in runs]
        with running_worker(db.dsn, old):  # one that restarts
            runs = client.start_workflow_runs("demo", range(5))
            outputs += [client.wait_for_run(run_id).output for run_id in runs]
    assert outputs == [[2, 2]] * 35


def test_runs_of_the_old_version_go_on_with_new_code(db: Database, client: Client) -> None:
    old = workflow(("a", echo), ("b", lambda i: "old"))
    new = workflow(("a", echo, {"max_attempts": 9}), ("b", lambda i: "new"), ("c", echo))
    (run_id,) = register_and_start(client, old)
    with running_worker(db.dsn, new):
        assert client.wait_for_run(run_id).output == "new"


def test_renamed_step_waits_for_a_worker_that_has_it(db: Database, client: Client) -> None:
    old, new = chain("demo", "a", "b"), chain("demo", "a", "renamed")
    (run_id,) = register_and_start(client, old)
    with running_worker(db.dsn, new):
        wait_until(lambda: [s.step_slug for s in client.why_stuck(run_id)] == ["b"])
        (stuck,) = client.why_stuck(run_id)
        assert stuck.waits_for == "knowledge"
        assert 'step "b" of workflow "demo", version 1' in stuck.detail
        with running_worker(db.dsn, old):
            client.wait_for_run(run_id)


def test_old_worker_that_restarts_leaves_the_current_version_alone(
    db: Database, client: Client
) -> None:
    old, new = chain("demo", "a"), chain("demo", "a", "b")
    with running_worker(db.dsn, old), running_worker(db.dsn, new):
        assert current_version(client, "demo") == 2
    with running_worker(db.dsn, old):
        assert current_version(client, "demo") == 2
    with running_worker(db.dsn, old, make_current=True):
        assert current_version(client, "demo") == 1


def test_command_makes_an_old_definition_current_if_it_is_told_to(
    db: Database, client: Client
) -> None:
    document = stepgres.describe(Plain).document
    client.register_workflow(document)
    client.register_workflow({**document, "timeout": 7})
    slug = document["workflow_slug"]
    for options, version in (((), 2), (("--make-current",), 1)):
        client.register_workflow({**document, "timeout": 7}, make_current=True)
        with worker_process(db.dsn, "Plain", options=options):
            wait_until(lambda: worker_ids(db.dsn))
            assert current_version(client, slug) == version
        with db.connect() as connection:
            connection.execute("select stepgres.unregister_worker(worker_id) from stepgres.workers")


def test_executor_of_an_old_definition_leaves_the_current_version_alone(client: Client) -> None:
    old, new = chain("demo", "a"), chain("demo", "a", "b")
    for flow in (old, new, old):
        stepgres.Executor(client).execute(flow, 1)
    assert current_version(client, "demo") == 2
