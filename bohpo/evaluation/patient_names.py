"""Whose case is whose: cases of one patient belong into one split, and vary together.

A patient's cases are found in this order:

1. a column `patient` of the tables;
2. the prefix `sub-LABEL` of BIDS;
3. the name up to a session's: `_ses-1`, `_session2`, `_visit-2`, `_v1`, `_s1`, `_t0`, `_tp1`, `_scan2`, `_exam1`,
   `_run-1`, `_baseline`, `_bl`, `_followup`, `_fu1`, `_pre`, `_post`, `_prior`, `_current`, a date as `_20240131`; with
   `_`, `-`, `.` or a blank before it.

A name without any of these is a patient's only case. Names that look like sessions, and might be something else, are
listed as unsure and kept apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MOST_SESSIONS = 12
"""Names with more endings than this are counted, as in `study_s01` to `study_s40`, where s is a subject."""

_SHOWN = 3

_BIDS = re.compile(r"sub-[a-z0-9]+(?=[_.\- ]|$)", re.IGNORECASE)

_SESSION = re.compile(
    r"""(?P<patient>.*?[^_\-. ])[_\-. ]+
    (?: (?: ses(?:sion)?|visit|vis|timepoint|time|tp|scan|exam(?:ination)?|study|acq(?:uisition)?|run|follow-?_?up|fu
          | baseline|bl|v|s|t|day|week|month|year )[_\-. ]?\d{1,4}
      | baseline|bl|follow-?_?up|fu|pre(?:-?op)?|post(?:-?op)?|prior|previous|current
      | (?:19|20)\d\d[_\-.]?(?:0[1-9]|1[0-2])[_\-.]?(?:0[1-9]|[12]\d|3[01])(?:[t_\-]?\d{4,6})?
    )
    (?: [_\-. ].* )?""",
    re.IGNORECASE | re.VERBOSE,
)

_UNSURE = re.compile(r"(?P<patient>.*\d)(?:[_\-. ]+(?:\d{1,2}|[a-z])|(?<=\d)[a-z])", re.IGNORECASE)
"""A short number or a letter behind what ends with a digit: P07_1, P07-b, P07a."""

_UID = re.compile(r"[\d.]+")
"""A DICOM UID: its last numbers count series or studies of anybody."""


@dataclass(frozen=True, slots=True)
class Patients:
    """Whose the cases of a folder are.

    Attributes:
        of: Name of each case -> its patient.
        unsure: Names that may be of one patient, and count as several; each group sorted.
    """

    of: Mapping[str, str]
    unsure: tuple[tuple[str, ...], ...] = ()

    def cases(self) -> dict[str, list[str]]:
        """Return the cases of each patient, in the order of their names."""
        return _grouped(self.of)

    def describe_unsure(self, table: str) -> str | None:
        """Build a sentence about the names that may be of one patient.

        Args:
            table: Where a column `patient` would be looked for.

        Returns:
            Without a full stop; None if there are no such names.
        """
        if not self.unsure:
            return None
        shown = "; ".join(" and ".join(group[:_SHOWN]) for group in self.unsure[:_SHOWN])
        more = len(self.unsure) - _SHOWN
        others = f" ({more} more groups like these)" if more > 0 else ""
        return (
            f"{shown}{others} may be scans of one patient, and count as several; if they are, name the patient of each "
            f"case in a column patient of {table}"
        )


def find_patients(given: Mapping[str, str | None]) -> Patients:
    """Find out whose the cases of a folder are.

    Args:
        given: Name of each case -> the patient that a table names; None where none does.

    Returns:
        The patients; a case that nothing is known of is a patient of its own, called like the case.
    """
    open_names = [name for name, patient in given.items() if patient is None]
    of = {name: patient for name, patient in given.items() if patient is not None}
    of |= {name: found[0] for name in open_names if (found := _BIDS.match(name))}
    open_names = [name for name in open_names if name not in of]
    by_session = _grouped({name: found["patient"] for name in open_names if (found := _SESSION.fullmatch(name))})
    unsure = []
    for patient, names in by_session.items():
        if _is_counted(names, given):
            unsure.append(tuple(names))
        else:
            # A table that names the patient of one session speaks for the others.
            told = {of[name] for name in given if name in of and _stem(name) == patient}
            of |= dict.fromkeys(names, told.pop() if len(told) == 1 else patient)
    unsure += _unsure([name for name in open_names if name not in of], set(given))
    return Patients({name: of.get(name, name) for name in given}, tuple(sorted(unsure)))


def _stem(name: str) -> str | None:
    found = _SESSION.fullmatch(name)
    return found["patient"] if found else None


def _is_counted(names: list[str], all_names: Iterable[str]) -> bool:
    """Check whether names that end like sessions rather number the patients: there are too many, or no others."""
    return len(names) > MOST_SESSIONS or (len(names) > 1 and set(names) == set(all_names))


def _unsure(open_names: list[str], all_names: set[str]) -> list[tuple[str, ...]]:
    readable = [name for name in open_names if not _UID.fullmatch(name)]
    stems = {name: found["patient"] for name in readable if (found := _UNSURE.fullmatch(name))}
    for name in all_names & set(stems.values()):  # P07 beside P07_1
        stems[name] = name
    groups = [names for names in _grouped(stems).values() if 1 < len(names) <= MOST_SESSIONS]
    return [tuple(names) for names in groups if set(names) != all_names]


def _grouped(group_of: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, group in sorted(group_of.items()):
        groups[group].append(name)
    return dict(groups)
