"""What may be launched: listed files as they are, and from elsewhere only listed trainers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient as Client

from bohpo.campaign.launch import study_of
from bohpo.errors import NotFoundError, UsageError
from bohpo.service.security.permission import Permission
from bohpo.study import Study
from tests.service.conftest import House
from tests.service.recorded import study_text

ALLOWED = study_text("quadratic")
OTHERS = {
    "trainer": ALLOWED.replace("specimens:quadratic", "specimens:stepwise"),
    "evaluator": 'evaluator = "os:system"\n' + ALLOWED,
    "feasible": 'feasible = "os:getcwd"\n' + ALLOWED,
    "command": ALLOWED.replace('trainer = "specimens:quadratic"', 'command = ["sh", "-c", "id"]'),
    "evaluate_command": 'evaluate_command = ["sh"]\n' + ALLOWED,
    "cluster.setup": ALLOWED + '[cluster]\nsetup = ["curl evil"]\n',
    "cluster.python": ALLOWED + '[cluster]\npython = "/tmp/evil"\n',
    "cluster.container": ALLOWED + '[cluster]\ncontainer = ["/tmp/evil"]\n',
    "cluster.directives": ALLOWED + '[cluster]\ndirectives = ["--wrap=evil"]\n',
    "cluster.resources": ALLOWED + '[cluster]\nresources = "evil"\n',
}


@pytest.mark.parametrize("key", OTHERS)
def test_a_study_that_was_sent_names_no_code_of_its_own(house: House, operator: Client, key: str) -> None:
    before = house.actions()
    told = operator.post("/api/v1/check", json={"study": OTHERS[key]}).json()
    assert key in [mistake["key"] for mistake in told["mistakes"]]
    refused = operator.post("/api/v1/launches", json={"study": OTHERS[key], "name": "other"})
    assert refused.status_code == 422
    assert key in [mistake["key"] for mistake in refused.json()["mistakes"]]
    assert not (house.folder / "campaigns/other").exists()
    assert house.actions() == [*before, "launch", "launch-refused"]


def test_a_study_with_a_listed_trainer_is_fine(operator: Client) -> None:
    told = operator.post("/api/v1/check", json={"study": ALLOWED, "trials": 9}).json()
    assert told["mistakes"] == []
    assert ["budget", "9 trials"] in told["summary"]


def test_listed_files_are_found_by_an_id_that_the_service_made(house: House, operator: Client) -> None:
    [known] = operator.get("/api/v1/studies").json()["files"]
    assert known["file"] == "listed.toml"
    assert operator.get(f"/api/v1/studies/{known['id']}").text == (house.folder / "studies/listed.toml").read_text()
    assert operator.post("/api/v1/check", json={"file": known["id"]}).json()["mistakes"] == []


def test_links_and_site_files_are_not_listed(house: House) -> None:
    (house.folder / "outside.toml").write_text(ALLOWED)
    (house.folder / "studies/link.toml").symlink_to(house.folder / "outside.toml")
    (house.folder / "studies/bohpo.toml").write_text("[cluster]\n")
    (house.folder / "studies/folder.toml").mkdir()
    assert [known.file for known in Permission(house.settings).files()] == ["listed.toml"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(wanted=st.one_of(st.text(max_size=40), st.sampled_from(["listed.toml", "../outside.toml", "/etc/passwd"])))
def test_no_path_comes_from_outside(house: House, wanted: str) -> None:
    with pytest.raises(NotFoundError):
        Permission(house.settings).file(wanted)


def test_a_campaign_whose_study_could_be_launched_is_resumed(house: House) -> None:
    store, permission = house.site.store, Permission(house.settings)
    campaign = store.campaign("specimen")
    permission.check_resume(campaign, study_of(campaign))
    listed = Study.load(house.folder / "studies/listed.toml").with_budget(trials=99).with_jobs(1)
    from_file = type(campaign)(
        "listed",
        listed.text,
        listed.hash,
        house.folder,
        provenance={"working_directory": str(house.folder / "studies")},
    )
    permission.check_resume(from_file, study_of(from_file))


@pytest.mark.parametrize("key", OTHERS)
def test_a_campaign_that_somebody_else_recorded_is_not_resumed(house: House, key: str) -> None:
    study = Study.parse(OTHERS[key], directory=house.folder)
    campaign = house.site.store.campaign("specimen")
    other = type(campaign)(
        "other", study.text, study.hash, house.folder, provenance={"working_directory": str(house.folder)}
    )
    with pytest.raises(UsageError, match="cannot be resumed from here"):
        Permission(house.settings).check_resume(other, study)


def test_a_listed_trainer_is_not_taken_from_a_folder_that_somebody_else_names(house: House, tmp_path: Path) -> None:
    campaign = house.site.store.campaign("specimen")
    elsewhere = type(campaign)(
        "other",
        campaign.study_text,
        campaign.study_hash,
        campaign.directory,
        provenance={"working_directory": str(tmp_path / "elsewhere")},
    )
    with pytest.raises(UsageError, match="elsewhere"):
        Permission(house.settings).check_resume(elsewhere, study_of(elsewhere))
