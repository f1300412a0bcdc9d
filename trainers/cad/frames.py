"""Where the voxels of a file lie, as its owner counts them: before they are turned and resampled."""

# mypy: disable-error-code=no-untyped-call
# (SimpleITK is generated code without annotations.)

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its usual name

from bohpo.errors import DataError
from trainers.cad.case import Floats
from trainers.cad.slices import find_series
from trainers.cad.volume import plainly_named


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The grid of a file's voxels.

    Attributes:
        origin: (3,) world coordinates of the first voxel's centre, mm.
        axes: (3, 3) columns are the unit vectors along i, j, k.
        edges: (3,) edges of a voxel along i, j, k, mm.
    """

    origin: Floats
    axes: Floats
    edges: Floats

    def from_mm(self, along: Floats) -> Floats:
        """Turn mm (n, 3) from the first voxel along i, j, k into world coordinates."""
        world: Floats = self.origin + along @ self.axes.T
        return world


def read_frame(name: str, path: Path) -> Frame | None:
    """Read the grid of a volume from its header.

    Args:
        name: What errors call the case.
        path: A file, or a folder with a DICOM series.

    Returns:
        The frame; None where there is none that its owner could count in, as of a folder of several volumes.
    """
    try:
        return _frame_of_series(name, path) if path.is_dir() else _frame_of_file(name, path)
    except (DataError, OSError, RuntimeError, ValueError):
        return None


def _frame_of_series(name: str, path: Path) -> Frame:
    series = find_series(name, path)
    return Frame(series.slices.positions[0], series.slices.axes, np.array([*series.slices.pixel, series.step]))


def _frame_of_file(name: str, path: Path) -> Frame:
    reader = sitk.ImageFileReader()
    with plainly_named(name, path) as readable:
        reader.SetFileName(str(readable))
        reader.ReadImageInformation()
    dimension = reader.GetDimension()
    axes = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
    return Frame(np.array(reader.GetOrigin()[:3]), axes, np.array(reader.GetSpacing()[:3]))
