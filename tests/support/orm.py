"""SQLAlchemy and Django, set up for the database of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import django.db
import sqlalchemy as sa
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict


def sqlalchemy_url(dsn: str) -> sa.URL:
    """What engines are made with."""
    options: dict[str, Any] = conninfo_to_dict(dsn)
    return sa.URL.create(
        "postgresql+psycopg",
        username=options["user"],
        database=options["dbname"],
        query={"host": options["host"]},
    )


@contextmanager
def django_on(dsn: str) -> Iterator[Any]:
    """django.db.connection, for the while."""
    if not settings.configured:
        settings.configure(DATABASES={}, USE_TZ=True)
        django.setup()
    options = conninfo_to_dict(dsn)
    default = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options["dbname"],
        "USER": options["user"],
        "HOST": options["host"],
    }
    connections = django.db.connections
    connections.__dict__["settings"] = connections.configure_settings({"default": default})
    yield django.db.connection
    connections["default"].close()
    del connections["default"]
