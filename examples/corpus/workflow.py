"""The workflow: five steps, of which one runs once per file, or once per few of many files.

list_files ─> count_file (up to 200 tasks) ─┬─> folders ────┬─> report
                                            └─> vocabulary ─┘
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from examples.corpus import files
from stepgres import Workflow, step

if TYPE_CHECKING:
    from examples.corpus.files import FileFacts

_MOST_TASKS = 200


class Corpus(Workflow):
    """Its input is {"folder": ..., "pattern": ...}, its output what `report` returns."""

    timeout = 600  # seconds, for each step

    @staticmethod
    @step
    def list_files(input: dict[str, str]) -> list[dict[str, Any]]:
        """The first step gets the input of the run. Each element of its output becomes a task.

        A task costs a millisecond or two, so of many files each task gets several.
        """
        paths = files.find_files(input["folder"], input["pattern"])
        size = math.ceil(len(paths) / _MOST_TASKS) or 1
        return [
            {"folder": input["folder"], "paths": paths[start : start + size]}
            for start in range(0, len(paths), size)
        ]

    @staticmethod
    @step(depends_on=[list_files], map=True)
    def count_file(batch: dict[str, Any]) -> dict[str, Any]:
        """Runs once per element, several at a time.

        To count keeps a processor busy, so it is for processes: `Executor(client, processes=2)`, or
        `stepgres worker --processes 2`. The output of the step, once all tasks are done, is the
        array of what they returned, in the order of the elements.
        """
        counted = [files.count_file(batch["folder"], path) for path in batch["paths"]]
        uses: Counter[str] = Counter()
        in_files: Counter[str] = Counter()
        for facts in counted:
            names = facts.pop("names")
            uses.update(names)
            in_files.update(names.keys())
        return {"files": counted, "uses": uses, "in_files": in_files}

    @staticmethod
    @step(depends_on=[count_file])
    def folders(input: dict[str, Any]) -> dict[str, Any]:
        """How large the corpus is, and which of its folders are the largest."""
        all_facts: list[FileFacts] = [
            facts for batch in input["count_file"] for facts in batch["files"]
        ]
        readable = [facts for facts in all_facts if not facts["error"]]
        sizes: dict[str, Counter[str]] = defaultdict(Counter)
        for facts in readable:
            folder, slash, _ = facts["path"].partition("/")
            sizes[folder if slash else "."].update(
                files=1, lines=facts["lines"], tokens=facts["tokens"]
            )
        return {
            "totals": {
                "files": len(readable),
                "unreadable": len(all_facts) - len(readable),
                "copies": len(readable) - len({facts["sha256"] for facts in readable}),
                "lines": sum(facts["lines"] for facts in readable),
                "tokens": sum(facts["tokens"] for facts in readable),
            },
            "unreadable": {facts["path"]: facts["error"] for facts in all_facts if facts["error"]},
            "folders": [
                {"folder": folder, **size}
                for folder, size in sorted(sizes.items(), key=lambda item: -item[1]["lines"])
            ],
        }

    @staticmethod
    @step(depends_on=[count_file])
    def vocabulary(input: dict[str, Any]) -> dict[str, Any]:
        """Which names are used most. Needs what `folders` needs, and runs at the same time."""
        uses: Counter[str] = Counter()
        in_files: Counter[str] = Counter()
        for batch in input["count_file"]:
            uses.update(batch["uses"])
            in_files.update(batch["in_files"])
        most_used = sorted(uses, key=lambda name: (-uses[name], name))[:100]
        return {
            "totals": {"names": len(uses), "uses": uses.total()},
            "most_used": [
                {"name": name, "uses": uses[name], "files": in_files[name]} for name in most_used
            ],
        }

    @staticmethod
    @step(depends_on=[folders, vocabulary])
    def report(input: dict[str, Any]) -> dict[str, Any]:
        """The output of each step that this one depends on is in its input, under its name."""
        folders, vocabulary = input["folders"], input["vocabulary"]
        return {
            "folder": input["folder"],
            "pattern": input["pattern"],
            "totals": {**folders["totals"], **vocabulary["totals"]},
            "folders": folders["folders"],
            "most_used": vocabulary["most_used"],
            "unreadable": folders["unreadable"],
        }
