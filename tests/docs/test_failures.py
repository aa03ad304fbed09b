"""docs/failures.md: what it shows works."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from stepgres import Client, WorkflowFailed
from tests.conftest import Database
from tests.support.pages import DOCS, blocks, run_psql, run_python
from tests.support.waiting import join, wait_until
from tests.support.workers import running_worker

PAGE = DOCS / "failures.md"


class Hook(BaseHTTPRequestHandler):
    """A webhook that keeps what it gets, and hangs up on the first call.

    An answer such as 503 would be held by the error of urllib, and warn when that is collected.
    """

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen: list[Any] = self.server.seen  # type: ignore[attr-defined]
        seen.append((self.path, self.headers["Idempotency-Key"], body))
        if len(seen) > 1:
            self.send_response(200)
            self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Mailbox(socketserver.StreamRequestHandler):
    """A server for mail that keeps what it gets."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().decode().strip():
            command = line.split()[0].upper()
            if command == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.seen.append(b"".join(lines).decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if command == "QUIT" else b"250 fine\r\n")


@contextmanager
def serving(server: Any) -> Iterator[tuple[str, list[Any]]]:
    """The address of the server, and what it has got."""
    server.seen = []
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield "{}:{}".format(*server.server_address), server.seen
    finally:
        server.shutdown()
        join(thread)
        server.server_close()


def fail(client: Client, workflow: Any, input: Any = None) -> tuple[UUID, UUID]:
    """A run that fails, and the run that this starts, which has completed."""
    run_id = client.start_workflow_run(workflow, input)
    found = wait_until(lambda: client.get_run(run_id), lambda run: run.failure_run_id)
    assert found.failure_run_id is not None
    handler = client.get_run(found.failure_run_id)
    assert (handler.failure_of, handler.workflow_slug) == (run_id, found.on_failure)
    client.wait_for_run(found.failure_run_id)
    return run_id, found.failure_run_id


@pytest.fixture
def names(db: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page defines."""
    monkeypatch.setenv("STEPGRES_DSN", db.dsn)
    with db.connect() as connection:
        connection.execute("create table seats (run_id uuid)")
    names, _ = run_python(PAGE)
    return names


def test_webhook_and_chat(
    db: Database, client: Client, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = names["Order"]
    names["CallWebhook"].base_delay = 0.01
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Hook)) as (address, calls):
        monkeypatch.setenv("WEBHOOK_URL", f"http://{address}/hook")
        monkeypatch.setenv("CHAT_URL", f"http://{address}/chat")
        with running_worker(db.dsn, order, names["CallWebhook"]):
            run_id, _ = fail(client, order, {"total": 7})
        assert [(path, key) for path, key, _ in calls] == [("/hook", str(run_id))] * 2
        assert calls[0][2] == calls[1][2]
        error = 'step "charge" failed: NonRetryable: the card has expired'
        assert (calls[0][2]["error"], calls[0][2]["input"]) == (error, {"total": 7})
        order.on_failure = names["TellChat"]
        with running_worker(db.dsn, order, names["TellChat"]):
            fail(client, order)
        assert calls[2:] == [("/chat", None, {"text": f"order failed at charge: {error}"})]


def test_mail(
    db: Database, client: Client, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_TO", "ann@example.com")
    names["Order"].on_failure = names["SendMail"]
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)) as (address, mails):
        monkeypatch.setenv("SMTP_SERVER", address)
        with running_worker(db.dsn, names["Order"], names["SendMail"]):
            run_id, _ = fail(client, names["Order"])
    (mail,) = mails
    assert f"Message-ID: <{run_id}@example.com>" in mail
    assert "Subject: order has failed" in mail
    assert "the card has expired" in mail


def test_saga_inside_the_workflow(db: Database, client: Client, names: dict[str, Any]) -> None:
    with running_worker(db.dsn, names["Trip"]):
        trip = client.start_workflow_run(names["Trip"], {"name": "Ann"})
        with pytest.raises(WorkflowFailed, match='step "confirm" failed'):
            client.wait_for_run(trip)
    steps = {s.step_slug: (s.status, s.output) for s in client.get_run(trip).steps}
    assert steps["flight"] == ("skipped", None)
    assert steps["cancel_hotel"] == ("completed", "cancelled: hotel for Ann")


def test_saga_by_on_failure(db: Database, client: Client, names: dict[str, Any]) -> None:
    with (
        redirect_stdout(StringIO()) as printed,
        running_worker(db.dsn, names["Tour"], names["UndoTour"]),
    ):
        run_id, _ = fail(client, names["Tour"])
    lines = printed.getvalue().splitlines()
    assert lines == [f"pay back 90 of {run_id}/pay", f"cancel hotel of {run_id}/hotel"]
    with db.connect() as connection:
        assert connection.execute("select from seats").fetchall() == []
    (query,) = blocks(PAGE, "sql")
    assert run_psql(db.dsn, query) == ""


def test_failure_that_started_nothing_is_listed(
    db: Database, client: Client, names: dict[str, Any]
) -> None:
    client.delete_flow("call_webhook")
    with running_worker(db.dsn, names["Order"]):
        run_id = client.start_workflow_run("order", None)
        wait_until(lambda: client.get_run(run_id).on_failure_error)
    (query,) = blocks(PAGE, "sql")
    printed = run_psql(db.dsn, query)
    assert f"{run_id}" in printed
    assert 'workflow "call_webhook" does not exist' in printed
