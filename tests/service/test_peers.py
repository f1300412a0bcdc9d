"""Who has to go where there is no room: strangers, the oldest of the address that has most, and never a token's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading

import pytest
import uvicorn
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from bohpo.service import connections
from bohpo.service.connections import gates
from bohpo.service.peers import FEWEST_CONNECTIONS, MOST_CONNECTIONS, Limits, Peer, Peers
from bohpo.service.quiet_log import OneAMinute
from bohpo.service.security.bodies import PIECE_BYTES, SmallPieces
from bohpo.service.work_pools import WorkPool


class Wire(asyncio.Transport):
    """A transport that only notes that it was aborted."""

    def __init__(self, address: object) -> None:
        """Come from an address."""
        super().__init__({"peername": (address, 1)})
        self.is_aborted = False

    def abort(self) -> None:
        """Note it."""
        self.is_aborted = True


def admitted(peers: Peers, address: str) -> tuple[Peer, Wire]:
    wire = Wire(address)
    peer = peers.admit(wire)
    assert peer is not None
    return peer, wire


def test_strangers_make_room_for_one_another_and_never_drive_out_a_token() -> None:
    peers = Peers(Limits(total=10, anonymous=6, of_address=3))
    known = [admitted(peers, f"10.0.0.{at}") for at in range(4)]
    for peer, _ in known:
        peers.prove(peer)
    alone, wire_alone = admitted(peers, "10.1.0.1")
    crowd = [admitted(peers, "10.2.0.1") for _ in range(50)]
    assert [wire.is_aborted for _, wire in crowd] == [True] * 47 + [False] * 3
    for at in range(50):
        admitted(peers, f"10.3.{at}.1")
    assert not any(wire.is_aborted for _, wire in known)
    assert (len(peers), peers.anonymous) == (10, 6)
    assert not alone.is_known
    assert wire_alone.is_aborted or peers.anonymous <= 6
    for peer, _ in known:
        peers.dismiss(peer)
        peers.dismiss(peer)
    assert len(peers) == 6


def test_a_single_visitor_is_not_driven_out_by_a_crowd_of_one_address() -> None:
    peers = Peers(Limits(total=100, anonymous=8, of_address=8))
    _, single = admitted(peers, "10.1.0.1")
    for _ in range(100):
        admitted(peers, "10.2.0.1")
    assert not single.is_aborted


def test_where_tokens_take_all_connections_the_next_one_is_refused() -> None:
    peers = Peers(Limits(total=4, anonymous=4, of_address=4))
    for _ in range(4):
        peers.prove(admitted(peers, "10.0.0.1")[0])
    assert peers.admit(Wire("10.0.0.1")) is None
    assert len(peers) == 4


@pytest.mark.parametrize(
    ("address", "most"),
    [("127.0.0.1", 12), ("::1", 12), ("::ffff:127.0.0.1", 12), ("10.0.0.1", 3), ("2001:db8::1%eth0", 3)],
)
def test_a_proxy_on_this_host_may_have_all_that_strangers_may(address: str, most: int) -> None:
    peers = Peers(Limits(total=48, anonymous=12, of_address=3))
    for _ in range(30):
        admitted(peers, address)
    assert peers.anonymous == most


def test_one_network_of_ipv6_is_one_visitor() -> None:
    peers = Peers(Limits(total=48, anonymous=12, of_address=3))
    for at in range(30):
        admitted(peers, f"2001:db8::{at:x}")
    assert peers.anonymous == 3


@pytest.mark.parametrize("files", [10, 64, 256, 1024, 4096, 10**6])
def test_connections_stay_below_the_open_files(files: int) -> None:
    limits = Limits.of_files(files)
    assert limits.total <= MOST_CONNECTIONS
    assert limits.total <= max(files // 2, files - 256, FEWEST_CONNECTIONS)
    assert 0 < limits.of_address <= limits.anonymous <= limits.total


def test_of_many_messages_of_a_kind_one_a_minute_is_written() -> None:
    now = [0.0]
    quiet = OneAMinute(lambda: now[0])
    logger, written = logging.Logger("asyncio"), []

    class Written(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    logger.addFilter(quiet)
    logger.addHandler(Written())
    for at in range(1000):
        try:
            raise OSError(24, "Too many open files")
        except OSError:
            logger.exception("socket.accept() out of system resource\nsocket: <fd=%s>", at)
    logger.error("another thing")
    now[0] = 61.0
    logger.error("another thing")
    logger.error("socket.accept() out of system resource")
    assert written[0].startswith("socket.accept() out of system resource (OSError: ")
    assert written[1:] == ["another thing", "another thing", "socket.accept() out of system resource"]
    for at in range(5000):
        logger.error("kind %s", "".join(chr(ord("a") + int(digit)) for digit in str(at)))
    assert len(quiet._heard) <= 200


def test_a_pool_refuses_what_it_cannot_begin_and_lets_go_of_what_takes_too_long() -> None:
    pool, gate = WorkPool("tests", threads=1, most_waiting=1, deadline_s=0.05), threading.Event()

    async def crowd() -> list[object]:
        return await asyncio.gather(*(pool.run(gate.wait) for _ in range(5)), return_exceptions=True)

    answers = asyncio.run(crowd())
    assert all(isinstance(answer, HTTPException) and answer.status_code == 503 for answer in answers)
    details = sorted(str(answer.detail) for answer in answers if isinstance(answer, HTTPException))
    assert (
        details
        == ["2 requests for tests are being answered; ask again in 5 s"] * 3
        + ["the tests took longer than 0.05 s; ask again in 5 s"] * 2
    )
    gate.set()
    done = WorkPool("more", threads=1, most_waiting=0)
    assert asyncio.run(done.run(lambda: 7)) == 7
    assert done.taken == 0
    with pytest.raises(ZeroDivisionError):
        asyncio.run(done.run(lambda: 1 // 0))
    pool.close()
    done.close()


def test_a_long_answer_is_sent_in_pieces() -> None:
    sent: list[tuple[int, bool]] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (2 * PIECE_BYTES + 5)})

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        if "body" in message:
            sent.append((len(message["body"]), message["more_body"]))

    async def receive() -> dict[str, str]:
        return {}

    asyncio.run(SmallPieces(app)({"type": "http"}, receive, send))
    assert sent == [(PIECE_BYTES, True), (PIECE_BYTES, True), (5, False)]


def test_who_does_not_take_an_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STUCK_S", 0.2)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 50_000_000})

    async def serve() -> int:
        peers = Peers(Limits.of_files(1000))
        config = uvicorn.Config(SmallPieces(app), lifespan="off", log_config=None)
        config.load()
        config.http_protocol_class = gates(peers, None)  # type: ignore[assignment]
        server = uvicorn.Server(config)
        with socket.socket() as listening, socket.socket() as client:
            listening.bind(("127.0.0.1", 0))
            server.lifespan = config.lifespan_class(config)
            await server.startup([listening])
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(listening.getsockname())
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while not len(peers):
                await asyncio.sleep(0.01)
            while len(peers):
                await asyncio.sleep(0.01)
            server.force_exit = True
            await server.shutdown([])
            return len(server.server_state.tasks)

    assert asyncio.run(asyncio.wait_for(serve(), 60)) == 0
