"""Rows of answers as values of Python, also from a schema with other columns."""

from __future__ import annotations

from inspect import Parameter, signature
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
    defaults = {
        name: None if parameter.default is Parameter.empty else parameter.default
        for name, parameter in signature(cls).parameters.items()
    }

    def row_maker(cursor: Any) -> RowMaker[T]:
        columns = [column.name for column in cursor.description or ()]
        if columns == list(defaults):
            return lambda values: cls(*values)

        def make(values: Sequence[Any]) -> T:
            row = dict(zip(columns, values, strict=True))
            return cls(*(row.get(name, default) for name, default in defaults.items()))

        return make

    return row_maker
