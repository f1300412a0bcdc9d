"""The same volume under two names: copies in two splits make scores that are too good.

Volumes are compared voxel by voxel, after they were read and normalised: copied files, hard links, copied DICOM series
and another file format of the same voxels are all found. A volume of one value only says nothing, and is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bohpo.errors import UsageError
from trainers.cad.case import Case, Image, Split

SAMPLED_VOXELS = 1024
"""Voxels that a fingerprint looks at, so that volumes mapped into memory need not be read for it."""


LEAST_VALUES = 32
"""Different values that make a fingerprint unique, as the noise of any scanner does; a drawing has fewer."""


def fingerprint(volume: Image, least_values: int = 2) -> str | None:
    """Compute a digest of evenly spread voxels: equal volumes have equal digests, others very likely do not.

    Args:
        volume: (z, y, x) or (c, z, y, x).
        least_values: Fewest different values among these voxels; with fewer they do not tell volumes apart.

    Returns:
        Hexadecimal digest; None if there are fewer values.
    """
    # An odd step, coprime to most edges, does not walk along one column of the volume.
    voxels = volume.reshape(-1)[:: max(1, volume.size // SAMPLED_VOXELS) | 1]
    if len(np.unique(voxels)) < least_values:
        return None
    return hashlib.sha256(repr((volume.shape, volume.dtype.str)).encode() + voxels.tobytes()).hexdigest()


def digest(volume: Image) -> str | None:
    """Compute a digest of all voxels; None if all of them have one value."""
    if not volume.size or (volume == volume.reshape(-1)[0]).all():
        return None
    shape = repr((volume.shape, volume.dtype.str)).encode()
    return hashlib.sha256(shape + np.ascontiguousarray(volume).tobytes()).hexdigest()


def refuse_copies(split_cases: Mapping[Split, Sequence[Case]]) -> None:
    """Refuse volumes that are in two splits.

    Args:
        split_cases: The cases of each split.

    Raises:
        UsageError: Names each pair.
    """
    seen: dict[str, list[tuple[Split, Case]]] = {}
    copies = []
    for split, cases in split_cases.items():
        for case in cases:
            if (key := fingerprint(case.volume)) is None:
                continue
            others = seen.setdefault(key, [])
            copies += [
                describe_copy(case.name, split, other.name, of_split)
                for of_split, other in others
                if of_split is not split and np.array_equal(other.volume, case.volume)
            ]
            others.append((split, case))
    if copies:
        raise UsageError("\n".join(copies))


def fingerprints(cases: Iterable[Case]) -> dict[str, str]:
    """Compute the fingerprints of volumes that are told apart by them alone.

    Returns:
        Fingerprint -> name of the case.
    """
    return {key: case.name for case in cases if (key := fingerprint(case.volume, LEAST_VALUES)) is not None}


def describe_copy(name: str, split: str, other: str, of_split: str) -> str:
    """Build the sentence on two cases of one volume."""
    return (
        f"{name}: its volume is that of {other}, which is in {of_split}, while it is in {split}; "
        "remove one of them, or put both into one split"
    )
