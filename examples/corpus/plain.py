"""The same totals from a plain loop: what the workflow is checked against, and timed against."""

from __future__ import annotations

from collections import Counter

from examples.corpus.files import count_file, find_files


def count_totals(folder: str, pattern: str) -> dict[str, int]:
    """Count every file, one after the other."""
    totals = dict.fromkeys(("files", "unreadable", "copies", "lines", "tokens"), 0)
    uses: Counter[str] = Counter()
    contents = set()
    for path in find_files(folder, pattern):
        facts = count_file(folder, path)
        if facts["error"]:
            totals["unreadable"] += 1
            continue
        totals["files"] += 1
        totals["copies"] += facts["sha256"] in contents
        totals["lines"] += facts["lines"]
        totals["tokens"] += facts["tokens"]
        contents.add(facts["sha256"])
        uses.update(facts["names"])
    return {**totals, "names": len(uses), "uses": uses.total()}
