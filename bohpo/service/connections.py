"""Connections with deadlines: who sends nothing, or only half of a request, is not waited for.

| of                                        | closed after         |
| ----------------------------------------- | -------------------- |
| a TLS handshake                           | `HANDSHAKE_S`        |
| the head of a request                     | `HEAD_S`             |
| the body of a request                     | `BODY_S`             |
| an answer that the client does not take   | `STUCK_S`            |
| a connection between two requests         | uvicorn's keep-alive |

A connection is counted from the moment it is accepted, before TLS: see `bohpo.service.peers`. What comes is read in
small pieces, and others have their turn after each: chunks of one byte take a second per 300 kB to read. Who has shown
no token waits after each piece for a few times as long as it took.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bohpo.service.peers import Peer, Peers
from bohpo.service.security.identity import CONNECTION

logger = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
HEAD_S = 10.0
BODY_S = 70.0
"""More than the application itself waits for a body, which answers why; see `bohpo.service.security.bodies`."""

STUCK_S = 30.0

PIECE_BYTES = 4096
STRANGERS_REST = 4.0
"""A stranger's next piece waits for so many times as long as the last one took to read."""

BLOCKED_S = 0.02
"""Until it is looked again whether the application has taken what was read."""


class Connection(H11Protocol):
    """uvicorn's protocol with a deadline for each part of a request."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
        peers: Peers,
    ) -> None:
        """Wait for a transport."""
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, loop)
        self._peers = peers
        self._peer: Peer | None = None
        self._awaited = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._unread = bytearray()
        self._reading: asyncio.TimerHandle | None = None

    def belong_to(self, peer: Peer) -> None:
        """Know the connection among all of them."""
        self._peer = peer

    def prove(self) -> None:
        """Note that a request has shown a token."""
        if self._peer is not None:
            self._peers.prove(self._peer)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to read; what came right behind the TLS handshake is there already."""
        super().connection_made(transport)
        self._watch()
        self._read_on()

    def data_received(self, data: bytes) -> None:
        """Take in what has come; it is read piece by piece."""
        self._unread += data
        if self.transport is not None and self._reading is None:
            self._read_on()

    def _read_on(self) -> None:
        """Read a piece, and see what is awaited now; the rest has to wait."""
        self._reading, pause_s = None, BLOCKED_S
        if self._unread and not self.flow.read_paused:
            began = time.perf_counter()
            piece = bytes(self._unread[:PIECE_BYTES])
            del self._unread[:PIECE_BYTES]
            super().data_received(piece)
            self._watch()
            pause_s = 0.0 if self._is_known else STRANGERS_REST * (time.perf_counter() - began)
        if self.transport.is_closing():
            self._unread.clear()
        elif self._unread:
            self.transport.pause_reading()
            self._reading = self.loop.call_later(pause_s, self._read_on)
        elif not self.flow.read_paused:
            self.transport.resume_reading()

    @property
    def _is_known(self) -> bool:
        return self._peer is not None and self._peer.is_known

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._await("", 0.0)
        if self._reading is not None:
            self._reading.cancel()
        self.resume_writing()
        if self._peer is not None:
            self._peers.dismiss(self._peer)
        if self.transport is not None:
            super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to take what it asked for, but not for ever."""
        if self.flow is not None:
            super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(STUCK_S, self._give_up)

    def resume_writing(self) -> None:
        """Go on: the client has taken something."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        if self.flow is not None:
            super().resume_writing()

    def _watch(self) -> None:
        """Set the deadline of what is awaited from the client."""
        match self.conn.their_state:
            case h11.IDLE:
                self._await("head", HEAD_S)
            case h11.SEND_BODY:
                self._await("body", BODY_S)
            case _:
                self._await("", 0.0)

    def _await(self, part: str, seconds: float) -> None:
        if part == self._awaited:  # what trickles in gains no time
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited = part
        self._deadline = self.loop.call_later(seconds, self._give_up) if part else None

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Gate(asyncio.Protocol):
    """Counts a connection as soon as it is accepted, and hands it over once TLS is agreed upon."""

    def __init__(self, connection: Connection, peers: Peers, tls: ssl.SSLContext | None) -> None:
        """Hand over to `connection`."""
        self._connection = connection
        self._peers = peers
        self._tls = tls
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it."""
        assert isinstance(transport, asyncio.Transport)
        peer = self._peers.admit(transport)
        if peer is None:
            logger.warning("all %d connections are taken; another one was refused", self._peers.limits.total)
            transport.abort()
            return
        self._connection.belong_to(peer)
        if self._tls is None:
            transport.set_protocol(self._connection)
            self._connection.connection_made(transport)
        else:
            transport.pause_reading()
            self._handshake = self._connection.loop.create_task(self._shake_hands(transport, peer, self._tls))

    async def _shake_hands(self, transport: asyncio.Transport, peer: Peer, tls: ssl.SSLContext) -> None:
        try:
            secured = await self._connection.loop.start_tls(
                transport, self._connection, tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError:  # the client's doing: it speaks no TLS, or was too slow
            self._peers.dismiss(peer)
            transport.abort()
            return
        if secured is None or transport.is_closing():
            self._peers.dismiss(peer)
        else:
            self._connection.connection_made(secured)


def gates(peers: Peers, tls: ssl.SSLContext | None) -> Callable[..., asyncio.Protocol]:
    """Make what uvicorn asks for a protocol for each connection."""

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        return Gate(Connection(config, server_state, app_state, _loop, peers), peers, tls)

    return make
