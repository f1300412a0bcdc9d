"""Connections with deadlines: who sends nothing, or only half of a request, is not waited for.

| of                                        | closed after         |
| ----------------------------------------- | -------------------- |
| a TLS handshake                           | `HANDSHAKE_S`        |
| the head of a request                     | `HEAD_S`             |
| the body of a request                     | `BODY_S`             |
| an answer that the client does not take   | `STUCK_S`            |
| a connection between two requests         | uvicorn's keep-alive |

A connection is counted from the moment it is accepted, before TLS: see `bohpo.service.peers`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
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
        self._early: list[bytes] = []

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
        early, self._early = self._early, []
        self._watch()
        for data in early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Read on, and see what is awaited now."""
        if self.transport is None:
            self._early.append(data)
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._await("", 0.0)
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
