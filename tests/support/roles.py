"""A database with the roles of Stepgres, and a login for each of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

import stepgres
from tests.support.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Postgres

ROLES = ["client", "worker", "observer", "approver", "admin"]


@dataclass(frozen=True)
class Installation:
    """Installed by stepgres_owner, no superuser; logins "client_1", "client_2", "admin_1"..."""

    dsn: str

    def of(self, login: str) -> str:
        return make_conninfo(self.dsn, user=login)

    def connect(self, login: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self.of(login), autocommit=True)

    @contextmanager
    def engine(self, login: str) -> Iterator[Engine]:
        with self.connect(login) as connection:
            engine = object.__new__(Engine)  # clients may not register a worker
            engine.connection, engine.worker_id = connection, "worker"
            yield engine


@contextmanager
def installation(postgres: Postgres) -> Iterator[Installation]:
    """A new server with all roles, on which Stepgres is installed."""
    with postgres.cluster() as cluster:
        cluster.start()
        with psycopg.connect(cluster.dsn, autocommit=True) as connection:
            for role in ROLES:
                connection.execute(f"create role stepgres_{role}".encode())
                for number in (1, 2):
                    login = sql.Identifier(f"{role}_{number}")
                    connection.execute(
                        sql.SQL("create role {} login in role {}").format(
                            login, sql.Identifier(f"stepgres_{role}")
                        )
                    )
            connection.execute("create role stepgres_owner login; create role stranger login")
            connection.execute("grant create on database postgres to stepgres_owner")
        found = Installation(cluster.dsn)
        stepgres.install(found.of("stepgres_owner"))
        yield found
        with found.connect("admin_1") as connection:
            assert connection.execute("select * from stepgres.fsck()").fetchall() == []
