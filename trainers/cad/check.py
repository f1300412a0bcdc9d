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
from trainers.cad.case_reader import CaseReading, inspect_case
from trainers.cad.coordinates import CoordinateCheck
from trainers.cad.duplicates import KnownVolumes, describe_copy
from trainers.cad.folder import survey_folder
from trainers.cad.formats import VOLUME_SUFFIXES
from trainers.cad.frames import read_frame
from trainers.cad.pictures import Album
from trainers.cad.sample_size import describe_one_patient
from trainers.cad.splits import assign_splits, find_leaks, patients_of
from trainers.cad.tables import LESIONS_FILE, SPLITS_FILE

TABLES = "tables"
"""What problems of the tables as a whole are filed under."""


def check_folder(
    application: Application[Any, Any, Any], folder: Path, spacing_mm: float | None, pictures: Path | None = None
) -> Iterator[CheckedCase]:
    """Read all cases of a folder, none from the cache.

    Args:
        application: Whose cases they are.
        folder: Where they are.
        spacing_mm: Edge of the voxels that volumes are resampled to; by default the application's own.
        pictures: New folder for pictures of the lesions; None for no pictures.

    Yields:
        The tables and files that cannot be used as a whole, every case, in the order of the names, and coordinates that
        are suspect; then, by the name of their split, what is wrong with or worth knowing of a split as a whole, and
        notes on the folder without any name.

    Raises:
        UsageError: If there is no such folder, or that for pictures cannot be used.
    """
    layout = application.layout(application.settings.least(data=str(folder), spacing_mm=spacing_mm))
    survey = survey_folder(folder, layout)
    album = None if pictures is None else Album.create(pictures, folder)
    if survey.problems:
        yield CheckedCase(TABLES, "", problems=survey.problems)
    for name in survey.ignored:
        warning = f"it is not read; volumes end in {', '.join(VOLUME_SUFFIXES)}"
        yield CheckedCase(name, "", "no volume", warnings=(warning,))
    patients = patients_of(survey.cases)
    splits = assign_splits(survey.cases, patients)
    leaks, copies = find_leaks(patients, splits), KnownVolumes()
    coordinates = CoordinateCheck()
    whole: dict[Split, list[Case]] = defaultdict(list)
    for name, found in sorted(survey.cases.items()):
        of_case = splits.get(name, set())
        split = next(iter(of_case)) if len(of_case) == 1 else None
        reading = inspect_case(name, replace(found, patient=patients.of.get(name)), layout, from_cache=False)
        leak = (leaks[name],) if name in leaks and not found.errors else ()
        yield _report(name, split, reading, leak, copies)
        if reading.case is None:
            continue
        _look_at_lesions(reading.case, found.paths[0], coordinates, album)
        if split is not None and not reading.errors:
            whole[split].append(replace(reading.case, volume=np.empty((0, 0, 0), np.float32)))
    if album is not None:
        album.finish(folder.resolve().name)
    yield from _suspect(coordinates)
    if not survey.problems:
        for split in Split:
            yield from _check_split(application, whole.get(split, []), split)
    if unsure := patients.describe_unsure(SPLITS_FILE):
        yield CheckedCase("", "", notes=(unsure,))


def _report(
    name: str, split: Split | None, reading: CaseReading, leak: tuple[str, ...], copies: KnownVolumes
) -> CheckedCase:
    if reading.errors or reading.case is None:
        return CheckedCase(name, split or "", "", (*map(str, reading.errors), *leak), reading.notes)
    problem, note = _describe_copies(reading.case, split or "", copies)
    return CheckedCase(name, split or "", _describe(reading.case), (*leak, *problem), reading.notes, note)


def _look_at_lesions(case: Case, path: Path, coordinates: CoordinateCheck, album: Album | None) -> None:
    if len(case.centres) > 0:
        coordinates.add(case, read_frame(case.name, path))
        if album is not None:
            album.add(case)


def _suspect(coordinates: CoordinateCheck) -> Iterator[CheckedCase]:
    for suspicion in coordinates.suspicions():
        if suspicion.is_founded and not suspicion.is_about_diameters:
            yield CheckedCase(LESIONS_FILE, "", problems=(f"{LESIONS_FILE}: {suspicion.problem}; {suspicion.remedy}",))
        else:
            yield CheckedCase(LESIONS_FILE, "", "to be looked at", warnings=(suspicion.describe_hint(),))


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


def _describe_copies(case: Case, split: str, known: KnownVolumes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Describe earlier cases of the same volume: a problem in another split, worth a note in the same one."""
    copies = known.add(case, split)
    elsewhere = tuple(describe_copy(case.name, split, *copy) for copy in copies if copy[1] != split)
    if elsewhere or not copies:
        return elsewhere[:1], ()
    return (), (f"{case.name}: its volume is that of {copies[0][0]}, so it counts twice; remove one of them",)


def _describe(case: Case) -> str:
    channels = f"{case.volume.shape[0]} x " if case.volume.ndim == 4 else ""
    size = " x ".join(str(edge) for edge in reversed(case.shape))
    if case.label is not None:
        finding = "abnormal" if case.label else "normal"
    else:
        finding = f"{len(case.centres)} lesion{'' if len(case.centres) == 1 else 's'}"
    return f"{channels}{size} voxels of {case.spacing:g} mm, {finding}"
