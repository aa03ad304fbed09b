"""What takes long and depends little on the version of the server runs on one of them."""

from __future__ import annotations

import pytest

from tests.conftest import Server
from tests.support.servers import all_postgres


@pytest.fixture(autouse=True)
def once(server: Server) -> None:
    if server.postgres != all_postgres()[0]:
        pytest.skip("runs on one server only")
