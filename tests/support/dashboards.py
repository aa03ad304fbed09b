"""The dashboard on a server of its own, and a client of its pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.routing import Mount

from stepgres import AsyncClient
from stepgres._dashboard.action_table import ACTIONS
from stepgres.cli import main
from stepgres.web import dashboard
from tests.support.engine import Engine
from tests.support.waiting import PATIENCE
from tests.support.webserver import serving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@contextmanager
def dashboard_served(dsn: str, path: str = "", **options: Any) -> Iterator[str]:
    """The address of a dashboard that is mounted under a path."""
    client = AsyncClient(dsn)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    mounted = Mount(path or "/", dashboard(client, **options))
    with serving(Starlette(routes=[mounted], lifespan=lifespan)) as address:
        yield f"http://{address}{path}"


@contextmanager
def browsing(dsn: str, path: str = "", **options: Any) -> Iterator[httpx.Client]:
    """A client whose addresses begin at the dashboard."""
    with (
        dashboard_served(dsn, path, **options) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as browser,
    ):
        yield browser


def assert_sql_and_command_do(
    dsn: str, engine: Engine, method: str, given: dict[str, str], effects: Callable[[], Any]
) -> None:
    """The SQL and the shell command beside a form do the same, and change the effects."""
    action = ACTIONS[method]
    arguments = action.arguments({name: [text] for name, text in given.items()})
    before = effects()
    with engine.connection.transaction(force_rollback=True):
        engine.connection.execute(action.sql(arguments).encode())
        by_sql = effects()
    assert by_sql != before
    program, *words = shlex.split(action.command(arguments) or "")
    assert program == "stepgres"
    result = CliRunner().invoke(main, [*words, "--dsn", dsn])
    assert result.exit_code == 0, result.output
    assert effects() == by_sql


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\x07"


def assert_hostile_is_text(page: httpx.Response) -> None:
    """A page shows HOSTILE as a text, and nothing of it acts."""
    text = page.text
    assert page.status_code == 200, text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    # fields and SQL have the exact text, and are isolated from the text around them
    fields = r"<textarea.*?</textarea>|<code>.*?</code>|<option.*?</option>|<input[^>]*>"
    shown = re.sub(fields, "", text, flags=re.DOTALL)
    for character in "\x1b\x07\u202e":
        assert character not in shown
    assert "\\u202e" in shown
