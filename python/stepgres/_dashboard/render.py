"""Templates: the environment of Jinja, its filters, and the context that all pages have."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup, escape

from stepgres._durations import two_units
from stepgres._postgres.json_text import moment_of
from stepgres._postgres.jsonable import jsonable
from stepgres.errors import UnreadableValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

# control characters, among them those that turn the direction of a text
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_MOST_TEXT = 2_000  # characters of a value on a page
_WORDS = {"started": "running", "in_progress": "running", "created": "not started"}
_SYMBOLS = {
    "created": "○",
    "queued": "○",
    "waiting": "◔",
    "limited": "◔",
    "paused": "‖",
    "started": "▶",
    "completed": "✓",
    "approved": "✓",
    "failed": "✗",
    "rejected": "✗",
    "cancelled": "⊘",
    "skipped": "⤼",
    "open": "▶",
    "busy": "▶",
    "idle": "◔",
    "lost": "✗",
    "active": "▶",
    "over": "✓",
}


def environment() -> jinja2.Environment:
    """Return the environment of all templates; every value in them is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.filters |= {
        "moment": moment,
        "ago": lambda value: moment(value, "ago"),
        "duration": duration,
        "count": count,
        "cut": cut,
        "pretty": pretty,
        "bdi": bdi,
        "status": status,
    }
    return found


def url(request: Request, path: str, query: Mapping[str, Any] | None = None) -> str:
    """Return the address of a path of the dashboard, wherever the dashboard is mounted."""
    root = request.scope.get("root_path", "").rstrip("/")
    given = _pairs(query or {})
    return quote(f"{root}{path}", safe="/:@") + (f"?{urlencode(given)}" if given else "")


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in query.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if item is not None and item != "":
                text = item.isoformat() if isinstance(item, datetime) else str(item)
                pairs.append((name, text))
    return pairs


def moment(value: datetime | str | None, style: str = "") -> Markup:
    """Return a time. live.js writes it in the time zone of the browser, or as an age."""
    value = moment_of(value)
    if value is None:
        return Markup("")
    utc = value.astimezone(timezone.utc)
    shown = utc.isoformat(" ", "seconds")[:19]
    return Markup(
        f'<time datetime="{utc.isoformat()}" data-style="{escape(style)}">{shown} UTC</time>'
    )


def duration(value: timedelta | float | None) -> str:
    """Return a duration in its two largest units."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    return f"{max(seconds, 0) * 1000:.0f} ms" if seconds < 0.0995 else two_units(seconds)


def count(number: int, most: int | None = None) -> str:
    """Return a number; one that has come to the limit of the count has a plus."""
    return f"{number:,}+" if most is not None and number >= most else f"{number:,}"


def cut(text: Any, most: int = _MOST_TEXT) -> str:
    """Return a text with at most so many characters."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[:most]}…"


def bdi(text: Any, most: int = _MOST_TEXT) -> Markup:
    """Return a text from the database that cannot turn the direction of the text around it."""
    if text is None or text == "":
        return Markup("")
    # a page has hundreds of texts, and Markup.format would take most of its time
    return Markup(f"<bdi>{escape(visible(cut(text, most)))}</bdi>")


def visible(text: str) -> str:
    """Return a text in which control characters, which a page would not show, are escaped."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def pretty(value: Any, most: int = _MOST_TEXT) -> str:
    """Return JSON with indents, cut."""
    if isinstance(value, UnreadableValue):
        return str(value)
    return cut(json.dumps(jsonable(value), indent=2, ensure_ascii=False), most)


def editable(value: Any) -> str:
    """Return JSON for a field of a form, with escapes for what the field would not show."""
    text = json.dumps(jsonable(value), ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def status(word: str) -> Markup:
    """Return a status as a badge: a symbol, a word and a colour."""
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(
        word, _SYMBOLS.get(word, "•"), _WORDS.get(word, word.replace("_", " "))
    )


def symbol(word: str) -> str:
    """Return the symbol of a status."""
    return _SYMBOLS.get(word, "•")


def status_word(word: str) -> str:
    """Return the word that people read for a status."""
    return _WORDS.get(word, word.replace("_", " "))


def first(values: Iterable[Any]) -> Any:
    """Return the first value, or None."""
    return next(iter(values), None)
