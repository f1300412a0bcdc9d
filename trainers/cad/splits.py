"""Which split the cases of a patient belong to.

A patient's split is what splits.csv says of one of the cases. Where it says nothing, the SHA-256 of the name of the
patient's first case decides. So a folder with one case per patient is split by the names of the cases, and a later
session of a patient joins the earlier ones.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from bohpo.evaluation import Patients, find_patients
from trainers.cad.case import Split
from trainers.cad.tables import SPLITS_FILE, ListedCase

_logger = logging.getLogger(__name__)


def select_split(folder: Path, listed: Mapping[str, ListedCase], split: Split) -> dict[str, ListedCase]:
    """Select the cases of a split, and name the patient of each.

    Args:
        folder: What warnings call the folder.
        listed: All cases of the folder.
        split: Which of them.

    Returns:
        The split's cases. A row that names no volume may belong to any split, misspelt; it is among them.
    """
    patients = patients_of(listed)
    splits = assign_splits(listed, patients)
    if split is not Split.TRAINING:  # a training reads its validation cases, too: it is enough to warn once
        for warning in filter(None, (patients.describe_unsure(SPLITS_FILE), *find_leaks(patients, splits).values())):
            _logger.warning("%s: %s", folder, warning)
    return {
        name: replace(found, patient=patients.of.get(name))
        for name, found in listed.items()
        if name not in splits or split in splits[name]
    }


def split_by_name(name: str) -> Split:
    """Return the split that a name stands for, from its SHA-256.

    It is the same on every machine and does not change when cases are added: 60% training, 20% validation, 20% test.
    """
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return Split.TRAINING if share < 0.6 else Split.VALIDATION if share < 0.8 else Split.TEST


def patients_of(listed: Mapping[str, ListedCase]) -> Patients:
    """Find the patients of a folder's cases; rows that name no volume are not cases."""
    return find_patients(
        {name: min(found.patients, default=None) for name, found in listed.items() if found.paths or found.splits}
    )


def assign_splits(listed: Mapping[str, ListedCase], patients: Patients) -> dict[str, AbstractSet[Split]]:
    """Assign every case to its split.

    Args:
        listed: What the folder says of each case.
        patients: Whose they are.

    Returns:
        Name -> split; several where splits.csv contradicts itself.
    """
    splits: dict[str, AbstractSet[Split]] = {}
    for names in patients.cases().values():
        given = next((listed[name].splits for name in names if listed[name].splits), set[Split]())
        first = next((name for name in names if listed[name].paths), names[0])
        splits |= {name: listed[name].splits or given or {split_by_name(first)} for name in names}
    return splits


def find_leaks(patients: Patients, splits: Mapping[str, AbstractSet[Split]]) -> dict[str, str]:
    """Find the patients that splits.csv puts into several splits.

    Returns:
        Name of each case that is in another split than the first case of its patient -> what is wrong, in a sentence.
    """
    leaks = {}
    for patient, (first, *others) in patients.cases().items():
        for name in others:
            if splits[name] != splits[first]:
                leaks[name] = (
                    f"{name}: it is in {_words(splits[name])}, and {first} of the same patient, {patient}, in "
                    f"{_words(splits[first])}; put all cases of a patient into one split in {SPLITS_FILE}, or name "
                    "their patients in its column patient if these are two"
                )
    return leaks


def _words(splits: AbstractSet[Split]) -> str:
    return " and ".join(sorted(splits))
