"""Rows of answers as values of Python, also from a schema with other columns."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import BaseRowFactory, RowMaker

T = TypeVar("T")


def row_of(cls: type[T]) -> BaseRowFactory[T]:
    """Make a row a value of a class whose arguments have the names of columns.

    Columns that the class does not know are left out. An argument without a column gets its
    default, or None. So the client works with a schema that is newer or older.
    """
    defaults = _defaults_of(cls)  # type: ignore[arg-type]  # mypy: a class has a hash

    def row_maker(cursor: Any) -> RowMaker[T]:
        # cursor.description would make an object for each column, which takes longer than the rest
        result = cursor.pgresult
        columns = [result.fname(i).decode() for i in range(result.nfields if result else 0)]
        if columns == list(defaults):
            return lambda values: cls(*values)

        def make(values: Sequence[Any]) -> T:
            row = dict(zip(columns, values, strict=True))
            return cls(*(row.get(name, default) for name, default in defaults.items()))

        return make

    return row_maker


@cache
def _defaults_of(cls: type) -> dict[str, Any]:
    parameters = signature(cls).parameters.values()
    return {p.name: None if p.default is p.empty else p.default for p in parameters}
