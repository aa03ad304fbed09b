"""Install, upgrade and uninstall Stepgres in a database, each in one transaction.

`install` always makes a plain install, even if the server offers the extension stepgres. So the
SQL has the version of this package. `install` prefers the extension pgmq where the server offers
the extension, because the packages of the server then keep pgmq up to date.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stepgres._postgres.conninfo import resolve_conninfo
from stepgres._version import __version__
from stepgres.errors import InstallationError, from_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from psycopg import Connection
    from typing_extensions import LiteralString


@dataclass(frozen=True)
class Installation:
    """The installation that `install` found or made."""

    version: str
    pgmq: str
    is_changed: bool


def install(conninfo: str | None = None) -> Installation:
    """Install Stepgres into the database of conninfo, and pgmq if pgmq is missing.

    Needs the right to create schemas in the database, not a superuser. A second install does not
    change the database. After InstallationError or ConnectionFailed the database is unchanged.
    """
    with _transaction(conninfo) as connection:
        _refuse_strangers(connection)
        installed = _installed_version(connection)
        if installed == __version__:
            return Installation(installed, _describe_pgmq(connection), is_changed=False)
        if installed is not None:
            _refuse_newer(connection, installed)
            raise InstallationError(
                f'Stepgres {installed} is installed in database "{connection.info.dbname}", '
                f"and this is Stepgres {__version__}",
                hint='Run "stepgres upgrade", or call stepgres.upgrade(conninfo).',
            )
        _check_right_to_create(connection)
        found = _has_pgmq(connection)
        pgmq = _describe_pgmq(connection) if found else _install_pgmq(connection)
        connection.execute(_read_script("stepgres"))
        return Installation(__version__, pgmq, is_changed=True)


def upgrade(conninfo: str | None = None) -> Installation:
    """Upgrade Stepgres in the database of conninfo to the version of this package.

    Runs continue. `alter extension` upgrades the extension, and the scripts of this package upgrade
    a plain install. Raises InstallationError, also if Stepgres is not installed or is newer than
    this package. After InstallationError or ConnectionFailed the database is unchanged.
    """
    with _transaction(conninfo) as connection:
        _refuse_strangers(connection)
        installed = _installed_version(connection)
        if installed is None:
            raise InstallationError(
                f'Stepgres is not installed in database "{connection.info.dbname}"',
                hint='Run "stepgres install", or call stepgres.install(conninfo).',
            )
        _refuse_newer(connection, installed)
        if installed != __version__ and _is_extension(connection):
            connection.execute(f"alter extension stepgres update to '{__version__}'".encode())
        elif installed != __version__:
            for name in _upgrade_path(installed):
                connection.execute(_read_script(name))
        return Installation(
            __version__, _describe_pgmq(connection), is_changed=installed != __version__
        )


def uninstall(conninfo: str | None = None) -> bool:
    """Remove Stepgres with all workflows, runs and queues, but not pgmq.

    Returns false if Stepgres is not installed.
    """
    with _transaction(conninfo) as connection:
        if _installed_version(connection) is None:
            return False
        _refuse_strangers(connection)
        if _has_pgmq(connection):
            connection.execute("select pgmq.drop_queue(pgmq_queue) from stepgres.queues")
            connection.execute("select pgmq.drop_queue(pgmq_queue) from stepgres.channels")
        if _is_extension(connection):
            connection.execute("drop extension stepgres cascade")
        else:
            connection.execute("drop schema stepgres cascade")
        return True


def version(conninfo: str | None = None) -> str | None:
    """Return the version of Stepgres in the database, or None if Stepgres is not installed."""
    with _transaction(conninfo) as connection:
        return _installed_version(connection)


@contextmanager
def _transaction(conninfo: str | None) -> Iterator[Connection]:
    """Begin a transaction that excludes other installs, and convert its errors to StepgresError."""
    import psycopg

    from stepgres._postgres.connections import connect

    # The transaction is read committed: after the wait for the lock, the next statement must see
    # the objects of the other install.
    connection = connect(resolve_conninfo(conninfo))
    role = connection.info.user
    try:
        with connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtext('stepgres.install'))")
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise InstallationError(
            f'role "{role}" lacks a right: {error.diag.message_primary}',
            hint="Let the owner of that object do it, or grant the right.",
        ) from error
    except psycopg.Error as error:
        known = from_postgres(error)
        if known is error:
            known = InstallationError(str(error).strip())
        raise known from error


def _install_pgmq(connection: Connection) -> str:
    """Bring pgmq into a database without it, preferably as an extension."""
    from psycopg.errors import FeatureNotSupported, InsufficientPrivilege

    if _value(connection, "select true from pg_available_extensions where name = 'pgmq'"):
        try:
            with connection.transaction():
                connection.execute("create extension pgmq")
            return _describe_pgmq(connection)
        except (FeatureNotSupported, InsufficientPrivilege):
            pass  # the provider does not allow the extension, or not for this role

    from pgmq.install import get_embedded_install_sql, get_embedded_sql_version

    connection.execute(get_embedded_install_sql().encode())
    return f"pgmq {get_embedded_sql_version()} from the Python package"


def _describe_pgmq(connection: Connection) -> str:
    extension = _value(connection, "select extversion from pg_extension where extname = 'pgmq'")
    return f"extension pgmq {extension}" if extension else "existing schema pgmq"


def _check_right_to_create(connection: Connection) -> None:
    grant = _value(
        connection,
        """
        select format('grant create on database %I to %I', current_database(), current_user)
        where not has_database_privilege(current_database(), 'create')
        """,
    )
    if grant:
        raise InstallationError(
            f'role "{connection.info.user}" may not create schemas in database '
            f'"{connection.info.dbname}"',
            hint=f"Let the owner of the database run: {grant}",
        )


def _installed_version(connection: Connection) -> str | None:
    """Read the version in the source of the function, without a call: see sql/src/guard.sql."""
    found: str | None = _value(
        connection,
        r"""
        select substring(pg_get_functiondef(oid) from '\d+\.\d+\.\d+')
        from pg_proc
        where pronamespace = to_regnamespace('stepgres') and proname = 'version'
            and pronargs = 0 and prokind = 'f'
        """,
    )
    return found


def _refuse_newer(connection: Connection, installed: str) -> None:
    if _numbers(installed) > _numbers(__version__):
        raise InstallationError(
            f'Stepgres {installed} in database "{connection.info.dbname}" is newer than this '
            f"package, Stepgres {__version__}",
            hint=f"Upgrade the package: pip install stepgres=={installed}. A downgrade of the "
            "database is not possible.",
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _is_extension(connection: Connection) -> bool:
    return bool(_value(connection, "select true from pg_extension where extname = 'stepgres'"))


def _refuse_strangers(connection: Connection) -> None:
    """Run the check of the install script that refuses objects of strangers: sql/src/trust.sql."""
    found = re.search(
        rb"^do \$trust\$.*?^\$trust\$;", _read_script("stepgres"), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    connection.execute(found[0])


def _has_pgmq(connection: Connection) -> bool:
    return _value(connection, "select to_regnamespace('pgmq')") is not None


def _value(connection: Connection, query: LiteralString) -> Any:
    """Return the first column of the first row, or None without a row."""
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _scripts() -> Path:
    """Return the folder of the scripts that the build makes."""
    package = Path(__file__).parent.parent
    in_wheel = package / "sql"
    return in_wheel if in_wheel.exists() else package.parent.parent / "sql"  # in a checkout


def _upgrade_path(installed: str) -> list[str]:
    """Return the scripts that upgrade a version to the version of this package, in order."""
    steps = {
        name.split("--")[1]: name
        for name in (file.stem for file in _scripts().glob("upgrade--*--*.sql"))
    }
    path = []
    while installed != __version__:
        if installed not in steps:
            raise InstallationError(
                f"Stepgres {installed} cannot be upgraded to {__version__} in one go",
                hint="Upgrade with the packages of the versions between these, one by one.",
            )
        path.append(steps[installed])
        installed = path[-1].split("--")[2]
    return path


def _read_script(name: str) -> bytes:
    """Read a plain script without its begin and commit, since the caller has a transaction."""
    _, _, body = (_scripts() / f"{name}.sql").read_bytes().partition(b"\nbegin;\n")
    return body.removesuffix(b"\ncommit;\n")
