"""The password of the database's URL: nothing that the service answers, writes or logs tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.recorded import SPECIMENS, study_text
from tests.service.served import Served, run, serving, wait_for
from tests.services.postgresql import DATABASE, PostgresqlServer

CANARY = "canary-3f9c1d"

ADDRESSES = (
    "/",
    "/launch",
    "/compare?campaign=sent",
    "/campaigns/sent",
    "/campaigns/sent/export",
    "/campaigns/sent/trials/0",
    "/campaigns/sent/parts/provenance",
    "/campaigns/sent/parts/history",
    "/campaigns/sent/news?piece=+parts/standing&piece=+figures/progress",
    "/api/v1/campaigns",
    "/api/v1/campaigns/sent",
    "/api/v1/campaigns/sent/events",
    "/api/v1/campaigns/sent/trials",
    "/api/v1/campaigns/sent/best",
    "/api/v1/campaigns/sent/driver-log",
    "/api/v1/campaigns/sent/report",
    *(f"/api/v1/campaigns/sent/export?format={kind}" for kind in ("toml", "yaml", "json", "csv", "hydra", "optuna")),
    "/api/v1/audit",
    "/api/v1/openapi.json",
    "/api/v1/campaigns/nobody",
    "/metrics",
    "/health",
)


def told(served: Served) -> str:
    """Give all that the service answers, headers included."""
    texts = []
    with served.client() as client:
        for address in ADDRESSES:
            for accepted in ("text/html", "application/json"):
                answer = client.get(address, headers={"Accept": accepted})
                texts.append(f"{address} {answer.status_code} {answer.headers} {answer.text}")
    return "\n".join(texts)


@pytest.mark.postgresql
def test_a_password_is_in_no_answer_no_log_and_no_file(
    tmp_path: Path, postgresql_url: str, postgresql_server: PostgresqlServer
) -> None:
    secret, log = tmp_path / "url", tmp_path / "said.txt"
    secret.touch(mode=0o600)
    secret.write_text(postgresql_url.replace("postgres@", f"postgres:{CANARY}@"))
    (tmp_path / "specimens.py").write_text(SPECIMENS.read_text())
    words = (f"--store=file:{secret}", "--trainer=specimens:quadratic")
    with serving(tmp_path, *words, log=log) as served, served.client() as client:
        launched = client.post("/api/v1/launches", json={"study": study_text("quadratic", trials=2), "name": "sent"})
        assert launched.status_code == 201, launched.text
        driver = launched.json()["driver"]["pid"]
        assert CANARY not in Path(f"/proc/{driver}/cmdline").read_text()
        wait_for(lambda: client.get("/api/v1/campaigns/sent").json()["state"] == "finished", told="it finishes")
        assert CANARY not in told(served)
        postgresql_server.sql("ALTER SCHEMA public RENAME TO away", DATABASE)  # now every question is an error
        try:
            wait_for(lambda: not client.get("/health").json()["database"], told="the service sees that")
            broken = told(served)
        finally:
            postgresql_server.sql("ALTER SCHEMA away RENAME TO public", DATABASE)
        assert " 503 " in broken
        assert CANARY not in broken
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != secret]
    assert log in files and len(files) > 5
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_a_password_is_not_told_when_the_database_cannot_be_reached(tmp_path: Path) -> None:
    refused = run(tmp_path, "serve", "--port=0", f"--store=postgresql://somebody:{CANARY}@127.0.0.1:9/nowhere")
    assert refused.returncode == 5
    assert refused.stderr
    assert CANARY not in refused.stdout + refused.stderr
