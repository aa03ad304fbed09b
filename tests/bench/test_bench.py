"""The benchmarks yield figures; no test judges how fast anything is."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.__main__ import BENCHMARKS
from bench.peers.installation import PEERS, NotInstalled, run
from bench.report import PAGES, Column, Table, read_results, write_pages, write_results
from bench.shapes import SHAPES
from tests.support.waiting import PATIENCE

CHECKOUT = Path(__file__).parents[2]
TABLES = {
    "throughput": {"throughput", "starts", "steps_per_second", "hot"},
    "latency": {"calls", "hops", "wake_up"},
    "workers": {"workers", "idle"},
    "growth": {"growth", "large_runs"},
    "limits": {"limits"},
    "history": {"history", "calls_beside_history"},
    "seen": {"seen"},
    "dashboard": {"dashboard", "scrape"},
    "snapshot": {"snapshot"},
    "optimizer": {"optimizer"},
}
MACHINE = {
    "measured_at": "2026-01-02T03:04:05+00:00",
    "commit": "abc",
    "processor": "a processor",
    "processors": 2,
    "memory_gb": 4,
    "file_system": "ext4",
    "load_before": 0.5,
    "python": "3.12.0",
    "psycopg": "3.2.0",
    "settings": {"fsync": "on"},
}


def a_table(rate: float) -> Table:
    columns = [Column("per_second", "steps/s"), Column("wal", "WAL B/step", ".1f")]
    rows = {"jobs": {"per_second": rate, "wal": 2.5}, "chains": {"per_second": 10.0}}
    return Table("steps", "A table.", columns, rows, [rows], bars=["per_second"])


def test_every_benchmark_is_tested() -> None:
    assert TABLES.keys() == BENCHMARKS.keys()


@pytest.mark.parametrize("name", TABLES)
def test_benchmark_yields_figures(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", name, "--quick", "--output", str(tmp_path)]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, timeout=10 * PATIENCE
    )
    assert done.returncode == 0, done.stderr
    machine, tables = read_results(tmp_path / "results.json")
    assert machine["settings"]["fsync"] == "off"
    assert tables.keys() == TABLES[name]
    for table in tables.values():
        assert table.rows
        for row, figures in table.rows.items():
            shown = [figures[column.key] for column in table.columns]
            assert all(math.isfinite(figure) and figure >= 0 for figure in shown), (row, figures)
            # idle workers may need less than one tick of the processor's clock
            assert table.name == "idle" or any(figure > 0 for figure in shown), (row, figures)


def test_pages_name_tables_that_there_are() -> None:
    known = {"machine"}.union(*TABLES.values())
    for page in PAGES:
        names = re.findall(r"<!-- bench: (.*?) -->", page.read_text(encoding="utf-8"))
        assert names
        assert set(names) <= known


def test_results_are_written_into_pages(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- bench: steps -->\nold\n<!-- end -->\nafter\n"
        "<!-- bench: other -->\nkept\n<!-- end -->\n![A chart](steps.svg)\n"
        "<!-- bench: machine -->\n<!-- end -->\n"
    )
    for rate in (1234.5, 5678.0):  # writing again replaces the figures
        results = write_results(tmp_path, MACHINE, [a_table(rate)])
        assert write_pages(results, [page], tmp_path) == ["other"]
    text = page.read_text()
    assert "before\n<!-- bench: steps -->\n\n| | steps/s | WAL B/step |\n" in text
    assert "| jobs | 5,678 | 2.5 |\n| chains | 10 |  |\n\n<!-- end -->\nafter" in text
    assert "old" not in text
    assert "1,234" not in text
    assert "\nkept\n" in text
    assert "fsync on" in text


def test_chart_has_a_bar_for_each_row(tmp_path: Path) -> None:
    write_results(tmp_path, MACHINE, [a_table(20.0)])
    root = ET.parse(tmp_path / "steps.svg").getroot()
    bars = [e for e in root.iter() if e.tag.endswith("rect") and e.get("height") == "16"]
    long, short = (float(bar.get("width", "")) for bar in bars)
    assert long == 2 * short


def test_reason_is_given_for_a_system_that_cannot_be_installed() -> None:
    with pytest.raises(NotInstalled, match="no such package"):
        run([sys.executable, "-c", "import sys; sys.exit('first\\nno such package')"])
    with pytest.raises(NotInstalled, match="no-such-program"):
        run(["no-such-program"])


def test_peers_have_adapters_and_known_shapes() -> None:
    shapes = {shape.name for shape in SHAPES}
    for peer in PEERS:
        assert (CHECKOUT / "bench" / "peers" / "adapters" / peer.adapter).is_file()
        assert peer.runs.keys() <= shapes
