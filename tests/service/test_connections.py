"""What comes on a connection is read piece by piece; a stranger gets one answer on each."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bohpo.service.connections import PIECE_BYTES, Connection
from bohpo.service.peers import Limits, Peers
from bohpo.service.security.bodies import STRANGERS_BODY_BYTES
from tests.service.served import Served, serving

SENT = 20 * PIECE_BYTES + 1


class FakeTransport(asyncio.Transport):
    """Says whether it would be read."""

    def __init__(self) -> None:
        """Be read."""
        super().__init__()
        self.is_read = True

    def is_closing(self) -> bool:
        """Return that it goes on."""
        return False

    def close(self) -> None:
        """Close nothing."""

    def pause_reading(self) -> None:
        """Be read no longer."""
        self.is_read = False

    def resume_reading(self) -> None:
        """Be read again."""
        self.is_read = True


@pytest.mark.parametrize("shows_token", [True, False])
def test_others_have_their_turn_between_two_pieces(monkeypatch: pytest.MonkeyPatch, *, shows_token: bool) -> None:
    told: list[int] = []
    monkeypatch.setattr(H11Protocol, "data_received", lambda _, data: told.append(len(data)))

    async def read() -> None:
        loop, transport = asyncio.get_running_loop(), FakeTransport()
        config = uvicorn.Config(PlainTextResponse(""))
        config.load()
        peers = Peers(Limits.of_files(1000))
        connection = Connection(config, ServerState(), {}, loop, peers)
        peer = peers.admit(transport)
        assert peer is not None
        connection.belong_to(peer)
        if shows_token:
            connection.prove()
        connection.connection_made(transport)
        connection.data_received(b"x" * SENT)
        assert (told, transport.is_read) == ([PIECE_BYTES], False)
        turns = 0
        while sum(told) < SENT:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 20
        assert transport.is_read
        connection.connection_lost(None)

    asyncio.run(read())
    assert max(told) == PIECE_BYTES


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("connections"), log=Path("/dev/null")) as served:
        yield served


def answers(served: Served, sent: str, most: int = 5) -> list[int]:
    """Return the status of what is answered, until the service ends the connection or has answered `most`."""
    parts = urlsplit(served.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=120) as stranger:
        stranger.sendall(sent.replace("HOST", f"Host: {parts.netloc}").encode())
        told = b""
        while told.count(b"HTTP/1.1 ") < most and (piece := stranger.recv(65_536)):
            told += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]+)", told)]


def test_a_stranger_gets_one_answer_on_a_connection(served: Served) -> None:
    asked = "GET /health HTTP/1.1\r\nHOST\r\n\r\n" * 5
    assert answers(served, asked) == [200]
    known = asked.replace("HOST", f"HOST\r\nAuthorization: Bearer {served.token}")
    assert answers(served, known) == [200] * 5


def test_a_stranger_sends_no_more_than_a_token(served: Served) -> None:
    length = STRANGERS_BODY_BYTES + 1
    form = "Content-Type: application/x-www-form-urlencoded"
    asked = f"POST /sign-in HTTP/1.1\r\nHOST\r\n{form}\r\nContent-Length: {length}\r\n\r\n" + "a=b&" * (length // 4)
    assert answers(served, asked) == [413]


def test_an_answer_that_lists_mistakes_is_short(served: Served) -> None:
    with served.client() as client:
        told = client.post("/api/v1/check", json={f"key{at}": at for at in range(20_000)})
    assert told.status_code == 422
    assert len(told.json()["mistakes"]) == 100
