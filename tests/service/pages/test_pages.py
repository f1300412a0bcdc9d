"""What the pages say."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bohpo.campaign.attempts import attempt_directory
from bohpo.service.security.tokens import Scope
from bohpo.service.settings import Settings
from bohpo.store import Store
from tests.service.pages import specimen
from tests.service.pages.conftest import signed_in
from tests.service.pages.hostile import PAYLOAD, HostileDesk

PAGES = (
    "/",
    "/campaigns/specimen",
    "/campaigns/specimen/trials/0",
    f"/campaigns/specimen/trials/{specimen.FAILED}",
    "/campaigns/specimen/export",
    "/compare?campaign=specimen",
    "/launch",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_for_who_is_signed_in_and_for_nobody_else(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    client.cookies.clear()
    assert client.get(path, follow_redirects=False).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_inline_script_or_style_or_names_another_host(client: TestClient, path: str) -> None:
    html = client.get(path).text
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick=" not in html
    assert html.count("<script") == html.count("<script defer src=") + html.count('<script type="module" src=')
    assert "https://" not in html


def test_the_list_tells_where_campaigns_stand(client: TestClient, store: Store) -> None:
    html = client.get("/").text
    best = specimen.best_of(store, store.campaign("specimen"))
    assert f">trial {best.number}</a>" in html
    assert "8 of 12" in html
    assert "7 complete" in html and "1 failed" in html and "1 running" in html
    assert "process" in html


def test_the_campaign_page_shows_its_parts_without_javascript(client: TestClient, store: Store) -> None:
    html = client.get("/campaigns/specimen").text
    best = specimen.best_of(store, store.campaign("specimen"))
    assert best.value is not None
    assert f'<p class="score">{best.value:.4f}</p>' in html
    assert f"Best configuration, trial {best.number}" in html
    assert "Sensitivity at so many false positives per case" in html
    assert html.count("<tr data-trial=") == 9
    assert html.count("data-figure=") == 9
    assert '<section id="detector" data-with-curve="froc">' in html
    assert '<section id="classifier" data-with-curve="roc" hidden>' in html


@pytest.mark.parametrize(
    ("part", "then"),
    [
        *((part, 200) for part in ("headline", "best", "operating", "trials", "history")),
        *((part, 304) for part in ("standing", "provenance")),
    ],
)
def test_a_part_is_sent_again_when_it_has_changed(client: TestClient, store: Store, part: str, then: int) -> None:
    path = f"/campaigns/specimen/parts/{part}"
    first = client.get(path)
    assert first.status_code == 200
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(path, headers=tag).status_code == 304
    campaign, lease = store.campaign("specimen"), store.lease("specimen")
    assert lease is not None
    specimen.end_one(store, campaign, lease)
    client.app.state.site.desk.poll()  # type: ignore[attr-defined]
    assert client.get(path, headers=tag).status_code == then


def test_the_table_filters_sorts_and_turns_pages(client: TestClient) -> None:
    path = "/campaigns/specimen/parts/trials"
    failed = client.get(path, params={"q": "failed"}).text
    assert failed.count("<tr data-trial=") == 1 and f'data-trial="{specimen.FAILED}"' in failed
    rising = client.get(path, params={"sort": "partial_auc", "order": "up"}).text
    assert rising.index('data-trial="0"') < rising.index('data-trial="7"')
    assert 'aria-sort="ascending"' in rising
    assert "No trial fits the filter." in client.get(path, params={"q": "nonsense", "page": "77"}).text


def test_a_failed_trial_shows_its_traceback_and_its_log_as_text(client: TestClient) -> None:
    html = client.get(f"/campaigns/specimen/trials/{specimen.FAILED}").text
    shown = html[html.index('<pre class="traceback"') :]
    traceback = unescape(shown[: shown.index("</pre>")])
    assert traceback.endswith("RuntimeError: CUDA out of memory <script>alert(1)</script>")
    assert "goodbye" not in traceback and "the worker says goodbye" in html
    assert "progress 100 %" in html and "progress 10 %" not in html and "\x1b" not in html
    assert "<script>alert" not in html


def test_a_trial_shows_its_job_its_pictures_and_what_it_was_given(client: TestClient) -> None:
    html = client.get("/campaigns/specimen/trials/0").text
    assert "job job-0" in html
    assert "<span>GPU 0</span>" in html
    told = client.get("/api/v1/campaigns/specimen/trials/0").json()
    assert told["trial"]["attempts"][0]["devices"] == ["0"], sorted(told)
    assert "&lt;b&gt;phantom&lt;/b&gt;" in html
    picture = client.get("/campaigns/specimen/trials/0/attempts/1/pictures/projection.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["../../../study.toml", "..%2f..%2fstudy.toml", "log.txt", "link.png", "%00.png", "."])
def test_a_picture_outside_the_folder_or_of_another_kind_is_not_found(
    client: TestClient, store: Store, name: str
) -> None:
    campaign = store.campaign("specimen")
    secret = campaign.directory.parent / "secret.png"
    specimen.write_picture(secret)
    (attempt_directory(campaign, 0, 1).path / "link.png").symlink_to(secret)
    answer = client.get(f"/campaigns/specimen/trials/0/attempts/1/pictures/{name}")
    assert answer.status_code == 404
    assert b"PNG" not in answer.content


def test_a_script_in_a_name_is_text_everywhere(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.service.app.Desk", HostileDesk)
    with signed_in(settings, Scope.VIEW) as client:
        for path in PAGES:
            html = client.get(path).text
            assert PAYLOAD not in html and "<img src=x" not in html and "</script><script>" not in html
        assert PAYLOAD in unescape(client.get("/campaigns/specimen").text)


def test_who_may_only_look_is_offered_nothing_else(store: Store, settings: Settings) -> None:
    with signed_in(settings, Scope.VIEW) as client:
        assert "data-action=" not in client.get("/campaigns/specimen").text
        assert "<textarea" not in client.get("/launch").text
        assert 'href="/launch"' not in client.get("/").text
    read_only = replace(settings, serve=settings.serve.model_copy(update={"read_only": True}))
    with signed_in(read_only, Scope.OPERATE) as client:
        assert "data-action=" not in client.get("/campaigns/specimen").text
        assert "read-only" in client.get("/launch").text


def test_signing_in_takes_a_token_that_holds_and_no_other(store: Store, settings: Settings) -> None:
    with signed_in(settings, Scope.VIEW) as client:
        secret = next(iter(client.cookies.values()))
        client.cookies.clear()
        refused = client.post("/sign-in", data={"token": "bohpo_wrong", "next": "/launch"})
        assert refused.status_code == 401 and "unknown, or has expired" in refused.text
        entered = client.post("/sign-in", data={"token": secret, "next": "//evil.example/x"}, follow_redirects=False)
        assert entered.headers["location"] == "/evil.example/x"
        assert "HttpOnly" in entered.headers["set-cookie"] and "SameSite=strict" in entered.headers["set-cookie"]
        assert client.get("/").status_code == 200
        client.post("/sign-out")
        assert client.get("/", follow_redirects=False).status_code == 303


def test_what_is_not_there_is_said_on_a_page_to_people_and_as_json_to_scripts(client: TestClient) -> None:
    told = client.get("/campaigns/specimenn")
    assert told.status_code == 404
    assert "<h1>Not found</h1>" in told.text and "did you mean specimen?" in told.text
    assert client.get("/campaigns/specimenn", headers={"Accept": "*/*"}).json()["exit_code"] == 3
    assert client.get("/campaigns/specimen/trials/99").status_code == 404
    assert client.get("/campaigns/specimen/parts/nonsense").status_code == 404


def test_an_address_that_makes_no_sense_is_said_on_a_page_too(client: TestClient) -> None:
    told = client.get("/campaigns/specimen/trials/first")
    assert told.status_code == 422
    assert "<h1>This address makes no sense</h1>" in told.text and "Number: Input should be" in told.text
    script = client.get("/campaigns/specimen/trials/first", headers={"Accept": "*/*"})
    assert script.json()["mistakes"][0]["key"] == "path.number"


def test_comparing_shows_only_what_differs(client: TestClient, store: Store, tmp_path: Path) -> None:
    specimen.record(store, tmp_path / "campaigns", name="other", ended=5, running=0)
    html = client.get("/compare", params={"campaign": ["specimen", "other"]}).text
    assert "The studies say the same." in html
    assert "Where the best configurations differ" in html
    drawn = client.get("/compare/figures/compared", params={"campaign": ["specimen", "other"], "by": "time"}).json()
    assert [trace["name"] for trace in drawn["figure"]["data"]] == ["specimen", "other"]
    assert client.get("/compare", params={"campaign": ["specimen", "nobody"]}).status_code == 404


def test_files_are_kept_by_browsers_under_their_version_only(client: TestClient) -> None:
    html = client.get("/").text
    address = html[html.index("/static/pages.css") :].partition('"')[0]
    assert "immutable" in client.get(address).headers["cache-control"]
    assert "immutable" not in client.get("/static/pages.css").headers["cache-control"]
    assert client.get("/static/../bohpo.db").status_code == 404
    assert client.get("/static/plotly.js").text.count("Plotly") > 10
    assert client.get("/static/plotly.js", headers={"Accept-Encoding": "identity"}).text.count("Plotly") > 10


def test_addresses_begin_with_the_path_that_a_proxy_gives(store: Store, settings: Settings) -> None:
    proxied = replace(settings, serve=settings.serve.model_copy(update={"root_path": "/node/bohpo"}))
    with signed_in(proxied, Scope.OPERATE) as client:
        for path in PAGES:
            html = client.get(f"/node/bohpo{path}").text
            assert 'data-root="/node/bohpo"' in html
            assert 'href="/campaigns' not in html and 'src="/static' not in html and 'data-part="/campaigns' not in html
