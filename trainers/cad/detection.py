"""Applications that mark lesions and are scored by the FROC curve of their marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bohpo.evaluation import Case as MarkedCase
from bohpo.trainer import Outcome
from trainers.cad.application import Application, B, S
from trainers.cad.case import Case, Split
from trainers.cad.marks import quick_partial_auc, require_lesions, score


class Detection(Application[S, B, MarkedCase]):
    """An application whose learner gives the marks on a case, see `marks.mark`.

    Its settings say up to how many false positives per case the curve is integrated.
    """

    def limit(self, settings: S) -> float:
        """Give the false positives per case up to which the curve is integrated: the setting `limit`."""
        return float(getattr(settings, "limit"))  # noqa: B009

    def require(self, cases: Sequence[Case], split: Split) -> None:
        """Refuse a split without any lesion."""
        require_lesions(cases, split)

    def early_score(self, settings: S, findings: Sequence[MarkedCase]) -> float:
        """Give the partial area on these cases."""
        return quick_partial_auc(findings, self.limit(settings))

    def outcome(self, settings: S, findings: Sequence[MarkedCase], chosen: Mapping[str, float]) -> Outcome:
        """Give the partial area with its bootstrap, the curve and its operating points."""
        return score(findings, self.limit(settings))
