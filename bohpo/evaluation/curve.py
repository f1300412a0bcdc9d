"""The free-response ROC curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.case import Case, Floats
from bohpo.evaluation.matching import MatchedCase, match_all
from bohpo.evaluation.ranking import Ranking


@dataclass(frozen=True, slots=True, eq=False)
class FrocCurve:
    """A free-response ROC curve: one point per distinct score, from (0, 0) on.

    Attributes:
        fps_per_case: (t,) false positives per case, lesion-free cases included; never descending.
        sensitivity: (t,) share of the lesions that are detected; never descending.
        thresholds: (t,) lowest score that counts at each point, descending; infinity at the first.
        n_lesions: Number of lesions.
        n_cases: Number of cases.
    """

    fps_per_case: Floats
    sensitivity: Floats
    thresholds: Floats
    n_lesions: int
    n_cases: int

    def at(self, fps: float) -> float:
        """Interpolate the sensitivity at `fps` false positives per case.

        Args:
            fps: False positives per case, >= 0.

        Returns:
            Sensitivity, linear between points; the greater one where the curve jumps; the last one past its end.

        Raises:
            EvaluationError: If `fps` is not a finite number >= 0.

        Source:
            LUNA16 reads its seven sensitivities off the curve by the same rule (`numpy.interp`).
        """
        if not math.isfinite(fps) or fps < 0:
            raise EvaluationError(f"{fps} false positives per case make no sense; give a finite number >= 0")
        return float(np.interp(fps, self.fps_per_case, self.sensitivity))


def froc(cases: Sequence[Case] | Sequence[MatchedCase]) -> FrocCurve:
    """Draw the FROC curve of a detector.

    Args:
        cases: The cases, lesion-free ones included, matched or not.

    Returns:
        The curve; marks of equal score enter together, as one point.

    Raises:
        EvaluationError: If there is no lesion.
    """
    ranking = Ranking.of(match_all(cases))
    fps_per_case, sensitivity = ranking.curves(np.ones((1, len(cases)), dtype=np.int64))
    return FrocCurve(
        fps_per_case=fps_per_case[0],
        sensitivity=sensitivity[0],
        thresholds=ranking.thresholds,
        n_lesions=int(ranking.lesions_per_case.sum()),
        n_cases=len(cases),
    )
