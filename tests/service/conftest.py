"""A service in this process, with a campaign to show, and clients that show a token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bohpo.service.app import create_app
from bohpo.service.security.tokens import Scope, Tokens
from bohpo.service.settings import ServeTable, Settings
from bohpo.service.site import Site
from bohpo.store import open_store
from tests.service.recorded import SPECIMENS, record_campaign, study_text

ADDRESS = "http://127.0.0.1:8765"
ORIGIN = {"Origin": ADDRESS}


@dataclass(frozen=True)
class House:
    """A service in this process."""

    folder: Path
    settings: Settings
    app: FastAPI
    operator: str
    viewer: str

    @property
    def site(self) -> Site:
        """Its parts."""
        site: Site = self.app.state.site
        return site

    def actions(self) -> list[str]:
        """What was asked for so far."""
        return [audit.action for audit in self.site.store.audits()]

    def client(self, secret: str | None = None) -> TestClient:
        """Make a client that shows a token, or none."""
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        return TestClient(self.app, base_url=ADDRESS, headers=headers, follow_redirects=False)


@contextlib.contextmanager
def opened(folder: Path, **table: object) -> Iterator[House]:
    """Open a service on the database in a folder."""
    settings = Settings(
        str(folder / "bohpo.db"), folder / "campaigns", ServeTable.model_validate({"port": 8765, **table}), folder
    )
    tokens = Tokens(settings.tokens)
    _, operator = tokens.add("an operator", Scope.OPERATE)
    _, viewer = tokens.add("a viewer", Scope.VIEW)
    app = create_app(settings)
    try:
        yield House(folder, settings, app, operator, viewer)
    finally:
        app.state.figures.close()
        app.state.site.desk.close()
        app.state.site.store.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a database, a campaign, a trainer, and a folder of studies; where the service runs."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "specimens.py").write_text(SPECIMENS.read_text())
    (folder / "studies").mkdir()
    (folder / "studies/listed.toml").write_text(study_text("stepwise").replace('"specimen"', '"listed"', 1))
    (folder / "studies/specimens.py").write_text(SPECIMENS.read_text())
    with contextlib.closing(open_store(str(folder / "bohpo.db"))) as store:
        record_campaign(store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "no-configuration"))
        yield folder


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[House]:
    """A service that lets listed studies and one trainer be launched; the tests of a module share it."""
    with opened(folder, studies=["studies"], trainers=["specimens:quadratic"], hosts=["testserver"]) as house:
        yield house


@pytest.fixture
def operator(house: House) -> TestClient:
    """Somebody who may launch."""
    return house.client(house.operator)


@pytest.fixture
def viewer(house: House) -> TestClient:
    """Somebody who may look."""
    return house.client(house.viewer)
