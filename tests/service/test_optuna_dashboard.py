"""optuna-dashboard shows a campaign as it stands, on the same database."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import optuna
import pytest

from bohpo.store import open_store
from tests.service.recorded import PAYLOAD, record_campaign

optuna_dashboard = pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")


def ask(application: Any, path: str, query: str = "") -> tuple[int, Any]:
    """Ask a WSGI application."""
    status: list[str] = []
    environment = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    body = b"".join(application(environment, lambda line, *_: status.append(line)))
    return int(status[0].split()[0]), json.loads(body)


def test_the_dashboard_tells_of_a_campaign_what_bohpo_recorded(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    with contextlib.closing(open_store(str(path))) as store:
        record_campaign(store, tmp_path)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    application = optuna_dashboard.wsgi(storage)
    try:
        status, studies = ask(application, "/api/studies")
        assert (status, [study["study_name"] for study in studies["study_summaries"]]) == (200, ["specimen"])
        study_id = studies["study_summaries"][0]["study_id"]
        status, told = ask(application, f"/api/studies/{study_id}", "after=0")
        assert status == 200
        assert [trial["state"] for trial in told["trials"]] == [*["Complete"] * 6, "Fail", "Running"]
        assert told["trials"][5]["values"] == [pytest.approx(0.6)]
        assert {each["name"] for each in told["trials"][5]["params"]} == {"x", "kind"}
        assert told["trials"][6]["params"][1]["param_external_value"] == PAYLOAD
    finally:
        storage.remove_session()
        storage.engine.dispose()
