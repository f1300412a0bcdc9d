"""Who may not enter cannot starve those who may: a real service on loopback, and real sockets that do nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bohpo.service.peers import RESERVED_FILES, Limits
from tests.service.recorded import SPECIMENS
from tests.service.served import Served, serving

STRANGERS = 2000
HALF = b"GET /campaigns/specimen HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
SLOW_BODY = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\ntoken="


@pytest.fixture(scope="module", autouse=True)
def _enough_files() -> Iterator[None]:
    """Raise the limit on open files, so that this process has a socket for every stranger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, STRANGERS + 500), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "serve.log"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("starved")
    (folder / "specimens.py").write_text(SPECIMENS.read_text())
    with serving(folder, "--trainer=specimens:quadratic", log=log) as served, served.client() as client:
        assert client.get("/").status_code == 200  # it runs
        yield served


def address_of(served: Served) -> tuple[str, int]:
    parts = urlsplit(served.address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@contextlib.contextmanager
def strangers(served: Served, count: int, *sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that send one of `sent` each, in turn, and nothing more."""
    opened: list[socket.socket] = []
    try:
        for at in range(count):
            stranger = socket.create_connection(address_of(served), timeout=30)
            opened.append(stranger)
            with contextlib.suppress(ConnectionError):  # the service made room already
                stranger.sendall(sent[at % len(sent)])
        yield opened
    finally:
        for stranger in opened:
            stranger.close()


def is_closed(stranger: socket.socket, patience_s: float) -> bool:
    """Wait until the other side has closed a connection."""
    stranger.settimeout(patience_s)
    try:
        while stranger.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def open_files(served: Served) -> int:
    return len(list(Path(f"/proc/{served.pid}/fd").iterdir()))


def test_two_thousand_strangers_keep_nobody_out(served: Served, log: Path) -> None:
    with served.client() as kept:
        assert kept.get("/").status_code == 200
        with strangers(served, STRANGERS, b"", HALF, SLOW_BODY) as opened:
            assert len(opened) == STRANGERS
            assert kept.get("/").status_code == 200  # on the connection of before, which nobody drove out
            with served.client() as fresh:
                assert fresh.get("/api/v1/campaigns").status_code == 200
                assert fresh.get("/health").json()["service"] is True
            assert open_files(served) < Limits.of_files(10_000).anonymous + RESERVED_FILES
    said = log.read_text()
    assert "Traceback" not in said
    assert len(said.splitlines()) < 20


def test_half_a_request_is_not_waited_for(served: Served) -> None:
    with strangers(served, 3, b"", HALF, SLOW_BODY) as (idle, half, slow):
        assert is_closed(idle, 60)
        assert is_closed(half, 60)
        assert is_closed(slow, 120)


def test_a_head_that_trickles_gains_no_time(served: Served) -> None:
    with strangers(served, 1, HALF) as (trickling,):
        gone = threading.Event()

        def trickle() -> None:
            try:
                while not gone.wait(0.3):
                    trickling.send(b"x")
            except OSError:
                gone.set()

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert gone.wait(60), "the service still listens"
        finally:
            gone.set()
            thread.join()


def test_a_stranger_who_sends_much_more_than_is_read_is_answered_at_once(served: Served) -> None:
    head = b"POST /api/v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n"
    with strangers(served, 1, head) as (stranger,):
        stranger.settimeout(60)
        assert stranger.recv(4096).startswith(b"HTTP/1.1 401 ")  # though the body never came


def test_a_log_of_a_thousand_malformed_requests_is_short(served: Served, log: Path) -> None:
    before = len(log.read_text().splitlines())
    for _ in range(300):
        with strangers(served, 1, b"\x16\x03\x01 nonsense\r\n\r\n") as (stranger,):
            assert is_closed(stranger, 60)
    assert len(log.read_text().splitlines()) - before <= 5


def test_checks_of_nasty_studies_leave_the_pages_alone(served: Served) -> None:
    nasty = (
        'name = "nasty"\ntrainer = "specimens:quadratic"\nobjective.direction = "maximize"\n[space]\n'
        'p0 = { type = "int", low = 1, high = 4 }\n'
        + "".join(
            f'p{at} = {{ type = "int", low = 1, high = 4, when = {{ p{at - 1} = [1, 2] }} }}\n' for at in range(1, 28)
        )
    )
    assert len(nasty) < 2048
    with served.client() as client, ThreadPoolExecutor(45) as many:
        asked = [many.submit(client.post, "/api/v1/check", json={"study": nasty}) for _ in range(45)]
        with served.client() as other:
            for _ in range(5):
                assert other.get("/health").status_code == 200
                assert other.get("/").status_code == 200
        answers = [each.result() for each in asked]
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0
            assert "ask again" in answer.json()["message"]
        else:
            assert answer.json()["mistakes"] == []
    assert any(answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize(
    "text",
    ["a" + ".a" * 100_000 + " = 1", "a = " + "[" * 100_000, "a = 0x" + "f" * 100_000, "name = '\\ud800'"],
    ids=["dots", "brackets", "digits", "surrogate"],
)
def test_a_hopeless_study_is_refused_and_the_service_goes_on(served: Served, text: str) -> None:
    with served.client() as client:
        told = client.post("/api/v1/check", json={"study": text}).json()
        assert told["mistakes"]
        nested = client.post(
            "/api/v1/check", content=b'{"study": ' + b"[" * 100_000, headers={"Content-Type": "application/json"}
        )
        assert 400 <= nested.status_code < 500
        digits = client.post(
            "/api/v1/check",
            content=b'{"trials": ' + b"9" * 100_000 + b"}",
            headers={"Content-Type": "application/json"},
        )
        assert 400 <= digits.status_code < 500
        assert client.get("/health").json() == {"service": True, "database": True}


def test_a_body_whose_length_is_a_huge_number_is_refused(served: Served) -> None:
    head = f"POST /api/v1/check HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n"
    with strangers(served, 1, f"{head}Content-Length: 1{'0' * 15}\r\n\r\n".encode()) as (known,):
        known.settimeout(60)
        assert known.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_few_open_files_are_enough(tmp_path: Path) -> None:
    log = tmp_path / "log"
    few = ("bash", "-c", 'ulimit -n 200; exec "$@"', "bash")
    with serving(tmp_path, log=log, through=few) as served, served.client() as kept:
        assert kept.get("/").status_code == 200
        with strangers(served, 600, b"", HALF), served.client() as fresh:
            assert kept.get("/").status_code == 200
            assert fresh.get("/").status_code == 200
            assert open_files(served) < 200
    assert "Traceback" not in log.read_text()
    assert len(log.read_text().splitlines()) < 20


def test_tls_handshakes_that_never_come_keep_nobody_out(tmp_path: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    log = tmp_path / "log"
    with serving(tmp_path, "--certificate=cert.pem", "--key=key.pem", log=log) as served:
        believed = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with served.client(verify=believed) as kept:
            assert kept.get("/").status_code == 200
            with strangers(served, 1200, b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
                assert kept.get("/").status_code == 200
                with served.client(verify=believed) as fresh:
                    assert fresh.get("/health").status_code == 200
                assert open_files(served) < Limits.of_files(10_000).anonymous + RESERVED_FILES
            with strangers(served, 1, b"") as (silent,):
                assert is_closed(silent, 60)
    assert "Traceback" not in log.read_text()


def test_one_token_cannot_take_every_stream(served: Served) -> None:
    from bohpo.service.events import MOST_LISTENERS, MOST_OF_TOKEN

    assert MOST_OF_TOKEN < MOST_LISTENERS
    head = f"GET /api/v1/ticks HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode()
    with strangers(served, MOST_OF_TOKEN, head) as opened:
        for listening in opened:
            assert listening.recv(4096).startswith(b"HTTP/1.1 200 ")
        with served.client() as client:
            refused = client.get("/api/v1/ticks")
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
            made = client.post("/api/v1/tokens", json={"name": "another", "scope": "view"}).json()
        headers = {"Authorization": f"Bearer {made['secret']}"}
        with (
            httpx.Client(base_url=served.address, headers=headers, timeout=60, trust_env=False) as other,
            other.stream("GET", "/api/v1/ticks") as stream,
        ):
            assert stream.status_code == 200
    deadline = time.monotonic() + 120
    while open_files(served) > 150 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert open_files(served) <= 150, "streams that were left are closed"
