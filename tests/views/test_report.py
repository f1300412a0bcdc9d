"""The report as a file: complete, quoted, and asking nothing of the network."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from bohpo.store.records import CampaignState, Evaluation
from bohpo.trial import Curve, Outcome
from bohpo.views import CampaignView, report

PAYLOAD = "</script><script>document.title='owned'</script><b>x</b>"


class Elements(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, html: str) -> None:
        """Read all of a page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Expect the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text by the element around it."""
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)


def page(view: CampaignView, reports: dict[int, list[tuple[int, float]]] | None = None) -> str:
    """Give the report without plotly's script, which is not ours to look at."""
    return report(view, reports=reports).replace(get_plotlyjs(), "")


@pytest.fixture
def hostile(short_view: CampaignView) -> CampaignView:
    """A campaign whose every string is an attack."""
    first, failed, *others = short_view.trials
    renamed = replace(first, configuration={**first.configuration, "optimizer": "adamw"}, metrics={PAYLOAD: 1.0})
    return replace(
        short_view,
        campaign=replace(
            short_view.campaign, name=PAYLOAD, study_text=PAYLOAD, study_hash=PAYLOAD, provenance={PAYLOAD: PAYLOAD}
        ),
        metric=PAYLOAD,
        trials=(renamed, replace(failed, reason=PAYLOAD), *others),
    )


def test_plotly_is_inside_once(short_view: CampaignView) -> None:
    assert report(short_view).count("plotly.js v") == 1


def test_nothing_is_loaded_from_anywhere(view: CampaignView, reports: dict[int, list[tuple[int, float]]]) -> None:
    html = page(view, reports)
    elements = Elements(html)
    assert not {"link", "img", "iframe", "base", "object"} & set(elements.tags)
    assert not [found for found in elements.attributes if found[1] in ("src", "href", "srcset", "action")]
    assert not re.search(r"https?:|url\(|@import", html)


def test_every_figure_has_a_heading_data_and_a_caption(
    view: CampaignView, reports: dict[int, list[tuple[int, float]]]
) -> None:
    html = page(view, reports)
    figures = re.findall(r"<figure.*?</figure>", html, flags=re.DOTALL)
    ids = [re.findall(r'<figure id="([^"]+)"', figure)[0] for figure in figures]
    assert ids == ["progress", "froc", "importance", "parallel", "slices", "timeline", "learning"]
    for figure in figures:
        assert "<h3>" in figure and "<figcaption>" in figure
    places = re.findall(r'data-figure="([^"]+)"', html)
    assert len(places) == len(set(places)) == 13
    for place in places:
        data = json.loads(re.findall(rf'<script type="application/json" id="{place}">(.*?)</script>', html)[0])
        assert data["data"] and data["layout"]["height"] > 0


def test_a_classifier_of_cases_has_its_roc_where_a_detector_has_its_froc(view: CampaignView) -> None:
    curve = Curve((0.0, 1.0), (0.0, 1.0))
    ids = re.findall(r'<figure id="([^"]+)"', page(replace(view, curves={view.ranked[0].number: {"roc": curve}})))
    assert ids[:2] == ["progress", "roc"]
    assert "froc" not in ids


def test_identifiers_are_unique(view: CampaignView) -> None:
    ids = [value for _, name, value in Elements(page(view)).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_tables_have_headings_with_a_scope(view: CampaignView) -> None:
    elements = Elements(page(view))
    assert elements.tags.count("th") == len(
        [1 for tag, name, _ in elements.attributes if (tag, name) == ("th", "scope")]
    )


def test_the_headline_tells_best_value_interval_trials_and_test_score(view: CampaignView) -> None:
    best = view.ranked[0]
    html = page(view)
    assert f'<p class="score">{best.value:.4f}</p>' in html
    assert "95 % interval 0.606 to 0.740" in html
    assert "<dt>Trials</dt><dd>23 of 26<small>2 running, 0 queued</small></dd>" in html
    assert "on the held-out test cases (0.545 to 0.702)" in html


def test_what_the_best_trial_measured_stands_beside_the_same_of_the_test_cases(short_view: CampaignView) -> None:
    assert 'class="measured"' not in page(short_view)
    first, *others = short_view.trials
    metrics = {"auc": 0.6, "auc_low": 0.5, "auc_high": 0.71, "fps_low": 12.0, "lesions": 87.0, "tide_low": 2.0}
    best = replace(first, metrics=metrics)
    tested = Evaluation(
        best.number, 150.0, Outcome(0.55, 0.01, {"auc": 0.55, "auc_low": 0.4, "auc_high": 0.65, "fps": 21.0})
    )
    html = page(replace(short_view, trials=(best, *others), evaluations=(tested,)))
    rows = re.findall(r'<table class="measured">.*?<tbody>(.*?)</tbody>', html, flags=re.DOTALL)[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows.split("</tr>")[:-1]]
    assert cells == [
        ["auc", "0.6 (0.500 to 0.710)", "0.55 (0.400 to 0.650)"],
        ["fps", "– (from 12.000)", "21"],
        ["lesions", "87", "–"],
        ["tide_low", "2", "–"],
    ]


def test_the_best_configuration_can_be_copied_as_toml(short_view: CampaignView) -> None:
    copied = [value for _, name, value in Elements(page(short_view)).attributes if name == "data-copy"]
    assert copied == ['lr = 1e-05\noptimizer = "adamw"\nmirror = true\n']


def test_all_trials_are_listed_and_the_best_is_marked(view: CampaignView) -> None:
    body = re.findall(r'<table id="trials">.*?<tbody>(.*?)</tbody>', page(view), flags=re.DOTALL)[0]
    rows = body.split("</tr>")[:-1]
    assert len(rows) == len(view.trials)
    assert [at for at, row in enumerate(rows) if "is-best" in row] == [view.ranked[0].number]
    assert "CUDA out of memory" in rows[6]


def test_provenance_and_the_study_are_at_the_end(view: CampaignView) -> None:
    html = page(view)
    tail = html[html.index("<h2>Provenance</h2>") :]
    for words in (view.campaign.study_hash, "1cdfbec5d0e2", "git commit", "startup_completed = 3", "tried again"):
        assert words in tail


def test_no_string_of_a_campaign_becomes_markup_or_ends_a_script(hostile: CampaignView) -> None:
    elements = Elements(page(hostile))
    assert elements.open == []
    assert "b" not in elements.tags
    assert not [words for words in elements.text["script"] if words.startswith("document.title")]
    assert f"{PAYLOAD} " in elements.text["h1"]
    assert PAYLOAD in elements.text["code"]


def test_a_campaign_before_its_first_trial_has_a_report(short_view: CampaignView) -> None:
    html = page(replace(short_view, trials=()))
    assert "none yet" in html
    assert "No trial has completed yet." in html
    assert Elements(html).open == []


def test_a_finished_campaign_says_how_long_it_took(short_view: CampaignView) -> None:
    ended = replace(short_view.campaign, state=CampaignState.FINISHED, ended=150.0)
    html = page(replace(short_view, campaign=ended))
    assert "<dt>Time</dt><dd>2 min 30 s<small>from the launch</small></dd>" in html
    assert '<span class="state finished">finished</span>' in html


def test_a_single_trial_without_variance_needs_no_bar(short_view: CampaignView) -> None:
    html = page(replace(short_view, trials=(short_view.trials[2],)))
    assert "its variance was not measured" in html
    assert "Needs two parameters and two completed trials." in html
