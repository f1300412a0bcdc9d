"""A proxy before a PostgreSQL server that swallows the acknowledgement of a COMMIT, as a network that breaks does."""

from __future__ import annotations

import contextlib
import socket
import threading

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message that libpq sends for COMMIT.

Source:
    PostgreSQL manual, "Message Formats": Query, the length with itself, the text.
"""

TERMINATE = b"X\x00\x00\x00\x04"


class Proxy:
    """Forwards connections; each `swallow` breaks the next one whose COMMIT the server has carried out."""

    def __init__(self, port: int) -> None:
        """Listen on a port of its own.

        Args:
            port: The server's, on the loopback interface.
        """
        self.swallow = 0
        self.swallowed = 0
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the client asks, and break off once a COMMIT has been carried out whose answer is to be lost."""
        muted = threading.Event()
        answers = threading.Thread(target=_answer, args=(server, client, muted), daemon=True)
        answers.start()
        with client, server:
            while message := _receive(client):
                if self.swallow and message.endswith(COMMIT):
                    self.swallow -= 1
                    muted.set()
                    server.sendall(message + TERMINATE)
                    answers.join()
                    self.swallowed += 1
                    return
                server.sendall(message)


def _answer(server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
    while message := _receive(server):
        if not muted.is_set():
            with contextlib.suppress(OSError):
                client.sendall(message)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
