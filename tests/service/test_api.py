"""The REST API: what the command line says, by the same models, and nothing that breaks it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from starlette.testclient import TestClient as Client

from tests.service.conftest import House
from tests.service.recorded import PAYLOAD

CAMPAIGN = "/api/v1/campaigns/specimen"


def command_line(folder: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run((sys.executable, "-m", "bohpo", *words), cwd=folder, capture_output=True, check=True)
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def without_clocks(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("elapsed_seconds", "busy_fraction", "revision")}


def test_a_campaign_is_told_of_as_on_the_command_line(house: House, viewer: Client) -> None:
    ours = viewer.get(CAMPAIGN).json()
    theirs = command_line(house.folder, "status", "specimen", "--json")
    moving = {"busy_fraction_after_first_jobs", "mean_gap_seconds", "remaining_seconds"}
    assert without_clocks(ours).keys() == without_clocks(theirs).keys()
    still = without_clocks(ours).keys() - moving
    assert {key: ours[key] for key in still} == {key: theirs[key] for key in still}
    assert ours["trials"] == {"budget": 8, "complete": 6, "failed": 1, "running": 1, "queued": 0}


def test_what_has_not_changed_is_not_sent_again(viewer: Client) -> None:
    for path in ("/api/v1/campaigns", f"{CAMPAIGN}/trials", f"{CAMPAIGN}/figures/progress"):
        first = viewer.get(path)
        again = viewer.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path


def test_trials_are_filtered_sorted_and_paged(viewer: Client) -> None:
    wanted: dict[str, str | int] = {"filter": "complete x<0.55", "sort": "x", "order": "down", "per_page": 2}
    page = viewer.get(f"{CAMPAIGN}/trials", params=wanted).json()
    assert [trial["number"] for trial in page["trials"]] == [4, 3]
    assert (page["total"], page["found"], page["pages"]) == (8, 5, 3)


def test_a_trial_with_its_log_and_pictures(viewer: Client) -> None:
    assert viewer.get(f"{CAMPAIGN}/trials/6").json()["trial"]["reason"] == f"the trainer raised {PAYLOAD}"
    log = viewer.get(f"{CAMPAIGN}/trials/0/log")
    assert PAYLOAD in log.text
    assert log.headers["Content-Type"].startswith("text/plain")
    assert viewer.get(f"{CAMPAIGN}/trials/0/pictures").json()["pictures"] == ["overlay.png"]
    picture = viewer.get(f"{CAMPAIGN}/trials/0/pictures/overlay.png")
    assert picture.headers["Content-Type"] == "image/png"
    assert viewer.get(f"{CAMPAIGN}/trials/1/log").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["secret.json", "log.txt", "../../../../../bohpo.db", "%2e%2e/%2e%2e/x.png", "/etc/passwd", "link.png", "x" * 900],
)
def test_nothing_else_in_the_folder_is_told(house: House, viewer: Client, name: str) -> None:
    attempt = house.folder / "campaigns/specimen/trials/0/attempt-1"
    if not (attempt / "link.png").is_symlink():
        (attempt / "link.png").symlink_to(house.folder / "bohpo.db")
    assert viewer.get(f"{CAMPAIGN}/trials/0/pictures/{name}").status_code == 404


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(name=st.text(alphabet="./%\\abc\x00\n", max_size=30).map(lambda text: text + ".png"))
def test_no_name_of_a_picture_leads_out_of_the_folder(viewer: Client, name: str) -> None:
    answered = viewer.get(f"{CAMPAIGN}/trials/0/pictures/" + "".join(f"%{ord(each):02x}" for each in name))
    assert answered.status_code in (404, 422)


def test_exports_are_files_and_never_pages(viewer: Client) -> None:
    toml = viewer.get(f"{CAMPAIGN}/export", params={"format": "toml"})
    assert tomllib.loads(toml.text)["fixed"]["x"] == pytest.approx(0.6)
    assert toml.headers["Content-Disposition"] == 'attachment; filename="specimen-trial-5.toml"'
    assert viewer.get(f"{CAMPAIGN}/export", params={"format": "csv"}).text.startswith("number,state,value")
    assert viewer.get(f"{CAMPAIGN}/export", params={"trial": 6}).status_code == 422
    assert viewer.get(f"{CAMPAIGN}/report").headers["Content-Disposition"].startswith("attachment")


def test_events_and_metrics(viewer: Client) -> None:
    assert viewer.get(f"{CAMPAIGN}/events").json()["events"] == []
    metrics = viewer.get("/metrics").text
    assert 'bohpo_trials{campaign="specimen",state="complete"} 6.0\n' in metrics
    assert "bohpo_database_up 1.0\n" in metrics


def test_errors_are_told_in_the_words_and_codes_of_the_command_line(viewer: Client, operator: Client) -> None:
    gone = viewer.get("/api/v1/campaigns/specimn")
    assert (gone.status_code, gone.json()["exit_code"]) == (404, 3)
    assert "did you mean specimen" in gone.json()["message"]
    broken = operator.post("/api/v1/check", json={"study": 'name = "x"\n[budget]\ntrails = 3\n'}).json()
    [mistake] = [each for each in broken["mistakes"] if each["key"] == "budget.trails"]
    assert mistake["remedy"] == "did you mean 'trials'?"
    assert operator.post("/api/v1/check", json={}).status_code == 422
    assert operator.post("/api/v1/check", content=b"{").status_code == 422
    assert viewer.get("/api/v1/nothing").json()["exit_code"] == 3


def test_a_password_in_the_databases_address_is_told_nowhere(house: House, operator: Client) -> None:
    canary = str(house.settings.store)
    for path in ("/api/v1/campaigns", CAMPAIGN, "/metrics", "/api/v1/audit", "/api/v1/openapi.json", "/"):
        assert canary not in operator.get(path).text.replace("\\/", "/"), path


def test_whatever_the_description_allows_or_not_nothing_breaks(house: House) -> None:
    shown = {"Authorization": f"Bearer {house.operator}"}
    described = schemathesis.openapi.from_asgi("/api/v1/openapi.json", house.app, headers=shown)
    operations = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) > 20
    for operation in operations:
        if operation.path != "/api/v1/ticks":  # it ends when the browser goes
            ask(operation, shown)


def ask(operation: Any, shown: dict[str, str]) -> None:
    @settings(
        max_examples=8,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        answered = case.call(headers=shown)
        assert answered.status_code < 500, (case.method, case.path, answered.text)

    asked()
