"""What docs/operating.md tells to run can be run, with the rights that it names."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import stepgres
from tests.conftest import Server
from tests.support.waiting import join
from tests.support.workers import register_and_start
from tests.support.workflows import workflow

ROOT = Path(__file__).parents[2]
FLOW = workflow(("only", lambda i: i), execution="distributed")


def blocks() -> list[str]:
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    return [
        textwrap.dedent(block) for block in re.findall(r"^ *```sql\n(.*?)```", text, re.M | re.S)
    ]


def run(dsn: str, statements: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statements.encode())
        return cursor.fetchall() if cursor.description else []


def test_roles_and_queries_of_the_manual(server: Server) -> None:
    roles, logins, repeat_tick, *others = blocks()
    with server.postgres.cluster() as cluster:
        cluster.start()

        def of(user: str) -> str:
            return make_conninfo(cluster.dsn, user=user)

        run(cluster.dsn, roles)
        run(cluster.dsn, "grant create on database postgres to stepgres_owner")
        stepgres.install(of("stepgres_owner"))
        run(cluster.dsn, logins)
        with stepgres.Client(of("app_worker")) as client:
            (run_id,) = register_and_start(client, FLOW, [1])
            answers = [
                run(of("monitoring" if query.startswith("select") else "stepgres_owner"), query)
                for query in others
                if "pgmq.metrics" not in query
            ]
            (of_pgmq,) = [query for query in others if "pgmq.metrics" in query]
            run(of("app_worker"), repeat_tick)
            assert run(of("stepgres_owner"), of_pgmq)[0][:2] == ("default", 0)
            assert [rows[0][:2] for rows in answers[:2]] == [("default", 1), ("default", {})]
            client.add_subscriber(run_id=run_id, every_change=True)
            worker = stepgres.Worker(client, [FLOW])
            thread = Thread(target=worker.run)
            thread.start()
            assert client.wait_for_run(run_id).output == 1
            worker.stop()
            join(thread)
            past = client.catch_up_events(run_id=run_id)
            new = client.catch_up_events(run_id=run_id, after=past[-1].position)
            assert "workflow_completed" in [event.event_type for event in new]
        with stepgres.Client(of("app")) as client:
            assert client.get_run_status(run_id).status == "completed"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                client.register_worker()


def test_roles_that_are_made_later_get_their_rights_from_the_grants(server: Server) -> None:
    with server.postgres.cluster() as cluster:
        cluster.start()
        stepgres.install(cluster.dsn)
        run(cluster.dsn, "create role stepgres_observer; create role looks login")
        run(cluster.dsn, "grant stepgres_observer to looks")
        dsn = make_conninfo(cluster.dsn, user="looks")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(dsn, "select stepgres.version()")
        run(cluster.dsn, (ROOT / "sql/src/grants.sql").read_text("utf-8"))
        assert run(dsn, "select stepgres.version()") == [(stepgres.__version__,)]
