"""A case: a volume, where it lies in space, and what is to be found in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Image: TypeAlias = NDArray[np.float32]


class Split(StrEnum):
    """What a case is for. `train` reads the first two, `evaluate` the last one only."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A case with isotropic voxels.

    World coordinates are those of DICOM, ITK and LUNA16: x, y, z in mm towards the patient's left, back and head (LPS).
    Arrays are indexed z, y, x.

    Attributes:
        name: What the case is called: its file's name or the phantom's number, never anything of the patient.
        volume: (z, y, x) or (c, z, y, x) signal, on the scale that the application's `normalise` gives it.
        spacing: Edge of a voxel, mm.
        centres: (n, 3) centres of the lesions, x, y, z in mm.
        diameters: (n,) mm; negative where unknown.
        origin: (3,) world coordinates of the centre of the first voxel.
        axes: (3, 3) columns are the unit vectors along the array's x, y and z.
        excluded: (k, 3) centres of findings that are neither lesion nor false alarm.
        excluded_diameters: (k,) mm; negative where unknown.
        label: Whether the case is abnormal, where that is known of the case as a whole; else its lesions tell.
        notes: What was done to the signal on reading that its owner should know of.
        patient: Whose case it is, the same text in all cases of a patient; None if nothing is known of others.
    """

    name: str
    volume: Image
    spacing: float
    centres: Floats
    diameters: Floats
    origin: Floats = field(default_factory=lambda: np.zeros(3))
    axes: Floats = field(default_factory=lambda: np.eye(3))
    excluded: Floats = field(default_factory=lambda: np.empty((0, 3)))
    excluded_diameters: Floats = field(default_factory=lambda: np.empty(0))
    label: bool | None = None
    notes: tuple[str, ...] = ()
    patient: str | None = None

    @property
    def is_abnormal(self) -> bool:
        """Whether there is anything to be found."""
        return len(self.centres) > 0 if self.label is None else self.label

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = self.volume.shape[-3:]
        return z, y, x

    def holds(self, points: Floats) -> NDArray[np.bool_]:
        """Tell which of the world points (n, 3) lie within the volume."""
        voxels = self.to_voxels(points)
        is_inside: NDArray[np.bool_] = np.asarray((voxels >= -0.5) & (voxels <= np.array(self.shape) - 0.5))
        return np.asarray(is_inside.all(axis=1))

    def to_voxels(self, points: Floats) -> Floats:
        """Turn world coordinates (n, 3), x, y, z in mm, into array coordinates (n, 3), z, y, x."""
        along_axes: Floats = (points - self.origin) @ self.axes / self.spacing
        return along_axes[:, ::-1]

    def to_world(self, voxels: Floats) -> Floats:
        """Turn array coordinates (n, 3), z, y, x, into world coordinates (n, 3), x, y, z in mm."""
        world: Floats = self.origin + voxels[:, ::-1] * self.spacing @ self.axes.T
        return world


def by_name(cases: Iterable[Case]) -> list[Case]:
    """Put cases in the order of their names: they are made in an order by chance, see `trainers.cad.cache`."""
    return sorted(cases, key=lambda case: case.name)


def normalise(volume: Image) -> Image:
    """Shift and scale a volume so that its median is 0 and its 99.8th percentile 1.

    In angiography the median is tissue and the brightest voxels are arteries; scanners give MR signals in arbitrary
    units.

    Args:
        volume: (z, y, x) signal in any unit; a constant one becomes 0.

    Returns:
        (z, y, x) normalised signal.
    """
    median, bright = np.percentile(volume, [50, 99.8])
    normalised: Image = ((volume - median) / max(bright - median, 1e-6)).astype(np.float32)
    return normalised
