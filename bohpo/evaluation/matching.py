"""Which marks hit which lesions: the rule of the LUNA16 challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohpo.evaluation.case import Case, Floats

UNKNOWN_DIAMETER_MM = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class MatchedCase:
    """A case after its marks were matched with its lesions.

    Attributes:
        lesion_scores: (n,) highest score of the marks on each lesion, -inf where it was missed.
        false_positive_scores: (f,) scores of the marks on nothing.
        marks_on_lesions: Number of marks on one or more lesions; for the account only.
        marks_on_excluded: Number of other marks on excluded findings, which were dropped; for the account only.
        patient: Whose case it is, see `Case`.
    """

    lesion_scores: Floats
    false_positive_scores: Floats
    marks_on_lesions: int = 0
    marks_on_excluded: int = 0
    patient: str | None = None


def match(case: Case) -> MatchedCase:
    """Match the marks of a case with its lesions.

    A mark hits a lesion when its squared distance to the centre is less than (diameter / 2)^2. A lesion takes the
    highest score of its marks; its other marks are neither hits nor false positives. A mark within two lesions hits
    both. A mark on a lesion and on an excluded finding hits the lesion; on the excluded finding alone it is dropped.
    So the order of lesions and marks does not matter.

    Args:
        case: n lesions, m marks, k excluded findings.

    Returns:
        Scores of the n lesions and of the false positives.

    Source:
        The LUNA16 challenge, Setio et al., Medical Image Analysis 42 (2017), and its evaluation script.
    """
    hits = _within(case.lesions, case.diameters, case.marks)
    on_lesion = hits.any(axis=0)
    on_excluded = _within(case.excluded, case.excluded_diameters, case.marks).any(axis=0) & ~on_lesion
    return MatchedCase(
        lesion_scores=np.where(hits, case.scores, -np.inf).max(axis=1, initial=-np.inf),
        false_positive_scores=case.scores[~on_lesion & ~on_excluded],
        marks_on_lesions=int(on_lesion.sum()),
        marks_on_excluded=int(on_excluded.sum()),
        patient=case.patient,
    )


def match_all(cases: Sequence[Case] | Sequence[MatchedCase]) -> list[MatchedCase]:
    """Match the cases that are not matched yet."""
    return [match(case) if isinstance(case, Case) else case for case in cases]


def _within(centres: Floats, diameters: Floats, marks: Floats) -> NDArray[np.bool_]:
    """Tell which of m marks lie within which of n spheres, (n, m)."""
    radii = np.where(diameters < 0, UNKNOWN_DIAMETER_MM, diameters) / 2
    squared_distances = ((centres[:, np.newaxis] - marks[np.newaxis]) ** 2).sum(axis=-1)
    inside: NDArray[np.bool_] = squared_distances < (radii**2)[:, np.newaxis]
    return inside
