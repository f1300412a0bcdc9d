"""What the name of a scan says of its patient: the label of BIDS, the name up to a session's, or where it might end."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BIDS = re.compile(r"(?:^|(?<=[_.\- ]))sub-[a-z0-9]+(?=[_.\- ]|$)", re.IGNORECASE)

_GAP = r"[_\-. ]"
_MONTHS = r"(?:jan|feb|mar|m[aä]r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*"
_DAY, _MONTH, _YEAR, _DOT = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d", r"[_\-.]?"
_DATE = rf"""
    {_YEAR}{_DOT}{_MONTH}{_DOT}{_DAY}(?:[t_\-]?\d{{4,6}})?
  | {_DAY}{_DOT}{_MONTH}{_DOT}{_YEAR}
  | {_YEAR}{_DOT}{_MONTHS}{_DOT}\d{{1,2}} | \d{{1,2}}{_DOT}{_MONTHS}{_DOT}{_YEAR}"""

_NUMBERED = r"""ses(?:sion)?|visit|vis|timepoint|time|tp|scan|exam(?:ination)?|study|acq(?:uisition)?|run
  | follow-?_?up|fu|fup|baseline|bl|day|week|month|year"""
_NAMED = r"""baseline|base|bl|follow-?_?up|fup|fu|pre(?:-?op)?|post(?:-?op)?|prior|previous|current|before|after|initial
  | rescan|retest|nadir|verlauf|kontrolle
  | (?:first|second|third|fourth|last|1st|2nd|3rd|[4-9]th)[_\-. ]?(?:scan|visit|session|exam|study|mri?|ct)?"""
_ORDINAL = r"(?:one|two|three|four|iii|ii|iv|i|[a-f])"

_SESSIONS = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        rf"""(?P<patient>.*?[^_\-.\ ])[_\-.\ ]+
        (?: (?:{_NUMBERED})[_\-.\ ]?\d{{1,4}}(?:of\d+)? | [vst]-?\d{{1,4}} | {_NAMED} | {_DATE}
          | ses-[a-z0-9]+ | (?:ses|session|visit|timepoint|scan|exam)[_\-.\ ]?{_ORDINAL}
        ) (?:[_\-.\ ].*)?""",
        # These might as well number patients, men and women, unless a number comes before.
        r"""(?P<patient>.*?\d.*?)[_\-.\ ]+
        (?: (?:d|m|mo|w|wk|y|yr)-?\d{1,4} | (?:mri?|ct|pet)[_\-.\ ]?d?\d{1,4} ) (?:[_\-.\ ].*)?""",
    )
)

_SESSION_FIRST = re.compile(
    rf"""(?: (?:ses(?:sion)?|visit|vis|timepoint|tp|scan)[_\-.\ ]?\d{{1,4}} | ses-[a-z0-9]+ | {_NAMED} | {_DATE} )
    [_\-.\ ]+ (?P<patient>(?=.*[a-z]|\d{{5}}).+)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A session and then the patient, who is more than a running number: baseline_P07, 20240131_P07."""

_COUNTED = re.compile(r"(?P<patient>.*\d)(?:[_\-. ]+(?:\d{1,2}|[a-z])|(?<=\d)[a-z])", re.IGNORECASE)
"""A short number or a letter behind what ends with a digit: P07_1, P07-b, P07a."""

_CUT = re.compile(r"[_\-. (\[#@+]+|(?<=\d)(?=[a-z])", re.IGNORECASE)

LONGEST = 255
"""Letters of the longest name that a file can have; of longer ones nothing is read, so that no work is unbounded."""

_UID = re.compile(r"[\d.]+")
"""A DICOM UID: its last numbers count series or studies of anybody."""


def find_subject(name: str) -> str | None:
    """Return the patient's label of BIDS, as sub-07; None if there is none."""
    found = _BIDS.search(name)
    return found[0] if found else None


def find_stem(name: str) -> str | None:
    """Return the name without that of a session, and what follows it; None if it has none."""
    if len(name) > LONGEST:
        return None
    first = _SESSION_FIRST.fullmatch(name)
    rest = first["patient"] if first else name
    stems = [found["patient"] for pattern in _SESSIONS if (found := pattern.fullmatch(rest))]
    return min(stems, key=len, default=rest if first else None)


def find_counted_stem(name: str) -> str | None:
    """Return the name up to a short number or letter that may count sessions; None if there is none."""
    found = None if is_uid(name) else _COUNTED.fullmatch(name)
    return found["patient"] if found else None


def is_uid(name: str) -> bool:
    """Return whether a name is an identifier of DICOM, of which nothing can be read."""
    return _UID.fullmatch(name) is not None


def cuts(name: str) -> Iterator[tuple[str, str]]:
    """Yield the two parts of a name at each place where a patient's may end: the first part has a digit."""
    for found in _CUT.finditer(name[: LONGEST + 1]):
        stem, ending = name[: found.start()], name[found.end() :]
        if ending and any(letter.isdigit() for letter in stem):
            yield stem, ending
