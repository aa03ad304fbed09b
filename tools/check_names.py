"""Check that the routines, tables, files and classes that docs/internals.md names exist.

The READMEs of the folders in sql/src are checked too. Every word in backticks counts as a name,
except SQL of several words, what belongs to pgmq, and the words in OTHERS.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OTHERS = {"nowait", "share"}

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
NAME = re.compile(r"\w+(?:[-.]\w+)*")
CREATED = re.compile(r"^create (?:unique )?(?:constraint )?\w+ (?:stepgres\.)?(\w+)", re.MULTILINE)
HEADER = re.compile(r"^create function .*?^as \$\$", re.MULTILINE | re.DOTALL)
COMMENT_ON = re.compile(r"^comment on .*?^'.*?';$", re.MULTILINE | re.DOTALL)
LITERAL = re.compile(r"'([\w.-]+)'")
DEFINED = re.compile(r"^ *(?:async )?(?:class|def) (\w+)", re.MULTILINE)


def main() -> int:
    unknown = list(unknown_names(ROOT))
    for line in unknown:
        print(line, file=sys.stderr)
    return 1 if unknown else 0


def unknown_names(root: Path) -> Iterator[str]:
    """A line for each name on a page that nothing in the checkout has."""
    source = root / "sql/src"
    known = OTHERS | sql_names(source) | python_names(root / "python/stepgres")
    for page in [root / "docs/internals.md", *sorted(source.glob("*/README.md"))]:
        text = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), page.read_text("utf-8"))
        for span in SPAN.finditer(text):
            if not is_known(span[1], known, (root, source, page.parent)):
                line = text.count("\n", 0, span.start()) + 1
                yield f"{page.relative_to(root)}:{line}: `{span[1]}` does not exist"


def is_known(name: str, known: set[str], folders: tuple[Path, ...]) -> bool:
    if name.startswith("pgmq."):
        return True
    if "/" in name or name.endswith((".md", ".py", ".sql")):
        return any((folder / name).exists() for folder in folders)
    if not NAME.fullmatch(name) or name.isdigit():
        return True
    return name in known or ("." in name and all(part in known for part in name.split(".")))


def sql_names(source: Path) -> set[str]:
    """The objects, columns, arguments and words of the schema, and the folders of its files."""
    names = {folder.name for folder in source.iterdir() if folder.is_dir()}
    for file in source.rglob("*.sql"):
        text = re.sub(r"--.*", "", COMMENT_ON.sub("", file.read_text("utf-8")))
        names.update(CREATED.findall(text), LITERAL.findall(text))
        declared = [text] if file.parent.name == "structure" else HEADER.findall(text)
        names.update(re.findall(r"\w+", " ".join(declared)))
    return names


def python_names(package: Path) -> set[str]:
    sources = (file.read_text("utf-8") for file in package.rglob("*.py"))
    return {name for source in sources for name in DEFINED.findall(source)}


if __name__ == "__main__":
    sys.exit(main())
