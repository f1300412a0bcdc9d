"""Chromium, and a service that it talks to over loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from bohpo.service.security.tokens import Scope
from bohpo.service.server import Server
from bohpo.service.settings import ServeTable, Settings

PATIENCE_MS = 120_000
"""The machine may be busy with other things."""

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A service that may launch the tests' own trainer."""
    serve = ServeTable(port=0, interval=0.2, trainers=("tests.browser.detector:train",))
    return Settings(
        store=str(tmp_path / "bohpo.db"),
        directory=tmp_path / "campaigns",
        serve=serve,
        working_directory=REPOSITORY,
    )


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[tuple[Server, str]]:
    """Run a service in a thread; gives it, and the address that signs in."""
    server = Server(settings)
    _, secret = server.site.tokens.add("somebody", Scope.OPERATE)
    thread = threading.Thread(target=server.run, name="service")
    thread.start()
    try:
        wait_for_port(server.port)
        yield server, f"http://127.0.0.1:{server.port}/?token={secret}"
    finally:
        server.stop()
        thread.join()
        server.close()


def wait_for_port(port: int) -> None:
    """Wait until somebody listens on a port of this host."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on port {port}"
            time.sleep(0.05)


@pytest.fixture
def complaints() -> list[str]:
    """What the pages complained about, and what they asked other hosts for."""
    return []


@pytest.fixture
def context(browser: Browser, complaints: list[str]) -> Iterator[BrowserContext]:
    """A window in which every request off this host is refused and noted."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)

    def refuse(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", refuse)
    yield context
    context.close()


@pytest.fixture
def tab(context: BrowserContext, complaints: list[str]) -> Page:
    """A tab whose complaints are noted."""
    page = context.new_page()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page
