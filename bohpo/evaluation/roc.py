"""The ROC curve of scores of whole cases and its area; `roc_intervals` measures how far both would move.

A case that is abnormal counts as one lesion, detected at the case's score; a normal one as one false alarm at its
score. So the ranking of detectors' marks serves here, too; false positives are counted per normal case instead of per
case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import areas
from bohpo.evaluation.case import Floats
from bohpo.evaluation.matching import MatchedCase
from bohpo.evaluation.ranking import Integers, Ranking


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case as a classifier scored it.

    Attributes:
        name: What errors call the case.
        score: Greater is more suspicious; any scale.
        is_abnormal: What the case is in truth.
        patient: Whose case it is, the same text in all cases of a patient; None if it is the patient's only one.
    """

    name: str
    score: float
    is_abnormal: bool
    patient: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """A receiver operating characteristic: one point per distinct score, from (0, 0) to (1, 1).

    Attributes:
        false_positive_rate: (t,) share of the normal cases that are called abnormal, 1 - specificity; never descending.
        sensitivity: (t,) share of the abnormal cases that are called so; never descending.
        thresholds: (t,) lowest score that is called abnormal, descending; infinity at the first.
        n_abnormal: Number of abnormal cases.
        n_normal: Number of normal cases.
    """

    false_positive_rate: Floats
    sensitivity: Floats
    thresholds: Floats
    n_abnormal: int
    n_normal: int

    @property
    def area(self) -> float:
        """Area under the curve: the share of pairs whose abnormal case scores higher, ties counted as half."""
        return float(areas(self.false_positive_rate, self.sensitivity, 1.0))

    @property
    def youden_threshold(self) -> float:
        """The lowest score to call abnormal where sensitivity + specificity is greatest; the highest such score.

        Source:
            Youden, Cancer 3 (1950).
        """
        return float(self.thresholds[1:][np.argmax((self.sensitivity - self.false_positive_rate)[1:])])

    def at(self, false_positive_rate: float) -> float:
        """Interpolate the sensitivity at a false positive rate; the greater one where the curve jumps.

        Raises:
            EvaluationError: If `false_positive_rate` is not between 0 and 1.
        """
        if not 0 <= false_positive_rate <= 1:
            raise EvaluationError(f"a false positive rate of {false_positive_rate} makes no sense; give one of 0 to 1")
        return float(np.interp(false_positive_rate, self.false_positive_rate, self.sensitivity))


def roc(cases: Sequence[ScoredCase]) -> RocCurve:
    """Draw the ROC curve of a classifier of cases.

    Args:
        cases: Scored cases, one abnormal and one normal at least.

    Returns:
        The curve; cases of equal score enter together, as one point.

    Raises:
        EvaluationError: If all cases are of one kind, or a score is not finite.
    """
    ranking, is_normal = rank_cases(cases)
    [false_positive_rate], [sensitivity] = draw_curves(ranking, is_normal, np.ones((1, len(cases)), dtype=np.int64))
    n_normal = int(is_normal.sum())
    return RocCurve(false_positive_rate, sensitivity, ranking.thresholds, len(cases) - n_normal, n_normal)


def rank_cases(cases: Sequence[ScoredCase]) -> tuple[Ranking, Integers]:
    """Rank the scores of the cases.

    Returns:
        The ranking, and (c,) 1 for each normal case and 0 for each abnormal one.

    Raises:
        EvaluationError: If a score is not finite, or all cases are of one kind.
    """
    for case in cases:
        if not np.isfinite(case.score):
            raise EvaluationError(f"{case.name}: its score is {case.score}; give a finite number")
    is_normal = np.array([not case.is_abnormal for case in cases], dtype=np.int64)
    if len({*is_normal.tolist()}) < 2:
        kind = "normal" if is_normal.any() else "abnormal"
        raise EvaluationError(f"all {len(cases)} cases are {kind}, so nothing is told apart; add cases of both kinds")
    none = np.empty(0)
    scores = [np.array([case.score]) for case in cases]
    matched = [
        MatchedCase(score, none) if case.is_abnormal else MatchedCase(none, score)
        for case, score in zip(cases, scores, strict=True)
    ]
    return Ranking.of(matched), is_normal


def draw_curves(ranking: Ranking, is_normal: Integers, weights: Integers) -> tuple[Floats, Floats]:
    """Compute false positive rates and sensitivities, (r, t) each, for the weightings (r, c) of the cases."""
    fps_per_case, sensitivity = ranking.curves(weights)
    # The counts again, without the rounding of the division: the last rate must be 1, neither more nor less.
    false_positives = np.rint(fps_per_case * weights.sum(axis=1, keepdims=True))
    return false_positives / (weights @ is_normal)[:, np.newaxis], sensitivity
