"""A proxy that counts the round trips and the commits of clients."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from typing_extensions import Self

_READY = ord("Z")  # the message ReadyForQuery, with which the server ends each answer
_IDLE = ord("I")  # its state outside of transactions


class Proxy:
    """Passes bytes on between clients and the server at the Unix socket of a DSN."""

    def __init__(self, dsn: str) -> None:
        options = conninfo_to_dict(dsn)
        self._address = f"{options['host']}/.s.PGSQL.{options.get('port', 5432)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(
            dsn,
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            sslmode="disable",
            gssencmode="disable",
        )
        self.round_trips = 0
        self.commits = 0  # or rollbacks

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._address)
                for target in (self._ask, self._answer):
                    Thread(target=target, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        buffer = b""
        with suppress(OSError), client, server:
            while data := server.recv(65536):
                buffer = self._count(buffer + data)
                client.sendall(data)

    def _count(self, buffer: bytes) -> bytes:
        """Count the messages in the buffer, and return the beginning of an incomplete one."""
        while len(buffer) >= 5 and len(buffer) >= (end := 1 + int.from_bytes(buffer[1:5], "big")):
            if buffer[0] == _READY:
                self.round_trips += 1
                self.commits += buffer[5] == _IDLE
            buffer = buffer[end:]
        return buffer
