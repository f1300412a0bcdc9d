"""How sure a score of some cases can be: what there is to be found in them, and in how many patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from bohpo.errors import UsageError
from bohpo.evaluation import describe_few, effective_count, expected_half_width
from bohpo.evaluation.patients import number_patients, sum_by_patient
from bohpo.evaluation.small_samples import TYPICAL_SCORE
from trainers.cad.case import Case, Split


@dataclass(frozen=True, slots=True)
class SampleSize:
    """What a score rests on.

    Attributes:
        noun: What is counted: lesions, or cases of the kind that there are fewer of.
        count: How many there are.
        patients: How many patients have them.
        effective: How many patients of equally many they are worth.
    """

    noun: str
    count: int
    patients: int
    effective: float

    @classmethod
    def of_counts(cls, noun: str, counts: Sequence[int], patients: Sequence[str | None]) -> Self:
        """Sum up counts per case and the patient of each case."""
        sizes = sum_by_patient(np.array(counts, dtype=np.int64), number_patients(patients))
        effective = effective_count(sizes) if sizes.any() else 0.0
        return cls(noun, int(sizes.sum()), int(np.count_nonzero(sizes)), effective)

    def describe(self, split: Split) -> str | None:
        """Build a sentence on the interval that a score will have; None if nothing can be scored."""
        if not self.count:
            return None
        if few := describe_few(self.count, self.effective, noun=self.noun, split=split):
            return few
        half = expected_half_width(self.effective)
        patients = f" of {self.patients} patients" if self.patients != self.count else ""
        return (
            f"{self.count} {self.noun}s{patients} in the {split} cases: the 95% interval of a score of "
            f"{TYPICAL_SCORE:g} will be about ±{half:.2f} wide"
        )

    def warn(self, split: Split) -> str | None:
        """Build the warning of `describe_few`; None if there is enough, or nothing to score."""
        return describe_few(self.count, self.effective, noun=self.noun, split=split) if self.count else None


def count_lesions(cases: Sequence[Case]) -> SampleSize:
    """Count the lesions of cases."""
    return SampleSize.of_counts("lesion", [len(case.centres) for case in cases], [case.patient for case in cases])


def count_rarer_kind(cases: Sequence[Case]) -> SampleSize:
    """Count the abnormal or the normal cases, of whichever there are fewer patients."""
    return count_rarer([case.is_abnormal for case in cases], [case.patient for case in cases])


def count_rarer(are_abnormal: Sequence[bool], patients: Sequence[str | None]) -> SampleSize:
    """Count the abnormal or the normal cases, of whichever there are fewer patients.

    Args:
        are_abnormal: Whether each case is abnormal.
        patients: Patient of each case.
    """
    kinds = [
        SampleSize.of_counts(f"{name} case", [int(each is kind) for each in are_abnormal], patients)
        for name, kind in (("abnormal", True), ("normal", False))
    ]
    return min(kinds, key=lambda size: size.effective)


def require_patients(cases: Sequence[Case], split: Split) -> None:
    """Check that cases to be scored are of several patients: one patient shows no variance.

    Raises:
        UsageError: If all of them are of one patient.
    """
    if problem := describe_one_patient(cases, split):
        raise UsageError(problem)


def describe_one_patient(cases: Sequence[Case], split: Split) -> str | None:
    """Build the sentence on cases to be scored that are of one patient; None if there are more, or for training."""
    return None if split is Split.TRAINING else describe_alone([case.patient for case in cases], split)


def describe_alone(patients: Sequence[str | None], split: Split) -> str | None:
    """Build the sentence on cases to be scored whose patients, one each, are a single one; None if there are more."""
    if number_patients(patients).any():
        return None
    if not patients:
        return f"there is no {split} case, so no score is possible; add cases, or change their split"
    count = f"all {len(patients)} {split} cases are of one patient"
    if len(patients) == 1:
        count = f"there is one {split} case"
    return f"{count}, which cannot show how patients vary, so no score is possible; add cases, or change their split"
