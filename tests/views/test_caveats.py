"""What is told beside the best score: ends of ranges, few lesions, and that the best of many is too good."""

from __future__ import annotations

from dataclasses import replace

from bohpo.service.answers import best_answer, campaign_answer
from bohpo.trial import Configuration, Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.caveats import caveats
from bohpo.views.report.headline import headline
from bohpo.views.status import status

CHOSEN = (
    "the best of 18 scores is too good on average, as it was chosen by them; "
    "`bohpo evaluate aneurysm-mra` gives the honest one"
)


def _with_best(view: CampaignView, **changes: object) -> tuple[CampaignView, Trial]:
    best = view.ranked[0]
    changed = replace(best, **changes)  # type: ignore[arg-type]
    return replace(view, trials=tuple(changed if each is best else each for each in view.trials)), changed


def _at_edges(view: CampaignView) -> Configuration:
    return {**view.ranked[0].configuration, "lr": 0.3, "levels": 2, "dropout": 0.0, "augment": True}


def test_ends_of_ranges_are_told_in_words_and_as_data(view: CampaignView) -> None:
    at_edges, best = _with_best(view, configuration=_at_edges(view))
    words = (
        "lr is at its upper bound 0.3; widen it",
        "levels is at its lower bound 2; widen it",
        "dropout is at its lower bound 0; widen it, if values beyond it make sense",
    )
    assert caveats(at_edges, best, 18) == words
    data = [
        {"parameter": "lr", "bound": "upper", "limit": 0.3, "value": 0.3},
        {"parameter": "levels", "bound": "lower", "limit": 2.0, "value": 2.0},
        {"parameter": "dropout", "bound": "lower", "limit": 0.0, "value": 0.0},
    ]
    for answer in (campaign_answer(at_edges, status(at_edges), lease=None), best_answer(at_edges, best, None, "")):
        assert [edge.model_dump() for edge in answer.edges] == data
        assert tuple(answer.notes) == words
    page = headline(at_edges, status(at_edges))
    assert "lr is at its upper bound 0.3; widen it." in page


def test_nothing_is_told_of_a_best_trial_inside_its_ranges_that_was_tested(view: CampaignView) -> None:
    inside = {**_at_edges(view), "lr": 0.01, "levels": 3, "dropout": 0.2, "channels": 16}
    told, best = _with_best(view, configuration=inside)
    assert caveats(told, best, 18) == ()
    assert campaign_answer(told, status(told), lease=None).edges == []


def test_the_best_of_many_is_too_good_until_it_is_tested(view: CampaignView) -> None:
    untested, best = _with_best(replace(view, evaluations=()), configuration={"augment": True})
    assert caveats(untested, best, 18) == (CHOSEN,)
    assert caveats(untested, best, 1) == (), "one score was not chosen"
    assert caveats(untested, None, 0) == ()
    page = headline(untested, status(untested))
    completed = len(untested.ranked)
    assert page.count("is too good on average") == 1
    assert f"the best of {completed} scores" in page


def test_a_score_on_test_cases_is_only_offered_where_one_can_be_made(view: CampaignView) -> None:
    untestable = replace(view, evaluations=(), untestable="trial 17 left no model")
    told, best = _with_best(untestable, configuration={"augment": True})
    said = "as it was chosen by them; it has no score on test cases: trial 17 left no model"
    assert caveats(told, best, 18) == (f"the best of 18 scores is too good on average, {said}",)


def test_a_test_score_of_another_trial_does_not_make_the_best_honest(view: CampaignView) -> None:
    other = replace(view.evaluations[0], trial=view.ranked[1].number)
    told, best = _with_best(replace(view, evaluations=(other,)), configuration={"augment": True})
    assert caveats(told, best, 18) == (CHOSEN,)


def test_few_lesions_are_told_with_the_interval_that_was_measured(view: CampaignView) -> None:
    few, best = _with_best(view, configuration={"augment": True}, metrics={"lesions": 12.0}, variance=0.01)
    assert caveats(few, best, 18) == (
        "12 lesions in the validation cases: the 95% interval is about ±0.2 wide; do not trust smaller differences",
    )
    rarer, best = _with_best(view, configuration={}, metrics={"abnormal_cases": 30.0, "cases": 37.0}, variance=0.01)
    assert caveats(rarer, best, 18)[0].startswith("7 normal cases in the validation cases")
    for metrics in ({"lesions": 20.0}, {"abnormal_cases": 30.0, "cases": 60.0}, {}):
        enough, best = _with_best(view, configuration={}, metrics=metrics, variance=0.01)
        assert caveats(enough, best, 18) == ()
