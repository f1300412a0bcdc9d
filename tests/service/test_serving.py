"""The service as a process: where it listens, what it starts, and what outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bohpo.cli.tunnel import tunnel
from bohpo.errors import StudyError, UsageError
from bohpo.service.settings import is_loopback, read_serve_table
from bohpo.store import open_store
from bohpo.store.records import CampaignState
from tests.service.recorded import SPECIMENS, study_text
from tests.service.served import PATIENCE_S, Served, run, serving, wait_for

LAUNCH = {"study": study_text("quadratic", trials=5000), "name": "sent"}
"""It does not end by itself."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    (folder / "specimens.py").write_text(SPECIMENS.read_text())
    (folder / "study.toml").write_text(study_text("quadratic", trials=30))
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, "--trainer=specimens:quadratic") as served:
        yield served


def end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def test_a_launch_is_done_once_and_its_driver_outlives_the_service(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "specimens.py").write_text(SPECIMENS.read_text())
    key = {"Idempotency-Key": "the-only-one"}
    with serving(tmp_path, "--trainer=specimens:quadratic") as first, first.client() as client:
        launched = client.post("/api/v1/launches", json=LAUNCH, headers=key)
        assert launched.status_code == 201, launched.text
        driver = launched.json()["driver"]["pid"]
        request.addfinalizer(lambda: end(driver))
        assert os.getsid(driver) == driver
        again = client.post("/api/v1/launches", json=LAUNCH, headers=key)
        assert (again.status_code, again.json()["driver"]) == (200, None)
        other = client.post("/api/v1/launches", json={**LAUNCH, "trials": 5}, headers=key)
        assert "another launch" in other.json()["message"]
        assert "exists" in client.post("/api/v1/launches", json=LAUNCH).json()["message"]
        assert client.post("/api/v1/campaigns/sent/resume", json={}).status_code == 409
        first.process.kill()
    with serving(tmp_path, "--trainer=specimens:quadratic") as second, second.client() as client:
        after = client.post("/api/v1/launches", json=LAUNCH, headers=key)
        assert (after.status_code, after.json()["driver"]) == (200, None)
        wait_for(
            lambda: bool(client.get("/api/v1/campaigns/sent").json()["trials"]["complete"]),
            told="the driver is at work",
        )
        assert client.post("/api/v1/campaigns/sent/stop", json={}).json()["driver"] is True
        wait_for(lambda: client.get("/api/v1/campaigns/sent").json()["state"] != "active", told="the driver drains")
        assert "stopped" in client.get("/api/v1/campaigns/sent/driver-log").text
        complete = client.get("/api/v1/campaigns/sent").json()["trials"]["complete"]
        resumed = client.post("/api/v1/campaigns/sent/resume", json={"trials": complete + 2})
        assert resumed.status_code == 201, resumed.text
        wait_for(lambda: client.get("/api/v1/campaigns/sent").json()["state"] == "finished", told="it finishes")
        assert client.get("/api/v1/campaigns/sent").json()["trials"]["complete"] == complete + 2
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        assert store.campaign("sent").state is CampaignState.FINISHED


def test_commands_ask_the_service(served: Served) -> None:
    folder = served.folder
    launched = served.command("launch", str(folder / "study.toml"), "--name=asked", "--trials=2")
    assert launched.returncode == 0, launched.stderr
    assert launched.stdout.strip() == f"{served.address}/campaigns/asked"
    with served.client() as client:
        wait_for(lambda: client.get("/api/v1/campaigns/asked").json()["state"] == "finished", told="it finishes")
    assert "asked" in served.command("ls").stdout
    here = json.loads(run(folder, "status", "asked", "--json").stdout)
    there = json.loads(served.command("status", "asked", "--json").stdout)
    assert here.keys() == there.keys()
    assert there["best"] == here["best"]
    assert served.command("best", "asked").stdout == run(folder, "best", "asked").stdout
    assert served.command("export", "asked").stdout == run(folder, "export", "asked").stdout
    assert json.loads(served.command("stop", "asked", "--json").stdout)["driver"] is False
    gone = served.command("status", "askd")
    assert (gone.returncode, "did you mean asked" in gone.stderr) == (3, True)
    refused = served.command("watch", "asked")
    assert (refused.returncode, "leave out --server" in refused.stderr) == (2, True)


