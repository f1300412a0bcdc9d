"""The same volume under two names: copies in two splits make scores that are too good.

Volumes are compared after they were read and normalised: copied files, hard links, copied DICOM series, and the same
scan in another format, place or unit are all found, since no two scans have the same noise. Volumes of few values, such
as drawings, are compared voxel by voxel. One of a single value says nothing, and is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import UsageError
from trainers.cad.case import Case, Image, Split

_Owner: TypeAlias = tuple[str, str]
"""Name and split of a case."""

SAMPLED_VOXELS = 1024
"""Voxels that a fingerprint looks at, so that volumes mapped into memory need not be read for it."""


SAMPLED_EDGE = 12
"""Voxels along each axis whose values are compared, evenly spread over the volume."""

LEAST_CORRELATION = 0.999
"""Of these values in two volumes of one scan. What a file's rounding changes is far less, and noise is far more."""

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


class KnownVolumes:
    """Volumes that were seen, by what tells them apart; the volumes themselves are not kept."""

    def __init__(self) -> None:
        """Begin without any."""
        self._signatures: dict[tuple[int, ...], list[tuple[_Owner, NDArray[np.float64]]]] = {}
        self._digests: dict[str, list[_Owner]] = {}

    def add(self, case: Case, split: str) -> list[_Owner]:
        """Return the names and splits of the cases of the same volume that were seen before, and remember this one."""
        owner = (case.name, split)
        if (signature := _signature(case.volume)) is not None:
            of_shape = self._signatures.setdefault(case.volume.shape, [])
            found = [other for other, known in of_shape if known @ signature >= LEAST_CORRELATION]
            of_shape.append((owner, signature))
            return found
        if (key := digest(case.volume)) is None:
            return []
        found = [*self._digests.setdefault(key, [])]
        self._digests[key].append(owner)
        return found


def _signature(volume: Image) -> NDArray[np.float64] | None:
    """Compute what is left of a volume where its unit does not matter: (n,) of mean 0 and length 1.

    Returns:
        None if the voxels that are looked at have few values: a drawing of the same things would have the same ones.
    """
    places = [np.linspace(0, edge - 1, SAMPLED_EDGE).round().astype(int) for edge in volume.shape[-3:]]
    z, y, x = np.ix_(*places)
    values = volume[..., z, y, x].astype(np.float64).ravel()
    if len(np.unique(values)) < LEAST_VALUES:
        return None
    values -= values.mean()
    return np.asarray(values / np.linalg.norm(values))


def refuse_copies(split_cases: Mapping[Split, Sequence[Case]]) -> None:
    """Refuse volumes that are in two splits.

    Args:
        split_cases: The cases of each split.

    Raises:
        UsageError: Names each pair.
    """
    known = KnownVolumes()
    copies = [
        describe_copy(case.name, split, other, of_split)
        for split, cases in split_cases.items()
        for case in cases
        for other, of_split in known.add(case, split)
        if of_split != split
    ]
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
