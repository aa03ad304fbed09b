"""How Stepgres reads values, whatever a session or a program has set up for its own.

All values come in the binary format, which no DateStyle and no IntervalStyle changes, and are read
by the loaders here: never by those that Django, SQLAlchemy or a program has registered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from psycopg import postgres
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format
from psycopg.types.array import register_all_arrays

from stepgres._postgres.json_text import tolerant_loads

if TYPE_CHECKING:
    from psycopg.abc import Buffer


class _JsonTextLoader(Loader):
    """Reads jsonb, and jsonpath, as text: the number of a format stands before it."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return str(memoryview(data)[1:], "utf-8")


class _JsonLoader(_JsonTextLoader):
    """Reads jsonb as what it stands for."""

    def load(self, data: Buffer) -> Any:
        return json.loads(super().load(data))


class _TolerantJsonLoader(_JsonTextLoader):
    """The same with placeholders: one value that Python cannot read hides no other."""

    def load(self, data: Buffer) -> Any:
        return tolerant_loads(super().load(data))


def _adapters(jsonb: type[Loader]) -> AdaptersMap:
    adapters = AdaptersMap(types=postgres.types)
    postgres.register_default_adapters(adapters)
    register_all_arrays(adapters)
    adapters.register_loader("jsonb", jsonb)
    adapters.register_loader("jsonpath", _JsonTextLoader)
    return adapters


ADAPTERS = _adapters(_JsonLoader)
TOLERANT_ADAPTERS = _adapters(_TolerantJsonLoader)
ADAPTERS_OF_TEXT = _adapters(_JsonTextLoader)  # they leave JSON as it is
