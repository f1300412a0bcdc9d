"""What holds for every detector: against an exact oracle in fractions, and under changes of the marks."""

from fractions import Fraction
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bohpo.evaluation import Case, MatchedCase, bootstrap, froc, match, operating_points, partial_auc
from bohpo.evaluation.case import Floats

SLOT_MM = 20.0

whole_scores = st.integers(-4, 4).map(float)
limits = st.sampled_from([0.125, 0.5, 1.0, 3.0, 10.0])


@st.composite
def _cases(draw: st.DrawFn) -> list[Case]:
    """Draw cases whose findings sit in slots 20 mm apart, at least one lesion among them; scores tie often."""
    cases = []
    for number in range(draw(st.integers(1, 5))):
        n_lesions = draw(st.integers(0 if number else 1, 3))
        n_excluded = draw(st.integers(0, 2))
        marked_slots = draw(st.lists(st.integers(0, 7), max_size=8))
        scores = draw(st.lists(whole_scores, min_size=len(marked_slots), max_size=len(marked_slots)))
        cases.append(
            Case(
                f"case-{number}",
                lesions=_slots(range(n_lesions)),
                diameters=np.full(n_lesions, -1.0),
                marks=_slots(marked_slots) + 1.0,
                scores=np.array(scores),
                excluded=_slots(range(n_lesions, n_lesions + n_excluded)),
                excluded_diameters=np.full(n_excluded, 6.0),
            )
        )
    return cases


def _slots(slots: range | list[int]) -> Floats:
    return np.array([[SLOT_MM * slot, 0.0, 0.0] for slot in slots]).reshape(-1, 3)


def _with_scores(case: Case, scores: Floats) -> Case:
    return Case(case.name, case.lesions, case.diameters, case.marks, scores, case.excluded, case.excluded_diameters)


def _exact_partial_auc(cases: list[MatchedCase], limit: Fraction) -> Fraction:
    """Integrate in fractions, threshold by threshold, as the definition reads."""
    lesions = [score for case in cases for score in case.lesion_scores.tolist()]
    false_positives = [score for case in cases for score in case.false_positive_scores.tolist()]
    x = y = area = Fraction(0)
    for threshold in sorted({*lesions, *false_positives} - {-np.inf}, reverse=True):
        next_x = Fraction(sum(score >= threshold for score in false_positives), len(cases))
        next_y = Fraction(sum(score >= threshold for score in lesions), len(lesions))
        if next_x > limit:
            next_y = y + (next_y - y) * (limit - x) / (next_x - x)
            return (area + (limit - x) * (y + next_y) / 2) / limit
        area += (next_x - x) * (y + next_y) / 2
        x, y = next_x, next_y
    return (area + (limit - x) * y) / limit


@settings(deadline=None)
@given(_cases(), limits)
def test_partial_auc_is_that_of_the_definition(cases: list[Case], limit: float) -> None:
    exact = _exact_partial_auc([match(case) for case in cases], Fraction(limit))
    assert abs(partial_auc(froc(cases), limit) - float(exact)) < 1e-12


@settings(deadline=None)
@given(_cases(), limits)
def test_a_curve_climbs_and_its_area_is_a_share(cases: list[Case], limit: float) -> None:
    curve = froc(cases)
    assert (np.diff(curve.fps_per_case) >= 0).all()
    assert (np.diff(curve.sensitivity) >= 0).all()
    assert (np.diff(curve.thresholds) < 0).all()
    assert (curve.fps_per_case[0], curve.sensitivity[0]) == (0, 0)
    assert 0 <= partial_auc(curve, limit) <= 1


@settings(deadline=None)
@given(_cases())
def test_a_monotone_transform_of_the_scores_leaves_the_curve_unchanged(cases: list[Case]) -> None:
    curve = froc(cases)
    transformed = froc([_with_scores(case, np.exp(case.scores) - 5.0) for case in cases])
    assert transformed.fps_per_case.tolist() == curve.fps_per_case.tolist()
    assert transformed.sensitivity.tolist() == curve.sensitivity.tolist()


@settings(deadline=None)
@given(_cases(), st.randoms(use_true_random=False))
def test_the_order_of_lesions_marks_and_cases_does_not_matter(cases: list[Case], random: Random) -> None:
    shuffled = []
    for case in cases:
        marks, lesions = list(range(len(case.marks))), list(range(len(case.lesions)))
        random.shuffle(marks)
        random.shuffle(lesions)
        shuffled.append(
            Case(
                case.name,
                case.lesions[lesions],
                case.diameters[lesions],
                case.marks[marks],
                case.scores[marks],
                case.excluded,
                case.excluded_diameters,
            )
        )
    random.shuffle(shuffled)
    assert froc(shuffled).fps_per_case.tolist() == froc(cases).fps_per_case.tolist()
    assert froc(shuffled).sensitivity.tolist() == froc(cases).sensitivity.tolist()


@settings(deadline=None)
@given(_cases(), limits)
def test_a_false_positive_below_all_scores_never_raises_the_area(cases: list[Case], limit: float) -> None:
    assert partial_auc(froc(_with_false_positive(cases, -9.0)), limit) <= partial_auc(froc(cases), limit) + 1e-12


@settings(deadline=None)
@given(_cases(), limits, whole_scores)
def test_a_false_positive_of_any_score_never_raises_the_area(cases: list[Case], limit: float, score: float) -> None:
    assert partial_auc(froc(_with_false_positive(cases, score)), limit) <= partial_auc(froc(cases), limit) + 1e-12


def _with_false_positive(cases: list[Case], score: float) -> list[MatchedCase]:
    first, *others = (match(case) for case in cases)
    return [MatchedCase(first.lesion_scores, np.append(first.false_positive_scores, score)), *others]


@settings(deadline=None)
@given(_cases(), st.floats(0, 1))
def test_the_two_kinds_of_operating_points_agree(cases: list[Case], sensitivity: float) -> None:
    curve = froc(cases)
    [point] = operating_points(curve, fps_per_case=[], sensitivities=[sensitivity])
    if point.fps_per_case is None:
        assert curve.sensitivity[-1] < sensitivity
    else:
        assert curve.at(point.fps_per_case) >= sensitivity - 1e-12


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_interval_contains_the_estimate_for_ordinary_cases(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cases = [
        MatchedCase(
            np.where(rng.random(2) < 0.8, rng.normal(1.0, 1.0, 2), -np.inf),
            rng.normal(0.0, 1.0, rng.poisson(3.0)),
        )
        for _ in range(25)
    ]
    result = bootstrap(cases, 3.0, resamples=200)
    assert 0 <= result.low < result.estimate < result.high <= 1
    assert result.variance > 0
    assert (result.lower <= result.upper).all()


@settings(deadline=None, max_examples=50)
@given(_cases(), limits)
def test_a_bootstrap_stays_in_range_for_any_cases(cases: list[Case], limit: float) -> None:
    result = bootstrap([*cases, *cases], limit, resamples=20)
    assert 0 <= result.low <= result.high <= 1
    assert 0 <= result.lower.min() <= result.upper.max() <= 1
    assert result.estimate == partial_auc(froc([*cases, *cases]), limit)
