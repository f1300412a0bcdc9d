"""The service as a process: one port, one event loop, and an end that waits for nobody's browser."""

from __future__ import annotations

import logging
import socket
import ssl
from typing import TYPE_CHECKING

import uvicorn

from bohpo.errors import UsageError
from bohpo.service.app import create_app
from bohpo.service.connections import gates
from bohpo.service.peers import Limits, Peers, raise_file_limit
from bohpo.service.quiet_log import limit_logs
from bohpo.service.security.guards import LONGEST_HEADERS, LONGEST_URL
from bohpo.service.settings import Settings

if TYPE_CHECKING:
    from bohpo.service.site import Site

GRACE_S = 3
ACCEPTED_AT_ONCE = 64
"""Connections that asyncio accepts before it looks whether there is room for them."""

BACKLOG = 1024
"""Connections that the kernel keeps waiting to be accepted."""


class Server:
    """A service that has its port and is about to run."""

    def __init__(self, settings: Settings) -> None:
        """Take the port and open the database.

        Raises:
            UsageError: If the port is taken, or the certificate cannot be used.
            StoreError: If the database cannot be reached.
        """
        self._socket = _listen(settings.serve.host, settings.serve.port)
        try:
            app = create_app(settings)
            config = uvicorn.Config(
                app,
                log_level=logging.WARNING,
                access_log=False,  # addresses may hold a token
                server_header=False,
                ssl_certfile=settings.serve.certificate,
                ssl_keyfile=settings.serve.key,
                h11_max_incomplete_event_size=LONGEST_URL + LONGEST_HEADERS,
                timeout_graceful_shutdown=GRACE_S,
                backlog=ACCEPTED_AT_ONCE,
            )
            _load(config)
            self.peers = Peers(Limits.of_files(raise_file_limit()))
            config.http_protocol_class = gates(self.peers, config.ssl)  # type: ignore[assignment]
            config.ssl = None  # the gates speak TLS, once a connection has been counted
            limit_logs()
            self._server = _Uvicorn(config, app.state.site)
            self.site: Site = app.state.site
        except BaseException:
            self._socket.close()
            raise

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Have `run` return."""
        self._server.should_exit = True

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    """Ends the streams before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; asyncio has set the kernel's backlog to what it accepts at once."""
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        self._site.ticks.end()
        await super().shutdown(sockets)


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        told = f"--certificate {config.ssl_certfile} and --key {config.ssl_keyfile} cannot be used: {error}"
        raise UsageError(f"{told}; give PEM files that belong together") from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)  # from now on who comes waits: the address is told before the service runs
    except OSError as error:
        raise UsageError(f"--port {port} on {host}: {error.strerror}; choose another, or 0 for any") from error
    return listening
