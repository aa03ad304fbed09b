"""The examples of a page of the documentation, tried out."""

from __future__ import annotations

import re
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.servers import find_psql

DOCS = Path(__file__).parents[2] / "docs"


class Example(NamedTuple):
    """A block of code, and the heading that it stands under."""

    heading: str
    language: str
    text: str


def examples(page: Path) -> list[Example]:
    """The examples of a page, in their order."""
    heading, found = "", []
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(
        r"^#+ ([^\n]*)$|^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    ):
        heading = match[1] or heading
        if match[2]:
            found.append(Example(heading, match[2], match[3]))
    return found


def blocks(page: Path, language: str) -> list[str]:
    """The texts of the examples in one language."""
    return [example.text for example in examples(page) if example.language == language]


def run_python(page: Path, heading: str = "") -> tuple[dict[str, Any], list[str]]:
    """What the examples in Python define, executed one after the other, and what each prints.

    With a heading, only the examples under headings that begin so. The clients are closed.
    """
    names: dict[str, Any] = {}
    printed = []
    for example in examples(page):
        if example.language == "python" and example.heading.startswith(heading):
            before = names.get("client")
            with redirect_stdout(StringIO()) as output:
                exec(compile(example.text, page, "exec"), names)
            printed.append(output.getvalue())
            if before is not None and before is not names["client"]:
                before.close()
    names["client"].close()
    return names, printed


def psql(dsn: str, *options: str) -> list[str]:
    """The command for psql to execute what it reads, and print rows alone."""
    plain = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
    return [str(find_psql()), *plain, *options, f"--dbname={dsn}"]


def run_psql(dsn: str, text: str) -> str:
    """What psql prints for a script that it executes without a complaint."""
    result = subprocess.run(psql(dsn), input=text, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, ""), text
    return result.stdout
