"""Whose case is whose: cases of one patient belong into one split, and vary together.

A patient's cases are found in this order:

1. a column `patient` of the tables; Mueller is MUELLER, and 7 is 007 and 7.0 there;
2. the label `sub-LABEL` of BIDS;
3. the name up to a session's: `_ses-1`, `_ses-M12`, `_session2`, `_visit-2`, `_v1`, `_s1`, `_t0`, `_tp1`, `_scan2`,
   `_exam1`, `_run-1`, `_baseline`, `_bl`, `_followup`, `_fu1`, `_pre`, `_post`, `_prior`, `_current`, `_2nd`, a date as
   `_20240131` or `_31.01.2024`; behind a number `_m06`, `_w12`, `_d0129`, `_MR1`; with `_`, `-`, `.` or a blank before.
   Some may come first, as in `baseline_P07` and `20240131_P07`.

A name without any of these is a patient's only case. Names that look like sessions, and might be something else, are
listed as unsure and kept apart. Capitals make no difference, except in names without any session.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bohpo.evaluation.session_names import cuts, find_counted_stem, find_stem, find_subject, is_uid

MOST_SESSIONS = 12
"""Names with more endings than this are counted, as in `study_s01` to `study_s40`, where s is a subject."""

MOST_SESSIONS_OF_A_WORD = 4
"""Likewise where no number comes before, as in `control_s01` to `control_s08`."""

USUAL_SESSIONS = 3
"""Endings of any kind may be sessions' where half of the names that share a beginning are so few, or fewer."""

_SHOWN = 3

_NUMBER = re.compile(r"^0*(\d+)(?:\.0+)?$", re.ASCII)


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
    of = _alike({name: patient for name, patient in sorted(given.items()) if patient is not None})
    named = {name: subject for name in given if name not in of and (subject := find_subject(name))}
    stems = {name: stem for name in given if name not in named and (stem := find_stem(name))}
    unsure = []
    for patient, names in _sessions(stems, of):
        if _is_counted(patient, names, given):
            unsure.append(tuple(names))
        else:
            named |= dict.fromkeys(names, patient)
    alone = [name for name in given if name not in of and name not in named]
    of |= _spell(named, of, alone)
    doubtful = set().union(*unsure)
    left = [name for name in alone if name not in doubtful]
    unsure += _beside(left, of) or _unsure(left, set(given))
    return Patients({name: of.get(name, name) for name in given}, tuple(sorted(unsure)))


def _sessions(stems: Mapping[str, str], given: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each patient that the beginnings of names tell of, and the names that no table gives a patient."""
    told: dict[str, set[str]] = defaultdict(set)
    folded = {name: _fold(stem) for name, stem in stems.items()}
    for name in given.keys() & folded.keys():
        told[folded[name]].add(given[name])
    for stem, names in _grouped({name: stem for name, stem in folded.items() if name not in given}).items():
        # A table that names the patient of one session speaks for the others.
        yield next(iter(told[stem])) if len(told[stem]) == 1 else stems[names[0]], names


def distinct_patients(patients: Iterable[str]) -> list[str]:
    """Return the patients that tables name, each in its first spelling."""
    return list(dict.fromkeys(_alike({str(at): patient for at, patient in enumerate(sorted(patients))}).values()))


def _alike(patients: Mapping[str, str]) -> dict[str, str]:
    """Write the patients that tables name alike: spreadsheets drop zeros before a number, or add some behind it."""
    first: dict[str, str] = {}
    keys = {name: _NUMBER.sub(r"\1", _fold(patient)) for name, patient in patients.items()}
    return {name: first.setdefault(keys[name], patient) for name, patient in patients.items()}


def _spell(named: Mapping[str, str], given: Mapping[str, str], alone: Iterable[str]) -> dict[str, str]:
    """Write the patients that names tell of as tables write them, or the case that has no session in its name."""
    spellings: dict[str, str] = {}
    for patient in (*given.values(), *sorted(alone)):
        spellings.setdefault(_fold(patient), patient)
    exact = {*given.values(), *alone}
    return {
        name: patient if patient in exact else spellings.setdefault(_fold(patient), patient)
        for name, patient in sorted(named.items())
    }


def _fold(text: str) -> str:
    """Return a text without capitals and blanks, in one of the ways in which Unicode can write it."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_counted(patient: str, names: Collection[str], all_names: Collection[str]) -> bool:
    """Check whether names that end like sessions rather number the patients: there are too many, or no others."""
    most = MOST_SESSIONS if any(letter.isdigit() for letter in patient) else MOST_SESSIONS_OF_A_WORD
    return len(names) > most or (len(names) > 1 and set(names) == set(all_names))


def _beside(open_names: Iterable[str], of: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Group names with the patient that they begin with, as P07_control with P07_baseline."""
    scans = {_fold(patient): names for patient, names in _grouped(of).items()}
    found = {name: beginning for name in open_names for stem, _ in cuts(name) if (beginning := _fold(stem)) in scans}
    return [tuple(sorted((*scans[beginning], *names))) for beginning, names in _grouped(found).items()]


def _unsure(open_names: Collection[str], all_names: set[str]) -> list[tuple[str, ...]]:
    """Group the names that may be of one patient: by short numbers, or by any beginning that few names share."""
    stems = {name: stem for name in open_names if (stem := find_counted_stem(name))}
    for name in all_names & set(stems.values()):  # P07 beside P07_1
        stems[name] = name
    groups = [tuple(names) for names in _grouped(stems).values() if 1 < len(names) <= MOST_SESSIONS]
    if not (groups := [group for group in groups if set(group) != all_names]):
        groups = _sharing_a_beginning([name for name in open_names if not is_uid(name)])
    return groups


def _sharing_a_beginning(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Group names by the shortest beginnings that several groups of few names share; none if there are no such ones."""
    parts = {name: [*cuts(name), (name, "")] for name in names}
    for at in range(max(map(len, parts.values()), default=0)):
        stems = {name: _fold(found[min(at, len(found) - 1)][0]) for name, found in parts.items()}
        groups = [tuple(group) for group in _grouped(stems).values() if len(group) > 1]
        sizes = [len(group) for group in groups]
        if len(groups) > 1 and max(sizes) <= MOST_SESSIONS and statistics.median(sizes) <= USUAL_SESSIONS:
            return groups
    return []


def _grouped(group_of: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, group in sorted(group_of.items()):
        groups[group].append(name)
    return dict(groups)
