"""Who is connected: how many at a time, and who has to go where there is no room for the next.

A connection is anonymous until a request on it has shown a token. Anonymous connections have a share of their own, and
each address has a part of it. Where a share is used up, the oldest anonymous connection makes room. So strangers drive
out one another, and never whoever has shown a token. Lives on one event loop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from dataclasses import dataclass

MOST_CONNECTIONS = 2000
"""Open at a time, the streams of browsers among them, where the limit on open files allows it."""

FEWEST_CONNECTIONS = 8

RESERVED_FILES = 256
"""Open files that are left for the database, figures, logs, drivers, and connections that are being closed."""

FILES_WANTED = MOST_CONNECTIONS + RESERVED_FILES

ANONYMOUS_SHARE = 4
"""One of so many connections may be anonymous."""

ADDRESS_SHARE = 4
"""One of so many anonymous connections may come from one address."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be.

    Attributes:
        total: All of them.
        anonymous: Those that have shown no token.
        of_address: Anonymous ones from one address. A proxy or a tunnel makes all visitors come from this host: it may
            have all that are anonymous.
    """

    total: int
    anonymous: int
    of_address: int

    @classmethod
    def of_files(cls, files: int) -> Limits:
        """Compute the limits that a number of open files allows."""
        reserved = min(RESERVED_FILES, files // 2)
        total = max(min(MOST_CONNECTIONS, files - reserved), FEWEST_CONNECTIONS)
        anonymous = max(total // ANONYMOUS_SHARE, FEWEST_CONNECTIONS // 2)
        return cls(total, anonymous, max(anonymous // ADDRESS_SHARE, 2))


def raise_file_limit() -> int:
    """Raise the limit on open files as far as the service wants and this user may; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return FILES_WANTED if soft == resource.RLIM_INFINITY else soft


@dataclass(slots=True, eq=False)
class Peer:
    """One connection.

    Attributes:
        address: Where it comes from, as the socket has it: no header can claim another one.
        transport: Closes it.
        is_known: Whether a request on it has shown a token.
    """

    address: str
    transport: asyncio.BaseTransport
    is_known: bool = False


class Peers:
    """All connections of a service."""

    def __init__(self, limits: Limits) -> None:
        """Begin without connections."""
        self.limits = limits
        self._known: set[Peer] = set()
        self._anonymous: dict[str, dict[Peer, None]] = {}
        self._strangers = 0

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._known) + self._strangers

    @property
    def anonymous(self) -> int:
        """Number of connections that have shown no token."""
        return self._strangers

    def admit(self, transport: asyncio.BaseTransport) -> Peer | None:
        """Take in a connection, and close an anonymous one where there is no room; None to refuse this one."""
        address = _address_of(transport)
        if len(self._anonymous.get(address, ())) >= self._most_of(address):
            self._evict(address)
        elif self._strangers >= self.limits.anonymous or len(self) >= self.limits.total:
            self._evict_of_most()
        if len(self) >= self.limits.total:
            return None
        peer = Peer(address, transport)
        self._anonymous.setdefault(address, {})[peer] = None
        self._strangers += 1
        return peer

    def prove(self, peer: Peer) -> None:
        """Note that a connection has shown a token."""
        if self._forget_stranger(peer):
            peer.is_known = True
            self._known.add(peer)

    def dismiss(self, peer: Peer) -> None:
        """Forget a connection that is closed; harmless when repeated."""
        self._known.discard(peer)
        self._forget_stranger(peer)

    def _most_of(self, address: str) -> int:
        return self.limits.anonymous if _is_this_host(address) else self.limits.of_address

    def _evict_of_most(self) -> None:
        """Close the oldest of the address that has most: a single visitor is not driven out by a crowd."""
        if self._anonymous:
            self._evict(max(self._anonymous, key=lambda address: len(self._anonymous[address])))

    def _evict(self, address: str) -> None:
        oldest = next(iter(self._anonymous[address]))
        self._forget_stranger(oldest)
        if isinstance(oldest.transport, asyncio.WriteTransport):
            oldest.transport.abort()

    def _forget_stranger(self, peer: Peer) -> bool:
        of_address = self._anonymous.get(peer.address, {})
        if peer not in of_address:
            return False
        del of_address[peer]
        if not of_address:
            del self._anonymous[peer.address]
        self._strangers -= 1
        return True


def _address_of(transport: asyncio.BaseTransport) -> str:
    """Return the address; of IPv6 the network of 64 bits, all of which one visitor may have."""
    peername = transport.get_extra_info("peername")
    host = str(peername[0]) if isinstance(peername, tuple) and peername else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _is_this_host(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return not address