def test_a_tick_is_heard_when_something_happens(served: Served) -> None:
    heard: list[str] = []

    def listen() -> None:
        with served.client() as client, client.stream("GET", "/api/v1/ticks") as stream:
            for line in stream.iter_lines():
                heard.append(line)
                if sum(each.startswith("data:") for each in heard) == 2:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    wait_for(lambda: any(line.startswith("data:") for line in heard), told="the present revision is told")
    assert served.command("launch", str(served.folder / "study.toml"), "--name=heard", "--trials=1").returncode == 0
    thread.join(240)
    assert not thread.is_alive()


def test_a_stream_ends_when_its_token_is_revoked(served: Served) -> None:
    made = json.loads(run(served.folder, "token", "add", "guest", "--json").stdout)
    client = httpx.Client(
        base_url=served.address,
        headers={"Authorization": f"Bearer {made['secret']}"},
        timeout=PATIENCE_S,
        trust_env=False,
    )
    with client, client.stream("GET", "/api/v1/ticks") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        assert run(served.folder, "token", "revoke", made["token"]["id"]).returncode == 0
        rest = list(lines)  # its end comes, or the test runs out of patience
    assert ": still here" not in rest, "it ends before the next sign of life would be due"
    with served.client() as other:
        assert other.get("/api/v1/campaigns").status_code == 200


def test_an_end_waits_for_no_browser(folder: Path) -> None:
    with serving(folder) as served, served.client() as client, client.stream("GET", "/api/v1/ticks") as stream:
        lines = stream.iter_lines()
        next(lines)
        served.process.send_signal(signal.SIGTERM)
        for _ in lines:
            pass
        assert served.process.wait(240) in (0, -signal.SIGTERM)


def test_the_way_in_from_another_computer_is_told_word_for_word() -> None:
    assert re.fullmatch(r"ssh -N -L 8765:127\.0\.0\.1:8765 \S+@\S+", tunnel(8765))


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run(folder, "serve", f"--port={port}")
    assert (refused.returncode, "choose another" in refused.stderr) == (2, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "node17"])
def test_others_are_reached_with_tls_or_on_insistence(folder: Path, host: str) -> None:
    refused = run(folder, "serve", f"--host={host}")
    assert (refused.returncode, "--plain-http" in refused.stderr) == (2, True)
    table = read_serve_table({"host": host, "plain_http": True}, {"XDG_CONFIG_HOME": str(folder)})
    assert (table.host, is_loopback(host)) == (host, False)
    with pytest.raises(UsageError, match="--key"):
        read_serve_table({"host": host, "certificate": "c.pem"}, {"XDG_CONFIG_HOME": str(folder)})


def test_a_certificate_that_is_none_is_told(folder: Path) -> None:
    (folder / "not.pem").write_text("no certificate")
    refused = run(folder, "serve", "--port=0", "--certificate=not.pem", "--key=not.pem")
    assert (refused.returncode, "PEM files that belong together" in refused.stderr) == (2, True)


def test_what_the_site_says_holds_unless_a_flag_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "bohpo").mkdir()
    site = tmp_path / "bohpo/site.toml"
    site.write_text('[cluster]\nbackend = "slurm"\n[serve]\nport = 9000\nread_only = true\n')
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    table = read_serve_table({"port": 9001}, environment)
    assert (table.port, table.read_only, table.host) == (9001, True, "127.0.0.1")
    site.write_text("[serve]\nprot = 9000\n")
    with pytest.raises(StudyError, match="did you mean 'port'"):
        read_serve_table({}, environment)
