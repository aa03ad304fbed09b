"""The pictures of docs/dashboard.md: STEPGRES_SCREENSHOTS names the folder that gets them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepgres import Client, Workflow, step, wait_for_signal
from tests.conftest import Database
from tests.support.chromium import launched
from tests.support.dashboards import dashboard_served
from tests.support.waiting import wait_until
from tests.support.workers import running_worker


class Orders(Workflow):
    """An order: its lines are checked in parallel, it is paid by a signal, then shipped."""

    @staticmethod
    @step
    def load(input: dict[str, Any]) -> list[int]:
        return list(range(input["lines"]))

    @staticmethod
    @step(depends_on=[load], map=True)
    def check(line: int) -> int:
        return line

    @staticmethod
    @step(depends_on=[load], max_attempts=2, base_delay=0.3)
    def reserve(input: dict[str, Any]) -> str:
        if len(input["load"]) % 4 == 0:
            raise LookupError("the warehouse has no such article")
        return "reserved"

    paid = wait_for_signal("paid", depends_on=[check, reserve])

    @staticmethod
    @step(depends_on=[load], condition="$.run.gift", when_unmet="skip")
    def wrap(input: dict[str, Any]) -> str:
        return "wrapped"

    @staticmethod
    @step(depends_on=[paid, wrap])
    def ship(input: dict[str, Any]) -> str:
        return "shipped"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched() as browser:
        yield browser


def test_pictures_are_made(chromium: Any, db: Database, client: Client, tmp_path: Path) -> None:
    folder = Path(os.environ.get("STEPGRES_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    client.register_workflow(Orders)
    chance = random.Random(1)
    steps = [{"step_slug": "s0"}]
    for i in range(1, 60):
        after = {f"s{chance.randrange(max(0, i - 8), i)}" for _ in range(chance.choice([1, 1, 2]))}
        steps.append({"step_slug": f"s{i}", "depends_on": sorted(after)})  # type: ignore[dict-item]
    client.register_workflow({"workflow_slug": "sixty", "steps": steps})
    sixty = client.start_workflow_run("sixty", {})
    with running_worker(db.dsn, Orders, concurrency=4):
        for i in range(24):
            run_id = client.start_workflow_run(
                "orders", {"lines": 4 if i % 8 == 3 else 5 + i % 3}, tags=["eu" if i % 3 else "us"]
            )
            if i < 20:
                client.send_signal(run_id, "paid", {"amount": 12})
        wait_until(lambda: sum(run.runs for run in client.count_runs("started")) == 5)
        wait_until(lambda: len(client.list_waits(kind="signal")) == 4)
        failed = client.list_workflow_runs("failed", limit=1)[0].run_id
        waiting = wait_until(lambda: client.list_waits(kind="signal"))[0].run_id
    with dashboard_served(db.dsn) as address:
        for name, path, scheme, width in (
            ("runs", "/", "light", 1100),
            ("run", f"/runs/{failed}", "light", 1100),
            ("waiting", f"/runs/{waiting}", "dark", 1100),
            ("graph", f"/runs/{sixty}", "light", 1100),
            ("phone", f"/runs/{failed}", "dark", 360),
        ):
            page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(address + path)
            page.wait_for_function("() => document.getElementById('live').innerText === 'Live'")
            if page.query_selector("details[data-key=traceback]"):
                page.click("summary:has-text('Traceback')")  # its paths are those of a machine
            page.screenshot(path=folder / f"{name}.png", animations="disabled")
            page.close()
            assert (folder / f"{name}.png").stat().st_size < 300_000
