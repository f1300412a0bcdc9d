"""A service on a database with one campaign, and somebody signed in who may operate it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bohpo.service.app import create_app
from bohpo.service.security.tokens import Scope
from bohpo.service.settings import ServeTable, Settings
from bohpo.store import Store, open_store
from tests.service.pages import specimen

ORIGIN = "http://127.0.0.1:8765"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database with the campaign `specimen`."""
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        specimen.record(opened, tmp_path / "campaigns")
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What the administrator says."""
    return Settings(store=str(tmp_path / "bohpo.db"), directory=tmp_path / "campaigns", serve=ServeTable(interval=0.1))


@pytest.fixture
def client(store: Store, settings: Settings) -> Iterator[TestClient]:
    """A browser without JavaScript, signed in."""
    with signed_in(settings, Scope.OPERATE) as signed:
        yield signed


@contextlib.contextmanager
def signed_in(settings: Settings, scope: Scope) -> Iterator[TestClient]:
    """Start the service and sign in."""
    app = create_app(settings)
    _, secret = app.state.site.tokens.add("somebody", scope)
    with TestClient(app, base_url=ORIGIN, headers={"Accept": "text/html", "Origin": ORIGIN}) as client:
        client.get("/", params={"token": secret})
        yield client
