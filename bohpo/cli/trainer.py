"""`bohpo trainer check`: has a trainer read all of its data before anything is trained."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App

from bohpo.cli.output import emit, say, table
from bohpo.errors import UsageError
from bohpo.trainer import CheckedCase, DataCheck

trainer = App(name="trainer", help="Look after trainers and their data.")


@trainer.command
def check(
    module: str,
    /,
    *,
    data: Path,
    spacing: float | None = None,
    pictures: Path | None = None,
    json: bool = False,
) -> None:
    """Read all cases of a trainer's data folder and report every problem; notes on the data go to stderr.

    Args:
        module: The trainer's module, such as trainers.aneurysm.
        data: Folder of cases, test cases included.
        spacing: Spacing that volumes are resampled to, mm; the trainer's own where it is left out.
        pictures: New folder for a picture of each lesion, with a cross where its table says it is, and an index.html.
        json: Write one JSON object instead of the table.

    Raises:
        UsageError: If the module cannot check data or draw pictures, or there are problems; all of them are told
            before.
    """
    cases, notes = [], list[str]()
    for case in _start_check(module, data, spacing, pictures):
        notes += case.notes
        if not (case.description or case.problems):  # notes on a split, or on the folder
            continue
        cases.append(case)
        if not json:
            say(f"{case.name}: {case.description or 'cannot be used'}")
    problems = sum(len(case.problems) for case in cases)
    if json:
        told = [_as_json(case) for case in cases]
        emit({"module": module, "data": str(data), "problems": problems, "cases": told, "notes": notes})
    else:
        table(("case", "split", "what", "problem"), [row for case in cases for row in _rows(case)])
        for note in notes:
            say(note)
    if pictures is not None:
        say(f"pictures: {pictures / 'index.html'}")
    if problems:
        raise UsageError(f"{problems} problem{'' if problems == 1 else 's'} in {data}; each is told above")


def _start_check(module: str, data: Path, spacing: float | None, pictures: Path | None) -> Iterator[CheckedCase]:
    check_of_module = _check_of(module)
    if pictures is None:
        return check_of_module(data, spacing)
    if "pictures" not in inspect.signature(check_of_module).parameters:
        remedy = "leave --pictures out, or define check(data, spacing_mm, pictures) in it, see bohpo.trainer.data"
        raise UsageError(f"{module} draws no pictures; {remedy}")
    return check_of_module(data, spacing, pictures)


def _check_of(name: str) -> DataCheck:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        remedy = "name a module such as trainers.aneurysm, from the folder that it is in"
        raise UsageError(f"there is no module {error.name}; {remedy}") from error
    check_of_module: DataCheck | None = getattr(module, "check", None)
    if check_of_module is None:
        raise UsageError(f"{name} cannot check data; define check(data, spacing_mm) in it, see bohpo.trainer.data")
    return check_of_module


def _rows(case: CheckedCase) -> list[tuple[str, str, str, str]]:
    said = [problem.removeprefix(f"{case.name}: ") for problem in case.problems]
    said += [f"warning: {warning}" for warning in case.warnings]
    return [(case.name, case.split, case.description, each) for each in said or [""]]


def _as_json(case: CheckedCase) -> dict[str, object]:
    return {
        "name": case.name,
        "split": case.split or None,
        "description": case.description or None,
        "problems": list(case.problems),
        "warnings": list(case.warnings),
    }
