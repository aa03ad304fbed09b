"""What is to be known about files of text: plain functions, without a word of Stepgres."""

from __future__ import annotations

import hashlib
import io
import keyword
import os
import re
import tokenize
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import TypedDict

from typing_extensions import NotRequired


class FileFacts(TypedDict):
    """One file; where there is an error, nothing was counted."""

    path: str
    error: str | None
    sha256: str
    lines: int
    tokens: int
    names: NotRequired[dict[str, int]]


# what a reader of the source does not see
_NO_TOKENS = {
    *(tokenize.ENCODING, tokenize.NEWLINE, tokenize.NL),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}
_TEXT_TOKEN = re.compile(r"[^\W\d_]+ (?: ['\u2019] [^\W\d_]+ )* | [\d_]+ | [^\w\s]", re.VERBOSE)

_PACKAGES = ("site-packages", "dist-packages")  # installed ones belong to somebody else


def find_files(folder: str, pattern: str) -> list[str]:
    """The files below a folder whose names match, relative to it and in order.

    Symbolic links are not followed. A folder that cannot be listed is in the list itself.
    """
    found: list[str] = []
    folders = [folder]
    while folders:
        directory = folders.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            found.append(directory)
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and entry.name not in _PACKAGES:
                folders.append(entry.path)
            elif entry.is_file(follow_symlinks=False) and fnmatch(entry.name, pattern):
                found.append(entry.path)
    paths = sorted(Path(path).relative_to(folder).as_posix() for path in found)
    # A path that is not Unicode is not JSON either: its readable form is a file that is not there.
    return [os.fsencode(path).decode(errors="replace") for path in paths]


def count_file(folder: str, path: str) -> FileFacts:
    """Count what is in a file. One that cannot be read is no reason to stop: folders have them."""
    facts = FileFacts(path=path, error=None, sha256="", lines=0, tokens=0, names={})
    is_python = path.endswith((".py", ".pyi"))
    try:
        data = Path(folder, path).read_bytes()
        text = _decode_python(data) if is_python else data.decode("utf-8-sig")
        tokens = _count_python(text) if is_python else Counter(_TEXT_TOKEN.findall(text.casefold()))
    except (OSError, SyntaxError, tokenize.TokenError, UnicodeError, LookupError) as error:
        facts["error"] = str(error)
        return facts
    if is_python:
        names = [t for t in tokens if t.isidentifier() and not keyword.iskeyword(t)]
    else:
        names = [t for t in tokens if t[0].isalpha()]
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    facts["lines"] = text.count("\n") + (text[-1:] not in ("", "\n"))
    facts["tokens"] = sum(tokens.values())
    facts["names"] = {name: tokens[name] for name in names}
    return facts


def _count_python(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string for token in tokens if token.type not in _NO_TOKENS)


def _decode_python(data: bytes) -> str:
    """Sources are UTF-8, or what their first two lines declare."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)
