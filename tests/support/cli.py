"""What a command has printed, and what it looks like on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import Any

from click.testing import Result

from tests.support.waiting import PATIENCE
from tests.support.workers import ROOT, STEPGRES

Cli = Callable[..., Result]  # the fixture: it takes the arguments of `stepgres`

WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from stepgres.cli import main; main()"


def printed(result: Result) -> Any:
    """The JSON that a command has printed, when all went well."""
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def rows(result: Result) -> list[list[str]]:
    """The cells of a table that a command has printed, with its heads, when all went well."""
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.split() for line in result.stdout.splitlines()]


def refusal(result: Result) -> tuple[int, str]:
    """The exit code and the error of a command that has printed nothing else."""
    assert result.stdout == ""
    (error,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    return result.exit_code, error.removeprefix("Error: ")


def on_terminal(dsn: str, *arguments: Any, columns: int = 200, has_rich: bool = True) -> str:
    """All that a command that ends well draws on a terminal."""
    terminal, own = os.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [STEPGRES] if has_rich else [sys.executable, "-c", WITHOUT_RICH]
    environment = {name: v for name, v in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    environment |= {"STEPGRES_DSN": dsn, "TERM": "xterm-256color", "LINES": "24"}
    process = subprocess.Popen(
        [*command, *map(str, arguments)],
        stdin=own,
        stdout=own,
        stderr=own,
        cwd=ROOT,
        env=environment,
    )
    os.close(own)
    drawn = b""
    try:
        while block := os.read(terminal, 65536):
            drawn += block
    except OSError:  # what Linux says at the end of a terminal
        pass
    os.close(terminal)
    assert process.wait(PATIENCE) == 0, drawn
    return drawn.decode()
