"""A TCP proxy in front of a server, which cuts or stalls connections at the worst moment."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from typing_extensions import Self

_READY = b"Z\0\0\0\5I"  # ReadyForQuery of the protocol, outside of a transaction


class Proxy:
    """Passes bytes on between clients and the server at the Unix socket of a DSN.

    When cut_after is set to a word, the connection on which a client next sends that word is cut.
    The server gets it and commits; the client never sees the answer. With cut_early the client is
    cut off before the server has it: then both go on at the same time.

    stall() makes black holes of the connections that there are: they stay open, take what they are
    sent, and pass nothing on any more.

    With keeps_open the proxy leaves connections of clients open that the server closes.
    """

    def __init__(self, dsn: str) -> None:
        options = conninfo_to_dict(dsn)
        self._address = f"{options['host']}/.s.PGSQL.{options.get('port', 5432)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=port)
        self.cut_after: bytes | None = None
        self.cut_early = False
        self.cuts = 0
        self.keeps_open = False
        self.swallowed = 0  # messages that went into black holes
        self.answers = 0  # complete answers of the server, each after a transaction has ended
        self._sockets: list[socket.socket] = []
        self._stalled: set[socket.socket] = set()

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for end in self._sockets:
            _close(end)

    def stall(self) -> None:
        self._stalled.update(self._sockets)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._address)
                self._sockets += [client, server]
                Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        is_cut = Event()
        Thread(target=self._answer, args=(server, client, is_cut), daemon=True).start()
        with suppress(OSError):
            while data := client.recv(65536):
                if client in self._stalled:
                    self.swallowed += 1
                    continue
                word = self.cut_after
                if word is not None and word in data:
                    self.cut_after = None
                    self.cuts += 1
                    is_cut.set()
                    if self.cut_early:
                        client.shutdown(socket.SHUT_RDWR)
                server.sendall(data)
        _close(client)
        if not is_cut.is_set():
            _close(server)

    def _answer(self, server: socket.socket, client: socket.socket, is_cut: Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if is_cut.is_set():  # the server answers when it has committed
                    break
                if client in self._stalled:
                    self.swallowed += 1
                else:
                    self.answers += data.count(_READY)
                    client.sendall(data)
        if client not in self._stalled and not self.keeps_open:
            _close(client)
        _close(server)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
