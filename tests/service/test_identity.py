"""Who is let in, and how far."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient as Client

from bohpo.errors import NotFoundError, UsageError
from bohpo.service.security.identity import safe_next
from bohpo.service.security.tokens import Scope, Tokens
from tests.service.conftest import ORIGIN, House, opened

CAMPAIGNS = "/api/v1/campaigns"
CHANGES = (
    ("POST", f"{CAMPAIGNS}/specimen/stop"),
    ("POST", f"{CAMPAIGNS}/specimen/resume"),
    ("POST", "/api/v1/launches"),
    ("POST", "/api/v1/check"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/12345678"),
)


def test_without_a_token_nothing_is_told(house: House) -> None:
    client = house.client()
    described = house.client(house.viewer).get("/api/v1/openapi.json").json()["paths"]
    for path in described:
        if path != "/health":
            refused = client.get(re.sub(r"\{[^}]*\}", "0", path))
            assert refused.status_code == 401, path
            assert "specimen" not in refused.text
            assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.get("/").headers["Location"] == "/sign-in?next=%2F"
    assert client.get("/health").json() == {"service": True, "database": True}


@pytest.mark.parametrize("shown", ["Bearer ", "Bearer nonsense", "Basic Og==", "Bearer " + "x" * 5000, "bearer\x00"])
def test_a_wrong_token_is_as_good_as_none(house: House, shown: str) -> None:
    assert house.client().get(CAMPAIGNS, headers={"Authorization": shown}).status_code == 401


def test_the_address_carries_a_token_once_and_the_browser_keeps_it_out_of_reach(house: House) -> None:
    client = house.client()
    welcome = client.get(f"/campaigns/specimen?token={house.viewer}&sort=x")
    assert welcome.status_code == 303
    assert welcome.headers["Location"] == "/campaigns/specimen?sort=x"
    cookie = welcome.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get(CAMPAIGNS).status_code == 200
    assert house.client().get("/?token=nonsense").headers["Location"] == "/sign-in?refused=1"


def test_behind_tls_the_cookie_is_never_sent_in_the_clear(house: House) -> None:
    welcome = house.client().get(f"https://127.0.0.1:8765/?token={house.viewer}")
    assert "secure" in welcome.headers["Set-Cookie"].lower()


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_who_may_look_changes_nothing(house: House, viewer: Client, method: str, path: str) -> None:
    refused = viewer.request(method, path, json={})
    assert refused.status_code == 403
    assert "operate" in refused.json()["message"]
    assert viewer.get("/api/v1/audit").status_code == 403
    assert viewer.get("/api/v1/tokens").status_code == 403


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_service_that_is_read_only_changes_nothing_for_anybody(folder: Path, method: str, path: str) -> None:
    with opened(folder, read_only=True) as house:
        client = house.client(house.operator)
        assert client.get(CAMPAIGNS).status_code == 200
        refused = client.request(method, path, json={})
        assert refused.status_code == 403
        assert "read-only" in refused.json()["message"]


def test_signing_out_forgets_the_token(house: House) -> None:
    client = house.client()
    client.get(f"/?token={house.viewer}")
    client.post("/sign-out", headers=ORIGIN)
    assert client.get(CAMPAIGNS).status_code == 401


@given(st.lists(st.text(alphabet="/\\@:.e%?#\t\n", max_size=8), max_size=2))
def test_signing_in_leads_to_no_other_site(wanted: list[str]) -> None:
    found = safe_next(wanted)
    assert found.startswith("/")
    assert not re.match(r"[/\\][\t\n]*[/\\]", found)


def test_tokens_are_kept_by_their_hash_in_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own/tokens.json"
    made, secret = Tokens(path).add("ci", Scope.VIEW)
    assert len(secret.removeprefix("bohpo_")) >= 43  # 256 bits, 6 a character
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in path.read_text()
    assert Tokens(path).identify(secret) == made
    assert Tokens(path).identify(secret + "x") is None


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    Tokens(path).add("ci", Scope.VIEW)
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        Tokens(path).all()


def test_a_token_ends_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    tokens = Tokens(path)
    made, secret = tokens.add("short", Scope.OPERATE, days=1.0)
    assert tokens.identify(secret) == made
    late = replace(made, expires=time.time() - 1.0)
    path.write_text(json.dumps({"tokens": [asdict(late)]}))
    assert Tokens(path).identify(secret) is None


def test_what_another_process_adds_or_revokes_holds_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    served, elsewhere = Tokens(path), Tokens(path)
    made, secret = elsewhere.add("late", Scope.VIEW)
    assert served.identify(secret) == made
    elsewhere.revoke(made.id)
    assert served.identify(secret) is None
    with pytest.raises(NotFoundError, match="token ls"):
        elsewhere.revoke(made.id)


@pytest.mark.parametrize(("name", "days"), [("", 1.0), ("a\nb", 1.0), ("x" * 65, 1.0), ("good", 0.0), ("good", -1.0)])
def test_tokens_that_make_no_sense_are_not_made(tmp_path: Path, name: str, days: float) -> None:
    with pytest.raises(UsageError):
        Tokens(tmp_path / "tokens.json").add(name, Scope.VIEW, days=days)


def test_tokens_are_made_and_revoked_over_http_and_it_is_recorded(house: House, operator: Client) -> None:
    made = operator.post("/api/v1/tokens", json={"name": "guest", "scope": "view", "days": 1}).json()
    guest = house.client(made["secret"])
    assert guest.get(CAMPAIGNS).status_code == 200
    assert made["secret"] not in operator.get("/api/v1/tokens").text
    operator.delete(f"/api/v1/tokens/{made['token']['id']}")
    assert guest.get(CAMPAIGNS).status_code == 401
    audit = operator.get("/api/v1/audit").json()["audit"]
    assert [(each["action"], each["who"].partition(" (")[0]) for each in audit] == [
        ("token-add", "an operator"),
        ("token-revoke", "an operator"),
    ]
    assert made["secret"] not in json.dumps(audit)
