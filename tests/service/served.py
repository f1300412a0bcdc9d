"""A service in a process of its own, asked as somebody at another computer asks it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

PATIENCE_S = 240.0


@dataclass(frozen=True)
class Served:
    """A service that runs."""

    process: subprocess.Popen[str]
    folder: Path
    address: str
    token: str
    pid: int

    def client(self, *, verify: ssl.SSLContext | bool = True) -> httpx.Client:
        """Make a client that shows the token of who started the service.

        Args:
            verify: Knows which certificates to believe.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=PATIENCE_S, trust_env=False, verify=verify)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of bohpo that asks this service."""
        environment = environment_of(self.folder) | {"BOHPO_TOKEN": self.token, "BOHPO_SERVER": self.address}
        return run(self.folder / "elsewhere", *words, environment=environment)


def environment_of(folder: Path) -> dict[str, str]:
    """Give an environment in which nothing of this user counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOHPO_")}
    return kept | {"XDG_CONFIG_HOME": str(folder / "no-configuration")}


def run(folder: Path, *words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of bohpo."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        (sys.executable, "-m", "bohpo", *words),
        cwd=folder,
        env=environment_of(folder) if environment is None else environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@contextlib.contextmanager
def serving(folder: Path, *words: str, log: Path = Path(os.devnull), through: tuple[str, ...] = ()) -> Iterator[Served]:
    """Serve a folder; the service is killed in the end.

    Args:
        folder: Where the service runs.
        *words: Further words of its command line.
        log: Takes what it says while it runs.
        through: A command that runs the service in its own place.
    """
    command = (*through, sys.executable, "-m", "bohpo", "serve", "--port=0", "--json", *words)
    with (
        log.open("a") as said,
        subprocess.Popen(
            command, cwd=folder, env=environment_of(folder), stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            told: dict[str, Any] = json.loads(process.stdout.readline())
            parts = urlsplit(told["url"])
            address = f"{parts.scheme}://{parts.netloc}"
            yield Served(process, folder, address, parse_qs(parts.query)["token"][0], told["pid"])
        finally:
            process.kill()


def wait_for(what: Callable[[], bool], *, told: str) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < give_up, told
        time.sleep(0.1)
