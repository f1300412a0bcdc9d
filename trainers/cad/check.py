"""All cases of a folder read, and everything that is wrong with them told, before any training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bohpo.errors import UsageError
from bohpo.trainer import CheckedCase
from trainers.cad.application import Application
from trainers.cad.case import Case, Split
from trainers.cad.duplicates import describe_copy, digest
from trainers.cad.folder import BrokenCasesError, list_cases, read_case
from trainers.cad.sample_size import describe_one_patient
from trainers.cad.splits import assign_splits, find_leaks, patients_of
from trainers.cad.tables import SPLITS_FILE


def check_folder(
    application: Application[Any, Any, Any], folder: Path, spacing_mm: float | None
) -> Iterator[CheckedCase]:
    """Read all cases of a folder, none from the cache.

    Args:
        application: Whose cases they are.
        folder: Where they are.
        spacing_mm: Edge of the voxels that volumes are resampled to; by default the application's own.

    Yields:
        Every case, in the order of the names; then, by the name of their split, what is wrong with or worth knowing of
        a split as a whole, and notes on the folder without any name.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    layout = application.layout(application.settings.least(data=str(folder), spacing_mm=spacing_mm))
    listed = list_cases(folder, layout)
    patients = patients_of(listed)
    splits = assign_splits(listed, patients)
    leaks, copies = find_leaks(patients, splits), _Copies()
    whole: dict[Split, list[Case]] = defaultdict(list)
    for name, found in sorted(listed.items()):
        of_case = splits.get(name, set())
        split = next(iter(of_case)) if len(of_case) == 1 else None
        leak = (leaks[name],) if name in leaks and not found.errors else ()
        try:
            case = read_case(name, replace(found, patient=patients.of.get(name)), layout, from_cache=False)
        except BrokenCasesError as broken:
            yield CheckedCase(name, split or "", problems=(*map(str, broken.errors), *leak))
            continue
        problem, note = copies.find(case, split or "")
        yield CheckedCase(name, split or "", _describe(case), (*leak, *problem), note)
        if split is not None:
            whole[split].append(replace(case, volume=np.empty((0, 0, 0), np.float32)))
    for split in Split:
        yield from _check_split(application, whole[split], split)
    if unsure := patients.describe_unsure(SPLITS_FILE):
        yield CheckedCase("", "", notes=(unsure,))


def _check_split(application: Application[Any, Any, Any], cases: Sequence[Case], split: Split) -> Iterator[CheckedCase]:
    try:
        application.require(cases, split)
    except UsageError as error:
        yield CheckedCase(split, split, problems=(str(error),))
        return
    if alone := describe_one_patient(cases, split):
        yield CheckedCase(split, split, notes=(alone,))
    if split is not Split.TRAINING and (note := application.sample_size(cases).describe(split)):
        yield CheckedCase(split, split, notes=(note,))


class _Copies:
    """The volumes that were read, by the digest of their voxels."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, str]] = {}

    def find(self, case: Case, split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Find an earlier case of the same volume: a problem in another split, worth a note in the same one."""
        if (key := digest(case.volume)) is None:
            return (), ()
        other, of_split = self._seen.setdefault(key, (case.name, split))
        if other == case.name:
            return (), ()
        if split == of_split:
            return (), (f"{case.name}: its volume is that of {other}, so it counts twice; remove one of them",)
        return (describe_copy(case.name, split, other, of_split),), ()


def _describe(case: Case) -> str:
    channels = f"{case.volume.shape[0]} x " if case.volume.ndim == 4 else ""
    size = " x ".join(str(edge) for edge in reversed(case.shape))
    if case.label is not None:
        finding = "abnormal" if case.label else "normal"
    else:
        finding = f"{len(case.centres)} lesion{'' if len(case.centres) == 1 else 's'}"
    return f"{channels}{size} voxels of {case.spacing:g} mm, {finding}"
