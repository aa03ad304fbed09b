"""Make docs/reference.md from the signatures and comments in sql/src.

It is committed; --check says whether it is current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "sql/src"
REFERENCE = ROOT / "docs/reference.md"

HEADER = """\
# Reference

Made from the comments in `sql/src` by `make docs`; `\\df+ stepgres.*` in psql shows the same.
`Client` and `AsyncClient` have a method of the same name and arguments for each function; where SQL
has an `interval`, Python has seconds.
"""
FUNCTION = re.compile(r"create function stepgres\.(\w+)\((.*?)\)\s+returns ([^\n]+)\n", re.DOTALL)
COMMENT = re.compile(r"comment on (\w+) stepgres\.(\w+)(?:\([^)]*\))? is\n'(.*?)';", re.DOTALL)
COLUMN_COMMENT = re.compile(r"comment on column stepgres\.(\w+)\.(\w+) is\n'(.*?)';", re.DOTALL)
ERRCODE = re.compile(r'class (\w+)\(StepgresError\):\n    """(.*?)"""\n\n    sqlstate = "(\w+)"')


def main(arguments: list[str]) -> int:
    text = make_reference()
    if REFERENCE.exists() and REFERENCE.read_text("utf-8") == text:
        return 0
    if "--check" in arguments:
        print("docs/reference.md is stale: run make docs", file=sys.stderr)
        return 1
    REFERENCE.write_text(text, "utf-8")
    print("wrote docs/reference.md")
    return 0


def make_reference() -> str:
    parts = [HEADER, "## Functions\n"]
    for folder in capabilities():
        sources = [file.read_text("utf-8") for file in sorted((SOURCE / folder).glob("[!_]*.sql"))]
        functions = [source for source in sources if FUNCTION.search(source)]
        if functions:
            parts.append(f"### {folder.capitalize()}\n")
        for source in functions:
            parts += function_part(source)
    sources = [file.read_text("utf-8") for file in sorted((SOURCE / "structure").glob("*.sql"))]
    for kind, title in (("domain", "Rules of options"), ("type", "Types"), ("table", "Tables")):
        parts.append(f"## {title}\n")
        for source in sources:
            parts += object_parts(source, kind)
    parts.append(errors_part())
    return "\n".join(parts)


def capabilities() -> list[str]:
    """The folders of functions, in the order in which the manifest comes to them."""
    entries = re.findall(r"^\\ir (\w+)/", (SOURCE / "install.sql").read_text("utf-8"), re.MULTILINE)
    return [folder for folder in dict.fromkeys(entries) if folder not in {"structure", "triggers"}]


def function_part(source: str) -> list[str]:
    found = FUNCTION.search(source)
    if found is None:
        raise SystemExit(f"no function in: {source[:80]}")
    name, arguments, returns = found.groups()
    signature = " ".join(arguments.split())
    if len(signature) > 70:
        signature = "\n    " + ",\n    ".join(split_arguments(signature)) + "\n"
    return [
        f"#### {name}\n",
        f"```sql\n{name}({signature}) returns {returns}\n```\n",
        comments(source, "function")[name] + "\n",
    ]


def split_arguments(signature: str) -> list[str]:
    return re.split(r", (?=\w+ [a-z])", signature)


def object_parts(source: str, kind: str) -> list[str]:
    parts = []
    for name, comment in comments(source, kind).items():
        if name.startswith("_"):
            continue
        parts.append(f"### {name}\n")
        parts.append(comment + "\n")
        for table, column, text in COLUMN_COMMENT.findall(source):
            if table == name:
                parts.append(f"- `{column}`: {unquote(text)}")
        if parts[-1].startswith("- "):
            parts[-1] += "\n"
    return parts


def comments(source: str, kind: str) -> dict[str, str]:
    return {name: unquote(text) for k, name, text in COMMENT.findall(source) if k == kind}


def unquote(text: str) -> str:
    return text.replace("''", "'")


def errors_part() -> str:
    source = (ROOT / "python/stepgres/errors.py").read_text("utf-8")
    rows = [f"| `{code}` | `{name}` | {text} |" for name, text, code in ERRCODE.findall(source)]
    return "\n".join(
        ["## Errors\n", "| SQLSTATE | in Python | |", "| --- | --- | --- |", *rows, ""]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
