"""A queue is paused and resumed in Chromium, with a worker beside it."""

from __future__ import annotations

from typing import Any

from stepgres import Client, Workflow, step
from tests.conftest import Database
from tests.dashboard.test_browser import Open, chromium, open_page, same_document, wait_for_text
from tests.support.waiting import wait_until
from tests.support.workers import running_worker

__all__ = ["chromium", "open_page"]


class Parcels(Workflow):
    """Parcels."""

    @staticmethod
    @step
    def send(input: dict[str, Any]) -> str:
        return "sent"


def test_queue_is_paused_and_resumed_while_a_worker_works(
    open_page: Open, db: Database, client: Client
) -> None:
    client.register_workflow(Parcels)
    with running_worker(db.dsn, Parcels):
        page = open_page("/queues")
        row = 'tr[data-key="queue-default"]'
        wait_for_text(page, row, "open")
        page.click(f"{row} summary:has-text('Pause')")
        assert "stepgres.pause_queue" in page.inner_html(row)
        page.click(f"{row} button:has-text('Pause')")
        wait_for_text(page, "#flash", "The queue is paused.")
        wait_for_text(page, row, "paused")
        run_id = client.start_workflow_run("parcels", {})
        with same_document(page):
            wait_for_text(page, row, "1")
        page.click(f"{row} a")
        wait_for_text(page, "h1", "Queue default")
        run = open_page(f"/runs/{run_id}")
        wait_for_text(run, "main", 'queue "default" is paused since')
        page.click("summary:has-text('Resume')")
        page.click("button:has-text('Resume')")
        wait_for_text(page, "#flash", "The queue is open again.")
        wait_until(lambda: client.get_run_status(run_id).status == "completed")
        wait_for_text(run, "h1", "completed")
