"""The list of cases: one scan a line, with or without a header, whatever the header calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from bohpo.cli.csv_columns import NAME, PATIENT, SPELLINGS, Line, find_columns
from bohpo.errors import UsageError
from bohpo.evaluation.patients import plain_name


@dataclass(frozen=True, slots=True)
class ListedNames:
    """The scans of the cases' file.

    Attributes:
        patients: Name of each scan -> its patient, None where that is not said.
        warning: What is doubtful about the first line; None if nothing is.
    """

    patients: Mapping[str, str | None]
    warning: str | None


def read_names(path: Path, lines: Sequence[Line], named: AbstractSet[str], mistakes: list[str]) -> ListedNames:
    """Read the scans.

    Args:
        path: What mistakes call the file.
        lines: Its lines.
        named: Scans that the files of lesions and marks name.
        mistakes: What is wrong with a line is added to it.

    Raises:
        UsageError: If there is no scan.
    """
    header = _find_header(lines, named)
    rows = lines if header is None else lines[1:]
    if not rows:
        raise UsageError(f"{path}: lists no case; write one {NAME} a line")
    columns = {} if header is None else find_columns(header)
    at = columns.get(NAME, [0])[0]
    of_patient = [index for index in columns.get(PATIENT, []) if index != at][:1]
    first_lines: dict[str, int] = {}
    patients: dict[str, str | None] = {}
    for number, values in rows:
        name = values[at] if at < len(values) else ""
        if problem := _describe(name, first_lines, None if header is None else header[at]):
            mistakes.append(f"{path}, line {number}: {problem}")
            continue
        first_lines[name] = number
        patients[name] = next((values[index] or None for index in of_patient if index < len(values)), None)
    warning = _describe_first(path, lines[0], patients.keys(), named) if header is None else None
    if warning and _is_word_before_numbers(list(patients)):
        mistakes.append(warning)
    return ListedNames(patients, warning)


def _describe(name: str, first_lines: Mapping[str, int], heading: str | None) -> str | None:
    """Describe what is wrong with a name; None if nothing is."""
    if not name:
        return f"names no case; write its {NAME}, or remove the line"
    if name == heading:
        return f"the header {name!r} is here once more; remove the line"
    if name in first_lines:
        return f"{name} is listed on line {first_lines[name]} already; list it once"
    return None


def _find_header(lines: Sequence[Line], named: AbstractSet[str]) -> list[str] | None:
    """Return the header; None if the first line is a case."""
    if not lines:
        return None
    _, first = lines[0]
    at = find_columns(first).get(NAME, [-1])[0]
    # A scan may be called "case" or "image-1"; then the other files call it so, too.
    if at < 0 or (first[at] in named and plain_name(first[at]) != NAME):
        return None
    # In a further column such a word may be a value, unless scans stand below it.
    holds_names = any(at < len(values) and values[at] in named for _, values in lines[1:])
    is_header = at == 0 or holds_names or plain_name(first[0]) in SPELLINGS[PATIENT]
    return first if is_header else None


def _is_word_before_numbers(names: Sequence[str]) -> bool:
    """Check whether the first of several names has no digit, and all others have some: it is a header, very likely."""
    first, *others = [any(letter.isdigit() for letter in name) for name in names]
    return not first and len(others) > 1 and all(others)


def _describe_first(path: Path, line: Line, names: AbstractSet[str], named: AbstractSet[str]) -> str | None:
    """Build the warning about a first line that may be a header; None if another file names it, or names nothing."""
    number, (first, *_) = line
    if first in named or not names & named:
        return None
    return (
        f"{path}, line {number}: {first!r} counts as a case, and no other file names it; if it is a header, "
        f"write {NAME} instead, else put the line {NAME} before it"
    )
