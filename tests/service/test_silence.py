"""A service whose database stands still, and one that is asked to stop while it works."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from bohpo.store import open_store
from tests.service.recorded import record_campaign
from tests.service.served import Served, serving
from tests.services import PostgresqlServer
from tests.services.daemon import stopped

ASKING = 60
"""More than the threads that answer."""


@pytest.mark.postgresql
def test_a_database_that_stands_still_holds_no_thread(
    tmp_path: Path, postgresql_url: str, postgresql_server: PostgresqlServer
) -> None:
    with contextlib.closing(open_store(postgresql_url)) as store:
        record_campaign(store, tmp_path)
    with serving(tmp_path, f"--store={postgresql_url}") as served, served.client() as client:
        assert client.get("/campaigns/specimen").status_code == 200
        with stopped(postgresql_server.processes()), ThreadPoolExecutor(ASKING) as many:
            asked = [many.submit(status, served, f"/campaigns/specimen/trials/{at % 6}") for at in range(ASKING)]
            assert client.get("/health").json()["service"] is True
            assert {answer.result() for answer in asked} == {503}
            assert client.get("/campaigns/specimen/figures/progress").status_code == 200, "what was read is shown"
        assert client.get("/campaigns/specimen/trials/1").status_code == 200


def status(served: Served, path: str) -> int:
    """Return how a page was answered, in less than twice the time that it may hold a thread."""
    headers = {"Authorization": f"Bearer {served.token}"}
    return httpx.get(f"{served.address}{path}", headers=headers, timeout=20, trust_env=False).status_code
