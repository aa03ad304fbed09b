"""The dashboard in Chromium, with a worker beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stepgres import Client, Workflow, step
from stepgres.workflow import wait_for_signal
from tests.conftest import Database
from tests.dashboard.test_logs import line, report, send
from tests.support.chromium import foreign, launched
from tests.support.dashboards import dashboard_served
from tests.support.engine import Engine
from tests.support.engine import step as step_of
from tests.support.waiting import wait_until
from tests.support.workers import running_worker

HOSTILE = "<img src=x onerror=alert(1)> \x1b[31m \u202eabc " + "x" * 3_000


class Orders(Workflow):
    """Orders of lines, which are paid by a signal."""

    @staticmethod
    @step
    def load(input: dict[str, Any]) -> list[int]:
        return list(range(input["lines"]))

    @staticmethod
    @step(depends_on=[load], map=True)
    def check(line: int) -> int:
        return line

    paid = wait_for_signal("paid", depends_on=[check])

    @staticmethod
    @step(depends_on=[paid], max_attempts=1)
    def ship(input: dict[str, Any]) -> str:
        amount = input["paid"]
        if amount == "bad":
            raise ValueError(HOSTILE)
        return f"shipped for {amount}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched() as browser:
        yield browser


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, db: Database) -> Iterator[Open]:
    """Opens pages. They send nothing elsewhere, break no policy, and raise no error."""
    problems: list[str] = []
    contexts = []
    with dashboard_served(f"{db.dsn} application_name=dashboard", "/ops") as address:

        def open(path: str = "/", **options: Any) -> Any:
            context = chromium.new_context(**options)
            contexts.append(context)
            page = context.new_page()
            page.set_default_timeout(0)
            host = address.removeprefix("http://").split("/")[0]
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: problems.extend(foreign(request.url, host)))
            page.on("console", lambda message: problems.extend(broken_policy(message.text)))
            page.goto(address + path)
            return page

        yield open
        for context in contexts:
            context.close()
    assert problems == []


def broken_policy(message: str) -> list[str]:
    return [message] if "Content Security Policy" in message else []


@contextmanager
def same_document(page: Any) -> Iterator[None]:
    """The page is not loaded again in the block."""
    page.evaluate("window.isTheSame = true")
    yield
    assert page.evaluate("window.isTheSame"), "the page was loaded again"


def wait_for_text(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => (document.querySelector(selector)?.innerText ?? '').includes(text)",
        arg=[selector, text],
    )


def test_run_is_followed_from_start_to_end(open_page: Open, db: Database, client: Client) -> None:
    client.register_workflow(Orders)
    page = open_page()
    wait_for_text(page, "#live", "Live")
    wait_for_text(page, "main", "No run matches")
    with same_document(page):
        run_id = client.start_workflow_run("orders", {"lines": 3}, tags=["eu"])
        page.wait_for_selector(f'tr[data-key="{run_id}"]')
    page.click(f'a[href$="{run_id}"]')
    wait_for_text(page, "h1", "running")
    wait_for_text(page, "section", "has no worker")
    with same_document(page), running_worker(db.dsn, Orders):
        wait_for_text(page, ".graph", "3 of 3 tasks")
        wait_for_text(page, "section", "waits for a signal")
        page.click("text=Send a signal")
        page.fill("#send_signal-signal", "paid")
        page.fill("#send_signal-payload", "1")
        # a live update changes neither the fold nor the fields
        client.start_workflow_run("orders", {"lines": 1})
        client.send_signal(run_id, "other")
        wait_for_text(page, "main", "other")
        assert page.input_value("#send_signal-signal") == "paid"
        assert page.evaluate("document.activeElement.id") == "send_signal-payload"
        assert page.get_attribute('[data-key="act-send_signal"]', "open") is not None
    with running_worker(db.dsn, Orders):
        page.click("details[open] button:has-text('Send a signal')")
        wait_for_text(page, "#flash", "The signal is sent.")
        wait_for_text(page, "h1", "completed")
        wait_for_text(page, "#output-head + pre", "shipped for 1")
    assert len(page.query_selector_all(".timeline g")) == 4
    assert page.text_content(".timeline .critical") == "◆"


def test_failure_is_shown_and_forked_with_edited_input(
    open_page: Open, db: Database, client: Client
) -> None:
    client.register_workflow(Orders)
    run_id = client.start_workflow_run("orders", {"lines": 2})
    client.send_signal(run_id, "paid", "bad")
    with running_worker(db.dsn, Orders):
        page = open_page(f"/runs/{run_id}")
        wait_for_text(page, "h1", "failed")
        wait_for_text(page, ".problem", "<img src=x onerror=alert(1)> \\x1b[31m \\u202eabc")
        wait_for_text(page, "pre.traceback", "ValueError")
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        page.click("summary:has-text('Fork')")
        page.select_option("#fork_run-from_steps", "load")
        assert '"lines": 2' in page.input_value("#fork_run-input")
        page.fill("#fork_run-input", '{"lines": 5}')
        assert "stepgres.fork_run" in (page.text_content("[data-key=same-fork_run]") or "")
        page.click("details[open] button:has-text('Fork')")
        wait_for_text(page, "#flash", "begins anew")
        assert str(run_id) not in page.url
        wait_for_text(page, ".graph", "5 of 5 tasks")
        forked = page.url.split("/")[-1]
    assert wait_until(lambda: client.get_run(forked)).forked_from == run_id


def test_runs_are_filtered_by_keyboard_alone(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    client.start_workflow_run("orders", {"lines": 1}, tags=["eu"])
    failed = client.start_workflow_run("orders", {"lines": 1}, tags=["us"])
    client.cancel_workflow_run(failed, "enough")
    page = open_page()
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    keys.press("Enter")
    for _ in range(40):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "tag":
            break
    keys.type("us")
    keys.press("Enter")
    page.wait_for_url("**tag=us**")
    assert len(page.query_selector_all("table.runs tbody tr")) == 1
    page.focus(f'a[href$="{failed}"]')
    keys.press("Enter")
    wait_for_text(page, "h1", "cancelled")
    page.focus("summary:has-text('Retry')")
    keys.press("Enter")
    page.focus("details[open] button:has-text('Retry')")
    keys.press("Enter")
    wait_for_text(page, "#flash", "A new run continues")
    wait_for_text(page, "h1", "running")


def test_5000_runs_are_cancelled_after_a_preview(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    client.start_workflow_runs("orders", [{"lines": 1}] * 5_000)
    page = open_page("/?status=started&workflow_slug=orders")
    page.click("a:has-text('Cancel all')")
    wait_for_text(page, "h1", "Cancel 5,000 runs")
    late = client.start_workflow_run("orders", {"lines": 1})
    page.fill("#cancel_runs-reason", "a storm")
    page.click("button:has-text('Cancel 5,000 runs')")
    wait_for_text(page, "#flash", "5,000 runs were cancelled.")
    assert client.get_run_status(late).status == "in_progress"
    (count,) = client.count_runs("failed")
    assert (count.runs, count.cancelled) == (5_000, 5_000)
    page.check("[data-all=run_id]")
    assert page.evaluate("document.querySelectorAll('[name=run_id]:checked').length") == 50


def test_lost_connection_is_not_noticed_for_long(
    open_page: Open, db: Database, client: Client
) -> None:
    client.register_workflow(Orders)
    page = open_page()
    wait_for_text(page, "#live", "Live")
    with same_document(page):
        for _ in range(2):
            with db.connect() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'dashboard'"
                )
            run_id = client.start_workflow_run("orders", {"lines": 1})
            page.wait_for_selector(f'tr[data-key="{run_id}"]')
            wait_for_text(page, "#live", "Live")


def test_page_polls_where_a_proxy_holds_the_stream_back(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    page = open_page()
    page.route("**/live", lambda route: None)  # never answered
    page.reload()
    wait_for_text(page, "#live", "Polling")
    with same_document(page):
        run_id = client.start_workflow_run("orders", {"lines": 1})
        page.wait_for_selector(f'tr[data-key="{run_id}"]')


def test_hidden_tab_asks_nothing(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    page = open_page()
    wait_for_text(page, "#live", "Live")
    hide = """
        (isHidden) => {
          Object.defineProperty(document, "hidden", {configurable: true, get: () => isHidden});
          document.dispatchEvent(new Event("visibilitychange"));
        }
    """
    page.evaluate(hide, True)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    run_id = client.start_workflow_run("orders", {"lines": 1})
    other = open_page()
    other.wait_for_selector(f'tr[data-key="{run_id}"]')
    with same_document(page):
        assert requests == []
        page.evaluate(hide, False)
        page.wait_for_selector(f'tr[data-key="{run_id}"]')


def test_expired_session_leads_to_the_login(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    page = open_page()
    wait_for_text(page, "#live", "Live")
    login = {"status": 200, "content_type": "text/html", "body": "<h1>Log in</h1>"}
    page.route("**/ops/", lambda route: route.fulfill(**login))
    client.start_workflow_run("orders", {"lines": 1})
    wait_for_text(page, "h1", "Log in")
    assert page.query_selector("nav") is None


def test_pages_work_without_scripts(open_page: Open, client: Client) -> None:
    client.register_workflow(Orders)
    run_id = client.start_workflow_run("orders", {"lines": 1})
    page = open_page(java_script_enabled=False)
    page.click(f'a[href$="{run_id}"]')
    page.click("summary:has-text('Cancel')")
    page.fill("#cancel_workflow_run-reason", "no script")
    page.click("details[open] button:has-text('Cancel')")
    assert page.inner_text("#flash") == "The run is cancelled."
    assert client.get_run(run_id).error == "no script"


def all_pages(client: Client, engine: Engine) -> list[str]:
    """The paths of pages with something on them."""
    client.register_workflow(Orders)
    client.start_workflow_runs("orders", [{"lines": 1}] * 60, tags=["eu", HOSTILE[:100]])
    failed = client.start_workflow_run("orders", {"text": HOSTILE}, tags=["eu"])
    client.cancel_workflow_run(failed, HOSTILE)
    active = client.start_workflow_run("orders", {"text": HOSTILE})
    client.send_signal(active, "early", HOSTILE, source=HOSTILE[:100])
    return [
        "/",
        "/?status=odd",
        f"/runs/{failed}",
        f"/runs/{active}",
        f"/runs/{active}/steps/load",
        "/runs/bulk/cancel_runs?status=started",
        f"/actions/fork_run?run_id={active}&from_steps=load",
        *pages_of_definitions(client),
        *pages_of_operations(client),
        *pages_of_logs(engine),
    ]


def pages_of_logs(engine: Engine) -> list[str]:
    """Pages of a run that has logged, and reports its progress, with long and hostile texts."""
    engine.define("logged", step_of("a", queue="logs"), step_of("each", map=True, queue="logs"))
    run_id = engine.start("logged", [1, 2, 3])
    worker = engine.colleague("logger", queues=["logs"])
    a, *tasks = sorted(worker.claim(), key=lambda item: item.place)
    report(worker, tasks[0], done=3, total=10, message=HOSTILE[:500])
    report(worker, tasks[1], done=4)
    levels = ("debug", "info", "warning", "error", "critical")
    send(worker, a, *(line(f"{HOSTILE}\n{HOSTILE}", level) for level in levels))
    send(worker, tasks[2], line(HOSTILE))
    return [f"/runs/{run_id}", f"/runs/{run_id}/steps/a", f"/runs/{run_id}/steps/each"]


def pages_of_operations(client: Client) -> list[str]:
    """Pages of queues, workers, schedules, limits and channels, with long and hostile texts."""
    long = "a_name_that_is_as_long_as_a_slug_may_be_" + "x" * 60
    worker_id = client.register_worker("w" * 100, queues=["default"])
    client.create_schedule(long, "orders", cron="0 3 * * *", input={"text": HOSTILE})
    client.create_limit(long, max_running=1)
    limited = {"step_slug": "a", "limits": [{"limit": long, "key": "$.text"}]}
    client.register_workflow({"workflow_slug": "limited", "steps": [limited]})
    client.start_workflow_runs("limited", [{"text": HOSTILE}] * 3)
    client.work(worker_id, capacity=0)
    client.create_channel("news")
    client.send_with_notify("news", {"text": HOSTILE})
    return [
        *("/queues", "/queues/default", f"/workers/{worker_id}"),
        *("/schedules", f"/schedules/{long}", f"/schedules/{long}/backfill?since=9d"),
        *("/limits", f"/limits/{long}", "/channels", "/channels/news"),
    ]


def pages_of_definitions(client: Client) -> list[str]:
    """Pages of workflows, approvals and goals, with long and hostile texts."""
    field = {"type": "string", "title": HOSTILE[:200], "description": HOSTILE[:500]}
    number = {"type": "integer", "minimum": 1, "default": 5}
    parts = {"name": field, "number": number, "yes": {"type": "boolean"}, "list": {}}
    approval = {
        "title": HOSTILE[:400],
        "description": HOSTILE,
        "assignees": ["ann", HOSTILE[:200]],
        "quorum": 2,
        "form": {"type": "object", "properties": parts, "required": ["name"]},
    }
    slug = "a_workflow_with_a_slug_that_is_as_long_as_a_name_may_be_" + "x" * 60
    old = [{"step_slug": "old"}, {"step_slug": "ask", "approval": approval}]
    new = [{"step_slug": "y" * 100}, {"step_slug": "ask", "approval": approval, "depends_on": []}]
    client.register_workflow({"workflow_slug": slug, "steps": old})
    client.register_workflow({"workflow_slug": slug, "steps": new})
    client.start_workflow_run(slug, {"text": HOSTILE})
    (found,) = client.list_approvals(workflow_slug=slug)
    client.approve(found.wait_id, {"name": HOSTILE}, HOSTILE, "ann")
    tasks: list[Any] = [
        {"id": "a", "description": HOSTILE, "acceptance_criteria": [HOSTILE[:300], "short"]},
        {"id": "g", "depends_on": ["a"], "subtasks": [{"id": "z" * 60}, {"id": "c"}]},
    ]
    goal = client.save_task_graph(HOSTILE, tasks)
    return [
        "/workflows",
        f"/workflows/{slug}",
        f"/workflows/{slug}/versions",
        "/workflows/orders/durations",
        "/approvals",
        f"/approvals/{found.wait_id}?run_id={found.run_id}",
        "/goals",
        f"/goals/{goal.id}",
    ]


# In the dark the pages have other colours, and all else is the same.
RULES_OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


@pytest.mark.parametrize(("scheme", "rules"), [("light", {}), ("dark", RULES_OF_COLOURS)])
def test_pages_are_accessible(
    open_page: Open, client: Client, engine: Engine, scheme: str, rules: dict[str, Any]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(color_scheme=scheme)
    start = page.url
    for path in all_pages(client, engine):
        page.goto(start.rstrip("/") + path)
        for summary in page.query_selector_all("summary"):
            summary.click()
        response = axe.run(page, options={"resultTypes": ["violations"], **rules}).response
        serious = [
            (path, fault["id"], [node["html"] for node in fault["nodes"]][:3])
            for fault in response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
        assert serious == []


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_overlaps_and_no_page_scrolls_sideways(
    open_page: Open, client: Client, engine: Engine, width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    start = page.url
    for path in all_pages(client, engine):
        page.goto(start.rstrip("/") + path)
        for summary in page.query_selector_all("summary"):
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(CUT) == [], path
        assert page.evaluate(OVERLAPPING) == [], path


# Texts that reach out of their box: of cells, buttons, badges and nodes of the graph.
CUT = """
Array.from(document.querySelectorAll("button, .button, .badge, .tile, summary, h1, dd"))
  .filter((e) => e.offsetWidth && e.scrollWidth > e.clientWidth + 2)
  .filter((e) => getComputedStyle(e).display !== "inline")
  .map((e) => e.outerHTML.slice(0, 200))
  .concat(Array.from(document.querySelectorAll(".graph .node")).filter((node) => {
    const box = node.querySelector(".box").getBoundingClientRect();
    return Array.from(node.querySelectorAll("text")).some((text) => {
      const inner = text.getBoundingClientRect();
      return inner.right > box.right || inner.left < box.left || inner.bottom > box.bottom + 1;
    });
  }).map((node) => node.textContent))
