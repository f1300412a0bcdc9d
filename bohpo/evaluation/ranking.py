"""All marks of all cases in the order of their scores, from which the curves of any weighting of the cases follow.

symbol  meaning                                                        shape
------  -------------------------------------------------------------  -----
r       weightings of the cases (1 for the curve, many for a bootstrap)
c       cases
t       thresholds: infinity, then each distinct score, descending
h, f    detected lesions, false positives
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import EvaluationError
from bohpo.evaluation.case import Floats
from bohpo.evaluation.matching import MatchedCase

Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Detected lesions and false positives in descending order of their scores.

    Attributes:
        thresholds: (t,) infinity, then the distinct scores, descending.
        lesions_per_case: (c,) detected or not.
        hit_cases: (h,) case of each detected lesion.
        hits_above: (t,) number of detected lesions at or above each threshold.
        false_positive_cases: (f,) case of each false positive.
        false_positives_above: (t,) number of false positives at or above each threshold.
    """

    thresholds: Floats
    lesions_per_case: Integers
    hit_cases: Integers
    hits_above: Integers
    false_positive_cases: Integers
    false_positives_above: Integers

    @property
    def greatest_sensitivity(self) -> float:
        """Share of the lesions that are detected at any score."""
        return len(self.hit_cases) / int(self.lesions_per_case.sum())

    @classmethod
    def of(cls, cases: Sequence[MatchedCase]) -> Ranking:
        """Rank the scores of `cases`.

        Raises:
            EvaluationError: If there is no lesion, so that sensitivity means nothing, or a score is NaN or +inf.
        """
        hit_scores, hit_cases = _descending([case.lesion_scores for case in cases])
        fp_scores, fp_cases = _descending([case.false_positive_scores for case in cases])
        thresholds = np.concatenate([[np.inf], np.unique(np.concatenate([hit_scores, fp_scores]))[::-1]])
        lesions_per_case = np.array([len(case.lesion_scores) for case in cases], dtype=np.int64)
        if not lesions_per_case.sum():
            raise EvaluationError(
                f"none of the {len(cases)} cases has a lesion, so there is no sensitivity; add cases with lesions"
            )
        return cls(
            thresholds=thresholds,
            lesions_per_case=lesions_per_case,
            hit_cases=hit_cases,
            hits_above=np.searchsorted(-hit_scores, -thresholds, side="right"),
            false_positive_cases=fp_cases,
            false_positives_above=np.searchsorted(-fp_scores, -thresholds, side="right"),
        )

    def up_to(self, limit: float, weights: Integers) -> Ranking:
        """Drop the thresholds that lie past `limit` false positives per case in the curve of every weighting.

        A detector may leave hundreds of marks per case of which a partial area sees a few; the rest only costs time.

        Args:
            limit: False positives per case, > 0.
            weights: (r, c) how often each case counts.

        Returns:
            A ranking whose curves are the same up to `limit`.
        """
        n_cases, n_marks = len(self.lesions_per_case), len(self.false_positive_cases)
        # A resample of patients may have more cases than there are. One false positive more than it takes, since the
        # product is rounded.
        past_limit = int(min(limit * int(weights.sum(axis=1).max()), n_marks)) + 2
        n_kept = past_limit
        while n_kept < n_marks:
            kept_per_case = np.bincount(self.false_positive_cases[:n_kept], minlength=n_cases)
            if (weights @ kept_per_case).min() >= past_limit:
                break
            n_kept *= 2
        return self._first(int(np.searchsorted(self.false_positives_above, n_kept, side="left")) + 1)

    def _first(self, n_thresholds: int) -> Ranking:
        hits_above = self.hits_above[:n_thresholds]
        false_positives_above = self.false_positives_above[:n_thresholds]
        return Ranking(
            thresholds=self.thresholds[:n_thresholds],
            lesions_per_case=self.lesions_per_case,
            hit_cases=self.hit_cases[: hits_above[-1]],
            hits_above=hits_above,
            false_positive_cases=self.false_positive_cases[: false_positives_above[-1]],
            false_positives_above=false_positives_above,
        )

    def curves(self, weights: Integers) -> tuple[Floats, Floats]:
        """Draw one FROC curve per weighting of the cases.

        Args:
            weights: (r, c) how often each case counts; every row must count a lesion.

        Returns:
            False positives per case and sensitivity at each threshold, (r, t) each.
        """
        hits = _running_totals(weights[:, self.hit_cases])[:, self.hits_above]
        false_positives = _running_totals(weights[:, self.false_positive_cases])[:, self.false_positives_above]
        n_lesions = weights @ self.lesions_per_case
        n_cases = weights.sum(axis=1)
        return false_positives / n_cases[:, np.newaxis], hits / n_lesions[:, np.newaxis]


def _descending(scores_by_case: Sequence[Floats]) -> tuple[Floats, Integers]:
    """Join the scores, greatest first, with the case of each; -inf, a missed lesion, is left out."""
    scores = np.concatenate([*scores_by_case, np.empty(0)])
    cases = np.repeat(np.arange(len(scores_by_case)), [len(scores) for scores in scores_by_case])
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise EvaluationError("a score is NaN or infinite; give finite scores, and -inf for a missed lesion only")
    order = np.argsort(-scores, kind="stable")[: np.count_nonzero(scores > -np.inf)]
    return scores[order], cases[order]


def _running_totals(counts: Integers) -> Integers:
    """Sum (r, n) along the rows, starting with none: (r, n + 1)."""
    totals = np.zeros((counts.shape[0], counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=totals[:, 1:])
    return totals
