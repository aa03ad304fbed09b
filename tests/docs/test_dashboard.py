"""docs/dashboard.md: its applications serve the dashboard, with the roles that it says."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.conftest import Database
from tests.support.pages import DOCS, examples
from tests.support.webserver import serving

PAGE = DOCS / "dashboard.md"


def test_applications_serve_the_dashboard(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asgi: Any = ModuleType("django.core.asgi")
    asgi.get_asgi_application = lambda: _django
    monkeypatch.setitem(sys.modules, "django.core.asgi", asgi)
    names: dict[str, Any] = {}
    for example in examples(PAGE):
        if example.language == "python":
            text = example.text.replace("postgresql://user@host/database", db.dsn)
            exec(compile(text, PAGE, "exec"), names)
    with serving(names["app"]) as address:
        assert httpx.get(f"http://{address}/ops/").status_code == 403
        page = httpx.get(f"http://{address}/ops/", headers={"x-user": "bob"})
        assert "read-only" in page.text
        page = httpx.get(f"http://{address}/ops", headers={"x-user": "ada"}, follow_redirects=True)
        assert "<h1>Runs</h1>" in page.text

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(names["application"])
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as browser:
            return await browser.get(path, headers={"x-user": "ada"})

    assert asyncio.run(ask("/elsewhere")).text == "django"
    openapi = asyncio.run(ask("/ops/api/openapi.json")).json()
    assert openapi["servers"] == [{"url": "/ops"}]


async def _django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"django"})
