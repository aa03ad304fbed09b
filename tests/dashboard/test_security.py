"""Who may look, who may act, and what a browser is told."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import sql
from starlette.requests import Request

import stepgres._dashboard
from stepgres import AsyncClient
from stepgres._dashboard.action_table import ACTIONS
from stepgres._dashboard.local import OnePerson
from stepgres.web import dashboard
from tests.conftest import Database
from tests.support.dashboards import FORM, browsing
from tests.support.engine import Engine, step

HERE = Path(stepgres._dashboard.__file__).parent
PATHS = ["/", "/nowhere", "/runs/x", "/api/version", "/api/openapi.json", "/static/style.css"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(browser: httpx.Client, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == (
        "max-age=31536000, immutable" if path.startswith("/static") else "no-store"
    )


def test_templates_have_neither_scripts_nor_styles() -> None:
    """The policy would refuse them."""
    inline = re.compile(r"<style|\sstyle=|<script(?! src)|\son[a-z]+=|javascript:", re.IGNORECASE)
    files = [*HERE.glob("templates/*.html"), *HERE.glob("*.py"), *HERE.glob("pages/*.py")]
    assert len(files) > 10
    assert [f.name for f in files if inline.search(f.read_text(encoding="utf-8"))] == []


def test_templates_mark_no_value_as_safe() -> None:
    for file in HERE.glob("templates/*.html"):
        text = file.read_text(encoding="utf-8")
        assert "safe" not in re.findall(r"\|\s*(\w+)", text), file
        assert "autoescape" not in text, file


LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
HEADERS: list[tuple[str, str, dict[str, str], bool]] = [
    ("GET", "/", {}, True),
    ("GET", "/", {"sec-fetch-site": "none"}, True),
    ("GET", "/", {"sec-fetch-site": "same-origin"}, True),
    ("GET", "/", LINK, True),
    ("GET", "/", {**LINK, "sec-fetch-dest": "iframe"}, False),
    ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, False),
    ("GET", "/api/list_queues", {"sec-fetch-site": "cross-site"}, False),
    ("GET", "/api/list_queues", {"sec-fetch-site": "same-site"}, False),
    ("GET", "/api/list_queues", {"origin": "https://evil.example"}, False),
    ("GET", "/live", {"sec-fetch-site": "cross-site"}, False),
    ("POST", "/actions/x", {"sec-fetch-site": "cross-site"}, False),
    ("POST", "/actions/x", {"sec-fetch-site": "same-site"}, False),
    ("POST", "/actions/x", LINK, False),
    ("POST", "/actions/x", {"origin": "https://evil.example"}, False),
    ("POST", "/actions/x", {"origin": "null"}, False),
    ("POST", "/actions/x", {"origin": "http://HOST"}, True),
    ("POST", "/actions/x", {"origin": "http://HOST", "sec-fetch-site": "same-origin"}, True),
    ("POST", "/actions/x", {}, True),
]


@pytest.mark.parametrize(("method", "path", "headers", "is_let_in"), HEADERS)
def test_other_sites_are_refused(
    browser: httpx.Client, method: str, path: str, headers: dict[str, str], is_let_in: bool
) -> None:
    host = browser.base_url.netloc.decode()
    given = {name: value.replace("HOST", host) for name, value in headers.items()}
    answer = browser.request(method, path, headers=given)
    assert (answer.status_code != 403) == is_let_in
    assert ("other sites" in answer.text) != is_let_in


async def role_of(request: Request) -> Any:
    role = request.headers.get("x-role")
    return True if role == "true" else role


def test_authorize_gives_roles(db: Database) -> None:
    with browsing(db.dsn, authorize=role_of) as browser:
        for path in [*PATHS, "/live"]:
            assert browser.get(path).status_code == 403
        assert browser.get("/", headers={"x-role": "viewer"}).status_code == 200
        assert "read-only" in browser.get("/", headers={"x-role": "viewer"}).text
        assert "read-only" not in browser.get("/", headers={"x-role": "operator"}).text


def test_role_of_another_kind_is_an_error(db: Database) -> None:
    app = dashboard(AsyncClient(db.dsn), authorize=role_of)
    with pytest.raises(TypeError, match='"viewer", "operator" or None, not True'):
        ask(app, "http://localhost/", **{"x-role": "true"})


@pytest.mark.parametrize("options", [{"read_only": True}, {"authorize": lambda _: "viewer"}])
def test_viewers_change_nothing(db: Database, engine: Engine, options: dict[str, Any]) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order", {})
    before = engine.snapshot()
    with browsing(db.dsn, **options) as browser:
        assert "<button>Pause" not in browser.get(f"/runs/{run_id}").text
        for method, action in ACTIONS.items():
            path = f"/runs/bulk/{method}" if action.is_bulk else f"/actions/{method}"
            form = {"run_id": str(run_id), "from_steps": "a", "signal": "x", "status": "started"}
            answer = browser.post(path, data=form)
            assert answer.status_code == 403, method
            assert "you may look, and not act" in answer.text
            document = {"run_id": str(run_id)} if not action.is_bulk else {"status": "started"}
            answer = browser.post(f"/api/{method}", json=document)
            assert answer.status_code == 403, method
            assert answer.json()["error"]["code"] == "SG026"
    assert engine.snapshot() == before


def test_forms_and_json_are_not_mixed_up(browser: httpx.Client) -> None:
    assert browser.post("/actions/cancel_workflow_run", json={}).status_code == 415
    assert browser.post("/api/cancel_workflow_run", data={"run_id": "x"}).status_code == 415
    plain = browser.post(
        "/api/cancel_workflow_run", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert plain.status_code == 415
    large = browser.post("/actions/cancel_workflow_run", content=b"x" * 4_000_001, headers=FORM)
    assert large.status_code == 413
    many = browser.post("/actions/cancel_workflow_run", content=b"a=1&" * 3000, headers=FORM)
    assert many.status_code == 400
    assert browser.post("/actions/drop_everything", data={}).status_code == 404
    assert browser.get("/actions/cancel_runs").status_code == 404
    assert browser.get("/runs/bulk/cancel_workflow_run").status_code == 404


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/elsewhere", ""]
)
def test_action_leads_to_no_other_site(browser: httpx.Client, engine: Engine, back: str) -> None:
    engine.define("order", step("a"))
    form = {"run_id": str(engine.start("order", {})), "back": back}
    answer = browser.post("/actions/pause_workflow_run", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ops/")


def test_missing_right_is_said(db: Database, server: Any) -> None:
    """The error of the database is shown, and is no error of the server."""
    server.admin.execute("drop role if exists dashboard_guest")
    server.admin.execute("create role dashboard_guest login")
    try:
        with browsing(f"{db.dsn} user=dashboard_guest") as browser:
            answer = browser.get("/")
            assert answer.status_code == 403
            assert "permission denied for schema stepgres" in answer.text
            error = browser.get("/api/list_queues").json()["error"]
            assert error["code"] == "42501"
    finally:
        server.admin.execute(sql.SQL("drop role dashboard_guest"))


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"let in"})


def ask(app: Any, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The answer of an application, without a server."""

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.request(method, url, headers=headers)

    return asyncio.run(answer())


