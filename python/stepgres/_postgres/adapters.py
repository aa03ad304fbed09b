"""Adapters that read values for Stepgres, independent of settings of the session or the program.

All values come in the binary format, which DateStyle and IntervalStyle do not change. The loaders
of this module read the values, never the loaders that Django, SQLAlchemy or a program registered.
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
    """Reads jsonb and jsonpath as text, after the byte with the version of the format."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return str(memoryview(data)[1:], "utf-8")


class _JsonLoader(_JsonTextLoader):
    """Reads jsonb as the value of the JSON."""

    def load(self, data: Buffer) -> Any:
        return json.loads(super().load(data))


class _TolerantJsonLoader(_JsonTextLoader):
    """Reads jsonb with an UnreadableValue in place of each part that Python cannot read."""

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
ADAPTERS_OF_TEXT = _adapters(_JsonTextLoader)  # these adapters return JSON as text
