"""Which cases are of one patient: they vary together, so a bootstrap draws patients, not cases."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.ranking import Integers

PATIENT_COLUMNS = (
    *("patient", "patientid", "patientuid", "patientname", "patientnumber", "patientno"),
    *("subject", "subjectid", "participant", "participantid"),
)
"""How tables call the column of patients, by its `plain_name`; the most telling name first."""


def plain_name(name: str) -> str:
    """Return the name of a column without capitals, blanks and punctuation."""
    return re.sub(r"[\W_]", "", name).lower()


def number_patients(patients: Sequence[str | None]) -> Integers:
    """Number the patients in the order of their first case.

    Args:
        patients: (c,) patient of each case; None for a patient of whom there is no other case.

    Returns:
        (c,) number of each case's patient, from 0 on; 0, 1, 2 ... where every case has a patient of its own.
    """
    numbers: dict[str | int, int] = {}
    keys = (index if patient is None else patient for index, patient in enumerate(patients))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def sum_by_patient(counts: Integers, patients: Integers) -> Integers:
    """Add the counts (c,) of the cases of each patient (c,), numbered from 0: (p,)."""
    totals = np.zeros(int(patients.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(totals, patients, counts)
    return totals


def check_patients(patients: Integers) -> None:
    """Check that there are patients to resample.

    Raises:
        EvaluationError: If all cases are of one patient.
    """
    if len(patients) == 1:
        raise EvaluationError("one case cannot tell how cases vary; give at least 2 cases")
    if len(patients) and not patients.any():
        raise EvaluationError(
            f"all {len(patients)} cases are of one patient, so nothing shows how patients vary; "
            "give cases of at least 2 patients"
        )
