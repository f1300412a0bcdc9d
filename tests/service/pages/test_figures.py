"""Figures over HTTP: drawn once for each revision, and the model beside the requests."""

from __future__ import annotations

import threading
import time

import pytest
from starlette.testclient import TestClient

from bohpo.service import figures as service_figures
from bohpo.store import Store
from bohpo.views import figures as drawings
from bohpo.views.campaign import CampaignView
from tests.service.pages import specimen

HERE = "/campaigns/specimen/figures"


def patiently(client: TestClient, path: str) -> dict[str, object]:
    """Ask again until the figure is there."""
    deadline = time.monotonic() + 120
    while (answer := client.get(path)).status_code == 202:
        assert answer.headers["retry-after"] == "1"
        assert time.monotonic() < deadline, "the figure never came"
        time.sleep(0.05)
    assert answer.status_code == 200
    told: dict[str, object] = answer.json()
    return told


@pytest.mark.parametrize(
    "name", ["progress", "froc", "parallel", "slices", "timeline", "learning", "importance", "pair"]
)
def test_every_figure_is_drawn(client: TestClient, name: str) -> None:
    told = patiently(client, f"{HERE}/{name}")
    assert told["title"] == drawings.CAPTIONS[name].title
    assert told.get("figure") or told.get("panels")


def test_a_figure_is_drawn_once_for_all_who_look_at_a_revision(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def counted(view: CampaignView, _options: object) -> drawings.Drawing:
        drawn.append(len(view.trials))
        return drawings.best_so_far(view)

    monkeypatch.setitem(service_figures.KINDS, "progress", service_figures.Kind(counted))
    viewers = [threading.Thread(target=client.get, args=(f"{HERE}/progress",)) for _ in range(6)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert drawn == [9]
    tag = {"If-None-Match": client.get(f"{HERE}/progress").headers["etag"]}
    assert client.get(f"{HERE}/progress", headers=tag).status_code == 304
    lease = store.lease("specimen")
    assert lease is not None
    specimen.end_one(store, store.campaign("specimen"), lease)
    client.app.state.site.desk.poll()  # type: ignore[attr-defined]
    assert client.get(f"{HERE}/progress", headers=tag).status_code == 200
    assert drawn == [9, 10]


def test_while_the_model_is_asked_one_gets_the_figure_of_the_revision_before(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()

    def slow(view: CampaignView, _options: object) -> drawings.Drawing:
        assert may_go_on.wait(120)
        return f"{len(view.trials)} trials."

    monkeypatch.setattr(service_figures, "REST", 0.0)
    kind = service_figures.Kind(slow, asks_model=True)
    monkeypatch.setitem(service_figures.KINDS, "importance", kind)
    assert client.get(f"{HERE}/importance").status_code == 202
    may_go_on.set()
    assert patiently(client, f"{HERE}/importance")["sentence"] == "9 trials."
    may_go_on.clear()
    lease = store.lease("specimen")
    assert lease is not None
    specimen.end_one(store, store.campaign("specimen"), lease)
    client.app.state.site.desk.poll()  # type: ignore[attr-defined]
    meanwhile = client.get(f"{HERE}/importance")
    assert meanwhile.json()["sentence"] == "9 trials."
    assert int(meanwhile.headers["retry-after"]) > 0
    may_go_on.set()
    deadline = time.monotonic() + 120
    while patiently(client, f"{HERE}/importance")["sentence"] != "10 trials.":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("nonsense", 404, "there is no figure 'nonsense'; there are progress, froc"),
        ("froc?k=0", 422, "give a whole number from 1 to 20"),
        ("froc?k=9999999999999999999999", 422, "give a whole number from 1 to 20"),
        ("parallel?k=-3", 422, "give a whole number from 2 to 200"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.get(f"{HERE}/{path}", headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_options_choose_the_bands_and_the_parameters(client: TestClient) -> None:
    def bands(path: str) -> int:
        figure = client.get(path).json()["figure"]
        return sum(trace.get("fill") == "toself" for trace in figure["data"])

    assert (bands(f"{HERE}/froc"), bands(f"{HERE}/froc?k=3")) == (1, 3)
    told = patiently(client, f"{HERE}/pair?x=depth&y=lr")
    assert told["figure"]["layout"]["xaxis"]["title"]["text"] == "depth"  # type: ignore[index]
    assert patiently(client, f"{HERE}/pair?x=lr&y=lr")["sentence"] == "Choose two different parameters."


def test_a_trials_own_figures_show_it_alone(client: TestClient) -> None:
    learning = client.get("/campaigns/specimen/trials/2/figures/learning").json()
    assert len(learning["figure"]["data"]) == 1
    froc = client.get("/campaigns/specimen/trials/2/figures/froc").json()
    assert "validation, trial 2" in {trace.get("name") for trace in froc["figure"]["data"]}
    failed = client.get(f"/campaigns/specimen/trials/{specimen.FAILED}/figures/froc").json()
    assert failed["sentence"] == "The best trial gave no curve named 'froc'."
