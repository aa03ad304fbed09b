"""The workflow: five steps, of which one runs once per file.

list_files ─> count_file (one task per file) ─┬─> folders ────┬─> report
                                              └─> vocabulary ─┘
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from examples.corpus import files
from stepgres import Workflow, step

if TYPE_CHECKING:
    from examples.corpus.files import FileFacts


class Corpus(Workflow):
    """Its input is {"folder": ..., "pattern": ...}, its output what `report` returns."""

    timeout = 600  # seconds, for each step

    @staticmethod
    @step
    def list_files(input: dict[str, str]) -> list[str]:
        """The first step gets the input of the run. Each element of its output becomes a task."""
        return files.find_files(input["folder"], input["pattern"])

    @staticmethod
    @step(depends_on=["list_files"], map=True)
    def count_file(path: str, context: Any) -> FileFacts:
        """Runs once per file, several at a time: it gets one path, and the rest is in the context.

        Its output, once all are done, is the array of what it returned, in the order of the paths.
        """
        return files.count_file(context.run_input["folder"], path)

    @staticmethod
    @step(depends_on=["count_file"])
    def folders(input: dict[str, Any]) -> dict[str, Any]:
        """How large the corpus is, and which of its folders are the largest."""
        all_facts: list[FileFacts] = input["count_file"]
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
    @step(depends_on=["count_file"])
    def vocabulary(input: dict[str, Any]) -> dict[str, Any]:
        """Which names are used most. Needs what `folders` needs, and runs at the same time."""
        uses: Counter[str] = Counter()
        in_files: Counter[str] = Counter()
        for facts in input["count_file"]:
            uses.update(facts["names"])
            in_files.update(facts["names"].keys())
        most_used = sorted(uses, key=lambda name: (-uses[name], name))[:100]
        return {
            "totals": {"names": len(uses), "uses": uses.total()},
            "most_used": [
                {"name": name, "uses": uses[name], "files": in_files[name]} for name in most_used
            ],
        }

    @staticmethod
    @step(depends_on=["folders", "vocabulary"])
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
