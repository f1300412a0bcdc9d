"""The sockets of a process, as the kernel lists them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class InternetSocket:
    """A TCP or UDP socket.

    Attributes:
        protocol: tcp, tcp6, udp or udp6.
        local_port: Its own port.
        remote_port: The peer's, 0 where there is none.
        is_listening: Whether anybody may connect to it; one of UDP that is bound counts.
    """

    protocol: str
    local_port: int
    remote_port: int
    is_listening: bool


def sockets_of(pid: int) -> list[InternetSocket]:
    """List the internet sockets that a process holds.

    Source:
        proc_net(5); the columns are local and remote address as hexadecimal, the state, and the inode.
    """
    inodes = set(_inodes(pid))
    found = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
                is_listening = fields[3] == _LISTENING or (protocol.startswith("udp") and remote == 0)
                found.append(InternetSocket(protocol, local, remote, is_listening))
    return found


def _inodes(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link))  # noqa: PTH115 - it leads nowhere
            if found:
                yield found[1]
