"""Real anatomy for phantoms: label maps of whole heads in SynthSeg's and FreeSurfer's numbers.

A folder of them (NIfTI, MetaImage or NRRD, one file per head) stands in for the procedural anatomy of `brain`. Each
phantom takes one map and puts it into its volume by a pose and a warp of its own, so that few maps make many heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name
from numpy.typing import NDArray
from scipy import ndimage

from bohpo.errors import DataError, UsageError
from trainers.cad.formats import VOLUME_SUFFIXES, find_suffix, strip_suffix
from trainers.cad.phantoms.brain import Points, Tissue, Tissues
from trainers.cad.phantoms.fields import Floats
from trainers.cad.volume import check_kind, read_image

Labels: TypeAlias = NDArray[np.uint16]

CLOSING_MM = 4.0
"""Cerebrospinal fluid this near to the brain on two sides is kept when the skull is stripped."""

STRUCTURES: Mapping[Tissue, tuple[int, ...]] = MappingProxyType(
    {
        Tissue.CSF: (24,),
        Tissue.VENTRICLE: (4, 5, 14, 15, 31, 43, 44, 63, 72, 136, 137, 163, 164),
        Tissue.GREY: (3, 8, 10, 11, 12, 13, 17, 18, 26, 42, 47, 49, 50, 51, 52, 53, 54, 58),
        Tissue.WHITE: (2, 7, 16, 25, 28, 30, 41, 46, 57, 60, 62, 77, 85, 251, 252, 253, 254, 255),
    }
)
"""FreeSurfer's numbers of what each tissue consists of; all others lie outside the brain. 136, 137, 163 and 164 are
parts of the ventricles in SynthSeg's maps, 25 and 57 lesions of the white matter."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """The label map of one head.

    Attributes:
        labels: (z, y, x) numbers of the structures; towards the head, the back and the left.
        spacing: (3,) distance of voxels along z, y, x, mm.
        centre: (3,) middle of the brain, z, y, x in voxels.
    """

    labels: Labels
    spacing: Floats
    centre: Floats

    def sample(self, points: Points) -> Labels:
        """Give the number of the structure at each point, that of the nearest voxel; 0 outside the map.

        Args:
            points: Where each voxel of a volume lies in an adult's brain, see `brain.pose`.
        """
        axes = zip((points.z, points.y, points.x), self.centre, self.spacing, strict=True)
        voxels = [position * np.float32(1 / step) + np.float32(middle) for position, middle, step in axes]
        labels: Labels = ndimage.map_coordinates(self.labels, voxels, order=0, mode="constant", cval=0)
        return labels


def find_label_maps(folder: Path) -> tuple[Path, ...]:
    """List the label maps of a folder, in the order of their names.

    Raises:
        UsageError: If there is no such folder, or it has none.
    """
    if not folder.is_dir():
        raise UsageError(f"labels: there is no folder {folder}; give one with label maps of heads, or leave labels out")
    found = tuple(sorted(path for path in folder.iterdir() if find_suffix(path.name) is not None))
    if not found:
        raise UsageError(f"labels: {folder} holds no label map; put NIfTI files there ({', '.join(VOLUME_SUFFIXES)})")
    return found


@lru_cache(maxsize=8)
def read_label_map(path: Path) -> LabelMap:
    """Read a label map and turn it to LPS.

    Raises:
        DataError: If it cannot be read, is no 3D volume of one channel, or has no brain.
    """
    name = strip_suffix(path.name)
    image = read_image(name, path)
    check_kind(name, path, image)
    image = sitk.DICOMOrient(image, "LPS")  # type: ignore[no-untyped-call]
    labels = np.clip(np.rint(sitk.GetArrayFromImage(image)), 0, np.iinfo(np.uint16).max).astype(np.uint16)
    if not np.isin(labels, STRUCTURES[Tissue.WHITE]).any():
        remedy = "give three-dimensional maps in the numbers of FreeSurfer or SynthSeg"
        raise DataError(name, f"{path.name} holds no white matter of a brain", remedy)
    head = _box(labels > 0)
    labels = np.ascontiguousarray(labels[tuple(slice(first, last + 1) for first, last in head)])
    middle = np.mean(_box(tissues_of(labels) > Tissue.CSF), axis=1)
    return LabelMap(labels, np.array(image.GetSpacing()[::-1]), middle)


def tissues_of(labels: Labels) -> Tissues:
    """Give the tissue of each voxel (z, y, x); fluid outside the brain included, all else there is `OUTSIDE`."""
    table = np.zeros(np.iinfo(np.uint16).max + 1, np.uint8)
    for tissue, numbers in STRUCTURES.items():
        table[list(numbers)] = tissue
    found: Tissues = table[labels]
    return found


def strip_skull(tissues: Tissues, spacing: float) -> Tissues:
    """Take away the fluid around the brain, but for that in its sulci and fissures.

    Args:
        tissues: (z, y, x) of a head.
        spacing: Edge of a voxel, mm.
    """
    steps = max(1, round(CLOSING_MM / spacing))
    brain = np.pad(tissues > Tissue.CSF, steps)
    closed = ndimage.binary_erosion(ndimage.binary_dilation(brain, iterations=steps), iterations=steps)
    inner = tuple(slice(steps, -steps) for _ in range(3))
    stripped: Tissues = np.where(closed[inner], np.maximum(tissues, Tissue.CSF), Tissue.OUTSIDE).astype(np.uint8)
    return stripped


def _box(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the first and last index, along z, y, x, of what is true."""
    seen = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return [(int(indices[0]), int(indices[-1])) for indices in seen]