LOCAL = "http://127.0.0.1:8060"


def local(bind: str = "127.0.0.1") -> OnePerson:
    return OnePerson(_echo, "secret", bind)


def test_token_lets_one_person_in() -> None:
    app = local()
    assert ask(app, f"{LOCAL}/").status_code == 401
    assert ask(app, f"{LOCAL}/?token=wrong").status_code == 401
    answer = ask(app, f"{LOCAL}/runs/x?token=secret&status=failed")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/x?status=failed")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("stepgres-token-8060=secret;")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert ask(app, f"{LOCAL}/runs/x", cookie="stepgres-token-8060=secret").text == "let in"
    assert ask(app, f"{LOCAL}/runs/x", cookie="stepgres-token-8061=secret").status_code == 401
    assert ask(app, f"{LOCAL}/?token=secret", "POST").status_code == 401
    other = ask(app, f"{LOCAL}//evil.example/?token=secret")
    assert other.headers["location"] == "/evil.example/"
    assert ask(app, f"{LOCAL}/api/x", "POST", authorization="Bearer secret").text == "let in"


@pytest.mark.parametrize(
    ("host", "bind", "is_known"),
    [
        ("127.0.0.1:8060", "127.0.0.1", True),
        ("localhost:8060", "127.0.0.1", True),
        ("[::1]:8060", "::1", True),
        ("evil.example:8060", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("box.example:8060", "box.example", True),
        ("box.example:8060", "0.0.0.0", True),
    ],
)
def test_only_known_names_of_the_machine_are_served(host: str, bind: str, is_known: bool) -> None:
    answer = ask(local(bind), f"http://{host}/", authorization="Bearer secret")
    assert answer.status_code == (200 if is_known else 400)
