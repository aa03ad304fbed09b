"""A browser without a window, if there is one on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def launched() -> Iterator[Any]:
    """Chromium, driven by Playwright; the test is skipped where either is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine (on Debian: apt install chromium)")
    with playwright.sync_playwright() as session:
        # Chromium refuses to put itself in a sandbox as root
        browser = session.chromium.launch(
            executable_path=program, chromium_sandbox=os.getuid() != 0
        )
        yield browser
        browser.close()


def foreign(url: str, address: str) -> list[str]:
    """The address of a request that goes elsewhere."""
    return [] if url.startswith((f"http://{address}/", "data:")) else [url]
