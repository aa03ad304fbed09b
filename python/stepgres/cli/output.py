"""Print the output of commands: tables for people, JSON for programs.

Tables are plain text. On a terminal the package rich, if installed, fits tables to the width and
colours the tables. Piped tables have the same columns, uncut.
"""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import click

from stepgres._durations import two_units
from stepgres._postgres.jsonable import jsonable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import Console

_STYLES = {
    "completed": "green",
    "failed": "bold red",
    "cancelled": "red",
    "started": "cyan",
    "paused": "yellow",
    "waiting": "yellow",
    "skipped": "dim",
    "created": "dim",
}


_NARROWEST = 20  # the least width of a cut column


class Column(NamedTuple):
    """The head of a column. A terminal cuts or wraps a long text if the column allows."""

    head: str
    is_number: bool = False
    when_long: Literal["overflow", "cut", "wrap"] = "overflow"


def takes_quiet(command: Any) -> Any:
    """Give a command the option --quiet."""
    return click.option("--quiet", "-q", is_flag=True, help="Print the ids alone.")(command)


def takes_json(command: Any) -> Any:
    """Give a command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def rich_console(file: IO[str] | None) -> Console | None:
    """Return a console with colours if the file is a terminal and rich is installed, else None."""
    if file is None or not file.isatty():  # None: standard output is closed
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(file=file, highlight=False, markup=False)
    return console if console.is_terminal else None


def print_json(value: Any) -> None:
    """Print a value, with the fields of its objects."""
    click.echo(json.dumps(jsonable(value), indent=2))


def print_json_array(values: Iterable[Any]) -> None:
    """Print an array value by value, so that few values are in memory."""
    separator = "["
    for value in values:
        text = json.dumps(jsonable(value), indent=2).replace("\n", "\n  ")
        click.echo(f"{separator}\n  {text}", nl=False)
        separator = ","
    click.echo("[]" if separator == "[" else "\n]")


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads. None is an empty cell."""
    texts = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    console = rich_console(sys.stdout)
    if console is not None:
        _print_rich_table(console, columns, texts)
        return
    lines = [[column.head for column in columns], *texts]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if column.is_number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _print_rich_table(
    console: Console, columns: Sequence[Column], texts: Sequence[Sequence[str]]
) -> None:
    from rich.table import Table
    from rich.text import Text

    natural = [
        max(map(len, cells))
        for cells in zip([column.head for column in columns], *texts, strict=True)
    ]
    least = [
        width if column.when_long == "overflow" else min(width, _NARROWEST)
        for width, column in zip(natural, columns, strict=True)
    ]
    # Ids are not cut, since half an id is useless. A narrow terminal continues on its next line.
    console.width = max(console.width, sum(least) + 2 * len(columns))
    room = console.width - sum(least) - 2 * len(columns)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, column in enumerate(columns):
        if column.when_long == "cut":
            more = min(room, natural[i] - least[i])
            least[i], room = least[i] + more, room - more
        table.add_column(
            column.head,
            justify="right" if column.is_number else "left",
            min_width=least[i],
            no_wrap=column.when_long != "wrap",
            overflow="fold",
        )
    for row in texts:
        cells = [
            f"{text[: width - 1]}…" if column.when_long == "cut" and len(text) > width else text
            for text, width, column in zip(row, least, columns, strict=True)
        ]
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    console.print(table)


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Print a line for each name and its value, without the values that are None."""
    given = [(name, value) for name, value in fields if value is not None]
    width = max(len(name) for name, _ in given) + 1
    for name, value in given:
        click.echo(f"{name + ':':<{width}}  {printable(str(value))}")


def printable(text: str) -> str:
    """Escape control characters, since an untrusted text could move the cursor or set colours."""
    text = text.replace("\n", " ").replace("\t", " ")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def json_text(value: Any, most: int = 1_000) -> str:
    """Return a JSON value on one line, cut to `most` characters."""
    text = json.dumps(jsonable(value), ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def local_time(moment: datetime | None) -> str | None:
    """Return a time in the time zone of this machine, to the second."""
    return None if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def duration_text(seconds: float) -> str:
    """Return seconds in their two largest units: 0.05 s, 12.3 s, 5 min 3 s, 2 h 10 min, 3 d 4 h."""
    return f"{max(seconds, 0):.2f} s" if seconds < 1 else two_units(seconds)