"""
# Buttons, links, fields and cells that lie upon each other.
OVERLAPPING = """
(() => {
  const fields = "main button, main input, main select, main textarea";
  const boxes = [...document.querySelectorAll(`${fields}, .tile, .badge, dt, dd, h1, h2, pre`)]
    .filter((e) => e.offsetWidth && !e.closest("pre pre"))
    .map((e) => [e, e.getBoundingClientRect()]);
  const found = [];
  for (const [a, one] of boxes) for (const [b, other] of boxes) {
    if (a === b || a.contains(b) || b.contains(a)) continue;
    const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (wide > 2 && high > 2) found.push([a.outerHTML.slice(0, 100), b.outerHTML.slice(0, 100)]);
  }
  return found.slice(0, 3);
})()
"""


def test_read_only_pages_offer_no_action(chromium: Any, db: Database, client: Client) -> None:
    client.register_workflow(Orders)
    run_id = client.start_workflow_run("orders", {"lines": 1})
    with dashboard_served(db.dsn, read_only=True) as address:
        page = chromium.new_page()
        for path in ("/", f"/runs/{run_id}", f"/runs/{run_id}/steps/load"):
            page.goto(address + path)
            text = page.content()
            assert re.findall(r'method="post"|data-all', text) == []
        page.close()
