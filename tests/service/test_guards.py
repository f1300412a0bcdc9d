"""What every request is held against, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient as Client

from bohpo.service.settings import BODY_BYTES
from tests.service.conftest import ORIGIN, House, opened

CAMPAIGNS = "/api/v1/campaigns"
STOP = f"{CAMPAIGNS}/specimen/stop"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "", "[::2]"])
def test_a_host_that_is_not_ours_is_turned_away(operator: Client, host: str) -> None:
    assert operator.get(CAMPAIGNS, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8765", "LOCALHOST", "127.0.0.1", "[::1]:8765"])
def test_names_of_this_host_are_known(operator: Client, host: str) -> None:
    assert operator.get(CAMPAIGNS, headers={"Host": host}).status_code == 200


def test_a_name_that_the_administrator_lists_is_known(folder: Path) -> None:
    with opened(folder, hosts=["portal.example.org"]) as house:
        client = house.client(house.viewer)
        assert client.get(CAMPAIGNS, headers={"Host": "portal.example.org"}).status_code == 200
        assert client.get(CAMPAIGNS, headers={"Host": "other.example.org"}).status_code == 421


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:9999",
        "null",
        "http://127.0.0.1.evil.example:8765",
        "https://127.0.0.1",
    ],
)
def test_a_page_of_another_site_changes_nothing(house: House, origin: str) -> None:
    client, before = house.client(), house.actions()
    client.get(f"/?token={house.operator}")
    assert client.post(STOP, headers={"Origin": origin}).status_code == 403
    assert house.client(house.operator).post(STOP, headers={"Origin": origin}).status_code == 403
    assert house.actions() == before


def test_a_cookie_without_an_origin_changes_nothing(house: House) -> None:
    client = house.client()
    client.get(f"/?token={house.operator}")
    assert client.post(STOP).status_code == 403
    assert client.post(STOP, headers=ORIGIN).status_code == 200


def test_a_request_that_is_too_long_is_refused_before_it_is_read(operator: Client) -> None:
    refused = operator.post("/api/v1/check", content=b"x" * (BODY_BYTES + 1))
    assert refused.status_code == 413
    assert refused.json()["exit_code"] == 2


def test_a_request_of_unknown_length_is_cut_off(operator: Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(BODY_BYTES // 10_000 + 2):
            yield b"x" * 10_000

    assert operator.post("/api/v1/check", content=endless()).status_code == 413


def test_long_addresses_and_headers_are_refused(operator: Client) -> None:
    assert operator.get(f"{CAMPAIGNS}?{'x' * 9000}").status_code == 414
    assert operator.get(CAMPAIGNS, headers={"X-Long": "x" * 40_000}).status_code == 431


@pytest.mark.parametrize("path", [CAMPAIGNS, "/", "/sign-in", "/nothing", f"{CAMPAIGNS}/gone", "/api/v1/openapi.json"])
@pytest.mark.parametrize("is_known", [True, False])
def test_every_answer_forbids_scripts_of_others_and_frames(house: House, path: str, is_known: bool) -> None:
    headers = house.client(house.viewer if is_known else None).get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("prefix", ["", "/node/bohpo"])
def test_a_proxy_may_take_its_path_away_or_leave_it(folder: Path, prefix: str) -> None:
    with opened(folder, root_path="/node/bohpo") as house:
        client = house.client(house.viewer)
        assert client.get(f"{prefix}{CAMPAIGNS}/specimen").json()["campaign"] == "specimen"
        signed_in = house.client().get(f"{prefix}/?token={house.viewer}")
        assert signed_in.headers["Location"].startswith("/node/bohpo")
        assert "Path=/node/bohpo" in signed_in.headers["Set-Cookie"]
