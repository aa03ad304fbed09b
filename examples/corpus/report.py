"""The report: as files for later, and as tables on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.columns import Columns
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    Report = Mapping[str, Any]
    Rows = Sequence[Mapping[str, Any]]


def write_report(report: Report, directory: Path) -> list[Path]:
    """Write report.json and report.md, and return where they are."""
    paths = [directory / "report.json", directory / "report.md"]
    document = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    for path, text in zip(paths, (document, _markdown(report)), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def print_report(report: Report, console: Console) -> None:
    """Print the top of both summaries, side by side where there is room, and what it comes to."""
    tables = [
        _rich_table(report["folders"][:8], "folder", "files", "lines"),
        _rich_table(report["most_used"][:8], "name", "uses", "files"),
    ]
    console.print(Columns(tables, padding=(0, 4)))
    for sentence in _sentences(report):
        console.print(sentence, markup=False)


def _sentences(report: Report) -> list[str]:
    totals, run, check = report["totals"], report["run"], report["check"]
    sentences = [
        "{files:,} files, {copies:,} of them copies of others; {unreadable:,} are not readable.",
        "{lines:,} lines, {tokens:,} tokens, {names:,} different names.",
    ]
    sentences = [sentence.format(**totals) for sentence in sentences]
    processes = "1 process" if run["processes"] == 1 else f"{run['processes']} processes"
    sentences.append(
        f"{len(run['steps'])} steps with {run['tasks']:,} tasks took {run['seconds']:.1f} s in"
        f" {processes}; a plain loop takes {check['seconds']:.1f} s."
    )
    if run["seconds"] < check["seconds"]:
        sentences.append(
            f"Stepgres was {check['seconds'] / run['seconds']:.1f} times as fast as the loop."
        )
    else:
        sentences.append(
            f"Stepgres was {run['seconds'] / check['seconds']:.1f} times as slow as the loop: more"
            " processes, or more work in each task, would change that."
        )
    differences = [
        f"{name} are {totals[name]:,} in the workflow and {count:,} in the plain loop"
        for name, count in check["totals"].items()
        if totals[name] != count
    ]
    if differences:
        sentences.append(f"MISMATCH: {', '.join(differences)}.")
    else:
        sentences.append("Checked: the plain loop comes to the same totals.")
    return sentences


def _markdown(report: Report) -> str:
    totals = report["totals"]
    counts = [
        {"total": name, "workflow": totals[name], "plain loop": count}
        for name, count in report["check"]["totals"].items()
    ]
    unreadable = [{"file": path, "error": error} for path, error in report["unreadable"].items()]
    return "\n\n".join(
        [
            f"# `{report['pattern']}` in `{report['folder']}`",
            *_sentences(report),
            _markdown_table(counts, "total", "workflow", "plain loop"),
            "## Folders",
            _markdown_table(report["folders"], "folder", "files", "lines", "tokens"),
            "## Names",
            _markdown_table(report["most_used"], "name", "uses", "files"),
            "## Steps",
            _markdown_table(report["run"]["steps"], "step", "tasks", "seconds"),
            "## Files that could not be read",
            _markdown_table(unreadable, "file", "error") if unreadable else "None.",
            "",
        ]
    )


def _markdown_table(rows: Rows, *columns: str) -> str:
    lines = [columns, ["---", *("--:" for _ in columns[1:])]]
    lines += [[_cell(row[column]).replace("|", "\\|") for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rich_table(rows: Rows, *columns: str) -> Table:
    table = Table(box=SIMPLE)
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    return table


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return " ".join(value.split())  # file names may have line breaks
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
