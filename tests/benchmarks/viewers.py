"""Servers under measurement, and viewers: each hears of ticks and asks again for what it sees, as a browser does."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

PATIENCE_S = 300.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and the token that it knows one by; empty where it asks for none."""

    port: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A server in a process of its own."""

    address: Address
    pid: int

    @property
    def processor_s(self) -> float:
        """Processor time that it has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Connection:
    """One connection of a browser."""

    def __init__(self, address: Address) -> None:
        """Connect to `address`."""
        self._token = address.token
        self._tags: dict[str, str] = {}
        self.http = http.client.HTTPConnection("127.0.0.1", address.port, timeout=PATIENCE_S)

    def get(self, path: str) -> bytes:
        """Ask for something; again only if it has changed."""
        with self.open(path) as answered:
            body: bytes = answered.read()
            if answered.status >= 400:
                raise RuntimeError(f"{path}: {answered.status} {body[:200]!r}")
            self._tags[path] = answered.headers.get("ETag", "")
            return body

    def get_news(self, campaign: str, seen: Sequence[str]) -> None:
        """Ask what is new of the pieces of a campaign's page, in one question, as the page's script does."""
        pieces = [("piece", f"{self._tags.get(path, '')} {path.removeprefix(f'{campaign}/')}") for path in seen]
        line, _, bodies = self.get(f"{campaign}/news?{urlencode(pieces)}").partition(b"\n")
        told = json.loads(line)
        if len(bodies) != sum(new["bytes"] for new in told):
            raise RuntimeError(f"the bodies have {len(bodies)} bytes, not what {line[:200]!r} says")
        self._tags.update((f"{campaign}/{new['address']}", new["tag"]) for new in told)

    def open(self, path: str) -> http.client.HTTPResponse:
        """Ask for something, and leave its body to be read."""
        headers = {"Accept-Encoding": "gzip"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._tags.get(path):
            headers["If-None-Match"] = self._tags[path]
        try:
            self.http.request("GET", path, headers=headers)
            return self.http.getresponse()
        except ConnectionError:  # servers end connections that were long silent
            self.http.close()
            self.http.request("GET", path, headers=headers)
            return self.http.getresponse()


class Audience:
    """Viewers of one campaign."""

    def __init__(self, address: Address, campaign: str, seen: Sequence[str], count: int) -> None:
        """Begin to look.

        Args:
            address: Of the service.
            campaign: What they look at.
            seen: What each of them sees of it.
            count: How many there are.
        """
        self._page, self._seen = f"/campaigns/{campaign}", seen
        self._lock = threading.Lock()
        self._ticks: dict[int, tuple[float, float]] = {}
        self._quiet_since = time.monotonic()
        self._at_work = self._listening = 0
        self._heard: set[int] = set()
        self._is_over = False
        self._streams = [Connection(address) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._look, args=(stream, address, campaign), daemon=True)
            for stream in self._streams
        ]

    def __enter__(self) -> Audience:
        """Let them look."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let them go."""
        self._is_over = True
        for stream in self._streams:
            if stream.http.sock is not None:
                with contextlib.suppress(OSError):
                    stream.http.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    @property
    def ticks(self) -> dict[int, tuple[float, float]]:
        """When the first viewer heard of a revision, and when the last had what it sees, by revision."""
        with self._lock:
            return dict(self._ticks)

    @property
    def is_complete(self) -> bool:
        """Whether every viewer still looks."""
        return all(thread.is_alive() for thread in self._threads)

    def forget(self) -> None:
        """Forget the ticks so far."""
        with self._lock:
            self._ticks.clear()
            self._heard.clear()

    def wait(self) -> None:
        """Wait until everybody looks: has seen the page and hears of ticks."""
        while True:
            with self._lock:
                if self._listening == len(self._threads):
                    return
            time.sleep(0.02)

    def settle(self, quiet_s: float) -> None:
        """Wait until everybody has heard of something, nothing was heard for so long, and nobody asks for anything."""
        with self._lock:
            self._quiet_since = time.monotonic()
        while True:
            with self._lock:
                is_quiet = not self._at_work and time.monotonic() - self._quiet_since >= quiet_s
                if is_quiet and len(self._heard) == len(self._threads):
                    return
            time.sleep(0.02)

    def _look(self, stream: Connection, address: Address, campaign: str) -> None:
        pages = Connection(address)
        try:
            for path in self._seen:
                pages.get(path)
            with stream.open(f"/api/v1/ticks?campaign={campaign}") as ticks:
                with self._lock:
                    self._listening += 1
                while not self._is_over and (line := ticks.readline()):
                    if line.startswith(b"data:"):
                        self._ask_again(pages, json.loads(line.removeprefix(b"data:"))["revision"])
        except (OSError, ValueError, http.client.HTTPException):
            if not self._is_over:
                raise
        finally:
            pages.http.close()
            stream.http.close()

    def _ask_again(self, pages: Connection, revision: int) -> None:
        with self._lock:
            self._at_work += 1
            heard = time.monotonic()
        try:
            pages.get_news(self._page, self._seen)
        finally:
            with self._lock:
                first, _ = self._ticks.get(revision, (heard, heard))
                self._quiet_since = time.monotonic()
                self._ticks[revision] = (min(first, heard), self._quiet_since)
                self._at_work -= 1
                self._heard.add(threading.get_ident())


def fetch(address: Address, path: str) -> bytes:
    """Ask for something by a connection of its own."""
    connection = Connection(address)
    try:
        return connection.get(path)
    finally:
        connection.http.close()


@contextlib.contextmanager
def start_service(folder: Path, log: Path = Path(os.devnull)) -> Iterator[Service]:
    """Serve the database `bohpo.db` of a folder; `log` takes what the service writes to its standard error."""
    command = [sys.executable, "-m", "bohpo", "serve", "--port=0", "--json", f"--store={folder / 'bohpo.db'}"]
    command.append(f"--directory={folder / 'campaigns'}")
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            token = parse_qs(urlsplit(told["url"]).query)["token"][0]
            yield Service(_answering(Address(told["port"], token), "/health"), process.pid)
        finally:
            process.kill()


@contextlib.contextmanager
def start_dashboard(folder: Path) -> Iterator[Service | None]:
    """Serve the same database by optuna-dashboard; None where it is not installed."""
    if importlib.util.find_spec("optuna_dashboard") is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [f"sqlite:///{folder / 'bohpo.db'}", f"--port={port}", "--host=127.0.0.1"]
    program = "import sys; from optuna_dashboard._cli import main; sys.argv[0] = 'optuna-dashboard'; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield Service(_answering(Address(port), "/api/studies"), process.pid)
        finally:
            process.kill()


def _answering(address: Address, path: str) -> Address:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            fetch(address, path)
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return address
