"""Durable workflows scheduled by PostgreSQL.

The package loads a name at its first use: importing the package does not import psycopg. The public
names are listed in `__init__.pyi`, for type checkers and for this module.
"""

from importlib import import_module
from pkgutil import get_data

from stepgres import errors as errors
from stepgres._version import __version__ as __version__

_MODULES = {
    line.split()[3]: line.split()[1]  # from MODULE import NAME as NAME
    for line in (get_data(__name__, "__init__.pyi") or b"").decode().splitlines()
    if line.startswith("from ")
}
__all__ = [*_MODULES]  # noqa: PLE0604


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value  # the next use does not call __getattr__
    return value


def __dir__():
    return sorted({*globals(), *_MODULES})
