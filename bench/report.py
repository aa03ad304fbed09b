"""Tables of figures: on the terminal, as JSON, in Markdown pages, and as bar charts in SVG."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from rich.table import Table as RichTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.measure import Figures

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "performance.md"]
CHARTS = ROOT / "docs"

_SECTION = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_CHART = re.compile(r"!\[[^]]*\]\(([\w-]+)\.svg\)")
_BAR, _GAP, _LABELS, _WIDTH = 18, 8, 230, 760  # pixels
_COLOURS = ("#336791", "#8fb3cf", "#c9d8e4")


@dataclass(frozen=True)
class Column:
    key: str
    heading: str
    format: str = ",.0f"

    def text(self, figures: Figures) -> str:
        return format(figures[self.key], self.format) if self.key in figures else ""


PER_SECOND = Column("per_second", "steps/s")
SERVER = Column("server_us", "server CPU µs/step")
CLIENTS = Column("clients_us", "clients CPU µs/step")
WAL = Column("wal", "WAL B/step")
OF_PGMQ = Column("per_second_of_base", "of pgmq", ".2f")


@dataclass(frozen=True)
class Table:
    """The medians of a benchmark by row, with a title that says which processes were measured."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: dict[str, Figures]
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    bars: Sequence[str] = ()  # keys of the columns in the chart

    def rich(self) -> RichTable:
        table = RichTable(title=self.title, title_justify="left", title_style="bold")
        table.add_column("", no_wrap=True)
        for column in self.columns:
            table.add_column(column.heading, justify="right")
        for name, figures in self.rows.items():
            table.add_row(name, *(column.text(figures) for column in self.columns))
        return table

    def markdown(self) -> str:
        lines = [
            "| | " + " | ".join(column.heading for column in self.columns) + " |",
            "| --- |" + " ---: |" * len(self.columns),
        ]
        for name, figures in self.rows.items():
            cells = " | ".join(column.text(figures) for column in self.columns)
            lines.append(f"| {name} | {cells} |")
        return "\n".join(lines) + "\n"

    def svg(self) -> str:
        """A bar for each row and each column in `bars`."""
        columns = [column for column in self.columns if column.key in self.bars]
        most = max(f.get(c.key, 0.0) for f in self.rows.values() for c in columns) or 1.0
        parts = []
        y = 2 * _GAP
        for number, column in enumerate(columns):
            x = _LABELS + number * 180
            parts.append(f'<rect x="{x}" y="{y - 4}" width="10" height="10" {_fill(number)}/>')
            parts.append(f'<text x="{x + 16}" y="{y + 5}">{escape(column.heading)}</text>')
        y += 2 * _GAP
        for name, figures in self.rows.items():
            middle = y + len(columns) * _BAR / 2 + 4
            parts.append(
                f'<text x="{_LABELS - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>'
            )
            for number, column in enumerate(columns):
                width = (_WIDTH - _LABELS - 70) * figures.get(column.key, 0.0) / most
                parts.append(
                    f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" '
                    f"{_fill(number)}/>"
                )
                parts.append(
                    f'<text x="{_LABELS + width + 5:.1f}" y="{y + 12}">'
                    f"{column.text(figures)}</text>"
                )
                y += _BAR
            y += _GAP
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" '
            f'font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
        )


def _fill(number: int) -> str:
    return f'fill="{_COLOURS[number % len(_COLOURS)]}"'


def write_results(directory: Path, machine: dict[str, Any], tables: Sequence[Table]) -> Path:
    """Write results.json and the charts, and return the path of results.json."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "results.json"
    document = {"machine": machine, "tables": [asdict(table) for table in tables]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for table in tables:
        if table.bars:
            (directory / f"{table.name}.svg").write_text(table.svg(), encoding="utf-8")
    return path


def read_results(path: Path) -> tuple[dict[str, Any], dict[str, Table]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    tables = {}
    for table in document["tables"]:
        columns = [Column(**column) for column in table.pop("columns")]
        tables[table["name"]] = Table(**table, columns=columns)
    return document["machine"], tables


def write_pages(path: Path, pages: Sequence[Path] = PAGES, charts: Path = CHARTS) -> list[str]:
    """Fill the sections of pages from results.json, and return the names of missing tables.

    A section begins with `<!-- bench: NAME -->` and ends with `<!-- end -->`. The section of a
    missing table stays as it is. The section `machine` says where the figures are from.
    """
    machine, tables = read_results(path)
    missing = []
    sections = {name: table.markdown() for name, table in tables.items()}
    sections["machine"] = _machine_text(machine)

    def fill_section(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in sections:
            missing.append(name)
            return match.group()
        return f"{begin}\n{sections[name]}\n{end}"

    for page in pages:
        text = _SECTION.sub(fill_section, page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
        for name in _CHART.findall(text):
            if name in tables:
                (charts / f"{name}.svg").write_text(tables[name].svg(), encoding="utf-8")
    return missing


def _machine_text(machine: dict[str, Any]) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in machine["settings"].items())
    text = (
        f"Measured on {machine['measured_at'][:10]} at commit {machine['commit']}. "
        f"Hardware: {machine['processors']} processors ({machine['processor']}), "
        f"{machine['memory_gb']} GB, {machine['file_system']}. "
        f"Load of the machine before: {machine['load_before']:.1f}. "
        f"Python {machine['python']}, psycopg {machine['psycopg']}. PostgreSQL: {settings}."
    )
    return fill(text, 100, break_on_hyphens=False) + "\n"
